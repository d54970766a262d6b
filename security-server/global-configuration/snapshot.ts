/** What the rest of the server sees of the configuration: immutable, one object for as long as nothing changes. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PROFILES_FILE } from '#core/certificate/instance-profiles.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { NOBODY_SUSPENDED, type SuspensionIndex } from '#core/configuration/suspension-list.ts'
import type { Clock } from '#platform/clock.ts'
import { CERTIFICATE_PROFILES_PART } from '#schemas/global-configuration.ts'
import { folderName } from './generations.ts'
import { type InstanceCopy, profilesFile } from './instance-copy.ts'
import type { KeptSuspensionList } from './kept-suspension-lists.ts'

export type ConfigurationSnapshot = {
  /** Of the own instance. */
  index: ConfigurationIndex
  /** Changes whenever content changes: the key for verdict caches. A mere renewal keeps it. */
  version: string
  expiresAt: Date
  /** Of our signed statement; undefined where the source offers none. */
  statementIndex: number | undefined
  /** The registry's signed log head under that statement, for other servers to compare. */
  configurationHead: string | undefined
  /** When our instance's suspension list ends, the beginning of time before it came; undefined where there is none. */
  suspensionsUntil: Date | undefined
  /** Who is suspended in our instance or a federated one. */
  suspensionsIn(instance: string): SuspensionIndex
  instance: string
  /** Of the own or a federated instance; undefined when it is not known or its configuration has expired. */
  indexFor(instance: string): ConfigurationIndex | undefined
  /** Of every instance that is not expired, the own one first. */
  indexes(): ConfigurationIndex[]
  /** The files of X-Road's GET /verificationconf, read from disk, and each instance's own certificate profiles. */
  verificationFiles(): { name: string; content: Buffer }[]
}

/**
 * `copies`: the own instance first. `layout`: the folder in X-Road's layout that holds them. `listOf`: the suspension list
 * of an instance.
 */
export function createSnapshot(
  copies: InstanceCopy[],
  layout: string,
  clock: Clock,
  listOf: (instance: string) => KeptSuspensionList | undefined,
): ConfigurationSnapshot {
  const [own, ...federated] = copies as [InstanceCopy, ...InstanceCopy[]]
  const lists = new Map(copies.map(({ instance }) => [instance, listOf(instance)]))
  const usable = (): InstanceCopy[] => [
    own,
    ...federated.filter(
      (copy) =>
        copy.expiresAt.getTime() > clock() &&
        (suspensionsUntil(copy, lists.get(copy.instance))?.getTime() ?? Infinity) > clock(),
    ),
  ]
  return Object.freeze({
    index: own.index,
    version: versionOf(usable(), lists),
    expiresAt: own.expiresAt,
    statementIndex: own.statement?.index,
    configurationHead: own.logHead?.text,
    suspensionsUntil: suspensionsUntil(own, lists.get(own.instance)),
    suspensionsIn: (instance: string) => lists.get(instance)?.index ?? NOBODY_SUSPENDED,
    instance: own.instance,
    indexFor: (instance: string) => usable().find((copy) => copy.instance === instance)?.index,
    indexes: () => usable().map((copy) => copy.index),
    verificationFiles: () => [
      { name: 'instance-identifier', content: Buffer.from(own.instance) },
      ...usable().flatMap((copy) => verificationFiles(copy, layout)),
    ],
  })
}

function suspensionsUntil(copy: InstanceCopy, held: KeptSuspensionList | undefined): Date | undefined {
  if (copy.statement?.hasSuspensionList !== true) return undefined
  return new Date(held === undefined ? 0 : Date.parse(held.list.expiresAt))
}

/** Another one as soon as somebody is suspended or no longer so: verdicts and connections are looked at again. */
function versionOf(
  copies: InstanceCopy[],
  lists: ReadonlyMap<string, KeptSuspensionList | undefined>,
): string {
  const version = contentVersion(copies)
  const suspended = copies.flatMap(({ instance }) =>
    (lists.get(instance)?.list.suspended ?? []).map(({ kind, id }) => `${instance} ${kind} ${id}`),
  )
  if (suspended.length === 0) return version
  return createHash('sha256')
    .update(JSON.stringify([version, ...suspended.sort()]))
    .digest('base64url')
}

/** A digest over which content each instance has. */
export function contentVersion(copies: InstanceCopy[]): string {
  const hash = createHash('sha256')
  for (const { instance, parts, statement } of copies) {
    // Verdicts hang on how subjects are read too.
    const profiles = statement?.parts[CERTIFICATE_PROFILES_PART]
    if (profiles !== undefined) hash.update(`${JSON.stringify([instance, profiles.sha512])}\n`)
    for (const { part } of parts)
      hash.update(`${JSON.stringify([instance, part.identifier, part.hash.toString('hex')])}\n`)
  }
  return hash.digest('base64url')
}

/** X-Road puts only the version into the metadata here (wire digest 1.6). */
function verificationFiles(copy: InstanceCopy, layout: string): { name: string; content: Buffer }[] {
  const folder = folderName(copy.instance)
  const name = `${folder}/shared-params.xml`
  const profiles = profilesFile(copy)
  const metadata = JSON.stringify({ configurationVersion: String(copy.directory.version) })
  return [
    { name, content: readFileSync(path.join(layout, name)) },
    { name: `${name}.metadata`, content: Buffer.from(metadata) },
    // X-Road's readers take the files that they know by name.
    ...(profiles === undefined ? [] : [{ name: `${folder}/${PROFILES_FILE}`, content: profiles }]),
  ]
}

/** The configuration in force; undefined while there is none, or none that may be used. */
export function inForce(configuration: {
  current(): ConfigurationSnapshot
}): ConfigurationSnapshot | undefined {
  try {
    return configuration.current()
  } catch {
    return undefined
  }
}
