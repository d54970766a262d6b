/** One answer of what all workers say, for who asks any of them: a balancer, a scrape. */
import type { HealthReport } from '#platform/health/create-health.ts'
import type { Answered } from './messages.ts'

/**
 * Ready when every worker that takes connections is, and there is one: a connection may come to any of them,
 * while one that is being started again gets none. A check that several workers have is well when it is well
 * with all. Without answers the supervisor hangs.
 */
export function readinessOfAll(answered: readonly Answered[] | undefined, count: number): HealthReport {
  if (answered === undefined)
    return {
      ready: false,
      checks: [{ name: 'workers', ok: false, reason: 'their supervisor does not answer' }],
    }
  const checks = new Map<string, HealthReport['checks'][number]>()
  const silent = answered.filter(({ answer }) => answer === undefined).map(({ worker }) => worker)
  for (const { worker, answer } of answered) {
    if (answer === undefined) continue
    for (const { name, ok, reason } of (answer as HealthReport).checks) {
      const known = checks.get(name)
      const isWorse = known === undefined || (known.ok && (!ok || known.reason === undefined))
      if (!isWorse) continue
      const said = reason === undefined ? undefined : `worker ${worker}: ${String(reason)}`
      checks.set(name, { name, ok, ...(said !== undefined && { reason: said }) })
    }
  }
  const ok = silent.length === 0 && answered.length > 0
  const reason =
    silent.length > 0
      ? `worker ${silent.join(', ')} does not answer`
      : answered.length < count
        ? `${answered.length} of ${count} workers run`
        : undefined
  const all = [...checks.values(), { name: 'workers', ok, ...(reason !== undefined && { reason }) }]
  return { ready: all.every((one) => one.ok), checks: all }
}

/**
 * Prometheus' text of all workers, each metric once with the samples of all: they differ in their label
 * `worker`.
 */
export function metricsOfAll(answered: readonly Answered[]): string {
  const metrics = new Map<string, string[]>()
  for (const { answer } of answered) {
    if (typeof answer !== 'string') continue
    for (const metric of answer.split(/^(?=# HELP )/m)) {
      const lines = metric.split('\n').filter((line) => line !== '')
      const head = lines.filter((line) => line.startsWith('# ')).join('\n')
      const samples = lines.filter((line) => !line.startsWith('# '))
      metrics.set(head, [...(metrics.get(head) ?? []), ...samples])
    }
  }
  return [...metrics].map(([head, samples]) => `${[head, ...samples].join('\n')}\n`).join('\n')
}
