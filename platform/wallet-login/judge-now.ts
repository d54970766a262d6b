/**
 * Judges what a wallet has just posted: reads it, fetches the status lists that the verdict needs, and
 * believes only what a record proves.
 */
import type { KeyObject } from 'node:crypto'
import type { Asked } from '#core/presentation/asked.ts'
import { type JudgedCredential, judge, neededStatusLists } from '#core/presentation/judge.ts'
import { type Presentations, readAnswer } from '#core/presentation/read-answer.ts'
import { verifyRecord, writeRecord } from '#core/presentation/record.ts'
import { Refused } from '#core/presentation/refused.ts'
import type { TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import type { Clock } from '#platform/clock.ts'
import type { FetchStatusList } from './fetch-status-list.ts'

type Judged = {
  presentations: Presentations
  credentials: JudgedCredential[]
  /** The status lists on which it rests: the largest part of a record, and often those of others too. */
  lists: string[]
  /**
   * Writes the record, and the first time verifies it before anybody hears that the answer was good: what is
   * believed now must be proven later. It holds what the record says, and nothing of the answer besides.
   */
  record(): string
}

/** `request` is the request object as the wallet fetched it. Throws a `Refused`. */
export async function judgeNow(q: {
  body: Buffer
  asked: Asked
  decryptionKey: KeyObject | undefined
  request: string
  issuers: TrustedIssuer[]
  fetchStatusList: FetchStatusList
  maxStatusAgeSeconds: number
  clock: Clock
}): Promise<Judged> {
  const { asked, issuers, maxStatusAgeSeconds } = q
  const presentations = readAnswer(q.body, asked, q.decryptionKey)
  const question = { asked, presentations, issuers, at: new Date(q.clock()) }
  const uris = neededStatusLists(question)
  const lists = Object.fromEntries(
    await Promise.all(uris.map(async (uri) => [uri, await q.fetchStatusList(uri)] as const)),
  )
  const { verdict, refusal } = judge({ ...question, lists, maxStatusAgeSeconds })
  if (verdict.outcome === 'refused') throw refusal ?? new Refused(verdict.reason)
  return {
    ...{ presentations, credentials: verdict.credentials },
    lists: Object.values(lists).filter((list) => list !== undefined),
    record: recordOf(
      {
        ...{ request: q.request, presentations, lists, maxStatusAgeSeconds },
        ...{ at: question.at, verdict },
      },
      issuers,
    ),
  }
}

function recordOf(parts: Parameters<typeof writeRecord>[0], issuers: TrustedIssuer[]): () => string {
  let isVerified = false
  return () => {
    const text = writeRecord(parts)
    if (!isVerified) verifyRecord(text, issuers, parts)
    isVerified = true
    return text
  }
}
