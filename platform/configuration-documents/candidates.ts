/**
 * The locations from which the configuration of an instance may be fetched, best first
 * (ConfigurationDownloader): the last one that worked, then the sources that the verified configuration
 * names, then those of the anchor. Within each group https comes before http, otherwise the order is random.
 */
import { randomInt } from 'node:crypto'
import type { ConfigurationAnchor, ConfigurationSource } from '#schemas/global-configuration.ts'

export type Location = {
  /** Without a version parameter, unless the anchor's URL had one. */
  url: string
  /** DER of the certificates whose keys may sign the directory at this location. */
  certificates: Buffer[]
  /**
   * Those whose keys may sign statement, log head and suspension list. A configuration proxy passes these on
   * as the registry signed them, and its anchor does not say which certificates are its own. So at its
   * address those of the anchor count until verified parameters announce the registry's, and then the
   * announced ones alone.
   */
  documentCertificates: Buffer[]
}

/** Puts items into a random order. */
export type Shuffle = <T>(items: T[]) => T[]

const OF_REGISTRY = ['/internalconf', '/externalconf']
const ADDRESS = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/

export function candidateLocations(q: {
  anchor: ConfigurationAnchor
  /** The sources in the newest verified shared parameters. */
  sources: ConfigurationSource[]
  /**
   * DER of the certificates that the newest verified parameters announced; empty before the first contact.
   */
  learned: Buffer[]
  lastUrl: string | undefined
  shuffle?: Shuffle | undefined
}): Location[] {
  const shuffle = q.shuffle ?? shuffled
  const fromSources = q.sources.flatMap((source) => locationsOf(source, pathOf(q.anchor)))
  const fromAnchor = q.anchor.sources.flatMap(({ downloadUrl, verificationCerts }) =>
    withHttps(downloadUrl).map((url): Location => {
      const isLearned = isOfProxy(url) && q.learned.length > 0
      return {
        url,
        certificates: verificationCerts,
        documentCertificates: isLearned ? q.learned : verificationCerts,
      }
    }),
  )
  const all = [...preferHttps(shuffle(fromSources)), ...preferHttps(shuffle(fromAnchor))]
  const distinct = all.filter((location, at) => all.findIndex((other) => isSame(location, other)) === at)
  const isLast = (location: Location): boolean => location.url === q.lastUrl
  return [...distinct.filter(isLast), ...distinct.filter((location) => !isLast(location))]
}

/**
 * For documents whose location is no longer known: whose keys may sign statement, log head and suspension
 * list.
 */
export function documentCertificatesFor(anchor: ConfigurationAnchor, learned: Buffer[]): Buffer[] {
  if (isAnchorOfProxy(anchor) && learned.length > 0) return learned
  return [...certificatesOf(anchor), ...learned]
}

/**
 * What was learned before, as far as it counts under a new anchor. The next key of a proxy comes with a new
 * anchor, which is no reason to take statements from the proxy again. It names certificates of the registry
 * too: if it names none of the learned ones, the registry changed all its keys, and the anchor is another
 * trust. So is any anchor that is no proxy's.
 */
export function learnedUnder(anchor: ConfigurationAnchor, learned: Buffer[]): Buffer[] {
  const named = certificatesOf(anchor)
  const isSameTrust = learned.some((one) => named.some((other) => other.equals(one)))
  return isAnchorOfProxy(anchor) && isSameTrust ? learned : []
}

export function certificatesOf(anchor: ConfigurationAnchor): Buffer[] {
  return anchor.sources.flatMap(({ verificationCerts }) => verificationCerts)
}

function isAnchorOfProxy({ sources }: ConfigurationAnchor): boolean {
  return sources.some(({ downloadUrl }) => isOfProxy(downloadUrl))
}

/** The path that all sources of an instance share, for example "/internalconf". */
function pathOf(anchor: ConfigurationAnchor): string {
  const { pathname, search } = new URL(anchor.sources[0]?.downloadUrl as string)
  return pathname + search
}

function locationsOf(source: ConfigurationSource, path: string): Location[] {
  if (!ADDRESS.test(source.address) || !URL.canParse(`http://${source.address}/`)) return []
  const certificates = certificatesFor(source, path)
  if (certificates.length === 0) return []
  return ['https', 'http'].map((scheme) => ({
    url: `${scheme}://${source.address}${path}`,
    ...{ certificates, documentCertificates: certificates },
  }))
}

/** Chosen by the path, as X-Road does. The path of a proxy is neither of the two, and may use both lists. */
function certificatesFor(source: ConfigurationSource, path: string): Buffer[] {
  const name = path.split('?')[0] as string
  if (!OF_REGISTRY.includes(name)) return allCertificates(source)
  return name === '/internalconf' ? source.internalVerificationCerts : source.externalVerificationCerts
}

/** At a path that no registry has. */
export function isOfProxy(downloadUrl: string): boolean {
  return !OF_REGISTRY.includes(new URL(downloadUrl).pathname)
}

function allCertificates({
  internalVerificationCerts,
  externalVerificationCerts,
}: ConfigurationSource): Buffer[] {
  return [...internalVerificationCerts, ...externalVerificationCerts]
}

/**
 * An http URL without a port also gives the https URL of the same host. With a port it does not: only one of
 * the two can listen there.
 */
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

/** Puts items into a random order. */
export function shuffled<T>(items: T[]): T[] {
  const left = [...items]
  const result: T[] = []
  while (left.length > 0) result.push(...left.splice(randomInt(left.length), 1))
  return result
}
