/** What operators see of each proxied instance: status, health and metrics. */
import { createHash } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { Attempt, ProxiedInstance } from './proxied-instance.ts'
import type { ProxyKeys } from './proxy-keys.ts'
import { addressOf, type ProxySettings } from './settings.ts'

/** Ready as long as something valid is published, even if the source is away; the reason then says so. */
export function findingOf(instance: ProxiedInstance, now: number): Finding {
  const { until, why } = instance.published.state()
  const { attempt, endsAt, lists } = instance.state()
  if (until === undefined) return { ok: false, reason: `nothing is published: ${why}` }
  const fault = attempt.fault ?? lists.fault
  if (fault === undefined) return { ok: true }
  const left = Math.max(0, Math.round(((endsAt?.getTime() ?? now) - now) / 1000))
  return { ok: true, reason: `nothing newer was accepted, ${left} s are left: ${fault.message}` }
}

/** The answer of /status. */
export async function statusOf(
  settings: ProxySettings,
  proxied: { instance: ProxiedInstance; keys: ProxyKeys }[],
): Promise<object> {
  const instances = proxied.map(async ({ instance, keys }) => {
    const { attempt, lists, endsAt, index, versions, source, listNumber } = instance.state()
    const { until, signedBy, why } = instance.published.state()
    return {
      name: instance.settings.name,
      address: addressOf(settings, instance.settings.name),
      instance: instance.anchor.instance,
      sourceAnchorHash: instance.anchor.hash,
      source: source ?? null,
      versions,
      index: index ?? null,
      sourceEndsAt: endsAt?.toISOString() ?? null,
      publishedUntil: until?.toISOString() ?? null,
      notPublishedBecause: why ?? null,
      suspensionList: listNumber ?? null,
      leaves: await instance.tree.size(),
      configuration: attemptOf(attempt),
      suspensions: attemptOf(lists),
      keys: (await keys.list()).map(({ id, certificate, createdAt, isActive }) => ({
        ...{ id, createdAt, isActive, certificateSha256: sha256(certificate) },
        signsWhatIsPublished: signedBy?.equals(certificate) ?? false,
      })),
    }
  })
  return { instances: await Promise.all(instances) }
}

function attemptOf({ at, succeededAt, fault }: Attempt): object {
  return {
    lastAttempt: at?.toISOString() ?? null,
    lastSuccess: succeededAt?.toISOString() ?? null,
    lastFault: fault === undefined ? null : { code: fault.code, message: fault.message },
  }
}

export function watchInstances(metrics: Metrics, instances: ProxiedInstance[], clock: Clock): void {
  const watch = (name: string, help: string, read: (one: ProxiedInstance) => number | undefined): void =>
    metrics.watch(name, help, 'proxied', async () =>
      instances.flatMap((one): [string, number][] => {
        const value = read(one)
        return value === undefined ? [] : [[one.settings.name, value]]
      }),
    )
  watch('concordat_configuration_proxy_published', '1 while a valid configuration is published', (one) =>
    one.published.state().until === undefined ? 0 : 1,
  )
  watch(
    'concordat_configuration_proxy_source_ends_seconds',
    "Seconds until the source's configuration ends; negative when it has ended",
    (one) => secondsFrom(clock(), one.state().endsAt),
  )
  watch(
    'concordat_configuration_proxy_fetched_seconds',
    'Seconds since the source had an acceptable configuration',
    (one) => {
      const { succeededAt } = one.state().attempt
      return succeededAt && (clock() - succeededAt.getTime()) / 1000
    },
  )
}

function secondsFrom(now: number, at: Date | undefined): number | undefined {
  return at && (at.getTime() - now) / 1000
}

function sha256(certificate: Buffer): string {
  return createHash('sha256').update(certificate).digest('hex')
}
