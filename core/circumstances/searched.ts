/** By which endpoint an exchange is searched for: the narrowest word there is for what was called, never the path itself. */
import type { Circumstances } from '#schemas/circumstances.ts'
import { endpointText, isWholeService } from './in-words.ts'

/** As it is declared, else as it was granted, else as the contract covers it; '' where only the service as a whole is named. */
export function searchedEndpoint({ endpoint, right, contract }: Circumstances): string {
  const found = [endpoint, right?.endpoint, contract?.endpoint].find(
    (one) => one !== undefined && !isWholeService(one),
  )
  return found === undefined ? '' : endpointText(found)
}
