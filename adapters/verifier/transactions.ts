/**
 * Transactions in memory, for minutes: what was asked, what came, and what happened. When they are too many
 * or hold too much, a new one is refused, and so is an answer for which there is no room.
 */
import type { KeyObject } from 'node:crypto'
import type { Asked } from '#core/presentation/asked.ts'
import type { JsonObject } from '#core/presentation/json.ts'
import type { Clock } from '#platform/clock.ts'
import type { Question } from './read-question.ts'

/** What a service reads: the presentations by query, which were verified, or why the wallet declined. */
type WalletResponse = { vp_token: Record<string, string[]> } | { error: string }

type Event = { timestamp: number; event: string; actor: string } & JsonObject

export type Transaction = {
  /** Known to the service alone. */
  id: string
  /** Known to the wallet. */
  requestId: string
  question: Question
  claims: JsonObject
  asked: Asked
  decryptionKey: KeyObject | undefined
  /** Whose credentials count for it; undefined for all that are trusted. */
  issuers: ReadonlySet<string> | undefined
  /** The request object as it was fetched last. */
  fetched: string | undefined
  /** `judging` while status lists are fetched: no second answer is taken then. */
  state: 'waiting' | 'judging' | 'submitted'
  badAnswers: number
  responseCode: string
  response: WalletResponse | undefined
  /**
   * Writes what proves the presentations years later: of a thousand records most is the same status lists.
   */
  record: (() => string) | undefined
  events: Event[]
  /** When no wallet may answer any more, and when nothing of it is kept. */
  endsAt: number
  forgottenAt: number
}

const MOST_EVENTS = 50

/** What one transaction holds: octets of its own, and texts that others hold too. */
type Held = { own: number; shared: Set<string> }

export function createTransactions(q: { clock: Clock; most: number; mostOctets: number }) {
  const byId = new Map<string, Transaction>()
  const held = new Map<string, Held>()
  /** How many transactions hold a text. */
  const holders = new Map<string, number>()
  let octets = 0
  const byRequest = new Map<string, Transaction>()
  const nonces = new Set<string>()
  const forget = (one: Transaction): void => {
    byId.delete(one.id)
    byRequest.delete(one.requestId)
    nonces.delete(one.asked.nonce)
    const { own = 0, shared = [] } = held.get(one.id) ?? {}
    held.delete(one.id)
    octets -= own
    for (const text of shared) {
      const left = holders.get(text)! - 1
      if (left > 0) holders.set(text, left)
      else {
        holders.delete(text)
        octets -= text.length
      }
    }
  }
  /** False where there is no room; then nothing more is held. */
  const hold = ({ id }: Transaction, own: number, texts: string[] = []): boolean => {
    const before = held.get(id) ?? { own: 0, shared: new Set() }
    const more = [...new Set(texts)].filter((text) => !before.shared.has(text))
    const needed = more.reduce((sum, text) => sum + (holders.has(text) ? 0 : text.length), own)
    if (octets + needed > q.mostOctets) return false
    octets += needed
    for (const text of more) holders.set(text, (holders.get(text) ?? 0) + 1)
    held.set(id, { own: before.own + own, shared: new Set([...before.shared, ...more]) })
    return true
  }
  const live = (one: Transaction | undefined): Transaction | undefined => {
    if (one === undefined || q.clock() < one.forgottenAt) return one
    forget(one)
    return undefined
  }
  return {
    /** What is over is forgotten, also where nobody asks for it. */
    sweep(): void {
      for (const one of byId.values()) live(one)
    },
    /**
     * Says why it is not taken: another one has its nonce, there are too many, or there is no room for its
     * octets.
     */
    add(one: Transaction, own: number): 'added' | 'nonce' | 'room' {
      if (nonces.has(one.asked.nonce)) return 'nonce'
      if (byId.size >= q.most || !hold(one, own)) return 'room'
      byId.set(one.id, one)
      byRequest.set(one.requestId, one)
      nonces.add(one.asked.nonce)
      return 'added'
    },
    /** As `add`; false too for what is forgotten. */
    hold: (one: Transaction, own: number, texts: string[]): boolean =>
      byId.has(one.id) && hold(one, own, texts),
    find: (id: string): Transaction | undefined => live(byId.get(id)),
    /** The one for which a wallet asks, as long as it may answer. */
    ofWallet(requestId: string): Transaction | undefined {
      const one = live(byRequest.get(requestId))
      return one !== undefined && q.clock() < one.endsAt ? one : undefined
    },
    /**
     * What happens again for the same cause is one event, of the last time: a service may ask each second.
     */
    note(one: Transaction, event: string, actor: 'Verifier' | 'Wallet', more: JsonObject = {}): void {
      const isSame = (other: Event): boolean => other.event === event && other.cause === more.cause
      const before = one.events.find(isSame)
      const times = before === undefined ? {} : { times: Number(before.times ?? 1) + 1 }
      if (before !== undefined) one.events.splice(one.events.indexOf(before), 1)
      if (one.events.length < MOST_EVENTS)
        one.events.push({ timestamp: q.clock(), event, actor, ...more, ...times })
    },
    size: (): number => byId.size,
    octets: (): number => octets,
  }
}
