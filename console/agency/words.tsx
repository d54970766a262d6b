/** Records in words: kind, direction, outcome; and the link to an exchange. */
import { Link } from '../kit/address.tsx'
import { Named, NamedOnDemand, NamedServer } from '../kit/named.tsx'
import { Status, type Tone } from '../kit/status.tsx'
import { type TextKey, text } from '../kit/text.ts'
import { Explained } from './explained.tsx'

export type Row = {
  index: number
  time: string
  kind: string
  direction: string
  outcome: string
  /** What the outcome means, in the reader's language, where the server says so. */
  explanation?: string | null
  queryId: string
  requestId: string
  clientId: string | null
  serviceId: string | null
  peer: string | null
  answers: number | null
  purpose: string | null
  endpoint: string | null
}

const KINDS: Record<string, TextKey> = {
  request: 'record.request',
  reply: 'record.reply',
  refusal: 'record.refusal',
  'outcome-unknown': 'record.unknown',
  'time-stamp': 'record.timeStamp',
  erasure: 'record.erasure',
  'key-rotation': 'record.keyRotation',
  'daily-counts': 'record.dailyCounts',
  'audit-head': 'record.auditHead',
  accepted: 'record.accepted',
  consumed: 'record.consumed',
  abandoned: 'record.abandoned',
}

export const KIND_OPTIONS = [
  ...['request', 'reply', 'refusal', 'outcome-unknown'],
  ...['accepted', 'consumed', 'abandoned'],
]

export function kindText(kind: string): string {
  const key = KINDS[kind]
  return key === undefined ? kind : text(key)
}

export function directionText(direction: string): string {
  return text(direction === 'out' ? 'record.out' : direction === 'in' ? 'record.in' : 'record.own')
}

export function toneOf({ kind, outcome }: { kind: string; outcome: string }): Tone {
  if (kind === 'outcome-unknown') return 'warn'
  if (outcome === 'ok') return 'good'
  return outcome === '' ? 'quiet' : 'bad'
}

/**
 * The outcome as a word, with the code that says why. A request has none: the record that answers it has the
 * outcome. Nor has a delivery that was accepted. `begun`: it stands for its whole exchange, which has begun.
 */
export function Outcome(q: { kind: string; outcome: string; explanation?: string | null; begun?: boolean }) {
  const { kind, outcome, explanation, begun = false } = q
  if (!begun && (kind === 'request' || kind === 'accepted') && outcome === '') return null
  const word: TextKey =
    kind === 'outcome-unknown'
      ? 'outcome.unknown'
      : outcome === 'ok'
        ? 'outcome.ok'
        : outcome === ''
          ? 'outcome.open'
          : kind === 'refusal'
            ? 'outcome.refused'
            : 'outcome.failed'
  return (
    <>
      <Status tone={toneOf({ kind, outcome })} word={word} />
      {outcome !== '' && outcome !== 'ok' && (
        <>
          {' '}
          <Explained {...{ outcome, explanation }} />
        </>
      )}
    </>
  )
}

export function Id({ of }: { of: string | null | undefined }) {
  if (of === null || of === undefined || of === '')
    return <span class="beside">{text('record.notKept')}</span>
  return <bdi class="id">{of}</bdi>
}

/** As `Id`, for long lists: on a wide screen its beginning. */
export function BeginningOfId({ of }: { of: string }) {
  return of === '' ? (
    <Id of={of} />
  ) : (
    <span class="begins" title={of}>
      <Id of={of} />
    </span>
  )
}

/** As `Id`, of a client or a service by its name. */
export function NamedId({ of }: { of: string | null | undefined }) {
  return of === null || of === undefined || of === '' ? <Id of={of} /> : <Named id={of} />
}

/** As `NamedId`, for long lists. */
export function FoldedId({ of }: { of: string | null | undefined }) {
  return of === null || of === undefined || of === '' ? <Id of={of} /> : <NamedOnDemand id={of} />
}

/** As `Id`, of a security server by its code and its owner's name. */
export function ServerId({ of }: { of: string | null | undefined }) {
  return of === null || of === undefined || of === '' ? <Id of={of} /> : <NamedServer id={of} />
}

export function exchangePath(index: number): string {
  return `/exchanges/${index}`
}

export function ExchangeLink({ index }: { index: number }) {
  return <Link to={exchangePath(index)}>{text('record.link', { index: String(index) })}</Link>
}
