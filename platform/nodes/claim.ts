/**
 * A process takes the name of its node before it does anything under it. A copy of a running machine is
 * refused here, and so is a node that was made to leave; the node itself, which starts again after a crash,
 * is not.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { VERSION } from '#platform/process/version.ts'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { NodeStore } from './store.ts'
import { isLive, LIVE_MS, type Told } from './told.ts'

export type Claimed = {
  /** Made anew by each start: two processes with one name have two of them. */
  instance: string
  startedAt: Time
  /** The schema that it knows (`schemaDigest`). */
  schema: string
  /** No process had the name before. */
  isNew?: boolean
  /** Where one machine has several nodes as workers of one server. */
  worker?: Told['worker']
}

const LOOK_MS = 1000

/**
 * This folder of this running machine: node.lock admits one process to it, so whoever had the name from here
 * before has ended. A copy of the folder or of the machine is another place.
 */
export async function placeOf(directory: string): Promise<string> {
  const [boot, { dev, ino }] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => ''),
    stat(directory, { bigint: true }),
  ])
  // Where no boot is told apart every start is of a new place.
  const text = boot === '' ? randomUUID() : `${boot.trim()} ${dev} ${ino}`
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/**
 * Throws `conflict` when the node has left, or when another process beats under its name. One that was seen
 * lately and is silent now, as after a restart of the machine, is waited for until it counts as gone.
 */
export async function claimName(
  store: Pick<NodeStore, 'now' | 'get' | 'claim'>,
  q: {
    node: string
    place: string
    hasOthers: boolean
    schema: string
    worker?: Told['worker']
    /** The ids of its cluster keys: others seal by none that it lacks. */
    clusterKeys?: Told['clusterKeys']
  },
): Promise<Claimed> {
  const { node, place, hasOthers, schema } = q
  const worker = q.worker && { worker: q.worker }
  const instance = `${place}.${randomUUID()}`
  const nothing: Told = {
    ready: false,
    reasons: [],
    clockAheadMs: 0,
    seen: 0,
    settings: {},
    schema,
    ...worker,
    ...(q.clusterKeys !== undefined && { clusterKeys: q.clusterKeys }),
  }
  const before = await store.get(node)
  const first = before?.seen_at
  for (;;) {
    const now = await store.now()
    const startedAt = new Date(now).toISOString()
    const begun = { name: node, instance, version: VERSION, started_at: startedAt }
    // A server that is one node beats too rarely to be waited for; its database has other locks.
    const unseenSince = hasOthers ? new Date(now - LIVE_MS).toISOString() : undefined
    const told = JSON.stringify(nothing)
    if (await store.claim({ ...begun, told }, { place, unseenSince }))
      return { instance, startedAt, schema, isNew: before === undefined, ...worker }
    const row = await store.get(node)
    if (row?.left_at != null)
      throw new Fault('conflict', {
        what: `the node ${node} was made to leave its server: keep its directory apart, and join again with an empty one`,
      })
    if (row?.seen_at !== first)
      throw new Fault('conflict', {
        what: `another process works under the name of this node, ${node}: a copied machine joins as a node of its own, with an empty directory`,
      })
    await wait(LOOK_MS)
  }
}

/**
 * Those of these names under which no process elsewhere works. A folder that two servers have mounted has
 * names of both, also where settings tell of no other node; who has the lock of this folder is the only one
 * here.
 */
export async function endedOf(
  store: Pick<NodeStore, 'now' | 'list'>,
  { names, place }: { names: readonly string[]; place: string },
): Promise<string[]> {
  if (names.length === 0) return []
  const [rows, now] = [await store.list(), await store.now()]
  const elsewhere = rows.filter((row) => isLive(row, now) && !row.instance.startsWith(`${place}.`))
  return names.filter((name) => !elsewhere.some((row) => row.name === name))
}
