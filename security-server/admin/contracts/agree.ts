/**
 * Two mandated people agree for a member: the first agreement is kept, the second one, by another API key that has nothing to
 * do with the first, seals the content by the member's signing key.
 */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { Agreement } from '../../global-configuration/contracts/store.ts'

export const SIGNATORY = 'XROAD_CONTRACT_SIGNATORY'

/** An agreement that nobody seconded is void after this. */
const GOOD_MS = 30 * 86_400_000

type Keys = Pick<ApiKeys, 'find'>

/** Whether a first agreement still counts: its key may sign today, and it is not too old. */
export async function stillCounts(first: Agreement, keys: Keys, now: number): Promise<boolean> {
  const key = await keys.find(first.key_id)
  return key?.roles.includes(SIGNATORY) === true && now - Date.parse(first.agreed_at) < GOOD_MS
}

/** Throws `second_signatory_needed` unless the caller is another person as far as keys can tell. */
export async function checkSecond(first: Agreement, caller: Caller, keys: Keys): Promise<void> {
  const why =
    first.key_id === caller.id
      ? 'this API key has agreed already'
      : (await makersOf(caller.id, keys)).includes(first.key_id) ||
          (await makersOf(first.key_id, keys)).includes(caller.id)
        ? 'one of the two API keys made the other'
        : undefined
  if (why !== undefined) throw new Fault('second_signatory_needed', { what: why })
}

/** The keys that made this key, one after the other. */
async function makersOf(key: string, keys: Keys): Promise<string[]> {
  const makers: string[] = []
  for (let at = await keys.find(key); at?.createdBy; at = await keys.find(makers.at(-1)!)) {
    if (makers.includes(at.createdBy)) break
    makers.push(at.createdBy)
  }
  return makers
}

/** How a seal names somebody: two keys may have one name. */
export function nameOf({ id, name }: { id: string; name: string }): string {
  return `${name.slice(0, 200)} (${id})`
}
