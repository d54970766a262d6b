/**
 * Opens the ceremony once more, for one administrator, by the operator at the machine: the way back when the persons who are
 * left are too few to invite others. Two persons stay needed for all else meanwhile.
 */
import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { writeDurably } from '../../configuration/durable-file.ts'
import { digestOf } from './code-files.ts'
import type { InstallationStore } from './store.ts'

const OPEN_MS = 24 * 3_600_000

/**
 * Writes a code into `file` (0600) in the place of what lies there, which is redeemed or void, and says until when it can be
 * redeemed. Recorded first. Throws `conflict` before the ceremony is done. After a crash on the way do it again: one code is
 * open at a time.
 */
export async function reopenInstallation(q: {
  file: string
  store: Pick<InstallationStore, 'isDone' | 'reopen'>
  audit: Pick<AuditLog, 'before'>
  clock: Clock
}): Promise<string> {
  const refusal = new Fault('conflict', {
    what: 'the installation ceremony is not done: redeem the codes that the registry has written',
  })
  if (!(await q.store.isDone())) throw refusal
  const until = new Date(q.clock() + OPEN_MS).toISOString()
  await q.audit.before({
    caller: { id: '', name: 'operator' },
    operation: 'reopenInstallation',
    target: '/installation',
    data: { until },
  })
  const code = randomBytes(32).toString('base64url')
  const begun = `${q.file}.begun`
  await writeDurably(begun, `${code}\n`)
  if (!(await q.store.reopen(digestOf(code), until))) {
    await rm(begun)
    throw refusal
  }
  await rename(begun, q.file)
  return until
}
