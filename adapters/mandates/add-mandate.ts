/**
 * Puts a mandate into the register: given by somebody who may give it, or told by the registrar of its role.
 */
import { randomUUID } from 'node:crypto'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { MandatePerson } from '#schemas/mandates.ts'
import { type Actor, type Authorization, type Rooms, rightOf } from './actor.ts'
import { type GivenPerson, hasSameName, isNamed, readPerson, writeNames } from './names.ts'
import { atMost, type GivenPeriod, spanOf } from './period.ts'
import { refuse } from './refusal.ts'
import type { Role } from './roles.ts'
import type { MandateRow, MandateStore } from './store.ts'

export type Signed = { authorizations?: Authorization[]; document?: { uuid?: string } }

export type MandateToAdd = Signed & {
  representee: GivenPerson
  delegate: GivenPerson
  mandate: { role: string; canSubDelegate?: boolean; validityPeriod?: GivenPeriod }
}

export type Acting = { rooms: Rooms; actor: Actor; audit: Pick<AuditLog, 'before'> }

/** Of one representee: an answer has to hold them all. */
export const MOST_MANDATES = 1000
/**
 * Of one representee to one delegate: more would keep the delegate's own list, which names all who gave them
 * one, from being answered.
 */
const MOST_BETWEEN = 50

/** Throws a refusal; then nothing has changed. */
export function addMandate({ rooms, actor, audit }: Acting, given: MandateToAdd): Promise<MandateRow> {
  const { roles, typeOf, now } = rooms
  const { mandate, authorizations, document } = given
  const role = roles.of(mandate.role)
  const isRegistrar = roles.isRegistrar(actor.client, role.code)
  const representee = readPerson(given.representee, typeOf)
  const delegate = readPerson(given.delegate, typeOf)
  return rooms.store.change(async (store, within) => {
    const right = isRegistrar
      ? actor.client
      : role.hidden
        ? undefined
        : await rightOf(
            { ...rooms, store },
            { actor, authorizations },
            representee.identifier,
            role.addableBy,
          )
    if (right === undefined) throw refuse('notAllowed')
    // Who acts for somebody, for half an hour at a counter say, does not make more of it for themself.
    if (!isRegistrar && delegate.identifier === actor.user) throw refuse('personUnfit')
    if (!isRegistrar && role.addingMustBeSigned) checkSigned(rooms, actor, document)
    checkFit(role, representee, delegate)
    if (mandate.canSubDelegate === true && !role.canSubDelegate) throw refuse('notSubDelegable')
    const period = atMost(mandate.validityPeriod ?? {}, role.mostMinutes, now)
    const span = spanOf(period, now)
    await checkRepresentee(store, role, representee.identifier, now)
    if (isRegistrar) await keepNames(store, [representee, delegate])
    else await checkNames(store, representee, delegate, actor)
    const row: MandateRow = {
      ...{ id: randomUUID(), representee: representee.identifier, delegate: delegate.identifier },
      ...{ representee_name: writeNames(representee), delegate_name: writeNames(delegate), role: role.code },
      ...{ valid_from: period.from ?? null, valid_through: period.through ?? null },
      ...{ begins_at: span.beginsAt, ends_at: span.endsAt, sub_delegable: mandate.canSubDelegate ? 1 : 0 },
      ...{ sub_delegator: null, original: null, added_at: new Date(now).toISOString(), ended_at: null },
    }
    await put(store, row, now)
    await audit.before(recordOf('addMandate', actor, row, { by: right, authorizations, document }), within)
    return row
  })
}

/** A document is what a client says about one: only that of an intermediary is believed. */
export function checkSigned({ roles }: Rooms, { client }: Actor, document: Signed['document']): void {
  if (document?.uuid === undefined || !roles.isIntermediary(client)) throw refuse('signatureMissing')
}

/** Adds the row unless there is such a mandate, or the representee has too many. */
export async function put(store: MandateStore, row: MandateRow, now: number): Promise<void> {
  const filter = { representee: row.representee, after: new Date(now).toISOString() }
  const present = await store.find(filter, MOST_MANDATES)
  if (present.length >= MOST_MANDATES) throw refuse('tooMany')
  const between = present.filter((one) => one.delegate === row.delegate)
  if (between.length >= MOST_BETWEEN) throw refuse('tooMany')
  const isSame = (one: MandateRow): boolean =>
    one.role === row.role && one.sub_delegator === row.sub_delegator
  if (between.some((one) => isSame(one) && one.begins_at < row.ends_at && row.begins_at < one.ends_at))
    throw refuse('mandateExists')
  await store.add(row)
}

/** For the audit log, which is in the same database. */
export function recordOf(operation: string, actor: Actor, row: MandateRow, more: object) {
  const { id, representee, delegate, role, valid_from: from, valid_through: through } = row
  return {
    caller: { id: actor.client, name: actor.user ?? '' },
    operation,
    target: `/mandates/${id}`,
    data: { exchange: actor.exchange, representee, delegate, role, from, through, ...more },
  }
}

function checkFit(role: Role, representee: MandatePerson, delegate: MandatePerson): void {
  const isFit = role.representeeType.includes(representee.type) && role.delegateType.includes(delegate.type)
  if (!isFit || representee.identifier === delegate.identifier) throw refuse('personUnfit')
}

async function checkRepresentee(
  store: MandateStore,
  { addableOnlyIfRepresenteeHasRoleIn: wanted }: Role,
  representee: string,
  now: number,
): Promise<void> {
  if (wanted === undefined) return
  const at = new Date(now).toISOString()
  const roles = { in: wanted, namespaces: [] }
  const held = await store.find({ delegate: representee, after: at, begunBy: at, roles }, 1)
  if (held.length === 0) throw refuse('notAllowed')
}

/**
 * Whoever gives a mandate knows the name of who gets it, also where the register knows it. Who gives one for
 * themself need not say who they are: a wallet tells a portal no name.
 */
async function checkNames(
  store: MandateStore,
  representee: MandatePerson,
  delegate: MandatePerson,
  { user }: Actor,
): Promise<void> {
  const isSaid = isNamed(representee) || representee.identifier === user
  if (!isSaid && (await store.person(representee.identifier)) === undefined) throw refuse('nameMissing')
  await checkName(store, delegate)
}

/** Throws the same as for a person of another kind: an answer tells nobody which names the register has. */
export async function checkName(store: MandateStore, delegate: MandatePerson): Promise<void> {
  if (!isNamed(delegate)) throw refuse('nameMissing')
  const known = await store.person(delegate.identifier)
  if (known !== undefined && !hasSameName(known, delegate)) throw refuse('personUnfit')
}

async function keepNames(store: MandateStore, people: MandatePerson[]): Promise<void> {
  for (const one of people) {
    if (isNamed(one)) await store.putPerson(one)
    else if ((await store.person(one.identifier)) === undefined) throw refuse('nameMissing')
  }
}
