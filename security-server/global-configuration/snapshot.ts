/**
 * The configuration as the rest of the server sees it: immutable, and the same object as long as nothing
 * changes.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { NOBODY_SUSPENDED, type SuspensionIndex } from '#core/configuration/suspension-list.ts'
import type { Clock } from '#platform/clock.ts'
import { CERTIFICATE_PROFILES_PART, TRUSTED_ISSUERS_PART } from '#schemas/global-configuration.ts'
import { idText } from '#schemas/identifiers.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { folderName } from './generations.ts'
import { type InstanceCopy, profilesFile } from './instance-copy.ts'
import type { KeptSuspensionList } from './kept-suspension-lists.ts'
import type { Overdue } from './overdue.ts'

export type ConfigurationSnapshot = {
  /** The index of the own instance. */
  index: ConfigurationIndex
  /**
   * Changes whenever the content changes, so it is the key of verdict caches. A renewal without changes keeps
   * it.
   */
  version: string
  expiresAt: Date
  /** The index of our signed statement; undefined when the source offers none. */
  statementIndex: number | undefined
  /** The registry's signed log head under that statement; other servers compare it with theirs. */
  configurationHead: string | undefined
  /**
   * When our instance's suspension list expires: time 0 before the first list came; undefined when the
   * instance has none.
   */
  suspensionsUntil: Date | undefined
  /**
   * How long after the end of an instance's configuration its registry lets contracts go on; 0 when it
   * publishes no grace.
   */
  graceMsOf(instance: string): number
  /**
   * The same configuration as a contract may use it that grants so much grace. Other instances than ours end
   * later in it.
   */
  within(graceMs: number): ConfigurationSnapshot
  /**
   * Which of these instances is longest past the ordinary end of its configuration or list; undefined when
   * none is.
   */
  overdue(instances: readonly string[]): Overdue | undefined
  /** The suspensions of our instance or a federated one. */
  suspensionsIn(instance: string): SuspensionIndex
  /**
   * Whether its CA said that this certificate (SHA-256, lower-case hex) is revoked, after its owner's last
   * good OCSP response. It counts for the instance whose approved responder was asked, and for no other.
   */
  isRevoked(sha256: string, instance: string): boolean
  instance: string
  /** Whose credentials our instance trusts, and trusted. */
  trustedIssuers: readonly PublishedIssuer[]
  /**
   * The index of the own or a federated instance; undefined when the instance is unknown or its configuration
   * has expired.
   */
  indexFor(instance: string): ConfigurationIndex | undefined
  /** The indexes of all instances that have not expired, the own one first. */
  indexes(): ConfigurationIndex[]
  /**
   * The files of X-Road's GET /verificationconf, read from disk, and each instance's own certificate
   * profiles.
   */
  verificationFiles(): { name: string; content: Buffer }[]
}

/**
 * `copies` has the own instance first. `layout` is the folder in X-Road's layout that contains them. `listOf`
 * returns the suspension list of an instance, `revoked` holds names by `certificateIn`.
 */
export function createSnapshot(
  copies: InstanceCopy[],
  layout: string,
  clock: Clock,
  listOf: (instance: string) => KeptSuspensionList | undefined,
  revoked: ReadonlySet<string>,
): ConfigurationSnapshot {
  const [own, ...federated] = copies as [InstanceCopy, ...InstanceCopy[]]
  const lists = new Map(copies.map(({ instance }) => [instance, listOf(instance)]))
  const ends = new Map(copies.map((copy) => [copy.instance, endOf(copy, lists.get(copy.instance))]))
  const views = new Map<number, ConfigurationSnapshot>()

  function within(graceMs: number): ConfigurationSnapshot {
    const known = views.get(graceMs)
    if (known !== undefined) return known
    const isUsable = ({ instance }: InstanceCopy): boolean => {
      const { at, graceMs: published } = ends.get(instance)!
      return clock() < at + Math.min(graceMs, published)
    }
    const usable = (): InstanceCopy[] => [own, ...federated.filter(isUsable)]
    const view: ConfigurationSnapshot = Object.freeze({
      index: own.index,
      version: versionOf(usable(), lists, revoked),
      expiresAt: own.expiresAt,
      statementIndex: own.statement?.index,
      configurationHead: own.logHead?.text,
      suspensionsUntil: suspensionsUntil(own, lists.get(own.instance)),
      graceMsOf: (instance: string) => ends.get(instance)?.graceMs ?? 0,
      within,
      overdue: (instances: readonly string[]) => {
        const now = clock()
        let first: End | undefined
        for (const instance of instances) {
          const end = ends.get(instance)
          if (end !== undefined && end.at <= now && end.at < (first?.at ?? Number.POSITIVE_INFINITY))
            first = end
        }
        return first && { code: first.code, since: first.at, forMs: now - first.at }
      },
      suspensionsIn: (instance: string) => lists.get(instance)?.index ?? NOBODY_SUSPENDED,
      isRevoked: (sha256: string, instance: string) => revoked.has(certificateIn(instance, sha256)),
      instance: own.instance,
      trustedIssuers: own.statement?.trustedIssuers ?? [],
      indexFor: (instance: string) => usable().find((copy) => copy.instance === instance)?.index,
      indexes: () => usable().map((copy) => copy.index),
      verificationFiles: () => [
        { name: 'instance-identifier', content: Buffer.from(own.instance) },
        ...usable().flatMap((copy) => verificationFiles(copy, layout)),
      ],
    })
    views.set(graceMs, view)
    return view
  }
  return within(0)
}

/** The name of a certificate (SHA-256, lower-case hex) as one instance judges it. */
export function certificateIn(instance: string, sha256: string): string {
  return `${instance} ${sha256}`
}

/**
 * When a copy ends for all (ms), by which of its documents, and how long after it contracts with a grace may
 * use it.
 */
type End = { at: number; code: Overdue['code']; graceMs: number }

export function endOf(copy: InstanceCopy, held: KeptSuspensionList | undefined): End {
  const configuration = copy.expiresAt.getTime()
  const list = suspensionsUntil(copy, held)?.getTime() ?? Number.POSITIVE_INFINITY
  const graceMs = graceOf(copy)
  return list < configuration
    ? { at: list, code: 'suspension_list_outdated', graceMs }
    : { at: configuration, code: 'global_conf_outdated', graceMs }
}

function graceOf({ statement }: InstanceCopy): number {
  if (statement?.graceUntil === undefined) return 0
  return Date.parse(statement.graceUntil) - Date.parse(statement.expireDate)
}

function suspensionsUntil(copy: InstanceCopy, held: KeptSuspensionList | undefined): Date | undefined {
  if (copy.statement?.hasSuspensionList !== true) return undefined
  return new Date(held === undefined ? 0 : Date.parse(held.list.expiresAt))
}

/**
 * Changes as soon as somebody is suspended, a certificate is revoked, or one of these ends: verdicts and
 * connections are then checked again.
 */
function versionOf(
  copies: InstanceCopy[],
  lists: ReadonlyMap<string, KeptSuspensionList | undefined>,
  revoked: ReadonlySet<string>,
): string {
  const version = contentVersion(copies)
  const suspended = copies.flatMap(({ instance }) =>
    (lists.get(instance)?.list.suspended ?? []).map(({ kind, id }) => `${instance} ${kind} ${id}`),
  )
  if (suspended.length === 0 && revoked.size === 0) return version
  return createHash('sha256')
    .update(JSON.stringify([version, ...suspended.sort(), ...[...revoked].sort()]))
    .digest('base64url')
}

/** A digest of the content of each instance. */
export function contentVersion(copies: InstanceCopy[]): string {
  const hash = createHash('sha256')
  for (const { instance, parts, statement } of copies) {
    // Verdicts also depend on the profiles by which subjects are read, and on whose credentials count.
    for (const name of [CERTIFICATE_PROFILES_PART, TRUSTED_ISSUERS_PART]) {
      const list = statement?.parts[name]
      if (list !== undefined) hash.update(`${JSON.stringify([instance, name, list.sha512])}\n`)
    }
    for (const { part } of parts)
      hash.update(`${JSON.stringify([instance, part.identifier, part.hash.toString('hex')])}\n`)
  }
  return hash.digest('base64url')
}

/** X-Road puts only the version into this metadata of `GET /verificationconf`. */
function verificationFiles(copy: InstanceCopy, layout: string): { name: string; content: Buffer }[] {
  const folder = folderName(copy.instance)
  const name = `${folder}/shared-params.xml`
  const profiles = profilesFile(copy)
  const metadata = JSON.stringify({ configurationVersion: String(copy.directory.version) })
  return [
    { name, content: readFileSync(path.join(layout, name)) },
    { name: `${name}.metadata`, content: Buffer.from(metadata) },
    // X-Road's readers read only the files whose names they know.
    ...(profiles === undefined ? [] : [{ name: `${folder}/${PROFILES_FILE}`, content: profiles }]),
  ]
}

/**
 * Of any contract: for what is done before the contract of a call is known, or for all calls, such as the
 * status of certificates.
 */
export const ANY_GRACE = Number.POSITIVE_INFINITY

/** The current configuration; undefined when there is none or it may not be used. */
export function inForce(configuration: {
  current(): ConfigurationSnapshot
}): ConfigurationSnapshot | undefined {
  try {
    return configuration.current()
  } catch {
    return undefined
  }
}

/** As `inForce`, and as long as any contract may go on. */
export function lasting(configuration: {
  currentWithin(graceMs: number): ConfigurationSnapshot
}): ConfigurationSnapshot | undefined {
  return inForce({ current: () => configuration.currentWithin(ANY_GRACE) })
}

/**
 * The subsystem that the registry is asked at, in text form; undefined without a configuration, or when it
 * names none.
 */
export function managementOf(configuration: Parameters<typeof inForce>[0]): string | undefined {
  const provider = inForce(configuration)?.index.privateParameters?.managementService?.providerId
  return provider === undefined ? undefined : idText(provider)
}
