/** Who keeps which keys: signing keys both officers, authentication keys the security officer alone. */
import { useConsole } from '../../kit/context.ts'
import type { Usage } from './shapes.ts'

/** Whether this session may change keys of a usage, for those who may call an operation on keys at all. */
export function useKeeps(): (usage: Usage) => boolean {
  const { roles } = useConsole().session
  return (usage) => usage === 'SIGNING' || roles.includes('XROAD_SECURITY_OFFICER')
}
