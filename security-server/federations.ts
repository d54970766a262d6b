/** The other instances with which this server exchanges messages, by its settings. */
import { Fault } from '#schemas/fault.ts'
import type { Settings } from './config.ts'

/** Reads `allowedFederations`. Throws `invalid_input` when `all` or `none` is combined with another value. */
export function federationsOf({
  allowedFederations: given,
}: Pick<Settings, 'allowedFederations'>): string[] | 'all' {
  const words = given.filter((one) => /^(?:all|none)$/i.test(one))
  if (words.length > 0 && given.length > 1)
    throw new Fault('invalid_input', { what: `allowedFederations: ${words[0]} stands alone` })
  if (words.length === 0) return given
  return words[0]!.toLowerCase() === 'all' ? 'all' : []
}
