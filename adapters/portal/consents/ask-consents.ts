/** Asks all systems with a service `consents` for those of the person, page by page, within bounds. */
import { CONSENTS } from '#schemas/consents.ts'
import { whyOfStatus } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { System } from '../asking/find-systems.ts'
import { type Names, namesOf } from '../asking/names.ts'
import { isObject, listOf } from '../asking/read-usages.ts'
import type { Why } from '../joining/row.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { askedOf } from './call-keeper.ts'
import type { Consent, NotTold, Told } from './consent.ts'
import { isServer, readConsent } from './read-consents.ts'

/** Of each system: nobody has agreed to more. */
const MOST_PAGES = 10
const MOST_CONSENTS = 500
/** Others that keep consents to a system. */
const MOST_SERVERS = 5
const CURSOR = /^[A-Za-z0-9_-]{1,200}$/

export type FoundConsents = { consents: Consent[]; told: Told[]; notTold: NotTold[]; silent: System[] }

/** Newest first. */
export async function askConsents(
  { reader, gone }: Pick<Visit, 'reader' | 'gone'>,
  { systems, calls, asking }: Pick<Rooms, 'systems' | 'calls' | 'asking'>,
): Promise<FoundConsents> {
  const found = await systems.offering(CONSENTS)
  const names = namesOf(found)
  const { session } = reader
  const results: (Told | NotTold)[] = []
  const ask = (system: System, call: Call): Promise<Told | NotTold> =>
    askSystem(system, names, (server, cursor) =>
      call(
        askedOf({ system, server }, session, asking, {
          ...{ method: 'GET', path: '/v1/consents' },
          ...(cursor !== undefined && { query: { cursor } }),
        }),
      ),
    )
  for await (const one of calls.each(session, gone, { systems: found.asked, ask })) results.push(one)
  const told = results.filter((one): one is Told => 'consents' in one)
  return {
    ...{ told, silent: found.silent, notTold: results.filter((one): one is NotTold => 'why' in one) },
    consents: told.flatMap(({ consents }) => consents).sort((a, b) => (a.givenAt < b.givenAt ? 1 : -1)),
  }
}

type AskPage = (server: string | undefined, cursor: string | undefined) => ReturnType<Call>

/** One that several security servers serve says where else consents to it are kept. */
async function askSystem(system: System, names: Names, page: AskPage): Promise<Told | NotTold> {
  const told: Told = { system, consents: [], dropped: 0, isCut: false }
  const servers: (string | undefined)[] = [undefined]
  for (const [at, server] of servers.entries()) {
    const { why, elsewhere } = await askServer(told, names, (cursor) => page(server, cursor))
    if (why !== undefined && at === 0) return { system, why }
    if (why !== undefined) told.isCut = true
    if (at === 0) servers.push(...elsewhere)
  }
  return told
}

type Heard = { why?: Why; elsewhere: string[] }

/** Adds what one server told. `why` is said where it told nothing. */
async function askServer(
  told: Told,
  names: Names,
  page: (cursor: string | undefined) => ReturnType<Call>,
): Promise<Heard> {
  const known = new Set(told.consents.map(({ number }) => number))
  const elsewhere: string[] = []
  let cursor: string | undefined
  for (let at = 0; at < MOST_PAGES; at++) {
    const answer = await page(cursor)
    const why = 'why' in answer ? answer.why : answer.status !== 200 ? whyOfStatus(answer.status) : undefined
    const { json } = answer as { json?: unknown }
    if (why !== undefined || !isObject(json) || !Array.isArray(json['consents'])) {
      if (at === 0) return { why: why ?? 'unreadable', elsewhere }
      break
    }
    if (at === 0) elsewhere.push(...listOf(json['elsewhere']).filter(isServer).slice(0, MOST_SERVERS))
    for (const given of listOf(json['consents'])) {
      const consent = readConsent(told.system, given, names)
      if (told.consents.length >= MOST_CONSENTS) {
        told.isCut = true
        return { elsewhere }
      }
      if (consent === undefined || known.has(consent.number)) told.dropped++
      else {
        known.add(consent.number)
        told.consents.push(consent)
      }
    }
    const { next } = json
    if (next === undefined) return { elsewhere }
    if (typeof next !== 'string' || !CURSOR.test(next)) break
    cursor = next
  }
  told.isCut = true
  return { elsewhere }
}
