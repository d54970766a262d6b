/**
 * Which information systems take part: those that offer the service to the portal, of all that the global configuration names. Kept for
 * some minutes, since the same for everybody: no person's request waits for it but the first.
 */
import { identifier } from '#adapters/client/identifiers.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { eachAsItEnds } from './each-as-it-ends.ts'
import type { OwnServer } from './own-server.ts'

/** A subsystem: "DEV/GOV/1001/population". */
export type System = { id: string; name: string; owner: string }

export type Systems = {
  asked: System[]
  /** Those that offer the service to nobody, or not to this portal: they say the same of both. */
  absent: System[]
  /** Those that did not say whether they do. */
  silent: System[]
  /** How many more there are than are ever asked. */
  tooMany: number
  /** When this was found out, once that is longer ago than the portal looks. */
  listedAt?: number
  /** Names of members, by "DEV/GOV/1001". */
  members: ReadonlyMap<string, string>
}

export type FindSystems = {
  /** Throws what the own security server refused if it never listed its clients. */
  current(): Promise<Systems>
  /** Whether the last attempt succeeded. */
  isKnown(): boolean
}

const MOST_SYSTEMS = 5_000
const MOST_NAME = 200
const MOST_SERVICES = 1024 * 1024

export function createFindSystems(q: {
  server: Pick<OwnServer, 'listClients' | 'service'>
  serviceCode: string
  atOnce: number
  answerMs: number
  refreshMs: number
  clock: Clock
  log: Log
}): FindSystems {
  let last: { at: number; systems: Systems } | undefined
  let running: Promise<Systems> | undefined
  let isKnown = false
  let askAgainAt = 0
  let pauseMs = q.answerMs

  async function find(): Promise<Systems> {
    const { systems, members, tooMany } = readClients(await q.server.listClients())
    const found = await sort(systems, { asked: [], absent: [], silent: [], members, tooMany })
    pauseMs = q.answerMs
    return found
  }

  /** Asks only those that were silent: one that stays mute makes nobody ask all others again, and is asked ever less often. */
  async function findSilent(before: Systems): Promise<Systems> {
    pauseMs = Math.min(pauseMs * 2, q.refreshMs)
    return sort(before.silent, {
      ...before,
      asked: [...before.asked],
      absent: [...before.absent],
      silent: [],
    })
  }

  async function sort(systems: readonly System[], found: Systems): Promise<Systems> {
    const place = { yes: found.asked, no: found.absent, unknown: found.silent }
    for await (const { system, offers } of eachAsItEnds(systems, q.atOnce, offersTo))
      place[offers].push(system)
    for (const list of Object.values(place)) list.sort((a, b) => (a.id < b.id ? -1 : 1))
    return found
  }

  async function offersTo(system: System): Promise<{ system: System; offers: 'yes' | 'no' | 'unknown' }> {
    try {
      const answer = await q.server
        .service(`${system.id}/allowedMethods`)
        .call('GET', '', { deadlineMs: q.answerMs, retries: 0, maxAnswerBytes: MOST_SERVICES })
      if (answer.status !== 200) {
        await answer.body?.cancel().catch(() => undefined)
        return { system, offers: 'unknown' }
      }
      const { service } = (await answer.json()) as { service?: { service_code?: unknown }[] }
      const codes = Array.isArray(service) ? service.map((one) => one?.service_code) : []
      return { system, offers: codes.includes(q.serviceCode) ? 'yes' : 'no' }
    } catch {
      return { system, offers: 'unknown' }
    }
  }

  /** `at`: from when what it finds is, by the list of clients. */
  function refresh(look: () => Promise<Systems>, at = q.clock()): Promise<Systems> {
    running ??= look()
      .then((systems) => {
        last = { at, systems }
        isKnown = true
        askAgainAt = q.clock() + pauseMs
        return systems
      })
      .catch((thrown: unknown) => {
        isKnown = false
        q.log.warn({ err: thrown }, 'which systems take part could not be asked')
        throw thrown
      })
      .finally(() => {
        running = undefined
      })
    return running
  }

  return {
    isKnown: () => isKnown,
    async current() {
      if (last === undefined) return refresh(find)
      const { at, systems } = last
      const isOld = q.clock() - at >= q.refreshMs
      const isOpen = systems.silent.length > 0 && q.clock() >= askAgainAt
      if (isOld) refresh(find).catch(() => undefined)
      else if (isOpen) refresh(() => findSilent(systems), at).catch(() => undefined)
      return isOld ? { ...systems, listedAt: at } : systems
    },
  }
}

/** Subsystems and members of `GET /listClients`; what is no such thing is left out. */
export function readClients(answer: unknown): {
  systems: System[]
  members: Map<string, string>
  tooMany: number
} {
  const members = new Map<string, string>()
  const systems: System[] = []
  let tooMany = 0
  const listed = (answer as { member?: unknown } | null)?.member
  for (const one of Array.isArray(listed) ? (listed as Record<string, unknown>[]) : []) {
    const { id, name, subsystem_name: own } = one ?? {}
    const codes = (id ?? {}) as Record<string, unknown>
    const text = textOf(codes['xroad_instance'], codes['member_class'], codes['member_code'])
    if (text === undefined) continue
    const owner = isPlainText(name, MOST_NAME) ? name : text
    members.set(text, owner)
    const subsystem = textOf(codes['subsystem_code'])
    if (subsystem === undefined) continue
    if (systems.length >= MOST_SYSTEMS) {
      tooMany++
      continue
    }
    systems.push({ id: `${text}/${subsystem}`, name: isPlainText(own, MOST_NAME) ? own : owner, owner })
  }
  return { systems, members, tooMany }
}

/** The identifier of these codes; undefined if one is none. */
function textOf(...codes: unknown[]): string | undefined {
  try {
    return identifier(...(codes as string[]))
  } catch {
    return undefined
  }
}
