/**
 * Which information systems offer a service to the portal, of all that the global configuration names. Each
 * is asked once for all its services. Kept for some minutes, since the same for everybody: no person's
 * request waits for it but the first.
 */
import { identifier } from '#adapters/client/identifiers.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
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
  /** Other instances whose systems could not be listed. */
  unlisted: readonly string[]
}

export type FindSystems = {
  /**
   * By the code of a service, which is one of `codes`. Throws what the own security server refused if it
   * never listed its clients.
   */
  offering(code: string): Promise<Systems>
  /** Whether a system is known to offer one of these services; nobody is asked. */
  isOffered(codes: readonly string[]): boolean
  /** Whether the last attempt succeeded. */
  isKnown(): boolean
}

const MOST_SYSTEMS = 5_000
const MOST_NAME = 200
const MOST_SERVICES = 1024 * 1024

/** What all systems said: of each the codes that it offers, undefined for one that said nothing. */
type Found = {
  listed: readonly System[]
  offers: ReadonlyMap<System, readonly string[] | undefined>
  members: ReadonlyMap<string, string>
  tooMany: number
  unlisted: readonly string[]
  /** What was made of it for each service. */
  byCode: Map<string, Systems>
}

export function createFindSystems(q: {
  server: Pick<OwnServer, 'listClients' | 'service'>
  /** The services that are looked for; what else a system offers is not kept. */
  codes: readonly string[]
  /** Federated instances whose systems are asked too. */
  instances: readonly string[]
  atOnce: number
  answerMs: number
  refreshMs: number
  clock: Clock
  log: Log
}): FindSystems {
  let last: { at: number; found: Found } | undefined
  let running: Promise<Found> | undefined
  let isKnown = false
  let askAgainAt = 0
  let pauseMs = q.answerMs

  async function find(): Promise<Found> {
    const own = readClients(await q.server.listClients())
    const others = await Promise.all(q.instances.map(listOther))
    const unlisted = q.instances.filter((_, at) => others[at] === undefined)
    const lists = [own, ...others.flatMap((one) => one ?? [])]
    const all = lists.flatMap(({ systems }) => systems)
    const listed = all.slice(0, MOST_SYSTEMS).sort((a, b) => (a.id < b.id ? -1 : 1))
    const members = new Map(lists.flatMap((one) => [...one.members]))
    const tooMany = lists.reduce((sum, one) => sum + one.tooMany, all.length - listed.length)
    const found = { listed, offers: await askThese(listed), members, tooMany, unlisted, byCode: new Map() }
    pauseMs = q.answerMs
    return found
  }

  /** Undefined where it cannot be listed. Another instance may name systems of its own alone. */
  async function listOther(instance: string): Promise<ReturnType<typeof readClients> | undefined> {
    try {
      const { systems, members, tooMany } = readClients(await q.server.listClients(instance))
      const isOwn = (id: string): boolean => id.startsWith(`${instance}/`)
      return {
        systems: systems.filter(({ id }) => isOwn(id)),
        members: new Map([...members].filter(([id]) => isOwn(id))),
        tooMany,
      }
    } catch (thrown) {
      q.log.warn({ err: thrown, instance }, 'the systems of another instance could not be listed')
      return undefined
    }
  }

  /**
   * Asks only those that were silent: one that stays mute makes nobody ask all others again, and is asked
   * ever less often.
   */
  async function findSilent(before: Found): Promise<Found> {
    pauseMs = Math.min(pauseMs * 2, q.refreshMs)
    const offers = new Map([...before.offers, ...(await askThese(silentOf(before)))])
    return { ...before, offers, byCode: new Map() }
  }

  async function askThese(systems: readonly System[]): Promise<Map<System, string[] | undefined>> {
    const offers = new Map<System, string[] | undefined>()
    for await (const { system, codes } of eachAsItEnds(systems, q.atOnce, offersOf)) offers.set(system, codes)
    return offers
  }

  async function offersOf(system: System): Promise<{ system: System; codes: string[] | undefined }> {
    try {
      const answer = await q.server
        .service(`${system.id}/allowedMethods`)
        .call('GET', '', { deadlineMs: q.answerMs, retries: 0, maxAnswerBytes: MOST_SERVICES })
      if (answer.status !== 200) {
        await answer.body?.cancel().catch(() => undefined)
        return { system, codes: undefined }
      }
      const { service } = (await answer.json()) as { service?: { service_code?: unknown }[] }
      const codes = new Set(Array.isArray(service) ? service.map((one) => one?.service_code) : [])
      return { system, codes: q.codes.filter((code) => codes.has(code)) }
    } catch {
      return { system, codes: undefined }
    }
  }

  /** `at`: from when what it finds is, by the list of clients. */
  function refresh(look: () => Promise<Found>, at = q.clock()): Promise<Found> {
    running ??= look()
      .then((found) => {
        last = { at, found }
        isKnown = true
        askAgainAt = q.clock() + pauseMs
        return found
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
    isOffered: (codes) =>
      codes.some((code) => last !== undefined && offering(last.found, code).asked.length > 0),
    async offering(code) {
      if (last === undefined) return offering(await refresh(find), code)
      const { at, found } = last
      const isOld = hasPassed(q.clock(), at, q.refreshMs)
      const isOpen = silentOf(found).length > 0 && q.clock() >= askAgainAt
      if (isOld) refresh(find).catch(() => undefined)
      else if (isOpen) refresh(() => findSilent(found), at).catch(() => undefined)
      const systems = offering(found, code)
      return isOld ? { ...systems, listedAt: at } : systems
    },
  }
}

function silentOf({ listed, offers }: Found): System[] {
  return listed.filter((system) => offers.get(system) === undefined)
}

function offering(found: Found, code: string): Systems {
  const known = found.byCode.get(code)
  if (known !== undefined) return known
  const { listed, offers, members, tooMany, unlisted } = found
  const isOffering = (system: System): boolean => offers.get(system)?.includes(code) === true
  const systems = {
    asked: listed.filter(isOffering),
    absent: listed.filter((system) => offers.get(system) !== undefined && !isOffering(system)),
    ...{ silent: silentOf(found), members, tooMany, unlisted },
  }
  found.byCode.set(code, systems)
  return systems
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
