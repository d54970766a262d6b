/** Asks the systems that tell who used a person's data for the person's complaints: all of them, or one. */
import { type JsonAnswer, type NotCalled, whyOfStatus } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { System } from '../asking/find-systems.ts'
import { type Names, namesOf } from '../asking/names.ts'
import { isObject } from '../asking/read-usages.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import type { Complaint, NotTold, Told } from './complaint.ts'
import { readComplaint } from './read-complaints.ts'

const PATH = '/concordat/v1/complaints'
const MOST = 100

export type FoundComplaints = {
  complaints: Complaint[]
  told: Told[]
  notTold: NotTold[]
  silent: System[]
  /** False when there are others that were not asked, as they are too many or could not be listed. */
  isAllAsked: boolean
}

/** Where a complaint is kept: a system of which the person's uses are told. */
export type Keeper = { system: System; names: Names; service: string }

/** Undefined for a system that does not offer the service to this portal. */
export async function keeperOf(id: string | null, { systems, settings }: Rooms): Promise<Keeper | undefined> {
  const { serviceCode } = settings.asking
  const found = await systems.offering(serviceCode)
  const system = found.asked.find((one) => one.id === id)
  return system && { system, names: namesOf(found), service: `${system.id}/${serviceCode}` }
}

/** Newest first. A system that takes none has none. */
export async function askComplaints(visit: Visit, rooms: Rooms): Promise<FoundComplaints> {
  const { serviceCode } = rooms.settings.asking
  const found = await rooms.systems.offering(serviceCode)
  const names = namesOf(found)
  const query = queryOf(visit, rooms)
  const ask = async (system: System, call: Call): Promise<Told | NotTold> => {
    const answer = await call({ service: `${system.id}/${serviceCode}`, method: 'GET', path: PATH, query })
    return toldIn(system, answer, names)
  }
  const results: (Told | NotTold)[] = []
  const { reader, gone } = visit
  for await (const one of rooms.calls.each(reader.session, gone, { systems: found.asked, ask }))
    results.push(one)
  const told = results.filter((one): one is Told => 'complaints' in one)
  return {
    complaints: told
      .flatMap(({ complaints }) => complaints)
      .sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1)),
    told,
    notTold: results.filter((one): one is NotTold => 'why' in one),
    silent: found.silent,
    isAllAsked: found.tooMany === 0 && found.unlisted.length === 0,
  }
}

/** Those of one system. */
export async function askKeeper(
  { system, names, service }: Keeper,
  visit: Visit,
  rooms: Rooms,
): Promise<Told | NotTold> {
  const asked = { service, method: 'GET', path: PATH, query: queryOf(visit, rooms) } as const
  return toldIn(system, await rooms.calls.call(visit.reader.session, visit.gone, asked), names)
}

/**
 * What the system answers to a new complaint, to a text that is added to one, or to one that is taken back.
 */
export function tellKeeper(
  { service }: Keeper,
  { act, json }: { act: '' | '/reply' | '/withdraw'; json: object },
  visit: Visit,
  rooms: Rooms,
): Promise<JsonAnswer | NotCalled> {
  return rooms.calls.call(visit.reader.session, visit.gone, {
    ...{ service, method: 'POST', path: `${PATH}${act}`, query: queryOf(visit, rooms), json },
  })
}

export function complaintIn(
  { system, names }: Keeper,
  answer: JsonAnswer | NotCalled,
): Complaint | undefined {
  return 'status' in answer && answer.status === 200 ? readComplaint(system, answer.json, names) : undefined
}

function queryOf({ reader }: Visit, { asking }: Rooms): Record<string, string> {
  return { userCode: asking.userCode(reader.session) }
}

function toldIn(system: System, answer: JsonAnswer | NotCalled, names: Names): Told | NotTold {
  if ('why' in answer) return { system, why: answer.why }
  const { status, json } = answer
  // It knows Estonia's protocol alone, or an older version of ours.
  if (status === 404 || status === 400) return { system, complaints: [], dropped: 0, isCut: false }
  if (status !== 200) return { system, why: whyOfStatus(status) }
  if (!isObject(json) || !Array.isArray(json['complaints'])) return { system, why: 'unreadable' }
  const all: unknown[] = json['complaints']
  const given = all.slice(0, MOST)
  const complaints = given.flatMap((one) => readComplaint(system, one, names) ?? [])
  return { system, complaints, dropped: given.length - complaints.length, isCut: all.length > MOST }
}
