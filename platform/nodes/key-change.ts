/**
 * A new cluster key, without a node that cannot read on. A line seals once every node that has not left has
 * it; all of them open. Once each node seals by the newest line, what lies in the databases under older ones
 * is sealed under it, too, and the older lines can go.
 */
import type { Job } from '#platform/feature.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { type ClusterKeys, sealBy, sealingKey } from '#platform/shared-files/cluster-key.ts'
import type { SealedAnew } from '#platform/shared-files/seal-anew.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { NodeRow } from './migrations.ts'
import type { NodeStore } from './store.ts'
import { isLive, readTold, type Told } from './told.ts'

/** One pass over the rows of a room. */
export type SealAnew = (signal: AbortSignal) => Promise<SealedAnew>

/** How far the change is; with one line, whether another one is missing. */
export type KeyChangeState = {
  lines: Whole
  /**
   * Nodes that have not left, live or silent: those that lack the newest line, and if all have it those that
   * do not seal by it.
   */
  waitsFor: string[]
  /** Nothing is under an older line any more, and nobody seals by one. */
  isDone: boolean
  /** Rows under a key that no line of the file is, as the newest pass found them. */
  left: Whole
}

/** It runs when it is due; a recurring job has an interval, too. */
const SELDOM_SECONDS = 86_400
/**
 * What was sealed by an older line before its node changed is in the database by then: no statement takes
 * half as long.
 */
const SETTLE_MS = 10_000
/** A pass that could not open all is tried again so often. */
const AGAIN_MS = 3_600_000

/** The newest line that every node that has not left has; -1 for none. Versions before tell of none. */
function lineOfAll({ lines }: ClusterKeys, rows: readonly NodeRow[]): number {
  const there = rows.filter(({ left_at }) => left_at === null).map(({ told }) => readTold(told).clusterKeys)
  return lines.findLastIndex(({ id }) => there.every((ids) => ids?.includes(id) === true))
}

/**
 * Says which line a node begins with, before it seals anything: the newest that every node has, or by which
 * one of them has sealed already (`used`), as it did only when every node had it.
 */
export function beginSealing(keys: ClusterKeys, q: { rows: readonly NodeRow[]; used: Set<string> }): void {
  const inUse = keys.lines.findLastIndex(({ id }) => q.used.has(id))
  const first = Math.max(lineOfAll(keys, q.rows), inUse)
  if (first >= 0) sealBy(keys, first)
}

/** By what the nodes tell; `mine` are the lines of the node that asks. */
export function keyChangeOf(rows: readonly NodeRow[], mine: readonly string[]): KeyChangeState {
  const { waitsFor, pass } = progressOf(rows, mine)
  const left = pass?.left ?? 0
  return {
    lines: mine.length,
    ...{ waitsFor, left },
    isDone: waitsFor.length === 0 && pass !== undefined && left === 0,
  }
}

/**
 * `since`: when the last node began to seal by its line, or left. A pass of before may have missed what was
 * written until then.
 */
function progressOf(
  rows: readonly NodeRow[],
  mine: readonly string[],
): { waitsFor: string[]; since: string; pass: Told['sealedAnew'] } {
  const newest = mine.at(-1)
  const nodes = rows.map(({ name, left_at, told }) => ({ name, left_at, ...readTold(told) }))
  const there = nodes.filter(({ left_at }) => left_at === null)
  const lacking = there.filter(({ clusterKeys }) => newest === undefined || !clusterKeys?.includes(newest))
  const waitsFor = lacking.length > 0 ? lacking : there.filter(({ sealsUnder }) => sealsUnder?.key !== newest)
  const since = nodes.map(({ left_at, sealsUnder }) => left_at ?? sealsUnder?.since ?? '').sort()
  const passes = nodes.flatMap(({ sealedAnew }) =>
    sealedAnew !== undefined && sealedAnew.key === newest && sealedAnew.at > (since.at(-1) ?? '')
      ? [sealedAnew]
      : [],
  )
  return {
    waitsFor: waitsFor.map(({ name }) => name),
    since: since.at(-1) ?? '',
    pass: passes.sort((a, b) => (a.at < b.at ? -1 : 1)).at(-1),
  }
}

export type KeyChange = ReturnType<typeof createKeyChange>

export function createKeyChange(q: {
  node: string
  keys: ClusterKeys
  store: Pick<NodeStore, 'list' | 'now'>
  log: Pick<Log, 'info' | 'warn'>
  rooms: readonly SealAnew[]
  /** Tells the others at once. */
  tell(): Promise<void>
}) {
  const { keys, log } = q
  const mine = keys.lines.map(({ id }) => id)
  let sealsUnder: Told['sealsUnder']
  let sealedAnew: Told['sealedAnew']
  let state: KeyChangeState | undefined
  let seemsDue = false

  // A node that does not beat knows nothing of the others.
  const isDue = (rows: readonly NodeRow[], now: number): boolean => {
    const { waitsFor, since, pass } = progressOf(rows, mine)
    const own = rows.find(({ name }) => name === q.node)
    if (own === undefined || !isLive(own, now) || waitsFor.length > 0) return false
    if (pass !== undefined) return pass.left > 0 && now > Date.parse(pass.at) + AGAIN_MS
    return now > Date.parse(since) + SETTLE_MS
  }
  return {
    told: (): Pick<Told, 'clusterKeys' | 'sealsUnder' | 'sealedAnew'> => ({
      clusterKeys: mine,
      ...(sealsUnder !== undefined && { sealsUnder }),
      ...(sealedAnew !== undefined && { sealedAnew }),
    }),
    state: () => state,
    /**
     * With every beat. A newer line once it seals is never left again. Returns whether it now tells something
     * else than before.
     */
    follow(rows: readonly NodeRow[], now: number): boolean {
      const line = lineOfAll(keys, rows)
      if (line > mine.indexOf(sealingKey(keys).id)) sealBy(keys, line)
      ;[state, seemsDue] = [keyChangeOf(rows, mine), isDue(rows, now)]
      const { id } = sealingKey(keys)
      if (sealsUnder?.key === id) return false
      sealsUnder = { key: id, since: new Date(now).toISOString() }
      return true
    },
    job: {
      kind: 'seal-under-newest-key',
      everySeconds: SELDOM_SECONDS,
      isDue: () => seemsDue,
      async run({ signal }) {
        const now = await q.store.now()
        if (!isDue(await q.store.list(), now)) return
        const done = { sealed: 0, left: 0 }
        for (const sealAnew of q.rooms) {
          const { sealed, left } = await sealAnew(signal)
          done.sealed += sealed
          done.left += left
        }
        sealedAnew = { key: mine.at(-1)!, at: new Date(now).toISOString(), left: done.left }
        if (done.left > 0)
          log.warn(done, 'some of what nodes share is under a cluster key that this node does not have')
        else if (mine.length > 1)
          log.info(done, 'all that nodes share is sealed under the newest line of the cluster key')
        await q.tell()
      },
    } satisfies Job,
  }
}
