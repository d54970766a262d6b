/**
 * Ends a mandate at once, with all that were passed on from it: taken back by who acts for the giver, given
 * up by who acts for the holder, taken back by who passed it on, or ended by the registrar of its role.
 */
import { rightOf } from './actor.ts'
import { type Acting, checkSigned, recordOf, type Signed } from './add-mandate.ts'
import { refuse } from './refusal.ts'
import type { Role } from './roles.ts'
import type { MandateRow } from './store.ts'
import { inForce, type MandatePath } from './sub-delegate.ts'

export type MandateToEnd = Signed & { action: string }

const ACTIONS = ['DELETE', 'DELETE_WITHDRAW', 'DELETE_WAIVE']

type How = { how: 'told' | 'withdrawn' | 'waived'; by: string; mustBeSigned: boolean }

/** Gives those that ended with it. Throws a refusal; then nothing has changed. */
export function endMandate(
  { rooms, actor, audit }: Acting,
  path: MandatePath,
  given: MandateToEnd,
): Promise<MandateRow[]> {
  const { roles, now } = rooms
  if (!ACTIONS.includes(given.action)) throw refuse('actionUnknown')
  return rooms.store.change(async (store, within) => {
    const row = inForce(await store.mandate(path.mandate), path, now)
    if (row === undefined) throw refuse('mandateMissing', 404)
    const how = roles.isRegistrar(actor.client, row.role)
      ? { how: 'told' as const, by: actor.client, mustBeSigned: false }
      : roles.has(row.role)
        ? await howOf({ rooms: { ...rooms, store }, actor, audit }, row, roles.of(row.role), given)
        : undefined
    if (how === undefined) throw refuse('notAllowed')
    if (how.mustBeSigned) checkSigned(rooms, actor, given.document)
    // What was passed on cannot be passed on again: there is one step.
    const others = await store.passedOn(row.id)
    const at = new Date(now).toISOString()
    await store.end([row.id, ...others.map(({ id }) => id)], at)
    const { authorizations, document } = given
    const more = { how: how.how, by: how.by, others: others.map(({ id }) => id), authorizations, document }
    await audit.before(recordOf('endMandate', actor, row, more), within)
    return others
  })
}

/** DELETE does not say whether the giver or the holder ends the mandate: it is what the user may do. */
async function howOf(
  { rooms, actor }: Acting,
  row: MandateRow,
  role: Role,
  { action, authorizations }: MandateToEnd,
): Promise<How | undefined> {
  const right = (party: string, wanted: readonly string[]): Promise<string | undefined> =>
    rightOf(rooms, { actor, authorizations }, party, wanted)
  if (action !== 'DELETE_WAIVE') {
    const by =
      (await right(row.representee, role.withdrawableBy)) ??
      (row.sub_delegator === null ? undefined : await right(row.sub_delegator, role.subDelegableBy))
    if (by !== undefined) return { how: 'withdrawn', by, mustBeSigned: role.withdrawalMustBeSigned }
  }
  if (action === 'DELETE_WITHDRAW') return undefined
  const by = await right(row.delegate, role.waivableBy)
  return by === undefined ? undefined : { how: 'waived', by, mustBeSigned: role.waivingMustBeSigned }
}
