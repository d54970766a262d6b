/**
 * `concordat event verify`: verifies signed events with a certificate that the caller trusts, and says what
 * is covered.
 */
import { notHeld } from '#core/dsse/envelope.ts'
import { verifyEvent } from '#core/dsse/verify-event.ts'
import { Fault } from '#schemas/fault.ts'
import { coverageOf } from './coverage.ts'
import { readHolder } from './read-credentials.ts'
import { INPUT_OPTIONS, readValid } from './read-given.ts'
import { signedExtensions } from './signed-extensions.ts'
import { argumentsOf, needed, type Surroundings, sayError, takesNone, wrongUsage } from './surroundings.ts'

const OPTIONS = {
  ...INPUT_OPTIONS,
  certificate: { type: 'string' },
  at: { type: 'string' },
  extension: { type: 'string', multiple: true },
} as const
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/

/**
 * 0 where there are events and all are signed as the caller asks, else 1. Throws `invalid_event_signature`
 * for the certificate.
 */
export async function verify(args: string[], surroundings: Surroundings): Promise<number> {
  const { values, positionals } = argumentsOf(args, OPTIONS)
  takesNone(positionals)
  const certificateFile = needed(values.certificate, 'certificate')
  const at = values.at === undefined ? new Date(surroundings.clock()) : timeOf(values.at)
  const { names, types } = signedExtensions(values.extension ?? [])
  const holder = await readHolder(certificateFile, at, 'invalid_event_signature')
  const given = await readValid('verify', values, surroundings)
  if (given === undefined) return 1
  let failed = 0
  for (const { event, place } of given.events) {
    try {
      const verified = verifyEvent(event, [{ key: holder.publicKey }], { types })
      const open = names.find((name) => !verified.event.extensions.has(name))
      if (open !== undefined) throw notHeld(`the extension ${open} is not covered`)
      surroundings.out.write(coverageOf(verified, place, holder))
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      failed++
      sayError(surroundings, `verify: ${place}: ${thrown.message}`)
    }
  }
  surroundings.out.write(
    `${given.events.length - failed} verified, ${failed} not. Who issued the certificate, and whether it is revoked, is not judged here.\n`,
  )
  return failed === 0 && given.events.length > 0 ? 0 : 1
}

function timeOf(text: string): Date {
  const time = new Date(text)
  if (!UTC.test(text) || Number.isNaN(time.getTime()))
    throw wrongUsage('--at wants a time as 2026-01-31T12:00:00Z')
  return time
}
