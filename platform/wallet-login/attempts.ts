/**
 * Attempts to log in with a wallet, in memory and for minutes. When there are too many, a new one is refused
 * and those that have begun go on. One network or person cannot take all places.
 */
import { createHash, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Asked } from '#core/presentation/asked.ts'
import type { Source } from '#core/presentation/dcql/make-query.ts'
import type { JsonObject } from '#core/presentation/json.ts'
import type { Clock } from '#platform/clock.ts'
import type { RefusalReason } from '#schemas/presentation.ts'

export type Flow = 'same-device' | 'cross-device'

/**
 * What a good answer leaves: the attributes that were asked for, who issued what says so, and the record that
 * proves them where one is kept.
 */
export type Outcome = { attributes: Record<string, unknown>; issuers: string[]; record?: string }

export type Attempt = {
  id: string
  flow: Flow
  /** SHA-256 of the token that only the browser has. */
  browser: Buffer
  /** What a link or a QR code says to a wallet. */
  walletUrl: string
  claims: JsonObject
  asked: Asked
  /** Of what the answer may be made, and by whom. */
  sources: (Source & { issuers: readonly string[] })[]
  decryptionKey: KeyObject
  /** The request object as it was fetched last; each differs in the wallet's own nonce only. */
  fetched: string | undefined
  /** `judging` while status lists are fetched: no second answer is taken then. */
  state: 'waiting' | 'judging' | 'answered'
  /** Why the last answer was refused. */
  refusal: RefusalReason | undefined
  badAnswers: number
  wrongNumbers: number
  /** In the address to which the wallet sends the person. */
  responseCode: string
  /** What the phone shows, for the session with the QR code. */
  number: string
  outcome: Outcome | undefined
  endsAt: number
}

type Attempts = {
  /** False, and nothing, when there are too many, in all or of those who begin as `by`. */
  add(attempt: Attempt, by: string): boolean
  find(id: string): Attempt | undefined
  /** The attempt, if `browser` is the token of the browser that began it. */
  ofBrowser(id: string, browser: string): Attempt | undefined
  byCode(responseCode: string): Attempt | undefined
  end(attempt: Attempt): void
  size(): number
}

/**
 * One may hold so many for each place that is free: of 10,000, 303 while nobody else comes, as many as an
 * address begins in the minutes that they last. Each that takes what it can leaves most of the rest to
 * others, so that it takes hundreds to leave nothing for who holds none.
 */
const SHARE = 1 / 32

export const newToken = (octets = 32): string => randomBytes(octets).toString('base64url')

export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

export function createAttempts(q: { clock: Clock; most: number }): Attempts {
  const attempts = new Map<string, { attempt: Attempt; by: string }>()
  const held = new Map<string, number>()
  const remove = (id: string): void => {
    const { by } = attempts.get(id) ?? {}
    if (by === undefined) return
    attempts.delete(id)
    const left = held.get(by)! - 1
    if (left > 0) held.set(by, left)
    else held.delete(by)
  }
  const find = (id: string): Attempt | undefined => {
    const { attempt } = attempts.get(id) ?? {}
    if (attempt === undefined || q.clock() < attempt.endsAt) return attempt
    remove(id)
    return undefined
  }
  return {
    add(attempt, by) {
      // All last equally long, so the first are over first.
      for (const [id, { attempt: first }] of attempts) {
        if (first.endsAt > q.clock()) break
        remove(id)
      }
      const own = held.get(by) ?? 0
      if (own >= (q.most - attempts.size) * SHARE) return false
      attempts.set(attempt.id, { attempt, by })
      held.set(by, own + 1)
      return true
    },
    find,
    ofBrowser(id, browser) {
      const attempt = find(id)
      const isSame = attempt !== undefined && timingSafeEqual(attempt.browser, digestOf(browser))
      return isSame ? attempt : undefined
    },
    byCode(responseCode) {
      const [id = '', secret] = responseCode.split('.')
      const attempt = find(id)
      if (attempt?.state !== 'answered' || secret === undefined) return undefined
      const isSame = timingSafeEqual(digestOf(attempt.responseCode), digestOf(secret))
      return isSame ? attempt : undefined
    },
    end: ({ id }) => remove(id),
    size: () => attempts.size,
  }
}
