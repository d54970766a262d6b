/** Asks all systems with a service `consents` for what waits for the person, or was decided by them, page by page, within bounds. */
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

type Told = { system: System; previews: Preview[]; isCut: boolean; why?: Why }

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
    isCut: false,
  }
  const ask = (system: System, call: Call): Promise<Told> =>
    askSystem(system, names, (server, query) =>
      call(askedOf({ system, server }, session, asking, { method: 'GET', path: '/v1/previews', query })),
    )
  for await (const { system, previews, isCut, why } of calls.each(session, gone, {
    ...{ systems: offering.asked, ask },
  })) {
    found.previews.push(...previews)
    if (isCut) found.isCut = true
    if (why !== undefined) found.notTold.push({ system, why })
  }
  found.previews.sort((a, b) => Number(a.askedAt < b.askedAt) - Number(a.askedAt > b.askedAt))
  return found
}

type AskPage = (server: string | undefined, query: Record<string, string>) => ReturnType<Call>

/** Of one that several security servers serve each keeps answers: the first one says which others there are. */
async function askSystem(system: System, names: Names, page: AskPage): Promise<Told> {
  const told: Told = { system, previews: [], isCut: false }
  const servers: (string | undefined)[] = [undefined]
  for (const [at, server] of servers.entries()) {
    const { why, elsewhere } = await askServer(told, names, server, page)
    if (why !== undefined && at === 0) return { ...told, why }
    if (why !== undefined) told.isCut = true
    if (at === 0) servers.push(...elsewhere)
  }
  return told
}

/**
 * Adds what one server told. `why` is said where it told nothing. Pages go on where the first one came from: where no server is named, the
 * next call could reach another.
 */
async function askServer(
  told: Told,
  names: Names,
  named: string | undefined,
  page: AskPage,
): Promise<{ why?: Why; elsewhere: string[] }> {
  const elsewhere: string[] = []
  let cursor: string | undefined
  let server = named
  for (let at = 0; at < MOST_PAGES; at++) {
    const answer = await page(server, cursor === undefined ? {} : { cursor })
    const why = 'why' in answer ? answer.why : answer.status !== 200 ? whyOfStatus(answer.status) : undefined
    const { json } = answer as { json?: unknown }
    if (why !== undefined || !isObject(json) || !Array.isArray(json['previews'])) {
      if (at === 0) return { why: why ?? 'unreadable', elsewhere }
      break
    }
    if (at === 0) {
      const others = listOf(json['elsewhere']).filter(isServer)
      if (others.length > MOST_SERVERS) told.isCut = true
      elsewhere.push(...others.slice(0, MOST_SERVERS))
    }
    for (const one of listOf(json['previews']).slice(0, MOST_PREVIEWS)) {
      if (isObject(one) && isServer(one['keptAt'])) server ??= one['keptAt']
      const read = readPreview(told.system, one, names)
      if (read !== undefined && !told.previews.some(({ number }) => number === read.number))
        told.previews.push(read)
    }
    const { next } = json
    if (next === undefined) return { elsewhere }
    if (typeof next !== 'string' || !CURSOR.test(next) || told.previews.length >= MOST_PREVIEWS) break
    cursor = next
  }
  told.isCut = true
  return { elsewhere }
}
