/**
 * Operations on nodes: which there are and how they are, secrets for new ones, and those that are gone for
 * good.
 */
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Joining } from './join.ts'
import { keyChangeOf } from './key-change.ts'
import type { NodeRow } from './migrations.ts'
import { type Difference, settingShown } from './setting-values.ts'
import type { SettingsOfNodes } from './settings-of-nodes.ts'
import type { NodeStore } from './store.ts'
import { isLive, LIVE_MS, readTold } from './told.ts'

const MOST_MINUTES = 60

type NodeRooms = {
  node: string
  store: Pick<NodeStore, 'list' | 'get' | 'leave' | 'now'>
  /** Undefined where nodes share nothing. */
  joining: Joining | undefined
  settings: Pick<SettingsOfNodes, 'differences'> | undefined
  /** Folders that no node shares through the database. */
  ownFolders: readonly string[]
  /** The address of this node's management API. */
  ownUrl: string
  /** Closes what a node that is gone for good has left open. */
  takeOver(node: string): Promise<void>
}

export function nodeHandlers(rooms: NodeRooms): Handlers {
  const { store } = rooms
  const joining = (): Joining => {
    if (rooms.joining !== undefined) return rooms.joining
    throw new Fault('conflict', {
      what: say`this server is one node: nodes.clusterKeyFile in its settings makes it ready for others`,
    })
  }
  return {
    async getNodes() {
      const [rows, now] = [await store.list(), await store.now()]
      const mine = rows.find(({ name }) => name === rooms.node)
      const clusterKeys = mine && readTold(mine.told).clusterKeys
      const differences = await rooms.settings?.differences(rows, clusterKeys)
      return {
        sharesFiles: rooms.joining !== undefined,
        ownFolders: rooms.ownFolders,
        clusterKeys: keyChangeView(rows, mine),
        nodes: rows.map((row) =>
          viewOf(row, { now, node: rooms.node, differences: differences?.get(row.name) ?? [] }),
        ),
      }
    },
    async addJoinSecret({ body, caller }) {
      const { url = rooms.ownUrl, minutes = MOST_MINUTES } = (body ?? {}) as {
        url?: string
        minutes?: number
      }
      checkUrl(url)
      return answer(await joining().ask({ caller: caller.id, url, minutes }), { status: 201 })
    },
    async takeJoinSecret({ params, caller }) {
      const secret = await joining().show({ caller: caller.id, id: params['secret']! })
      return answer({ secret }, { status: 201 })
    },
    async removeNode({ params }) {
      // A node without others has nobody to take over what it left open.
      joining()
      const name = params['node']!
      const row = await store.get(name)
      if (row === undefined) throw new Fault('not_found', { what: say`there is no such node` })
      const now = await store.now()
      const q = { at: new Date(now).toISOString(), unseenSince: new Date(now - LIVE_MS).toISOString() }
      // Again for one that has left: whoever took it over before may have ended in between.
      if (name === rooms.node || (row.left_at === null && !(await store.leave(name, q))))
        throw new Fault('conflict', {
          what: say`the node is alive: stop it first, and wait for half a minute`,
        })
      await rooms.takeOver(name)
    },
  }
}

/** Null where the node has one line, and nothing is under another one: nothing is replaced. */
function keyChangeView(rows: NodeRow[], mine: NodeRow | undefined) {
  const { clusterKeys = [] } = mine === undefined ? {} : readTold(mine.told)
  const state = keyChangeOf(rows, clusterKeys)
  return state.lines > 1 || state.left > 0 ? state : null
}

function viewOf(row: NodeRow, q: { now: number; node: string; differences: Difference[] }) {
  const told = readTold(row.told)
  const alive = isLive(row, q.now)
  return {
    ...{ name: row.name, isThis: row.name === q.node, version: row.version },
    ...{ startedAt: row.started_at, seenAt: row.seen_at, leftAt: row.left_at },
    state: row.left_at !== null ? 'LEFT' : !alive ? 'SILENT' : told.ready ? 'READY' : 'NOT_READY',
    ...{ reasons: told.reasons, clockAheadMs: told.clockAheadMs },
    // Of a version that tells no values there is only the name.
    differingSettings: q.differences.map(({ name, here, there }) => ({
      ...{ name, here: settingShown(here), there: settingShown(there) },
    })),
    worker: told.worker ?? null,
  }
}

/** Throws `invalid_input` for an address that leads another machine nowhere. */
function checkUrl(text: string): void {
  const url = new URL(text)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (host === '0.0.0.0' || host === '::')
    throw new Fault('invalid_input', {
      what: say`the address of this node's management API as the new node reaches it is needed`,
    })
  if (url.protocol === 'http:' && !isLoopback(host))
    throw new Fault('invalid_input', { what: say`a node is joined over HTTPS` })
}
