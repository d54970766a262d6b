/** Whether a hardware token prevents members from signing, for health checks and diagnosis. */

import { listed, type Said, say } from '#schemas/said.ts'
import type { TokenInfo } from './keys.ts'

/**
 * `ok` is false when a token with an active certificate cannot sign. Undefined when there is no hardware
 * token.
 */
export function hardwareFinding(tokens: TokenInfo[]): { ok: boolean; reason?: Said } | undefined {
  const hardware = tokens.filter(({ type }) => type !== 'SOFTWARE')
  if (hardware.length === 0) return undefined
  const needed = hardware.filter(
    ({ loggedIn, keys }) =>
      !loggedIn && keys.some(({ certificates }) => certificates.some(({ active }) => active)),
  )
  if (needed.length === 0) return { ok: true }
  const reasons = needed.map(({ name, hardware: state }) => {
    const said = state?.state === 'away' ? say`token ${name} is away` : say`token ${name} is locked`
    return state?.reason === undefined ? said : listed([said, `(${state.reason})`], ' ')
  })
  return { ok: false, reason: listed(reasons, '; ') }
}
