/**
 * Passes a mandate on: who acts for its holder gives it to somebody else, for no longer than it lasts itself.
 */
import { randomUUID } from 'node:crypto'
import { rightOf } from './actor.ts'
import { type Acting, checkName, checkSigned, put, recordOf, type Signed } from './add-mandate.ts'
import { type GivenPerson, readPerson, writeNames } from './names.ts'
import { atMost, type GivenPeriod, within as inside, spanOf } from './period.ts'
import { refuse } from './refusal.ts'
import type { MandateRow } from './store.ts'

export type MandateToSubDelegate = Signed & { subDelegate: GivenPerson; validityPeriod?: GivenPeriod }

/** The names in an address: all three have to be those of one mandate. */
export type MandatePath = { representee: string; delegate: string; mandate: string }

/** Throws a refusal; then nothing has changed. */
export function subDelegate(
  { rooms, actor, audit }: Acting,
  path: MandatePath,
  given: MandateToSubDelegate,
): Promise<MandateRow> {
  const { roles, typeOf, now } = rooms
  const person = readPerson(given.subDelegate, typeOf)
  const { authorizations, document } = given
  return rooms.store.change(async (store, within) => {
    const original = inForce(await store.mandate(path.mandate), path, now)
    if (original === undefined || !roles.has(original.role)) throw refuse('mandateMissing')
    const role = roles.of(original.role)
    const isRegistrar = roles.isRegistrar(actor.client, role.code)
    const right = isRegistrar
      ? actor.client
      : await rightOf({ ...rooms, store }, { actor, authorizations }, original.delegate, role.subDelegableBy)
    if (right === undefined) throw refuse('notAllowed')
    // Who acts for the holder does not make of it a mandate of their own.
    if (!isRegistrar && person.identifier === actor.user) throw refuse('personUnfit')
    if (!isRegistrar && role.addingMustBeSigned) checkSigned(rooms, actor, document)
    if (original.sub_delegable !== 1 || !role.canSubDelegate) throw refuse('notSubDelegable')
    const isFit =
      role.subDelegateType.includes(person.type) &&
      ![original.representee, original.delegate].includes(person.identifier)
    if (!isFit) throw refuse('personUnfit')
    const outer = { from: original.valid_from, through: original.valid_through }
    const period = atMost(inside(given.validityPeriod ?? {}, outer, now), role.mostMinutes, now)
    const span = spanOf(period, now)
    await checkName(store, person)
    const row: MandateRow = {
      ...{ id: randomUUID(), representee: original.representee, delegate: person.identifier },
      ...{ representee_name: original.representee_name, delegate_name: writeNames(person), role: role.code },
      ...{ valid_from: period.from ?? null, valid_through: period.through ?? null },
      ...{ begins_at: span.beginsAt, ends_at: span.endsAt, sub_delegable: 0 },
      ...{ sub_delegator: original.delegate, original: original.id },
      ...{ added_at: new Date(now).toISOString(), ended_at: null },
    }
    await put(store, row, now)
    const more = { by: right, original: original.id, authorizations, document }
    await audit.before(recordOf('addSubDelegate', actor, row, more), within)
    return row
  })
}

/** The mandate, if it is that of the address and has not ended. */
export function inForce(
  row: MandateRow | undefined,
  { representee, delegate }: MandatePath,
  now: number,
): MandateRow | undefined {
  if (row === undefined || row.representee !== representee || row.delegate !== delegate) return undefined
  return row.ended_at === null && row.ends_at > new Date(now).toISOString() ? row : undefined
}
