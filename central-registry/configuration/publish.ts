/**
 * Publishes the configuration. Guarantees that servers fetch a complete, signed configuration that is never
 * older than the one they had: in one transaction it reads the register, takes the next index and adds the
 * next leaf to the transparency log. Nothing in it waits for another host, save a token that is one: whoever
 * waits for it long waits for this machine's processor or disk.
 */
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import type { PublishedLogKeys } from '#schemas/log-cosignature.ts'
import { instanceIn } from './assemble.ts'
import { checkNotRestored, type HighWater } from './high-water.ts'
import { createPrepare } from './prepare-publication.ts'
import type { Prepared } from './prepare-worker.ts'
import type { PrivateKeys } from './signing-keys/private-keys.ts'
import type { Publication, PublicationStore } from './store.ts'
import { followLeaves } from './transparency-log/follow-leaves.ts'
import type { LeafFile } from './transparency-log/leaf-file.ts'
import type { LogStore } from './transparency-log/store.ts'
import { writePublication } from './write-publication.ts'
import { writeShared } from './write-shared.ts'

type Rooms = {
  store: PublicationStore
  /** The database's URL, so that the thread can open its own connection. */
  database: string
  privateKeys: PrivateKeys
  highWater: HighWater
  leafFile: LeafFile
  transparencyLog: Pick<LogStore, 'leaves'>
  /**
   * Makes sure that there is a valid suspension list: without one, servers could not use the configuration.
   */
  ensureSuspensionList(): Promise<unknown>
  /** Writes to this node's folder who is suspended and what is trusted now. */
  remember(): Promise<void>
  now(): Date
  sourceAddress: string
  otherUrls?: readonly string[] | undefined
  validitySeconds: number
  ocspFreshnessSeconds: number
  timeStampingIntervalSeconds: number
  outageGrace: boolean
  registration?: { port: number; certificate: Buffer } | undefined
  /** The keys of the public log that others accept now; undefined without one. */
  logKeys(): Promise<PublishedLogKeys | undefined>
}

/**
 * Publishes now. Undefined before the system is initialised and has a signing key. Throws
 * `global_conf_rollback`, `registry_restored` or `cannot_sign`.
 */
export type Publish = () => Promise<Publication | undefined>

/**
 * A server that read a directory just before it was replaced can still fetch its files (X-Road's
 * ConfigurationDistributor).
 */
const SUPERSEDED_KEPT_MS = 600_000
/**
 * How often a publication is prepared again because the register changed meanwhile. After that it is written
 * inside the transaction, while nobody can change the register.
 */
const MOST_PREPARED = 3

/** Thrown and caught within this file. */
const CHANGED = Symbol('the register has changed')

export function createPublish(rooms: Rooms): Publish {
  const prepare = createPrepare(rooms)
  /** Publishes `prepared` or, without it, the register as read within the transaction. */
  const publishOnce = async (prepared: Prepared | undefined): Promise<Publication | undefined> => {
    const signer = await rooms.store.activeKey()
    if (signer !== undefined) await rooms.privateKeys.ready(signer.id)
    const mark = await rooms.highWater.read()
    // Before the transaction: a database with one connection lends it to one of them at a time.
    const logKeys = await rooms.logKeys()
    return rooms.store.publish(async ({ few, rows, isStill, previous, log, accepted }) => {
      if (prepared !== undefined && !(await isStill(prepared.revision, digestsOf(prepared)))) throw CHANGED
      const instance = instanceIn(few)
      const active = few.signingKeys.find((key) => key.is_active === 1)
      if (instance === undefined || active === undefined) return undefined
      const last = Math.max(previous?.index ?? 0, accepted.index)
      checkNotRestored(last, mark)
      await rooms.leafFile.restore(log, accepted.leaves)
      const index = Math.max(last, mark) + 1
      if (!Number.isSafeInteger(index)) throw new Fault('internal_error', { what: 'no index is left' })
      const key = await rooms.privateKeys.open(active.id)
      // Before the configuration's entry, so that this is the newest leaf under the head.
      await log.appendActs(instance)
      const now = rooms.now()
      const settings = { ...rooms, instance }
      return {
        ...(await writePublication({
          rows: few,
          shared: prepared?.shared ?? writeShared(await rows(), settings),
          index,
          previous,
          now,
          signer: { certificate: active.certificate, key },
          settings,
          logKeys,
          appendToLog: log.append,
        })),
        keptSince: new Date(now.getTime() - SUPERSEDED_KEPT_MS).toISOString(),
      }
    })
  }
  const publishPresent = async (): Promise<Publication | undefined> => {
    for (let times = 0; times < MOST_PREPARED; times++) {
      const prepared = await prepare()
      if (prepared === undefined) break
      try {
        return await publishOnce(prepared)
      } catch (thrown) {
        if (thrown !== CHANGED) throw thrown
      }
    }
    return publishOnce(undefined)
  }
  // One publication at a time: no publication has a reference to the contents that another one has just
  // prepared, and it would remove them.
  const inTurn = createTurn()
  return () =>
    inTurn(async () => {
      await rooms.ensureSuspensionList()
      const publication = await publishPresent()
      if (publication === undefined) return undefined
      await rooms.highWater.raise(publication.index)
      await followLeaves(rooms.leafFile, rooms.transparencyLog)
      await rooms.remember()
      return publication
    })
}

function digestsOf({ shared }: Prepared): string[] {
  return shared.map(({ digest }) => digest)
}
