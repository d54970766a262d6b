/** The clients of this server: whose systems ask here, and whose services are offered here. */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Head } from '../../kit/facts.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
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
        filters={[
          {
            name: 'status',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              ...Object.entries(STATES).map(([value, { word }]) => ({ value, title: text(word) })),
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'clients.one',
            cell: ({ id, memberName, subsystemName }) => (
              <Link to={clientPath(id)}>
                <span class="named">
                  <bdi>{[subsystemName, memberName].filter(Boolean).join(', ')}</bdi>{' '}
                  <bdi class="id beside">{id}</bdi>
                </span>
              </Link>
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
  return <Status {...STATES[of]} />
}

const STATES: Record<Client['status'], { tone: Tone; word: TextKey }> = {
  SAVED: { tone: 'warn', word: 'status.notRegistered' },
  REGISTRATION_IN_PROGRESS: { tone: 'warn', word: 'clients.state.registering' },
  REGISTERED: { tone: 'good', word: 'status.registered' },
  DISABLING_IN_PROGRESS: { tone: 'warn', word: 'clients.state.disabling' },
  DISABLED: { tone: 'quiet', word: 'clients.state.disabled' },
  ENABLING_IN_PROGRESS: { tone: 'warn', word: 'clients.state.enabling' },
  DELETION_IN_PROGRESS: { tone: 'warn', word: 'clients.state.leaving' },
  GLOBAL_ERROR: { tone: 'bad', word: 'clients.state.gone' },
}
