/** What the rest of the server sees of the configuration: immutable, one object for as long as nothing changes. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import { folderName } from './generations.ts'
import type { InstanceCopy } from './instance-copy.ts'

export type ConfigurationSnapshot = {
  /** Of the own instance. */
  index: ConfigurationIndex
  /** Changes whenever content changes: the key for verdict caches. A mere renewal keeps it. */
  version: string
  expiresAt: Date
  /** Of our signed statement; undefined where the source offers none. */
  statementIndex: number | undefined
  instance: string
  /** Of the own or a federated instance; undefined when it is not known or its configuration has expired. */
  indexFor(instance: string): ConfigurationIndex | undefined
  /** Of every instance that is not expired, the own one first. */
  indexes(): ConfigurationIndex[]
  /** The files of X-Road's GET /verificationconf, read from disk. */
  verificationFiles(): { name: string; content: Buffer }[]
}

/** `copies`: the own instance first. `layout`: the folder in X-Road's layout that holds them. */
export function createSnapshot(copies: InstanceCopy[], layout: string, clock: Clock): ConfigurationSnapshot {
  const [own, ...federated] = copies as [InstanceCopy, ...InstanceCopy[]]
  const usable = (): InstanceCopy[] => [
    own,
    ...federated.filter((copy) => copy.expiresAt.getTime() > clock()),
  ]
  return Object.freeze({
    index: own.index,
    version: contentVersion(usable()),
    expiresAt: own.expiresAt,
    statementIndex: own.statement?.index,
    instance: own.instance,
    indexFor: (instance: string) => usable().find((copy) => copy.instance === instance)?.index,
    indexes: () => usable().map((copy) => copy.index),
    verificationFiles: () => [
      { name: 'instance-identifier', content: Buffer.from(own.instance) },
      ...usable().flatMap((copy) => verificationFiles(copy, layout)),
    ],
  })
}

/** A digest over which content each instance has. */
export function contentVersion(copies: InstanceCopy[]): string {
  const hash = createHash('sha256')
  for (const { instance, parts } of copies) {
    for (const { part } of parts)
      hash.update(`${JSON.stringify([instance, part.identifier, part.hash.toString('hex')])}\n`)
  }
  return hash.digest('base64url')
}

/** X-Road puts only the version into the metadata here (wire digest 1.6). */
function verificationFiles(copy: InstanceCopy, layout: string): { name: string; content: Buffer }[] {
  const name = `${folderName(copy.instance)}/shared-params.xml`
  const metadata = JSON.stringify({ configurationVersion: String(copy.directory.version) })
  return [
    { name, content: readFileSync(path.join(layout, name)) },
    { name: `${name}.metadata`, content: Buffer.from(metadata) },
  ]
}
