/** The page of API keys: keys with which programs call the management API of this security server. */
import { ApiKeys } from '../../kit/api-keys.tsx'

export function ServerKeys() {
  return <ApiKeys everybody="getPasskeys" empty="keys.serverEmpty" />
}
