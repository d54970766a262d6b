/**
 * Assembles a log's records of one pair of members into the exchanges of one day: a request with the record
 * that closed it. Leaves out exchanges through another server of the peer, and those of another day.
 */
import { dayOf } from './day.ts'
import type { Exchange, Side, State } from './entry.ts'
import { type Answered, type Fetching, fetchedIn, replySignature } from './fetched.ts'

/** A record of the log without content. Identifiers in text form, leaf hashes in base64, times in ms. */
export type ComparedRecord = {
  index: number
  kind: 'request' | 'reply' | 'refusal' | 'outcome-unknown' | 'consumed' | 'abandoned'
  direction: 'in' | 'out'
  time: number
  requestId: string
  /** The other server, '' if the record does not name it. */
  peer: string
  /** The index of the request that this record closes. */
  answers: number | undefined
  leaf: string
  /** SHA-512 of the message, followed by that of its body; undefined if there is none. */
  digests: Buffer | undefined
  /** SHA-512 of the signature document. */
  signature: Buffer | undefined
  /** For a request: its signing time; NaN when the signature has none. */
  signedAt: number
  /** Of a receipt: the id under which it is compared, and SHA-512 of what it says, without its time. */
  receipt?: { id: string; says: Buffer }
  /** Of a request, and of a reply: what a subscriber fetches from a room. */
  fetching?: Fetching | undefined
  answered?: Answered | undefined
  /** Of a reply: the log has its digest alone. */
  isUnread?: boolean
}

/** What remains of any erased record; `answers` is the leaf hash of the record that it closes, or ''. */
export type ErasedRecord = Pick<ComparedRecord, 'index' | 'kind' | 'signature'> & { answers: string }

/** A request of which the log kept ids only: nobody can say whose it was. */
type BareRecord = Pick<ComparedRecord, 'index' | 'direction' | 'requestId'>

/** Records in the order of their indexes. */
export type Stretch = { records: ComparedRecord[]; erased: ErasedRecord[]; bare: BareRecord[] }

/** An exchange with the indexes of its records; `erased` when the content of one of them was erased. */
export type Found = { exchange: Exchange; indexes: number[]; erased: boolean }

type Assembly = {
  /** Returns the exchanges that these records close. */
  take(stretch: Stretch): Found[]
  /** Returns the exchanges that no record closed. */
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
  /** A day has the receipts that were signed on it, whenever the other side got them. */
  const takeReceipt = (record: ComparedRecord, { id, says }: { id: string; says: Buffer }): Found[] => {
    if (record.peer !== q.peerServer || Number.isNaN(record.signedAt)) return []
    if (dayOf(record.signedAt) !== q.day) return []
    const { digests: reply, signature } = record
    const asks = record.direction === 'in' ? q.own : other
    const exchange = { asks, requestId: id, state: 'receipt', request: says, reply, signature } as const
    return [{ exchange, indexes: [record.index], erased: false }]
  }
  const takeRecord = (record: ComparedRecord): Found[] => {
    if (record.receipt !== undefined) return takeReceipt(record, record.receipt)
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
    const exchange = exchangeOf(found, { state, reply, indexes: [found.record.index, record.index] })
    return [exchange, ...takeFetched(found, record)]
  }
  /** They belong to the day of the exchange, and are proved by its reply. */
  const takeFetched = ({ asks, record: { fetching } }: Open, reply: ComparedRecord): Found[] => {
    if (fetching === undefined || reply.answered === undefined) return []
    const { digests, index } = reply
    const signature = reply.signature && replySignature(reply.signature)
    return fetchedIn(fetching, reply.answered).map(({ id, state, says }) => ({
      exchange: { asks, requestId: id, state, request: says, reply: digests, signature },
      ...{ indexes: [index], erased: false },
    }))
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
  // Our own refusal of our own request: the request was never sent.
  return weAsked && direction === 'out' ? 'notSent' : 'refused'
}

/**
 * An early refusal: the signature of the request was not verified, so the request has no proven day. It is
 * compared only if the other side has the exchange.
 */
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
