/**
 * Asks all systems with a service `consents` for what waits for the person, or was decided by them, page by
 * page, within bounds.
 */
import { CONSENTS } from '#schemas/consents.ts'
import { whyOfStatus } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { System } from '../asking/find-systems.ts'
import { type Names, namesOf } from '../asking/names.ts'
import { isObject, listOf } from '../asking/read-usages.ts'
import { askedOf } from '../consents/call-keeper.ts'
import { isServer } from '../consents/read-consents.ts'
import type { Why } from '../joining/row.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import type { FoundPreviews } from './pages.ts'
import type { Preview } from './preview.ts'
import { readPreview } from './read-preview.ts'

/** Of each system. */
const MOST_PAGES = 10
const MOST_PREVIEWS = 500
/** Others of a system that keep answers. */
const MOST_SERVERS = 5
const CURSOR = /^[A-Za-z0-9_-]{1,200}$/

type Told = {
  system: System
  previews: Preview[]
  isCut: boolean
  /** Servers that told nothing; undefined stands for the one that takes calls which name no server. */
  missing: { server: string | undefined; why: Why }[]
}

/**
 * Which servers each system named last, for a portal that goes on running: the one that would name them may
 * be down. Nothing about people.
 */
const named = new WeakMap<object, Map<string, string[]>>()
const MOST_SYSTEMS = 1000

/** Newest first. */
export async function askPreviews(
  { reader: { session }, gone }: Visit,
  { systems, calls, asking }: Rooms,
): Promise<FoundPreviews> {
  const offering = await systems.offering(CONSENTS)
  const names = namesOf(offering)
  const found: FoundPreviews = {
    previews: [],
    notTold: offering.silent.map((system) => ({ system, why: 'silent' as const })),
    asked: offering.asked.length + offering.silent.length,
    answered: 0,
    isCut: false,
  }
  const known = named.get(systems) ?? new Map<string, string[]>()
  named.set(systems, known)
  const ask = (system: System, call: Call): Promise<Told> =>
    askSystem(system, { names, known }, (server, query) =>
      call(askedOf({ system, server }, session, asking, { method: 'GET', path: '/v1/previews', query })),
    )
  for await (const { system, previews, isCut, missing } of calls.each(session, gone, {
    ...{ systems: offering.asked, ask },
  })) {
    found.previews.push(...previews)
    if (isCut) found.isCut = true
    if (missing.length === 0) found.answered++
    for (const { server, why } of missing)
      found.notTold.push({ system, why, ...(server !== undefined && { server }) })
  }
  found.previews.sort((a, b) => Number(a.askedAt < b.askedAt) - Number(a.askedAt > b.askedAt))
  return found
}

type AskPage = (server: string | undefined, query: Record<string, string>) => ReturnType<Call>

/**
 * Of one that several security servers serve each keeps answers: the first one says which others there are.
 * Where it does not answer, those that were named before are asked.
 */
async function askSystem(
  system: System,
  { names, known }: { names: Names; known: Map<string, string[]> },
  page: AskPage,
): Promise<Told> {
  const told: Told = { system, previews: [], isCut: false, missing: [] }
  const first = await askServer(told, names, undefined, page)
  const before = known.get(system.id) ?? []
  let others = first.elsewhere
  if (first.why === undefined) remember(known, system.id, first)
  else if (before.length === 0) return { ...told, missing: [{ server: undefined, why: first.why }] }
  else others = before
  for (const server of others) {
    const { why } = await askServer(told, names, server, page)
    if (why !== undefined) told.missing.push({ server, why })
  }
  if (first.why === undefined) return told
  // When none of them answered, the system did not. Else there may be a server meanwhile that nobody has
  // named.
  return told.missing.length === others.length
    ? { ...told, missing: [{ server: undefined, why: first.why }] }
    : { ...told, isCut: true }
}

/** With the one that answered: next time another may be the first. */
function remember(
  known: Map<string, string[]>,
  system: string,
  { elsewhere, server }: { elsewhere: string[]; server: string | undefined },
): void {
  known.delete(system)
  if (elsewhere.length === 0) return
  const [oldest] = known.keys()
  if (known.size >= MOST_SYSTEMS && oldest !== undefined) known.delete(oldest)
  known.set(system, server === undefined ? elsewhere : [server, ...elsewhere])
}

/**
 * Adds what one server told. `why` is said where it told nothing. Pages go on where the first one came from:
 * where no server is named, the next call could reach another.
 */
async function askServer(
  told: Told,
  names: Names,
  asked: string | undefined,
  page: AskPage,
): Promise<{ why?: Why; elsewhere: string[]; server: string | undefined }> {
  const elsewhere: string[] = []
  let cursor: string | undefined
  let server = asked
  for (let at = 0; at < MOST_PAGES; at++) {
    const answer = await page(server, cursor === undefined ? {} : { cursor })
    const why = 'why' in answer ? answer.why : answer.status !== 200 ? whyOfStatus(answer.status) : undefined
    const { json } = answer as { json?: unknown }
    if (why !== undefined || !isObject(json) || !Array.isArray(json['previews'])) {
      if (at === 0) return { why: why ?? 'unreadable', elsewhere, server }
      break
    }
    if (at === 0) {
      if (isServer(json['toldBy'])) server ??= json['toldBy']
      const others = listOf(json['elsewhere']).filter(isServer)
      if (others.length > MOST_SERVERS) told.isCut = true
      elsewhere.push(...others.slice(0, MOST_SERVERS))
    }
    const listed = listOf(json['previews'])
    if (listed.length > MOST_PREVIEWS) told.isCut = true
    for (const one of listed.slice(0, MOST_PREVIEWS)) {
      if (isObject(one) && isServer(one['keptAt'])) server ??= one['keptAt']
      const read = readPreview(told.system, one, names)
      if (read === undefined) told.isCut = true
      else if (!told.previews.some(({ number }) => number === read.number)) told.previews.push(read)
    }
    const { next } = json
    if (next === undefined) return { elsewhere, server }
    if (typeof next !== 'string' || !CURSOR.test(next) || told.previews.length >= MOST_PREVIEWS) break
    cursor = next
  }
  told.isCut = true
  return { elsewhere, server }
}
