/** The page of API keys: keys with which programs call the management API of this registry. */
import { ApiKeys } from '../../kit/api-keys.tsx'
import type { Page } from '../../kit/frame.tsx'

function RegistryKeys() {
  return <ApiKeys everybody="getSystem" empty="keys.empty" />
}

export const apiKeys: Page = {
  path: '/api-keys',
  title: 'keys.title',
  listed: true,
  operation: 'getApiKeys',
  View: RegistryKeys,
}
