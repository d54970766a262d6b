/**
 * Puts a log's records of one pair of members together to exchanges of one day: a request with what closed it. What went
 * by another server of the peer, and what belongs to another day, is left out.
 */
import { dayOf } from './day.ts'
import type { Exchange, Side, State } from './entry.ts'

/** A record as the log has it, without content. Identifiers in text form, base64 of leaf hashes, times in ms. */
export type ComparedRecord = {
  index: number
  kind: 'request' | 'reply' | 'refusal' | 'outcome-unknown'
  direction: 'in' | 'out'
  time: number
  requestId: string
  /** The other server, '' when the record does not say. */
  peer: string
  /** The index of the record that it closes. */
  answers: number | undefined
  leaf: string
  /** SHA-512 of the message, then of its body; undefined when there is none. */
  digests: Buffer | undefined
  /** SHA-512 of the signature document. */
  signature: Buffer | undefined
  /** Of a request; NaN when its signature names none. */
  signedAt: number
}

/** What is left of an erased record, whoever it was about; `answers` is the leaf hash of the record that it closes, or ''. */
export type ErasedRecord = Pick<ComparedRecord, 'index' | 'kind' | 'signature'> & { answers: string }

/** A request of which the log kept ids only: nobody can say whose it was. */
type BareRecord = Pick<ComparedRecord, 'index' | 'direction' | 'requestId'>

/** Records in the order of their indexes. */
export type Stretch = { records: ComparedRecord[]; erased: ErasedRecord[]; bare: BareRecord[] }

/** An exchange with the records that say so; `erased` when the content of one of them is gone. */
export type Found = { exchange: Exchange; indexes: number[]; erased: boolean }

type Assembly = {
  /** Gives the exchanges that are closed by these records. */
  take(stretch: Stretch): Found[]
  /** Gives those that nothing closed. */
  end(): Found[]
}

type Open = { record: ComparedRecord; asks: Side }

export function createAssembly(q: { day: string; own: Side; peerServer: string }): Assembly {
  const open = new Map<number, Open>()
  const byLeaf = new Map<string, number>()
  const other: Side = q.own === 'first' ? 'second' : 'first'

  const begin = (record: ComparedRecord): void => {
    const signedAt = Number.isNaN(record.signedAt) ? record.time : record.signedAt
    const isOurs = record.direction === 'out' || record.peer === q.peerServer
    if (!isOurs || dayOf(signedAt) !== q.day) return
    open.set(record.index, { record, asks: record.direction === 'out' ? q.own : other })
    byLeaf.set(record.leaf, record.index)
  }
  const close = (index: number): Open | undefined => {
    const found = open.get(index)
    if (found === undefined) return undefined
    open.delete(index)
    byLeaf.delete(found.record.leaf)
    return found
  }
  const takeRecord = (record: ComparedRecord): Found[] => {
    if (record.kind === 'request') {
      begin(record)
      return []
    }
    if (record.answers === undefined) return record.peer === q.peerServer ? refusedEarly(record, other) : []
    const found = close(record.answers)
    if (found === undefined) return []
    const isElsewhere = found.asks === q.own && record.peer !== '' && record.peer !== q.peerServer
    if (isElsewhere) return []
    const state = stateOf(record, found.asks === q.own)
    const reply = state === 'answered' ? record.digests : undefined
    return [exchangeOf(found, { state, reply, indexes: [found.record.index, record.index] })]
  }
  const takeErased = (record: ErasedRecord): Found[] => {
    const index = byLeaf.get(record.answers)
    const found = index === undefined ? undefined : close(index)
    if (found === undefined) return []
    const state = record.kind === 'reply' ? 'answered' : record.kind === 'refusal' ? 'refused' : 'unknown'
    const indexes = [found.record.index, record.index]
    return [exchangeOf(found, { state, reply: undefined, indexes, erased: true })]
  }
  return {
    take: ({ records, erased }) => [...records.flatMap(takeRecord), ...erased.flatMap(takeErased)],
    end() {
      const left = [...open.values()]
      open.clear()
      byLeaf.clear()
      return left.map((one) =>
        exchangeOf(one, { state: 'unknown', reply: undefined, indexes: [one.record.index] }),
      )
    },
  }
}

function stateOf({ kind, direction }: ComparedRecord, weAsked: boolean): State {
  if (kind === 'reply') return 'answered'
  if (kind !== 'refusal') return 'unknown'
  // Our own refusal of our own request: it never left.
  return weAsked && direction === 'out' ? 'notSent' : 'refused'
}

/** The signature of the request was not looked at, so that it has no proven day: compared only where the other side has it. */
function refusedEarly({ kind, requestId, index }: ComparedRecord, asks: Side): Found[] {
  if (kind !== 'refusal') return []
  const nothing = { request: undefined, reply: undefined, signature: undefined }
  return [{ exchange: { asks, requestId, state: 'early', ...nothing }, indexes: [index], erased: false }]
}

function exchangeOf(
  { record, asks }: Open,
  q: { state: State; reply: Buffer | undefined; indexes: number[]; erased?: boolean },
): Found {
  const { requestId, digests, signature } = record
  const { state, reply, indexes, erased = false } = q
  return { exchange: { asks, requestId, state, request: digests, reply, signature }, indexes, erased }
}
