/**
 * Where the configuration of an instance may be fetched, best place first (wire digest 5.3, 1): the last that worked,
 * the sources that the verified configuration names, the anchor's own; https before http, otherwise in random order.
 */
import { randomInt } from 'node:crypto'
import type { ConfigurationAnchor, ConfigurationSource } from '#schemas/global-configuration.ts'

export type Location = {
  /** Without a version, unless the anchor gave one. */
  url: string
  /** DER of the certificates that may have signed what lies there. */
  certificates: Buffer[]
}

/** A random order. */
export type Shuffle = <T>(items: T[]) => T[]

const ADDRESS = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

export function candidateLocations(q: {
  anchor: ConfigurationAnchor
  /** The sources in the newest verified shared parameters. */
  sources: ConfigurationSource[]
  lastUrl: string | undefined
  shuffle?: Shuffle | undefined
}): Location[] {
  const shuffle = q.shuffle ?? shuffled
  const fromSources = q.sources.flatMap((source) => locationsOf(source, pathOf(q.anchor)))
  const fromAnchor = q.anchor.sources.flatMap(({ downloadUrl, verificationCerts }) =>
    withHttps(downloadUrl).map((url) => ({ url, certificates: verificationCerts })),
  )
  const all = [...preferHttps(shuffle(fromSources)), ...preferHttps(shuffle(fromAnchor))]
  const distinct = all.filter((location, at) => all.findIndex((other) => isSame(location, other)) === at)
  const isLast = (location: Location): boolean => location.url === q.lastUrl
  return [...distinct.filter(isLast), ...distinct.filter((location) => !isLast(location))]
}

/** The path that all sources of an instance share, "/internalconf" say. */
function pathOf(anchor: ConfigurationAnchor): string {
  const { pathname, search } = new URL(anchor.sources[0]?.downloadUrl as string)
  return pathname + search
}

function locationsOf(source: ConfigurationSource, path: string): Location[] {
  if (!ADDRESS.test(source.address) || !URL.canParse(`http://${source.address}/`)) return []
  const certificates = certificatesFor(source, path)
  if (certificates.length === 0) return []
  return ['https', 'http'].map((scheme) => ({ url: `${scheme}://${source.address}${path}`, certificates }))
}

/** By the path, as X-Road does: a proxy's path says neither and may use both. */
function certificatesFor(source: ConfigurationSource, path: string): Buffer[] {
  const name = path.split('?')[0]
  if (name === '/internalconf') return source.internalVerificationCerts
  if (name === '/externalconf') return source.externalVerificationCerts
  return [...source.internalVerificationCerts, ...source.externalVerificationCerts]
}

/** An http address also stands for https on the host, unless it names a port, where only one of both can listen. */
function withHttps(url: string): string[] {
  const { protocol, port } = new URL(url)
  return protocol === 'http:' && port === '' ? [url.replace(/^http:/i, 'https:'), url] : [url]
}

function preferHttps(locations: Location[]): Location[] {
  const isHttps = (location: Location): boolean => location.url.startsWith('https:')
  return [...locations.filter(isHttps), ...locations.filter((location) => !isHttps(location))]
}

function isSame(a: Location, b: Location): boolean {
  return (
    a.url === b.url &&
    a.certificates.length === b.certificates.length &&
    a.certificates.every((certificate, at) => certificate.equals(b.certificates[at] as Buffer))
  )
}

/** In a random order. */
export function shuffled<T>(items: T[]): T[] {
  const left = [...items]
  const result: T[] = []
  while (left.length > 0) result.push(...left.splice(randomInt(left.length), 1))
  return result
}
