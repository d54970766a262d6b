/** When certificates in use end, by what they are for: whoever watches metrics alone sees it coming. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '#platform/clock.ts'
import type { Metrics } from './create-metrics.ts'

const OF_FILE = /certificateFile$/i
/** Certificates that others may show: two while theirs changes, and one that is good is enough. */
const OF_CLIENTS = /clientCertificateFile$/i
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** `endsAt`: of several for the same use the first. */
type Ending = { of: string; endsAt: number }

/**
 * Certificates in the files that `settings` name, which a process reads at its start, and what `others`
 * names. A file that cannot be read is left out: what needs it says so.
 */
export async function watchCertificates(q: {
  metrics: Pick<Metrics, 'watch'>
  settings: object
  clock: Clock
  others?: () => Promise<Ending[]>
}): Promise<void> {
  const inFiles = (await certificatesInFiles(q.settings)).map(({ of, der }) => ({
    of,
    endsAt: new X509Certificate(der).validToDate.getTime(),
  }))
  q.metrics.watch(
    'concordat_certificate_ends_seconds',
    'Seconds until the first certificate in use for this ends; below 0 when it has ended',
    'of',
    async () => {
      const first = new Map<string, number>()
      for (const { of, endsAt } of [...inFiles, ...((await q.others?.()) ?? [])])
        first.set(of, Math.min(endsAt, first.get(of) ?? Number.POSITIVE_INFINITY))
      return [...first].map(([of, endsAt]) => [of, (endsAt - q.clock()) / 1000] as const)
    },
  )
}

/**
 * As `watchCertificates` reads them: of each file the certificate that counts, by the name of its setting.
 */
export async function certificatesInFiles(settings: object): Promise<{ of: string; der: Buffer }[]> {
  return (await Promise.all(filesIn(settings).map(countingIn))).flat()
}

/** Each with the name of its setting. */
function filesIn(settings: object, at: string[] = []): { of: string; file: string }[] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const name = [...at, key]
    if (typeof value === 'string') return OF_FILE.test(key) ? [{ of: name.join('.'), file: value }] : []
    return typeof value === 'object' && value !== null ? filesIn(value, name) : []
  })
}

async function countingIn({
  of,
  file,
}: {
  of: string
  file: string
}): Promise<{ of: string; der: Buffer }[]> {
  try {
    const pems = (await readFile(file, 'utf8')).match(PEM) ?? []
    // Behind the first one of a chain are those of its authorities.
    const shown = OF_CLIENTS.test(of) ? pems : pems.slice(0, 1)
    const longest = shown
      .map((pem) => new X509Certificate(pem))
      .toSorted((a, b) => b.validToDate.getTime() - a.validToDate.getTime())
      .at(0)
    return longest === undefined ? [] : [{ of, der: longest.raw }]
  } catch {
    return []
  }
}
