/**
 * One-way messages, sent and received: which wait, which were taken over, and which are dead letters that
 * somebody must decide on.
 */
import { Link, useAddress } from '../../kit/address.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { useTitles } from '../../kit/named.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { BeginningOfId, FoldedId } from '../words.tsx'
import { RedriveAll } from './acts.tsx'
import {
  type Box,
  boxPath,
  type Delivery,
  deliveryPath,
  Failure,
  type List,
  Next,
  STATES,
  type State,
  StateOf,
  stateText,
} from './words.tsx'

function Deliveries({ box }: { box: Box }) {
  const counted = useAnswer<List>('getDeliveries', { query: { box, limit: '1' } })
  const { counts = {}, inboxes = [] } = counted.state === 'there' ? counted.data : {}
  const dead = counts.dead ?? 0
  const titleOf = useTitles(inboxes)
  return (
    <>
      <Head
        title={text('deliveries.title')}
        lead={text('deliveries.lead')}
        acts={dead > 0 && <RedriveAll box={box} dead={dead} />}
      />
      {counted.state === 'there' && <Counts box={box} counts={counts} />}
      <CursorTable<Delivery, List>
        key={box}
        operation="getDeliveries"
        fixed={{ box }}
        caption={text(`deliveries.${box}`)}
        rowsOf={({ items }) => items}
        rowKey={({ position }) => position}
        filters={[
          {
            ...{ name: 'state', title: 'common.state' },
            options: [
              { value: '', title: text('common.all') },
              ...STATES[box].map((value) => ({ value, title: stateText(value) })),
            ],
          },
          {
            ...{ name: 'inboxId', title: 'deliveries.toInbox' },
            options: [
              { value: '', title: text('common.all') },
              ...inboxes.map((value) => ({ value, title: titleOf(value) })),
            ],
          },
          { name: 'delivery', title: 'deliveries.id', type: 'text' },
        ]}
        columns={[
          {
            title: 'deliveries.type',
            cell: (one) => (
              <>
                <Link to={deliveryPath(box, one.position)}>
                  <bdi class="wrap">{one.type ?? text('deliveries.sealed')}</bdi>
                </Link>
                <br />
                <span class="beside">
                  <BeginningOfId of={one.delivery} />
                </span>
              </>
            ),
          },
          {
            title: 'common.state',
            cell: (one) => (
              <>
                <StateOf of={one} /> <Next of={one} />
              </>
            ),
          },
          { title: 'deliveries.sender', cell: ({ senderId }) => <FoldedId of={senderId ?? '-'} /> },
          { title: 'deliveries.toInbox', cell: ({ inboxId }) => <FoldedId of={inboxId ?? '-'} /> },
          { title: 'deliveries.since', cell: ({ since }) => <Time at={since} relative /> },
          { title: 'deliveries.attempts', number: true, cell: ({ attempts }) => number(attempts) },
          { title: 'deliveries.failure', cell: (one) => <Failure of={one} /> },
        ]}
        empty={<p>{text(`deliveries.empty.${box}`)}</p>}
      />
    </>
  )
}

function Counts({ box, counts }: { box: Box; counts: List['counts'] }) {
  const { query } = useAddress()
  const chosen = query.get('state')
  const there = STATES[box].filter((state) => (counts[state] ?? 0) > 0)
  if (there.length === 0) return null
  const titleOf = (state: State): string =>
    text('deliveries.counted', { state: stateText(state), count: counts[state] ?? 0 })
  return (
    <nav aria-label={text('deliveries.states')} class="switch acts">
      {there.map((state) => (
        <Link key={state} to={`${boxPath(box)}?state=${state}`} class="button" current={state === chosen}>
          {titleOf(state)}
        </Link>
      ))}
    </nav>
  )
}

export function DeliveriesSent() {
  return <Deliveries box="outbox" />
}

export function DeliveriesReceived() {
  return <Deliveries box="inbox" />
}
