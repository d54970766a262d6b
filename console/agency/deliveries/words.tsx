/** One-way messages in words: state, what comes next, why the last attempt failed. */
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

export type Box = 'outbox' | 'inbox'

export type State =
  | 'accepting'
  | 'waiting'
  | 'delivered'
  | 'done'
  | 'consumed'
  | 'dead'
  | 'abandoned'
  | 'unconfirmed'

export type Delivery = {
  position: number
  delivery: string
  state: State
  attempts: number
  /** The type of the event; null when the key is on another node. */
  type: string | null
  since: string
  changedAt: string
  error: string | null
  errorText: string | null
  expiresAt: string | null
  /** Null for who may not see parties of a secret contract. */
  senderId: string | null
  inboxId: string | null
  arrived: 'yes' | 'no' | 'unknown'
  next: { step: 'SENDING' | 'BEHIND' | 'AT' | 'SOON' | 'FETCHED'; at?: string } | null
}

export type List = { items: Delivery[]; counts: Partial<Record<State, number>>; inboxes: string[] }

/** Those that somebody may have to look at come first. */
export const STATES: Record<Box, State[]> = {
  outbox: ['waiting', 'dead', 'delivered', 'unconfirmed', 'done', 'consumed', 'abandoned'],
  inbox: ['waiting', 'dead', 'consumed', 'abandoned'],
}

const TONES: Record<State, Tone> = {
  ...{ accepting: 'quiet', waiting: 'warn', delivered: 'good', done: 'good', consumed: 'good' },
  ...{ dead: 'bad', abandoned: 'quiet', unconfirmed: 'warn' },
}

export function stateText(state: State): string {
  return text(`deliveries.state.${state}`)
}

export function StateOf({ of: { state } }: { of: Delivery }) {
  return <Status tone={TONES[state]} word={`deliveries.state.${state}`} />
}

/** Nothing for what has ended. */
export function Next({ of: { next } }: { of: Delivery }) {
  if (next === null) return null
  const word: TextKey = `deliveries.next.${next.step}`
  return (
    <span class="beside">
      {text(word)}
      {next.at !== undefined && (
        <>
          {' '}
          <Time at={next.at} relative />
        </>
      )}
    </span>
  )
}

/** The code stays beside the words: logs and guides have it. */
export function Failure({ of: { error, errorText } }: { of: Pick<Delivery, 'error' | 'errorText'> }) {
  if (error === null) return <span class="beside">{text('deliveries.noFailure')}</span>
  const status = /^http_(\d{3})$/.exec(error)?.[1]
  const own: Record<string, TextKey> = {
    not_acknowledged: 'deliveries.failure.notAcknowledged',
    not_delivered: 'deliveries.failure.notDelivered',
    receipt_overdue: 'deliveries.failure.receiptOverdue',
    receipt_unknown: 'deliveries.failure.receiptUnknown',
  }
  const words =
    status !== undefined
      ? text('deliveries.failure.http', { status })
      : own[error] === undefined
        ? errorText
        : text(own[error])
  return (
    <>
      {words !== null && <span>{words} </span>}
      <bdi class="id beside">{error}</bdi>
    </>
  )
}

export function boxPath(box: Box): string {
  return box === 'outbox' ? '/deliveries' : '/deliveries/received'
}

export function deliveryPath(box: Box, position: number): string {
  return `/deliveries/${box}/${position}`
}
