/**
 * Verifies a log where it is stored, while it may be in use: opens it read-only, checks it, closes it again.
 */
import { hash } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { openLogSource } from './open-source.ts'
import type { LogReport, Trust } from './source.ts'
import { goesOn, type VerifyState } from './state.ts'
import { verifyLog } from './verify-log.ts'

/** Where the log is. Without the log keys contents cannot be opened and only digests are checked. */
export type StoredLog = Parameters<typeof openLogSource>[0]

export type StoredQuestion = {
  checkpoints?: string[] | undefined
  tsaCertificates?: Certificate[] | undefined
  /** The text of a C2SP tlog-policy file. */
  witnessPolicy?: string | undefined
  /** The state of an earlier run for the same question. The run continues from there if it can. */
  state?: VerifyState | undefined
  /** Is called now and then with the number of records that were checked and that the log holds. */
  onProgress?: ((records: number, total: number) => void) | undefined
  onState?: ((state: VerifyState) => Promise<void> | void) | undefined
}

/** `from`: the first record that this run checked. */
export type StoredReport = LogReport & { from: Whole }

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
      onProgress: q.onProgress,
      ...(q.onState && { onState: q.onState }),
    })
    return { ...report, from: from?.records ?? 0 }
  } finally {
    await close()
  }
}

/**
 * A hash of everything that a state depends on: the log, the log key, access to bodies, the authorities and
 * the witness policy.
 */
function questionOf(log: StoredLog, q: StoredQuestion, logKey: Buffer | undefined): string {
  const parts = [
    logKey?.toString('base64') ?? log.databaseUrl.replace(/\/\/[^@/]*@/, '//'),
    log.bodyFolder === undefined ? '' : 'bodies',
    ...(q.tsaCertificates?.map(({ sha256 }) => sha256).sort() ?? ['']),
    q.witnessPolicy ?? '',
  ]
  return hash('sha256', JSON.stringify(parts), 'hex')
}

/** A checkpoint of a smaller tree can only be compared by a run that passes its size. */
function isBeyond(checkpoints: string[] | undefined, state: VerifyState): boolean {
  return (checkpoints ?? []).every((note) => parseCheckpoint(note).size > state.records)
}
