/**
 * The job of reconciliation. Once for each day it finds out which pairs have something to compare; then it
 * compares the pairs that wait. It can be interrupted at any point, because the rows state what is left.
 */
import { isSettled, openDays, windowOf } from '#core/reconciliation/day.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { idText, parseMemberId, parseServerId } from '#schemas/identifiers.ts'
import { reconcile } from './initiate.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { secrecyOf } from './secrecy.ts'
import type { DayPair, StoredReconciliation } from './store.ts'

const HOUR_MS = 3_600_000
const STALE_MS = 24 * HOUR_MS
/** After this time a server that did not answer is asked again. */
const AGAIN_MS = HOUR_MS
/** For so long the server with the greater identifier waits for the other server to start. */
const SECOND_WAITS_MS = HOUR_MS
/** The day has to have settled by the other side's clock as well. */
const CLOCKS_DIFFER_MS = 15 * 60_000
const PAIRS_A_RUN = 200

/** Compares the pairs that wait. Each is compared on its own, so that a failure does not stop the others. */
export async function run(rooms: ReconciliationRooms, log: Log): Promise<void> {
  const now = rooms.clock()
  const iso = (ms: number): string => new Date(ms).toISOString()
  const { store } = rooms
  await store.forgetStale(iso(now - STALE_MS))
  const days = openDays(now)
  for (const day of days) {
    if (!(await store.isPlanned(day))) await store.plan(day, await pairsOf(day, rooms), iso(now))
  }
  const [oldest] = days
  if (oldest === undefined) return
  const waiting = await store.waiting({ day: oldest, triedBefore: iso(now - AGAIN_MS), limit: PAIRS_A_RUN })
  for (const row of waiting) {
    if (!isOurTurn(row, now, rooms)) continue
    const pair = pairOf(row)
    const state = await reconcile(pair, rooms)
    const { error, counts } = (await store.find(pair)) ?? { error: '', counts: '' }
    const line = { half: 'reconciliation', ...pair, outcome: state, counts, reason: error || undefined }
    log[state === 'concluded' ? 'info' : 'warn'](line, 'reconciliation')
  }
}

function pairOf(row: StoredReconciliation): DayPair {
  return { day: row.day, own: row.own_member, peer: row.peer_member, server: row.peer_server }
}

/** Two servers that start at the same time would end each other's sessions, so one of them goes first. */
function isOurTurn(row: StoredReconciliation, now: number, { server }: ReconciliationRooms): boolean {
  const waits = idText(server) < row.peer_server ? CLOCKS_DIFFER_MS : SECOND_WAITS_MS
  return isSettled(row.day, now - waits)
}

/**
 * Each of our members with each member that it exchanged messages with, and the server of that member. If no
 * record names the server, all servers of that member.
 */
async function pairsOf(day: string, rooms: ReconciliationRooms): Promise<(DayPair & { secrecy: number })[]> {
  const { index, indexFor } = rooms.globalConfiguration.current()
  const spoken = await rooms.log.reconciliation.pairs(windowOf(day))
  const isOurs = (member: string): boolean => index.isMemberOnServer(rooms.server, parseMemberId(member))
  const isOn = (server: string, member: string): boolean => {
    const id = parseServerId(server)
    return indexFor(id.instance)?.isMemberOnServer(id, parseMemberId(member)) === true
  }
  const serversOf = (member: string): string[] => {
    const id = parseMemberId(member)
    return (indexFor(id.instance)?.serversOfMember(id) ?? []).map((server) => idText(server.id))
  }
  const pairs = new Map<string, DayPair>()
  const add = (own: string, peer: string, server: string): void => {
    if (server === idText(rooms.server) || !isOurs(own) || !isOn(server, peer)) return
    pairs.set(JSON.stringify([own, peer, server]), { day, own, peer, server })
  }
  const named = new Set(
    spoken.filter(({ peer }) => peer !== '').map(({ client, service }) => `${client} ${service}`),
  )
  for (const { client, service, peer } of spoken) {
    if (peer !== '') {
      add(client, service, peer)
      add(service, client, peer)
    } else if (!named.has(`${client} ${service}`)) {
      for (const server of serversOf(service)) add(client, service, server)
    }
  }
  const found: (DayPair & { secrecy: number })[] = []
  for (const pair of pairs.values()) found.push({ ...pair, secrecy: await secrecyOf(pair, rooms) })
  return found
}
