/** The three questions of somebody who looks for a fault: what is wrong here, what can be reached, why does this call fail. */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { text } from '../../kit/text.ts'

const TABS = [
  ['parts', '/diagnostics'],
  ['connections', '/diagnostics/connections'],
  ['call', '/diagnostics/call'],
] as const

export function DiagnosticTabs({ shown }: { shown: (typeof TABS)[number][0] }) {
  const mayTry = useMay('testConnections')
  const tabs = TABS.filter(([name]) => name !== 'connections' || mayTry)
  return (
    <nav aria-label={text('diagnostics.tabs')} class="switch acts">
      {tabs.map(([name, to]) => (
        <Link key={name} to={to} class="button" current={name === shown}>
          {text(`diagnostics.tab.${name}`)}
        </Link>
      ))}
    </nav>
  )
}
