/**
 * Whether the registry lists an authentication certificate: others accept connections with listed ones only.
 */
import { Act } from '../../kit/act.tsx'
import { useAnswer } from '../../kit/load.ts'
import { text } from '../../kit/text.ts'
import { type Filed, FiledResult } from '../requests/filed.tsx'
import { type Certificate, subjectName } from './shapes.ts'
import { Stops } from './words.tsx'

const MAX_ADDRESS = 253

/** `address`: proposed while the registry knows none. */
export function Register({ of, address }: { of: Pick<Certificate, 'sha256' | 'subject'>; address?: string }) {
  const status = useAnswer<{ address?: string }>('getInitializationStatus')
  const known = status.state === 'there' ? status.data.address : undefined
  // The dialog takes the address that is registered as its first value, so it waits for it.
  if (status.state === 'loading') return null
  return (
    <Act<Filed>
      operation="registerCertificate"
      button={text('certs.register')}
      look="primary"
      title={text('certs.registerThis', { name: subjectName(of.subject) })}
      consequence={<p>{text('certs.registerConsequence')}</p>}
      fields={[
        {
          ...{ name: 'address', title: 'system.address', hint: 'system.addressHint' },
          ...{ initial: known ?? address ?? '', maxLength: MAX_ADDRESS },
        },
      ]}
      send={({ address }, call) =>
        call('registerCertificate', {
          params: { sha256: of.sha256 },
          body: { address: String(address).trim() },
        })
      }
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}

export function Unregister({ of }: { of: Certificate }) {
  const name = subjectName(of.subject)
  return (
    <Act<Filed>
      operation="unregisterCertificate"
      button={text('certs.unregister')}
      title={text('certs.unregisterThis', { name })}
      consequence={
        <>
          <p>{text('certs.unregisterConsequence')}</p>
          <Stops of={of} />
        </>
      }
      nameToType={name}
      send={(_, call) => call('unregisterCertificate', { params: { sha256: of.sha256 } })}
      result={(filed) => <FiledResult of={filed} />}
    />
  )
}
