/**
 * Counts refused logins of strangers: in a metric at once, and in one record of the audit log per minute. So
 * nobody can fill the log, and it names no person without access.
 */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Log } from '#platform/logging/create-log.ts'

export type Refusals = {
  count(reason: string): void
  /** Records the refusals since the last record. */
  flush(): Promise<void>
}

const GATHER_MS = 60_000

export function createRefusals(q: {
  audit: Pick<AuditLog, 'before'>
  counter: { inc(labels: { reason: string }): void }
  log: Log
}): Refusals {
  let counted: Record<string, number> = {}
  let timer: NodeJS.Timeout | undefined
  const flush = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const data = counted
    if (Object.keys(data).length === 0) return
    counted = {}
    const caller = { id: '', name: 'strangers' }
    await q.audit.before({ caller, operation: 'loginRefused', target: '/login', data })
  }
  return {
    count: (reason) => {
      q.counter.inc({ reason })
      counted[reason] = (counted[reason] ?? 0) + 1
      timer ??= setTimeout(() => {
        flush().catch((err: unknown) => q.log.error({ err }, 'refused logins could not be recorded'))
      }, GATHER_MS).unref()
    },
    flush,
  }
}
