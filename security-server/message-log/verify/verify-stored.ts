/** Verifies a log where it is stored, while it may be in use: opens it read-only, checks all of it, closes it again. */
import type { Certificate } from '#core/certificate/certificate.ts'
import { openLogSource } from './open-source.ts'
import type { LogReport, Trust } from './source.ts'
import { verifyLog } from './verify-log.ts'

/** Where a log lies; without the log keys contents stay sealed and only digests are checked. */
export type StoredLog = Parameters<typeof openLogSource>[0]

export async function verifyStored(
  log: StoredLog,
  q: { checkpoints?: string[] | undefined; tsaCertificates?: Certificate[] | undefined },
): Promise<LogReport> {
  const { source, logKey, close } = await openLogSource(log)
  try {
    const trust: Trust = {}
    if (logKey !== undefined) trust.logKey = logKey
    if (q.checkpoints !== undefined) trust.checkpoints = q.checkpoints
    if (q.tsaCertificates !== undefined) trust.tsaCertificates = q.tsaCertificates
    return await verifyLog(source, trust)
  } finally {
    await close()
  }
}
