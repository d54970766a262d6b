/** Event types and subscriptions in words: state, way of delivery, and why nothing is given out. */
import { NameOf } from '../../kit/named.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'

export type Room = { roomId: string; disabled: boolean; eventTypes: number }

/** Those that somebody may have to look at come first. */
export const STATES = ['lapsed', 'suspended', 'stopped', 'active', 'ended'] as const
export type State = (typeof STATES)[number]
type Counts = Record<State, number>

export type EventType = {
  id: number
  roomId: string
  name: string
  keepDays: number
  hasSchema: boolean
  sources: { source: string; publisherId: string }[]
  closed: boolean
  createdAt: string
  /** Counted up to `MOST_COUNTED`. */
  events: number
  subscriptions: Counts
}

export type Subscription = {
  id: number
  /** Null, as all that names a party, under a secret contract, for people who may not see its exchanges. */
  roomId: string | null
  typeId: number | null
  eventType: string | null
  subscriberId: string | null
  delivery: 'PUSH' | 'PULL'
  /** Null for one that fetches, too. */
  inboxId: string | null
  isSecret: boolean
  filters: unknown[]
  state: State
  error: string | null
  errorText: string | null
  /** What its inbox says: a code of its server, and for what. */
  about: string | null
  contract: string | null
  behind: number
  filterErrors: number
  /** The record of the exchange that made it or last changed it. */
  record: number
  createdAt: string
  changedAt: string
}

export type TypeList = { items: EventType[] }
export type SubscriptionList = { items: Subscription[]; counts: Counts }

const MOST_COUNTED = 10_000

const TONES: Record<State, Tone> = {
  ...{ active: 'good', suspended: 'warn', stopped: 'warn', lapsed: 'bad', ended: 'quiet' },
}

/**
 * What the server writes itself, beside the codes of the catalogue, and what has other words for a publisher.
 */
const OWN: Record<string, TextKey> = {
  events_expired: 'rooms.failure.expired',
  events_lost: 'rooms.failure.lost',
  messages_waiting: 'rooms.failure.waiting',
  by_operator: 'rooms.failure.byOperator',
  // The catalogue speaks to the client; here its provider reads.
  access_denied: 'rooms.failure.noRight',
  inbox_refuses: 'rooms.failure.inboxRefuses',
  inbox_not_asked: 'rooms.failure.inboxAway',
}

export function stateText(state: State): string {
  return text(`rooms.state.${state}`)
}

export function StateOf({ of: { state } }: { of: Pick<Subscription, 'state'> }) {
  return (
    <>
      <Status tone={TONES[state]} word={`rooms.state.${state}`} />
      <p class="beside">{text(`rooms.stateWhat.${state}`)}</p>
    </>
  )
}

export function TypeState({ of: { closed } }: { of: EventType }) {
  return <Status tone={closed ? 'quiet' : 'good'} word={closed ? 'rooms.closed' : 'rooms.open'} />
}

/** Nothing where nothing failed. The code stays beside the words: logs and guides have it. */
export function Failure({ of }: { of: Subscription }) {
  const { error, errorText, about, filterErrors } = of
  const own = error === null ? undefined : OWN[error]
  const words = own === undefined ? errorText : text(own)
  return (
    <>
      {error !== null && (
        <p>
          {words !== null && <span>{words} </span>}
          <bdi class="id beside">{error}</bdi>
        </p>
      )}
      {about !== null && (
        <p>
          {text('rooms.inboxSays')} <bdi class="id wrap">{about}</bdi>
        </p>
      )}
      {filterErrors > 0 && <p>{text('rooms.filterErrors', { count: filterErrors })}</p>}
    </>
  )
}

export function WayOf({ of: { delivery, inboxId, subscriberId } }: { of: Subscription }) {
  if (delivery === 'PULL') return <>{text('rooms.pull')}</>
  // Whose inbox it is stands in the same row.
  const own = inboxId?.startsWith(`${subscriberId}:`) ? inboxId.split(':').slice(4).join('/') : undefined
  return (
    <>
      {text('rooms.push')} {own === undefined ? <NameOf id={inboxId ?? '-'} /> : <bdi>{own}</bdi>}
    </>
  )
}

export function countText(count: number): string {
  return count < MOST_COUNTED ? number(count) : text('rooms.orMore', { number: number(count) })
}

/** Of those that have some: "active: 3". */
export function CountsOf({ of }: { of: Counts }) {
  const there = STATES.filter((state) => of[state] > 0)
  if (there.length === 0) return <span class="beside">{text('rooms.nobody')}</span>
  return <>{there.map((state) => `${stateText(state)}: ${countText(of[state])}`).join(', ')}</>
}

export const SUBSCRIPTIONS = '/rooms/subscriptions'
export const typePath = (id: number): string => `/rooms/types/${id}`

/** Whoever still has a claim to events of the type. */
export function unended({ subscriptions }: EventType): number {
  return STATES.reduce((sum, state) => sum + (state === 'ended' ? 0 : subscriptions[state]), 0)
}
