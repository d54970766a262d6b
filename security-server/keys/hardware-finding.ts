/** Whether a hardware token prevents members from signing, for health checks and diagnosis. */
import type { TokenInfo } from './keys.ts'

/** `ok` is false when a token with an active certificate cannot sign. Undefined when there is no hardware token. */
export function hardwareFinding(tokens: TokenInfo[]): { ok: boolean; reason?: string } | undefined {
  const hardware = tokens.filter(({ type }) => type === 'HARDWARE')
  if (hardware.length === 0) return undefined
  const needed = hardware.filter(
    ({ loggedIn, keys }) =>
      !loggedIn && keys.some(({ certificates }) => certificates.some(({ active }) => active)),
  )
  if (needed.length === 0) return { ok: true }
  const reasons = needed.map(({ name, hardware: state }) => {
    const why = state?.reason === undefined ? '' : ` (${state.reason})`
    return state?.state === 'away' ? `token ${name} is away${why}` : `token ${name} is locked${why}`
  })
  return { ok: false, reason: reasons.join('; ') }
}
