/** Transactions in memory, for minutes: what was asked, what came, and what happened. When there are too many a new one is refused. */
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
  /** Proves the presentations years later. */
  record: string | undefined
  events: Event[]
  /** When no wallet may answer any more, and when nothing of it is kept. */
  endsAt: number
  forgottenAt: number
}

const MOST_EVENTS = 50

export function createTransactions(q: { clock: Clock; most: number }) {
  const byId = new Map<string, Transaction>()
  const byRequest = new Map<string, Transaction>()
  const nonces = new Set<string>()
  const forget = (one: Transaction): void => {
    byId.delete(one.id)
    byRequest.delete(one.requestId)
    nonces.delete(one.asked.nonce)
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
    isFull: (): boolean => byId.size >= q.most,
    isNonceTaken: (nonce: string): boolean => nonces.has(nonce),
    add(one: Transaction): void {
      byId.set(one.id, one)
      byRequest.set(one.requestId, one)
      nonces.add(one.asked.nonce)
    },
    find: (id: string): Transaction | undefined => live(byId.get(id)),
    /** The one for which a wallet asks, as long as it may answer. */
    ofWallet(requestId: string): Transaction | undefined {
      const one = live(byRequest.get(requestId))
      return one !== undefined && q.clock() < one.endsAt ? one : undefined
    },
    note(one: Transaction, event: string, actor: 'Verifier' | 'Wallet', more: JsonObject = {}): void {
      if (one.events.length < MOST_EVENTS) one.events.push({ timestamp: q.clock(), event, actor, ...more })
    },
    size: (): number => byId.size,
  }
}
