/** The work list of management requests, newest first, filtered by state, kind, server or client. */
import { Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { NamedInRow, NamedServerInRow } from '../../kit/named.tsx'
import { Table } from '../../kit/table.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { KINDS, kindName, type Request, RequestState, STATES } from './request.tsx'

const ANY = (): { value: string; title: string } => ({ value: '', title: text('common.all') })

export function Requests() {
  return (
    <>
      <Head title={text('requests.title')} lead={text('requests.lead')} />
      <Table<Request>
        operation="getManagementRequests"
        caption={text('requests.title')}
        search="requests.search"
        filters={[
          {
            name: 'state',
            title: 'requests.state',
            options: [
              ANY(),
              ...STATES.map((value) => ({ value, title: text(`request.${value}` as TextKey) })),
            ],
          },
          {
            name: 'kind',
            title: 'requests.kind',
            options: [ANY(), ...KINDS.map((value) => ({ value, title: kindName(value) }))],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'requests.number', number: true, cell: ({ id }) => String(id) },
          {
            title: 'requests.kind',
            cell: ({ id, kind }) => <Link to={`/management-requests/${id}`}>{kindName(kind)}</Link>,
          },
          { title: 'requests.state', cell: ({ state }) => <RequestState state={state} /> },
          { title: 'servers.one', cell: ({ server }) => <NamedServerInRow id={server} /> },
          {
            title: 'requests.client',
            cell: ({ client }) => (client === undefined ? text('common.none') : <NamedInRow id={client} />),
          },
          { title: 'requests.filedAt', cell: ({ filedAt }) => <Time at={filedAt} /> },
        ]}
        empty={<p>{text('requests.empty')}</p>}
      />
    </>
  )
}
