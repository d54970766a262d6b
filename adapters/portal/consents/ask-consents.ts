/** Asks all systems with a service `consents` for those of the person, page by page, within bounds. */
import { CONSENTS } from '#schemas/consents.ts'
import { whyOfStatus } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { System } from '../asking/find-systems.ts'
import { type Names, namesOf } from '../asking/names.ts'
import { isObject, listOf } from '../asking/read-usages.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import type { Consent, NotTold, Told } from './consent.ts'
import { readConsent } from './read-consents.ts'

/** Of each system: nobody has agreed to more. */
const MOST_PAGES = 10
const MOST_CONSENTS = 500
const CURSOR = /^[A-Za-z0-9_-]{1,200}$/

export type FoundConsents = { consents: Consent[]; told: Told[]; notTold: NotTold[]; silent: System[] }

/** Newest first. */
export async function askConsents(
  { reader, gone }: Pick<Visit, 'reader' | 'gone'>,
  { systems, calls }: Pick<Rooms, 'systems' | 'calls'>,
): Promise<FoundConsents> {
  const found = await systems.offering(CONSENTS)
  const names = namesOf(found)
  const results: (Told | NotTold)[] = []
  const ask = (system: System, call: Call): Promise<Told | NotTold> => askSystem(system, names, call)
  for await (const one of calls.each(reader.session, gone, { systems: found.asked, ask })) results.push(one)
  const told = results.filter((one): one is Told => 'consents' in one)
  return {
    ...{ told, silent: found.silent, notTold: results.filter((one): one is NotTold => 'why' in one) },
    consents: told.flatMap(({ consents }) => consents).sort((a, b) => (a.givenAt < b.givenAt ? 1 : -1)),
  }
}

async function askSystem(system: System, names: Names, call: Call): Promise<Told | NotTold> {
  const told: Told = { system, consents: [], dropped: 0, isCut: false }
  const known = new Set<string>()
  let cursor: string | undefined
  for (let page = 0; page < MOST_PAGES; page++) {
    const answer = await call({
      ...{ service: `${system.id}/${CONSENTS}`, method: 'GET', path: '/v1/consents' },
      ...(cursor !== undefined && { query: { cursor } }),
    })
    const why = 'why' in answer ? answer.why : answer.status !== 200 ? whyOfStatus(answer.status) : undefined
    const { json } = answer as { json?: unknown }
    if (why !== undefined || !isObject(json) || !Array.isArray(json['consents']))
      return page === 0 ? { system, why: why ?? 'unreadable' } : { ...told, isCut: true }
    for (const given of listOf(json['consents'])) {
      const consent = readConsent(system, given, names)
      if (told.consents.length >= MOST_CONSENTS) return { ...told, isCut: true }
      if (consent === undefined || known.has(consent.number)) told.dropped++
      else {
        known.add(consent.number)
        told.consents.push(consent)
      }
    }
    const { next } = json
    if (next === undefined) return told
    if (typeof next !== 'string' || !CURSOR.test(next)) break
    cursor = next
  }
  return { ...told, isCut: true }
}
