/** The clients of this server: whose systems ask here, and whose services are offered here. */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Head } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'
import { Id } from '../words.tsx'
import { type Client, clientPath } from './shapes.ts'

export function Clients() {
  const mayAdd = useMay('addClient')
  return (
    <>
      <Head
        title={text('clients.title')}
        lead={text('clients.lead')}
        acts={
          mayAdd && (
            <Link to="/clients/add" class="button">
              {text('clients.add')}
            </Link>
          )
        }
      />
      <Table<Client>
        operation="findClients"
        caption={text('clients.title')}
        search="clients.search"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'clients.one',
            cell: ({ id, memberName }) => (
              <>
                <Link to={clientPath(id)}>
                  <Id of={id} />
                </Link>
                {memberName !== undefined && (
                  <p class="beside">
                    <bdi>{memberName}</bdi>
                  </p>
                )}
              </>
            ),
          },
          { title: 'common.state', cell: ({ status }) => <ClientState of={status} /> },
          { title: 'clients.connectBy', cell: (one) => text(`clients.connection.${one.connectionType}`) },
          { title: 'clients.certificates', number: true, cell: (one) => number(one.tlsCertificates) },
          { title: 'clients.services', number: true, cell: ({ services }) => number(services) },
        ]}
        empty={<p>{text('clients.empty')}</p>}
      />
    </>
  )
}

export function ClientState({ of }: { of: Client['status'] }) {
  const isRegistered = of === 'REGISTERED'
  return (
    <Status
      tone={isRegistered ? 'good' : 'warn'}
      word={isRegistered ? 'status.registered' : 'status.notRegistered'}
    />
  )
}
