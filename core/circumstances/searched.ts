/**
 * The endpoint under which an exchange can be searched: the narrowest pattern that covered the call, never
 * the path itself.
 */
import type { Circumstances } from '#schemas/circumstances.ts'
import { endpointText, isWholeService } from './in-words.ts'

/**
 * The declared endpoint, else the one in the access right, else the one in the contract; '' if only the whole
 * service is named.
 */
export function searchedEndpoint({ endpoint, right, contract }: Circumstances): string {
  const found = [endpoint, right?.endpoint, contract?.endpoint].find(
    (one) => one !== undefined && !isWholeService(one),
  )
  return found === undefined ? '' : endpointText(found)
}
