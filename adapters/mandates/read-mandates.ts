/**
 * Answers who represents whom. A mandate holds if it has begun, has not ended, and its role is still in the
 * settings. A name is told only where there is a mandate between the two, and the giver is told the name that
 * they wrote. So nobody learns a name from a number.
 */
import type { Mandate, MandatePerson, MandateTriplet } from '#schemas/mandates.ts'
import type { Rooms } from './actor.ts'
import { MOST_MANDATES } from './add-mandate.ts'
import { fromMandate, isNamed } from './names.ts'
import { periodOf } from './period.ts'
import { refuse } from './refusal.ts'
import type { MandateFilter, MandateRow } from './store.ts'

export type Wanted = { ns?: string[] | undefined; role?: string[] | undefined }

type Between = Pick<MandateFilter, 'representee' | 'delegate' | 'subDelegator'>

/** Mandates by who gave and who holds them, those that begin later, too. */
export async function mandatesOf(
  rooms: Rooms,
  between: Between,
  ns: string | undefined,
): Promise<MandateTriplet[]> {
  const after = new Date(rooms.now).toISOString()
  const roles = ns === undefined ? undefined : { in: [], namespaces: [ns] }
  const rows = await find(rooms, { ...between, after, roles })
  const people = await peopleOf(rooms, rows, between)
  const groups = Map.groupBy(rows, ({ representee, delegate }) => `${representee} ${delegate}`)
  return [...groups.values()].map((group) => ({
    representee: people.get(group[0]!.representee)!,
    delegate: people.get(group[0]!.delegate)!,
    mandates: group.map(mandateOf),
  }))
}

/** The mandates that hold between two now. Without one both are UNKNOWN, whatever is known of them. */
export async function mandatesBetween(
  rooms: Rooms,
  { representee, delegate }: { representee: string; delegate: string },
  wanted: Wanted,
): Promise<MandateTriplet> {
  const rows = await findNow(rooms, { representee, delegate }, wanted)
  const people = await peopleOf(rooms, rows, {})
  const one = (identifier: string): MandateTriplet['delegate'] =>
    people.get(identifier) ?? { type: 'UNKNOWN', identifier }
  return { representee: one(representee), delegate: one(delegate), mandates: rows.map(mandateOf) }
}

/** Who is at the other end of the mandates of one person that hold now, each once. */
export async function peopleAcross(rooms: Rooms, between: Between, wanted: Wanted): Promise<MandatePerson[]> {
  const rows = await findNow(rooms, between, wanted)
  const other = between.delegate === undefined ? 'delegate' : 'representee'
  const people = await peopleOf(rooms, rows, between)
  return [...new Set(rows.map((row) => row[other]))].map((identifier) => people.get(identifier)!)
}

function findNow(rooms: Rooms, between: Between, { ns = [], role = [] }: Wanted): Promise<MandateRow[]> {
  if (ns.length + role.length === 0) throw refuse('roleMissing')
  const at = new Date(rooms.now).toISOString()
  return find(rooms, { ...between, after: at, begunBy: at, roles: { in: role, namespaces: ns } })
}

/** A list that would be cut is refused: nobody could tell it from a whole one. */
async function find({ store, roles, typeOf }: Rooms, filter: MandateFilter): Promise<MandateRow[]> {
  for (const one of [filter.representee, filter.delegate, filter.subDelegator])
    if (one !== undefined && typeOf(one) === undefined) throw refuse('identifierWrong')
  const rows = await store.find(filter, MOST_MANDATES + 1)
  if (rows.length > MOST_MANDATES) throw refuse('tooMany')
  return rows.filter(({ role }) => roles.has(role))
}

async function peopleOf(
  { store, typeOf }: Rooms,
  rows: readonly MandateRow[],
  asked: Between,
): Promise<Map<string, MandatePerson>> {
  const people = await store.people(rows.flatMap(({ representee, delegate }) => [representee, delegate]))
  // Who asks for those that they gave sees what they wrote, also where a registrar told a name since.
  const isGiver = asked.delegate === undefined && (asked.representee ?? asked.subDelegator) !== undefined
  if (isGiver)
    for (const { delegate, delegate_name } of rows) {
      const written = fromMandate(delegate, delegate_name, typeOf)
      if (isNamed(written)) people.set(delegate, written)
    }
  for (const { representee, delegate, representee_name, delegate_name } of rows) {
    if (!people.has(representee)) people.set(representee, fromMandate(representee, representee_name, typeOf))
    if (!people.has(delegate)) people.set(delegate, fromMandate(delegate, delegate_name, typeOf))
  }
  return people
}

export function mandateOf(row: MandateRow): Mandate {
  const period = periodOf({ from: row.valid_from, through: row.valid_through })
  const [representee, delegate] = [row.representee, row.delegate].map(encodeURIComponent)
  const address = `/representees/${representee}/delegates/${delegate}/mandates/${row.id}`
  const subDelegable = row.sub_delegable === 1
  return {
    ...{ id: row.id, role: row.role, subDelegable },
    ...(period !== undefined && { validityPeriod: period }),
    ...(row.sub_delegator !== null && { subDelegatorIdentifier: row.sub_delegator }),
    links: { delete: address, ...(subDelegable && { addSubDelegate: `${address}/subdelegates` }) },
  }
}
