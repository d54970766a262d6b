/**
 * Subscriptions to the events of our rooms: who is given what, how far behind, and what stands in the way.
 */
import { Link, useAddress } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { contractPath } from '../../kit/contract.tsx'
import { CursorTable } from '../../kit/cursor-table.tsx'
import { Head } from '../../kit/facts.tsx'
import { GivenValues } from '../../kit/given-values.tsx'
import { useAnswer } from '../../kit/load.ts'
import { useTitles } from '../../kit/named.tsx'
import { useName } from '../../kit/names.ts'
import type { Column } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ExchangeLink, FoldedId, Id } from '../words.tsx'
import { SubscriptionActs } from './subscription-acts.tsx'
import {
  countText,
  Failure,
  type Room,
  STATES,
  StateOf,
  SUBSCRIPTIONS,
  type Subscription,
  type SubscriptionList,
  stateText,
  typePath,
  WayOf,
} from './words.tsx'

export function SubscriptionsPage() {
  const rooms = useAnswer<Room[]>('getRooms')
  const options = rooms.state === 'there' ? rooms.data.map(({ roomId }) => roomId) : []
  return (
    <>
      <Head title={text('rooms.subscriptions')} lead={text('rooms.subscriptionsLead')} />
      <Subscriptions rooms={options} />
    </>
  )
}

/** Of one type, or else of all rooms. */
export function Subscriptions({ typeId, rooms = [] }: { typeId?: number; rooms?: string[] }) {
  const fixed: Record<string, string> = typeId === undefined ? {} : { typeId: String(typeId) }
  const isOfOne = typeId !== undefined
  const titleOf = useTitles(rooms)
  return (
    <>
      <StateLinks fixed={fixed} at={isOfOne ? typePath(typeId) : SUBSCRIPTIONS} />
      <CursorTable<Subscription, SubscriptionList>
        operation="getSubscriptions"
        fixed={fixed}
        caption={text('rooms.subscriptions')}
        rowsOf={({ items }) => items}
        rowKey={({ id }) => id}
        filters={[
          {
            ...{ name: 'state', title: 'common.state' },
            options: [
              { value: '', title: text('common.all') },
              ...STATES.map((value) => ({ value, title: stateText(value) })),
            ],
          },
          ...(isOfOne
            ? []
            : [
                {
                  ...{ name: 'roomId', title: 'rooms.one' as const },
                  options: [
                    { value: '', title: text('common.all') },
                    ...rooms.map((value) => ({ value, title: titleOf(value) })),
                  ],
                },
              ]),
          { name: 'search', title: 'rooms.searchSubscriber', type: 'text' },
        ]}
        columns={columnsOf(isOfOne)}
        empty={<p>{text('rooms.noSubscription')}</p>}
      />
    </>
  )
}

function columnsOf(isOfOne: boolean): Column<Subscription>[] {
  const type: Column<Subscription> = {
    title: 'rooms.type',
    cell: ({ typeId, eventType, roomId }) => (
      <>
        {typeId === null ? (
          '-'
        ) : (
          <Link to={typePath(typeId)}>
            <bdi class="wrap">{eventType ?? '-'}</bdi>
          </Link>
        )}
        <div class="beside">
          <bdi>{roomId?.split(':').at(-1) ?? '-'}</bdi>
        </div>
      </>
    ),
  }
  return [
    {
      title: 'rooms.subscriber',
      cell: (one) => (
        <>
          {one.subscriberId === null ? text('rooms.secretSubscriber') : <FoldedId of={one.subscriberId} />}
          <div class="beside">
            <WayOf of={one} />
          </div>
        </>
      ),
    },
    ...(isOfOne ? [] : [type]),
    {
      title: 'rooms.stateAndFault',
      cell: (one) => (
        <>
          <StateOf of={one} />
          <Failure of={one} />
        </>
      ),
    },
    { title: 'rooms.since', cell: ({ createdAt }) => <Time at={createdAt} relative /> },
    { title: 'rooms.behind', number: true, cell: ({ behind }) => countText(behind) },
    {
      title: 'rooms.decide',
      cell: (one) => (
        <>
          <SubscriptionActs of={one} />
          <More of={one} />
        </>
      ),
    },
  ]
}

/** What it was asked for: the exchange has the proof of it. */
function More({ of: { contract, filters, inboxId, record, roomId, isSecret } }: { of: Subscription }) {
  const mayOpen = useMay('getExchange')
  if (isSecret) return null
  return (
    <details>
      <summary>{text('rooms.more')}</summary>
      <p>
        {text('rooms.asked')}{' '}
        {mayOpen ? <ExchangeLink index={record} /> : text('record.link', { index: String(record) })}
      </p>
      {[roomId, inboxId].map(
        (id) =>
          id !== null && (
            <p key={id} class="beside">
              <Id of={id} />
            </p>
          ),
      )}
      <p>{contract === null ? text('rooms.noContract') : <Under contract={contract} />}</p>
      {filters.length === 0 ? (
        <p>{text('rooms.noFilter')}</p>
      ) : (
        <>
          <p>{text('rooms.filter')}</p>
          <GivenValues of={filters} />
        </>
      )}
    </details>
  )
}

/** `contract`: its id and version, as records name it. */
function Under({ contract }: { contract: string }) {
  const id = contract.split('/')[0]!
  const name = useName(id)
  const maySee = useMay('getContract')
  const words = <bdi>{text('rooms.contract', { contract: name?.name ?? contract })}</bdi>
  return maySee ? <Link to={contractPath(id)}>{words}</Link> : words
}

function StateLinks({ fixed, at }: { fixed: Record<string, string>; at: string }) {
  const { query } = useAddress()
  const counted = useAnswer<SubscriptionList>('getSubscriptions', { query: { ...fixed, limit: '1' } })
  if (counted.state !== 'there') return null
  const { counts } = counted.data
  const there = STATES.filter((state) => counts[state] > 0)
  if (there.length === 0) return null
  return (
    <nav aria-label={text('rooms.states')} class="switch acts">
      {there.map((state) => (
        <Link key={state} to={`${at}?state=${state}`} class="button" current={state === query.get('state')}>
          {text('rooms.counted', { state: stateText(state), number: countText(counts[state]) })}
        </Link>
      ))}
    </nav>
  )
}
