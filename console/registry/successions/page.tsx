/** Successions of members, the newest first. */
import { Link } from '../../kit/address.tsx'
import { Head } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientLink } from '../links.tsx'

export type Succession = {
  id: number
  predecessor: string
  successor: string
  state: 'begun' | 'completed'
  begunAt: string
  begunBy: string
  completedAt?: string
  completedBy?: string
}

export function SuccessionState({ state }: { state: Succession['state'] }) {
  return <Status tone={state === 'begun' ? 'warn' : 'good'} word={`successions.${state}`} />
}

export function Successions() {
  return (
    <>
      <Head title={text('successions.title')} lead={text('successions.lead')} />
      <Table<Succession>
        operation="getSuccessions"
        caption={text('successions.title')}
        search="successions.search"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'successions.one',
            cell: ({ id }) => <Link to={`/successions/${id}`}>{String(id)}</Link>,
          },
          { title: 'successions.predecessor', cell: ({ predecessor }) => <ClientLink id={predecessor} /> },
          { title: 'successions.successor', cell: ({ successor }) => <ClientLink id={successor} /> },
          { title: 'successions.state', cell: ({ state }) => <SuccessionState state={state} /> },
          { title: 'successions.begunAt', cell: ({ begunAt }) => <Time at={begunAt} relative /> },
        ]}
        empty={<p>{text('successions.empty')}</p>}
      />
    </>
  )
}
