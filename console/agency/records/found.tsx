/** The exchanges that a search found, one row each: when, who asked whom, for what, and how it ended. */
import { LongText } from '../../kit/long-text.tsx'
import { Rows } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import {
  BeginningOfId,
  directionText,
  ExchangeLink,
  FoldedId,
  kindText,
  Outcome,
  type Row,
} from '../words.tsx'

/** `index` names the page after the exchange. Its records are in the order of the log. */
export type Exchange = { index: number; records: Row[] }

/** Receipts of one-way messages say more than that an exchange was answered. */
const RECEIPTS = ['consumed', 'abandoned']
const ENDS = [...RECEIPTS, 'reply', 'refusal', 'outcome-unknown']

export function FoundExchanges(q: { exchanges: Exchange[]; stale: boolean; caption: string }) {
  return (
    <Rows<Exchange>
      caption={q.caption}
      rows={q.exchanges}
      rowKey={({ index }) => index}
      stale={q.stale}
      columns={[
        {
          title: 'search.when',
          cell: (one) => (
            <>
              <span class="day">
                <ExchangeLink index={first(one).index} />
              </span>
              <br />
              <Time at={first(one).time} />
            </>
          ),
        },
        { title: 'search.who', cell: (one) => <FoldedId of={first(one).clientId} /> },
        {
          title: 'search.asked',
          cell: (one) => (
            <>
              <FoldedId of={first(one).serviceId} />
              {first(one).endpoint !== null && (
                <div class="beside">
                  <bdi>{first(one).endpoint}</bdi>
                </div>
              )}
            </>
          ),
        },
        {
          title: 'search.purpose',
          cell: (one) => {
            const { purpose } = first(one)
            return purpose ? (
              <LongText of={purpose} />
            ) : (
              <span class="beside">{text('search.noPurpose')}</span>
            )
          },
        },
        { title: 'search.ended', cell: (one) => <Ended {...one} /> },
        { title: 'search.queryId', cell: (one) => <BeginningOfId of={first(one).queryId} /> },
      ]}
    />
  )
}

function first({ records }: Exchange): Row {
  return records[0]!
}

/** How it ended: by the last record that says so. Until one does, the exchange has begun. */
function Ended({ records }: Exchange) {
  const last = records.findLast(({ kind }) => ENDS.includes(kind)) ?? records[0]!
  const isReceipt = RECEIPTS.includes(last.kind)
  return (
    <>
      {isReceipt || last.kind === 'accepted' ? kindText(last.kind) : <Outcome {...last} begun />}{' '}
      <span class="beside">{directionText(records[0]!.direction)}</span>
    </>
  )
}
