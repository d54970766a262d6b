/** One security server: owner, address, authentication certificates, clients, history. */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import type { Certificate } from '../../kit/certificate.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Consequences } from '../consequences.tsx'
import { History } from '../history.tsx'
import { clientPath } from '../links.tsx'
import { SuspendedNow, SuspendOrLift } from '../suspensions/of-subject.tsx'
import { Certificates } from './certificates.tsx'
import { Clients } from './clients.tsx'

type Server = {
  id: string
  owner: string
  ownerName: string
  address: string
  createdAt: string
  clients: number
  authenticationCertificates: (Certificate & { createdAt: string })[]
}

export function OneServer({ params }: { params: Record<string, string> }) {
  const server = useAnswer<Server>('getSecurityServer', { params: { id: params['id']! } })
  return (
    <Show of={server} page="servers.one">
      {({ id, owner, ownerName, address, createdAt, authenticationCertificates }) => (
        <>
          <Head
            title={id.split(':').at(-1)!}
            lead={<Copyable value={id} />}
            acts={
              <>
                <Act
                  operation="changeSecurityServerAddress"
                  button={text('servers.changeAddress')}
                  title={text('servers.changeAddress')}
                  consequence={<p>{text('servers.changeAddressConsequence')}</p>}
                  fields={[
                    {
                      name: 'address',
                      title: 'servers.address',
                      hint: 'servers.addressHint',
                      maxLength: 253,
                      initial: address,
                    },
                  ]}
                  send={(body, call) => call('changeSecurityServerAddress', { params: { id }, body })}
                  result={() => <p>{text('servers.addressChanged')}</p>}
                />
                <SuspendOrLift kind="server" subject={id} />
                <Act
                  operation="deleteSecurityServer"
                  button={text('servers.delete')}
                  title={text('servers.deleteTitle', { name: id })}
                  consequence={
                    <>
                      <p>{text('servers.deleteConsequence')}</p>
                      <Consequences operation="deleteSecurityServer" params={{ id }} />
                    </>
                  }
                  nameToType={id.split(':').at(-1)!}
                  send={(_, call) => call('deleteSecurityServer', { params: { id } })}
                  result={() => <p>{text('servers.deleted')}</p>}
                  then={() => goTo('/security-servers')}
                />
              </>
            }
          />
          <SuspendedNow kind="server" subject={id} />
          <Part title={text('common.facts')}>
            <Facts
              of={[
                [
                  'servers.owner',
                  <Link key="owner" to={clientPath(owner)}>
                    <bdi>{ownerName}</bdi>
                  </Link>,
                ],
                ['servers.address', <Copyable key="address" value={address} />],
                ['common.createdAt', <Time key="at" at={createdAt} />],
              ]}
            />
          </Part>
          <Certificates server={id} of={authenticationCertificates} />
          <Clients server={id} />
          <History of="security-servers" id={id} />
        </>
      )}
    </Show>
  )
}
