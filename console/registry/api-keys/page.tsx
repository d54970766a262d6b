/** The page of API keys: keys with which programs call the management API of this registry. */
import { ApiKeys } from '../../kit/api-keys.tsx'

export function RegistryKeys() {
  return <ApiKeys everybody="getSystem" empty="keys.empty" />
}
