/**
 * The verdict on an answer: all that holds, or the one reason for which it is refused. A pure function of
 * what a record keeps.
 */
import type { RefusalReason } from '#schemas/presentation.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { Asked } from './asked.ts'
import type { Found } from './dcql/match-query.ts'
import type { Presentations } from './read-answer.ts'
import { Refused } from './refused.ts'
import { type StatusLists, verifyStatus } from './status-list.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'
import { type Answered, verifyAnswer } from './verify-answer.ts'

export type JudgedCredential = {
  id: string
  format: string
  type: string
  issuer: string
  /** SHA-256 of each certificate, from the one that signed to the anchor, hex. */
  issuerPath: string[]
  claims: Found[]
  beyondAsked: string[]
  holderKey: string
  signedAt: Time | null
  status: { uri: string; index: number; value: 0 } | null
}

export type Verdict =
  | { outcome: 'accepted'; credentials: JudgedCredential[] }
  | { outcome: 'refused'; reason: RefusalReason }

type Case = {
  asked: Asked
  presentations: Presentations
  issuers: TrustedIssuer[]
  lists: StatusLists
  at: Date
  maxStatusAgeSeconds: number
}

/** The addresses of the status lists that the verdict needs; none if the answer is refused anyway. */
export function neededStatusLists(q: Omit<Case, 'lists' | 'maxStatusAgeSeconds'>): string[] {
  try {
    return [...new Set(verifyAnswer(q).flatMap(({ status }) => (status === undefined ? [] : [status.uri])))]
  } catch (thrown) {
    if (thrown instanceof Refused) return []
    throw thrown
  }
}

/** Never throws for what a wallet sent. `refusal` has the place beside the reason, for the log. */
export function judge(q: Case): { verdict: Verdict; refusal?: Refused } {
  try {
    const answered = verifyAnswer(q)
    for (const { status: reference, issuer, type } of answered) {
      verifyStatus({
        reference,
        lists: q.lists,
        issuer,
        type,
        at: q.at,
        maxAgeSeconds: q.maxStatusAgeSeconds,
      })
    }
    return { verdict: { outcome: 'accepted', credentials: answered.map(judged) } }
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    return { verdict: { outcome: 'refused', reason: thrown.reason }, refusal: thrown }
  }
}

function judged(one: Answered): JudgedCredential {
  const { id, format, type, issuer, path, found, beyond, holderKey, signedAt, status } = one
  return {
    ...{ id, format, type },
    issuer: issuer.name,
    issuerPath: path.map(({ sha256 }) => sha256),
    claims: found,
    beyondAsked: beyond,
    holderKey,
    signedAt: signedAt?.toISOString() ?? null,
    status: status === undefined ? null : { ...status, value: 0 },
  }
}
