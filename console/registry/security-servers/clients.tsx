/** The registered clients of a server: members and subsystems that exchange messages through it. */
import { Act } from '../../kit/act.tsx'
import { Part } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Consequences } from '../consequences.tsx'
import { ClientNameLink } from '../links.tsx'
import { useClients } from '../pick.ts'

type Client = { id: string; name: string }

export function Clients({ server }: { server: string }) {
  const params = { id: server }
  const clients = useClients()
  return (
    <Part
      title={text('servers.clients')}
      acts={
        <Act
          operation="registerClient"
          button={text('servers.addClient')}
          title={text('servers.addClient')}
          consequence={<p>{text('servers.addClientConsequence')}</p>}
          fields={[
            {
              ...{ name: 'client', title: 'common.clientId', hint: 'call.pickHint' },
              ...{ type: 'pick', find: clients, maxLength: 1100 },
            },
          ]}
          send={(body, call) => call('registerClient', { params, body })}
          result={() => <p>{text('servers.clientAdded')}</p>}
        />
      }
    >
      <Table<Client>
        operation="getServerClients"
        params={params}
        caption={text('servers.clients')}
        search="common.searchClient"
        rowKey={({ id }) => id}
        columns={[
          { title: 'common.name', cell: (one) => <ClientNameLink {...one} /> },
          { title: 'common.id', cell: ({ id }) => <bdi class="id">{id}</bdi> },
          {
            title: 'common.acts',
            acts: ['deleteClient'],
            cell: ({ id }) => (
              <div class="acts">
                <Act
                  operation="deleteClient"
                  button={text('common.remove')}
                  label={text('common.removeThis', { what: id })}
                  title={text('servers.removeClientTitle', { name: id })}
                  consequence={
                    <>
                      <p>{text('servers.removeClientConsequence')}</p>
                      <Consequences operation="deleteClient" params={{ ...params, client: id }} />
                    </>
                  }
                  send={(_, call) => call('deleteClient', { params: { ...params, client: id } })}
                  result={() => <p>{text('servers.clientRemoved')}</p>}
                />
              </div>
            ),
          },
        ]}
        empty={<p>{text('servers.noClients')}</p>}
      />
    </Part>
  )
}
