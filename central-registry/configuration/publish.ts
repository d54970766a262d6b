/**
 * Guarantees that what servers fetch is whole, signed and never older than what they had: it says what the register holds
 * at that moment, under the next index and as the next leaf of the transparency log, in one transaction.
 */
import { Fault } from '#schemas/fault.ts'
import type { LeafFile } from '../transparency-log/leaf-file.ts'
import type { LogStore } from '../transparency-log/store.ts'
import { checkNotRestored, type HighWater } from './high-water.ts'
import type { PrivateKeys } from './signing-keys/private-keys.ts'
import type { Publication, PublicationStore } from './store.ts'
import { writePublication } from './write-publication.ts'

type Rooms = {
  store: PublicationStore
  privateKeys: PrivateKeys
  highWater: HighWater
  leafFile: LeafFile
  transparencyLog: Pick<LogStore, 'leaves'>
  /** Makes sure that there is a suspension list that holds: without one nobody could use what is published. */
  ensureSuspensionList(): Promise<unknown>
  /** Goes on above the mark instead of refusing a database that was restored from a backup. */
  acceptRestored: boolean
  now(): Date
  sourceAddress: string
  validitySeconds: number
  ocspFreshnessSeconds: number
  timeStampingIntervalSeconds: number
  registration?: { port: number; certificate: Buffer } | undefined
}

/** Undefined before the system is initialised and has a key. Throws `global_conf_rollback`, `cannot_sign`. */
export type Publish = () => Promise<Publication | undefined>

/** Who read a directory just before it was replaced still finds its files (wire digest 5.1). */
const SUPERSEDED_KEPT_MS = 600_000
const LEAVES_AT_ONCE = 1000

export function createPublish(rooms: Rooms): Publish {
  return async () => {
    await rooms.ensureSuspensionList()
    const signer = await rooms.store.activeKey()
    if (signer !== undefined) await rooms.privateKeys.ready(signer.id)
    const mark = await rooms.highWater.read()
    const publication = await rooms.store.publish(async ({ rows, previous, log }) => {
      const instance = rows.parameters.find(({ name }) => name === 'instance')?.value
      const active = rows.signingKeys.find((key) => key.is_active === 1)
      if (instance === undefined || active === undefined) return undefined
      const last = previous?.index ?? 0
      if (!rooms.acceptRestored) checkNotRestored(last, mark)
      await rooms.leafFile.restore(log, rooms.acceptRestored)
      const index = Math.max(last, mark) + 1
      if (!Number.isSafeInteger(index)) throw new Fault('internal_error', { what: 'no index is left' })
      const key = await rooms.privateKeys.open(active.id)
      // Before the configuration, whose leaf is the newest under the head.
      await log.appendActs(instance)
      const now = rooms.now()
      return {
        ...(await writePublication({
          rows,
          index,
          previous,
          now,
          signer: { certificate: active.certificate, key },
          settings: { ...rooms, instance },
          appendToLog: log.append,
        })),
        keptSince: new Date(now.getTime() - SUPERSEDED_KEPT_MS).toISOString(),
      }
    })
    if (publication === undefined) return undefined
    await rooms.highWater.raise(publication.index)
    await rooms.leafFile.follow((from) => rooms.transparencyLog.leaves(from, LEAVES_AT_ONCE))
    return publication
  }
}
