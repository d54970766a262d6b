/**
 * Opens the ceremony again for one more administrator, on behalf of the operator at the machine. This is for
 * registries with too few people left to invite others. All other acts still need two persons meanwhile.
 */
import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { writeDurably } from '../../configuration/durable-file.ts'
import { digestOf } from './code-files.ts'
import type { InstallationStore } from './store.ts'

const OPEN_MS = 24 * 3_600_000

/**
 * Writes a code into `file` (mode 0600) and returns the time until which it can be redeemed. It replaces the
 * file's earlier code, which is redeemed or serves no more. The act is first recorded in the audit log.
 * Throws `conflict` before the ceremony is done. After a crash it can be repeated: only one code is open at a
 * time.
 */
export async function reopenInstallation(q: {
  file: string
  store: Pick<InstallationStore, 'isDone' | 'reopen'>
  audit: Pick<AuditLog, 'before'>
  clock: Clock
}): Promise<string> {
  const refusal = new Fault('conflict', {
    what: say`the installation ceremony is not done: redeem the codes that the registry has written`,
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
