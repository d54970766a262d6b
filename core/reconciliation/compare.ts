/**
 * Compares two entries about one exchange. A side may know less than the other without any fault: a reply
 * that was lost, a request that never arrived, a refusal before the request was read. Only what cannot happen
 * between honest logs is a discrepancy.
 */
import { type Entry, isSaid, type Side, type State } from './entry.ts'

/** Why one side legitimately knows less. */
type Unconfirmed =
  | 'reply_not_received'
  | 'outcome_unknown'
  | 'refused'
  | 'not_sent'
  | 'receipt_not_received'
  | 'event_not_received'
  | 'confirmation_not_received'
/** What an entry says that is no exchange. */
type Said = 'receipt' | 'event' | 'confirmation'

export type Pair = { key: Buffer; first: Entry | undefined; second: Entry | undefined }

export type Verdict =
  /** `state` is that of the entries; of an exchange that of the asking side. */
  | { class: 'matched'; state: State }
  | { class: 'unconfirmed'; reason: Unconfirmed }
  /** `at` lacks something that it must have had: the exchange, or what it signed itself. */
  | { class: 'missing'; at: Side; reason: 'exchange' | 'reply' | Said }
  | { class: 'differing'; reason: 'request' | 'reply' | 'outcome' | Said }
  /** An early refusal, which proves nothing and perhaps belongs to the day before or after. */
  | { class: 'ignored' }

/** Both entries have the same key; one of them may be absent. */
export function compareEntries({ first, second }: Pair): Verdict {
  const asks = (first ?? second)?.asks ?? 'first'
  // The key covers which side asks, so an entry with another `asks` does not reflect a log.
  if (second !== undefined && second.asks !== asks) return { class: 'differing', reason: 'request' }
  const answers = asks === 'first' ? 'second' : 'first'
  const [asking, answering] = asks === 'first' ? [first, second] : [second, first]
  const said = [asking?.state, answering?.state].find((one) => one !== undefined && isSaid(one))
  if (said !== undefined) return compareSaid(SAID[said as keyof typeof SAID], asking, answering, answers)
  if (asking === undefined) {
    if (answering === undefined || answering.state === 'early') return { class: 'ignored' }
    return { class: 'missing', at: asks, reason: 'exchange' }
  }
  if (answering === undefined) {
    const { state } = asking
    if (state === 'answered') return { class: 'missing', at: answers, reason: 'exchange' }
    return { class: 'unconfirmed', reason: reasonOf(asking) }
  }
  return compareBoth(asking, answering, answers)
}

const SAID = { receipt: 'receipt', given: 'event', confirmed: 'confirmation' } as const

/**
 * The answering side signed it; the asking side may not have it: receipts come when asked for, replies can be
 * lost.
 */
function compareSaid(
  reason: Said,
  asking: Entry | undefined,
  answering: Entry | undefined,
  answers: Side,
): Verdict {
  if (asking === undefined) return { class: 'unconfirmed', reason: `${reason}_not_received` }
  if (answering === undefined) return { class: 'missing', at: answers, reason }
  const isSame = asking.state === answering.state && sameDigest(asking.request, answering.request)
  return isSame ? { class: 'matched', state: asking.state } : { class: 'differing', reason }
}

function compareBoth(asking: Entry, answering: Entry, answers: Side): Verdict {
  if (answering.state === 'early') {
    if (asking.state === 'answered') return { class: 'missing', at: answers, reason: 'exchange' }
    return asking.state === 'refused'
      ? { class: 'matched', state: asking.state }
      : { class: 'unconfirmed', reason: reasonOf(asking) }
  }
  if (!sameDigest(asking.request, answering.request)) return { class: 'differing', reason: 'request' }
  // The asking side says that nothing was sent, but the other side has a request that the asking member
  // signed.
  if (asking.state === 'notSent') return { class: 'differing', reason: 'outcome' }
  if (asking.state === 'answered') {
    if (answering.state !== 'answered') return { class: 'missing', at: answers, reason: 'reply' }
    return sameDigest(asking.reply, answering.reply)
      ? { class: 'matched', state: asking.state }
      : { class: 'differing', reason: 'reply' }
  }
  if (answering.state === 'answered') {
    if (asking.state === 'refused') return { class: 'differing', reason: 'outcome' }
    return { class: 'unconfirmed', reason: 'reply_not_received' }
  }
  const isRefused = asking.state === 'refused' && answering.state === 'refused'
  return isRefused
    ? { class: 'matched', state: asking.state }
    : { class: 'unconfirmed', reason: 'outcome_unknown' }
}

function reasonOf({ state }: Entry): Unconfirmed {
  if (state === 'refused') return 'refused'
  return state === 'notSent' ? 'not_sent' : 'outcome_unknown'
}

function sameDigest(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}

/** Pairs the entries of both sides, each list in ascending order of keys. */
export function* pairEntries(first: Entry[], second: Entry[]): Generator<Pair> {
  let [i, j] = [0, 0]
  while (i < first.length || j < second.length) {
    const [a, b] = [first[i], second[j]]
    const order = a === undefined ? 1 : b === undefined ? -1 : Buffer.compare(a.key, b.key)
    if (order <= 0) i++
    if (order >= 0) j++
    yield {
      key: (order <= 0 ? a : b)!.key,
      first: order <= 0 ? a : undefined,
      second: order >= 0 ? b : undefined,
    }
  }
}
