/** The two kinds of keys: those that other servers see, and the one that this server's own systems see. */
import { Link } from '../../kit/address.tsx'
import { text } from '../../kit/text.ts'

export function KeyTabs({ shown }: { shown: 'tokens' | 'internal' }) {
  return (
    <nav aria-label={text('certs.tabs')} class="switch acts">
      <Link to="/keys" class="button" current={shown === 'tokens'}>
        {text('certs.tab.tokens')}
      </Link>
      <Link to="/keys/internal-tls" class="button" current={shown === 'internal'}>
        {text('certs.tab.internal')}
      </Link>
    </nav>
  )
}
