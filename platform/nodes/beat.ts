/**
 * The beat of this node: every few seconds it says that it lives and how it is, and sees whether another
 * process has its name, whether its clock is that of the database, whether its settings are those of the
 * others, and whether it reaches their bodies.
 */
import type { Clock } from '#platform/clock.ts'
import type { Finding, Health } from '#platform/health/create-health.ts'
import type { SharedFiles } from '#platform/shared-files/shared-files.ts'
import type { Fault } from '#schemas/fault.ts'
import { listed, say } from '#schemas/said.ts'
import type { Claimed } from './claim.ts'
import type { KeyChange, KeyChangeState } from './key-change.ts'
import type { NodeRow } from './migrations.ts'
import type { SettingsOfNodes } from './settings-of-nodes.ts'
import type { NodeStore } from './store.ts'
import { BEAT_SECONDS, healthNow, isLive, type Told } from './told.ts'

/** A clone is told for so long after it was last seen. */
const CLONED_MS = 60_000
const CLOCK_WARNS_MS = 10_000
/** Peers refuse a signing time that differs by more than this. */
const CLOCK_STOPS_MS = 5 * 60_000

/** Of settings that differ, in one sentence. */
const MOST_NAMES = 5

const NONE: ReadonlySet<string> = new Set()

type Beat = {
  run(): Promise<void>
  finding(): Finding
}

export function createBeat(q: {
  node: string
  claimed: Claimed
  store: NodeStore
  clock: Clock
  health: Pick<Health, 'report'>
  /** Its checks that have a reason also while nothing is wrong. */
  informing?: ReadonlySet<string> | undefined
  sharedFiles: Pick<SharedFiles, 'trouble' | 'seen'> | undefined
  /** Why what another node changed is not in use here. */
  trouble?: (() => Fault | undefined) | undefined
  /** Undefined for a server that is one node. */
  settings: Pick<SettingsOfNodes, 'told' | 'differences' | 'sealAnew'> | undefined
  keyChange?: Pick<KeyChange, 'told' | 'follow' | 'state'> | undefined
  /** Whether bodies that the other node logs are out of reach here. */
  isApart(other: string): boolean
  everySeconds: number
  /** Called once when this node was made to leave: what it goes on with, another node has closed. */
  onLeft: () => void
}): Beat {
  const { node, store, claimed } = q
  const { instance, startedAt, schema, worker } = claimed
  let clockAheadMs = 0
  let hasLeft = false
  let clonedUntil = 0
  let others: { node: string; settings: string[] }[] = []
  let apart: string | undefined

  const databaseNow = async (): Promise<number> => {
    const before = q.clock()
    const now = await store.now()
    clockAheadMs = Math.round((before + q.clock()) / 2 - now)
    return now
  }
  const told = async (): Promise<string> =>
    JSON.stringify({
      ...(await healthNow(q.health, q.informing ?? NONE)),
      ...{ clockAheadMs, schema, settings: {}, seen: q.sharedFiles?.seen() ?? 0 },
      ...q.settings?.told,
      ...(q.everySeconds !== BEAT_SECONDS && { everySeconds: q.everySeconds }),
      ...(worker !== undefined && { worker }),
      ...q.keyChange?.told(),
    } satisfies Told)

  const look = async (rows: NodeRow[], now: number): Promise<void> => {
    const mine = rows.find(({ name }) => name === node)
    if (mine?.left_at != null && !hasLeft) q.onLeft()
    hasLeft = mine?.left_at != null
    if (mine !== undefined && !hasLeft && mine.instance !== instance) {
      await store.noteClone(node, new Date(now).toISOString())
      clonedUntil = now + CLONED_MS
    }
    // Noted by the other process of this name, which began before this one.
    const noted = mine?.cloned_at
    if (noted != null && noted >= startedAt)
      clonedUntil = Math.max(clonedUntil, Date.parse(noted) + CLONED_MS)
    if (clonedUntil < now) clonedUntil = 0
    const live = rows.filter((row) => row.name !== node && isLive(row, now))
    apart = live.map(({ name }) => name).find(q.isApart)
    const differences = await q.settings?.differences(live, q.keyChange?.told().clusterKeys)
    others = [...(differences ?? [])].map(([name, settings]) => ({
      node: name,
      settings: settings.map((one) => one.name),
    }))
  }

  return {
    async run() {
      const now = await databaseNow()
      const tell = async (): Promise<NodeRow[]> => {
        await store.beat({ name: node, instance, told: await told(), at: new Date(now).toISOString() })
        return store.list()
      }
      const rows = await tell()
      await look(rows, now)
      const isNew = q.keyChange?.follow(rows, await store.now()) === true
      // Before the others hear that it seals by this line.
      if (!hasLeft) await q.settings?.sealAnew()
      // The others wait for it.
      if (isNew) q.keyChange!.follow(await tell(), now)
    },
    finding() {
      const trouble = q.sharedFiles?.trouble() ?? q.trouble?.()
      if (hasLeft)
        return {
          ok: false,
          reason: say`this node was made to leave: stop it, keep its directory apart, and join again with an empty one`,
        }
      if (clonedUntil > 0)
        return {
          ok: false,
          reason: say`another process works under the name of this node, ${node}: stop one of the two; a copied machine joins as a node of its own, with an empty directory`,
        }
      if (trouble !== undefined) return { ok: false, reason: trouble.message }
      const seconds = Math.round(clockAheadMs / 1000)
      if (Math.abs(clockAheadMs) >= CLOCK_WARNS_MS)
        return {
          ok: Math.abs(clockAheadMs) < CLOCK_STOPS_MS,
          reason: say`the clock of this node and that of the database differ by ${Math.abs(seconds)} s: set both by a time server`,
        }
      const [other] = others
      if (other !== undefined) {
        const names = other.settings.slice(0, MOST_NAMES)
        const what = listed(names.length < other.settings.length ? [...names, '…'] : names)
        return {
          ok: true,
          reason: say`settings differ from those of the node ${other.node}: ${what}. The page Nodes shows both; on the node that lacks the right ones, concordat join --refresh takes them over`,
        }
      }
      if (apart === undefined) return changing(q.keyChange?.state())
      return {
        ok: true,
        reason: say`bodies over 64 KiB that the node ${apart} logs cannot be had here, and are gone with its disk: set messageLogBodies to database, or mount one file system at bodies of every node`,
      }
    },
  }
}

/** Nothing stops meanwhile, but an older line that stays is still worth stealing. */
function changing(state: KeyChangeState | undefined): Finding {
  if (state === undefined) return { ok: true }
  const { lines, waitsFor, isDone, left } = state
  if (left > 0)
    return {
      ok: true,
      reason: say`${left} rows of what nodes share are under a cluster key that is not in the key file: put its line before the others in the key file of each node, and restart them one after the other`,
    }
  if (lines < 2) return { ok: true }
  if (waitsFor.length > 0)
    return {
      ok: true,
      reason: say`the cluster key is being replaced: ${listed(waitsFor)} does not seal under the newest line yet; put it into its key file, too, and restart it`,
    }
  if (!isDone)
    return {
      ok: true,
      reason: say`the cluster key is being replaced: what nodes share is being sealed under the newest line`,
    }
  return {
    ok: true,
    reason: say`all that nodes share is sealed under the newest line of the cluster key: remove the older lines from the key file of each node, and restart them one after the other`,
  }
}
