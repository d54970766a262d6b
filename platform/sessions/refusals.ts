/**
 * Refused logins of strangers, told in numbers: a metric at once, and one record in the audit log for all of a minute, so
 * that nobody can fill the log and no person who has no business here is named in it.
 */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Log } from '#platform/logging/create-log.ts'

export type Refusals = {
  count(reason: string): void
  /** Records what was counted since the last record. */
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
