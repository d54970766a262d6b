/** Verifies a log where it is stored, while it may be in use: opens it read-only, checks it, closes it again. */
import { hash } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { openLogSource } from './open-source.ts'
import type { LogReport, Trust } from './source.ts'
import { goesOn, type VerifyState } from './state.ts'
import { verifyLog } from './verify-log.ts'

/** Where a log lies; without the log keys contents stay sealed and only digests are checked. */
export type StoredLog = Parameters<typeof openLogSource>[0]

export type StoredQuestion = {
  checkpoints?: string[] | undefined
  tsaCertificates?: Certificate[] | undefined
  /** A C2SP tlog-policy file. */
  witnessPolicy?: string | undefined
  /** Where an earlier run for the same question has come to: the log is verified from there on. */
  state?: VerifyState | undefined
  onState?: ((state: VerifyState) => Promise<void> | void) | undefined
}

/** `from` is the record with which it began. */
export type StoredReport = LogReport & { from: number }

export async function verifyStored(log: StoredLog, q: StoredQuestion): Promise<StoredReport> {
  const { source, logKey, close } = await openLogSource(log)
  try {
    const trust: Trust = {}
    if (logKey !== undefined) trust.logKey = logKey
    if (q.checkpoints !== undefined) trust.checkpoints = q.checkpoints
    if (q.tsaCertificates !== undefined) trust.tsaCertificates = q.tsaCertificates
    if (q.witnessPolicy !== undefined) trust.witnesses = parseWitnessPolicy(q.witnessPolicy)
    const question = questionOf(log, q, logKey)
    const from = goesOn(q.state, question) && isBeyond(q.checkpoints, q.state) ? q.state : undefined
    const report = await verifyLog(source, trust, {
      from,
      question,
      ...(q.onState && { onState: q.onState }),
    })
    return { ...report, from: from?.records ?? 0 }
  } finally {
    await close()
  }
}

/** What a state answers: the same log, opened with the same keys, judged by the same authorities and witnesses. */
function questionOf(log: StoredLog, q: StoredQuestion, logKey: Buffer | undefined): string {
  const parts = [
    logKey?.toString('base64') ?? log.databaseUrl.replace(/\/\/[^@/]*@/, '//'),
    log.bodyFolder === undefined ? '' : 'bodies',
    ...(q.tsaCertificates?.map(({ sha256 }) => sha256).sort() ?? ['']),
    q.witnessPolicy ?? '',
  ]
  return hash('sha256', JSON.stringify(parts), 'hex')
}

/** A checkpoint that others kept of a smaller tree can only be compared on a way that passes it. */
function isBeyond(checkpoints: string[] | undefined, state: VerifyState): boolean {
  return (checkpoints ?? []).every((note) => parseCheckpoint(note).size > state.records)
}
