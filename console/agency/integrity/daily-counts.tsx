/**
 * How many records the log counted after each day, by their parties. A record that was counted then cannot be
 * left out now.
 */
import { useState } from 'preact/hooks'
import { Link } from '../../kit/address.tsx'
import { mayCall } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { number, text } from '../../kit/text.ts'
import { dayText } from '../../kit/time.tsx'
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
}
type Count = { pairs: Pair[]; others: number }

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
          { title: 'counts.days', cell: ({ from, to }) => <Days from={from} to={to} /> },
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

/**
 * The days of a span: both ends are midnights, and the last day ends at `to`. A span may be broken between
 * its days.
 */
function Days({ from, to }: { from: string; to: string }) {
  const [first, last] = [from, new Date(Date.parse(to) - 1).toISOString()].map((time) => time.slice(0, 10))
  return (
    <>
      <span class="day">{dayText(first ?? '')}</span>
      {first !== last && (
        <>
          {' '}
          – <span class="day">{dayText(last ?? '')}</span>
        </>
      )}
    </>
  )
}

/** Loaded on demand: a day may have thousands of rows. */
function Pairs({ of: { index } }: { of: Day }) {
  const [open, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary aria-label={text('counts.showPairs', { index })}>{text('counts.show')}</summary>
      {open && <PairsOf index={index} />}
    </details>
  )
}

function PairsOf({ index }: { index: number }) {
  const counts = useAnswer<Count>('getDailyCount', { params: { index: String(index) } })
  return (
    <Show of={counts}>
      {({ pairs, others }) =>
        pairs.length === 0 ? (
          <p>{text('counts.noPairs')}</p>
        ) : (
          <>
            <ul class="plain-list">
              {pairs.map(({ clientId, serviceId, peer, records, failed }) => (
                <li key={`${clientId} ${serviceId} ${peer}`}>
                  <Id of={clientId} /> → <Id of={serviceId} />, <Id of={peer} />:{' '}
                  {text('counts.pair', { count: records, failed: number(failed) })}
                </li>
              ))}
            </ul>
            {others > 0 && <p>{text('counts.others', { count: others })}</p>}
          </>
        )
      }
    </Show>
  )
}
