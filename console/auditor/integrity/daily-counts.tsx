/** How many records the log counted after each day, of whom: what was counted then cannot be left out now. */
import { Link } from '../../kit/address.tsx'
import { mayCall } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Part } from '../../kit/facts.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Id } from '../words.tsx'

type Pair = {
  clientId: string | null
  serviceId: string | null
  peer: string | null
  records: number
  failed: number
}
type Day = {
  index: number
  first: number
  last: number
  from: string
  to: string
  messages: number
  aboutLog: number
  hidden: number
  pairs: Pair[]
  others: number
}

export function DailyCounts() {
  const { session } = useConsole()
  if (!mayCall(session, 'getDailyCounts')) return null
  return (
    <Part title={text('counts.title')}>
      <p>
        {text('counts.lead')} <Link to="/exports">{text('counts.exports')}</Link>
      </p>
      <CursorTable<Day>
        operation="getDailyCounts"
        caption={text('counts.title')}
        rowKey={({ index }) => index}
        columns={[
          {
            title: 'counts.time',
            cell: ({ from, to }) => (
              <>
                <Time at={from} /> – <Time at={to} />
              </>
            ),
          },
          {
            title: 'counts.indexes',
            cell: ({ first, last }) => text('counts.range', { first: number(first), last: number(last) }),
          },
          { title: 'counts.messages', number: true, cell: ({ messages }) => number(messages) },
          { title: 'counts.aboutLog', number: true, cell: ({ aboutLog }) => number(aboutLog) },
          { title: 'counts.hidden', number: true, cell: ({ hidden }) => number(hidden) },
          { title: 'counts.pairs', cell: (day) => <Pairs of={day} /> },
        ]}
        empty={<p>{text('counts.none')}</p>}
      />
    </Part>
  )
}

function Pairs({ of: { index, pairs, others } }: { of: Day }) {
  if (pairs.length === 0) return text('counts.noPairs')
  return (
    <details>
      <summary aria-label={text('counts.pairsIn', { count: pairs.length, index })}>
        {text('counts.pairsOf', { count: pairs.length })}
      </summary>
      <ul class="plain-list">
        {pairs.map(({ clientId, serviceId, peer, records, failed }) => (
          <li key={`${clientId} ${serviceId} ${peer}`}>
            <Id of={clientId} /> → <Id of={serviceId} />, <Id of={peer} />:{' '}
            {text('counts.pair', { count: records, failed: number(failed) })}
          </li>
        ))}
      </ul>
      {others > 0 && <p>{text('counts.others', { count: others })}</p>}
    </details>
  )
}
