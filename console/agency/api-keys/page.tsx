/** The page of API keys: keys with which programs call the management API of this security server. */
import { ApiKeys } from '../../kit/api-keys.tsx'
import type { Page } from '../../kit/frame.tsx'

function ServerKeys() {
  return <ApiKeys everybody="getSession" empty="keys.serverEmpty" />
}

export const apiKeys: Page = {
  path: '/api-keys',
  title: 'keys.title',
  listed: true,
  operation: 'getApiKeys',
  View: ServerKeys,
}
