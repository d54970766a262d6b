/** The page of a certificate request for a key. */
import { Link } from '../../kit/address.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { useKeeps } from './keepers.ts'
import { RequestForm } from './request-form.tsx'
import { type Key, keyName, keyPath } from './shapes.ts'

export function RequestPage({ params }: { params: Record<string, string> }) {
  const keeps = useKeeps()
  const key = useAnswer<Key>('getKey', { params: { keyId: params['id'] ?? '' } })
  return (
    <Show of={key} page="certs.makeRequest">
      {(found) => (
        <>
          <Head
            title={text('certs.makeRequestFor', { name: keyName(found) })}
            lead={text('certs.makeRequestLead')}
            acts={<Link to={keyPath(found.id)}>{text('rights.backTo', { name: keyName(found) })}</Link>}
          />
          <Part title={text('certs.request')}>
            {keeps(found.usage) ? (
              <RequestForm usage={found.usage} name={keyName(found)} keyId={found.id} />
            ) : (
              <p>{text('certs.keptByOfficer')}</p>
            )}
          </Part>
        </>
      )}
    </Show>
  )
}
