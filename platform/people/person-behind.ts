/** Whose turn a caller takes: a person who has made keys has one turn, not one for each key. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Caller } from '#platform/http-service/caller.ts'

/** The id at the start of the chain of keys: a person's, or that of the operator's first key. */
export async function personBehind(
  { kind, id }: Pick<Caller, 'kind' | 'id'>,
  apiKeys: Pick<ApiKeys, 'find'>,
): Promise<string> {
  if (kind !== 'key') return id
  let first = id
  for (let at = await apiKeys.find(first); at?.createdBy; at = await apiKeys.find(first)) first = at.createdBy
  return first
}
