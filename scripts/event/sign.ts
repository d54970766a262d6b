/**
 * `concordat event sign`: signs events with a key of the caller's own, and says what the signature covers.
 */
import { signEvent } from '#core/dsse/sign-event.ts'
import { verifyEvent } from '#core/dsse/verify-event.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { Fault } from '#schemas/fault.ts'
import { coverageOf } from './coverage.ts'
import { readHolder, readKeyOf } from './read-credentials.ts'
import { INPUT_OPTIONS, readValid } from './read-given.ts'
import { signedExtensions } from './signed-extensions.ts'
import { argumentsOf, needed, type Surroundings, takesNone, wrongUsage } from './surroundings.ts'
import { documentOf } from './write-given.ts'

const text = { type: 'string' } as const
const OPTIONS = {
  ...INPUT_OPTIONS,
  key: text,
  certificate: text,
  extension: { type: 'string', multiple: true },
} as const

/**
 * 0, or 1 where an event is not valid. All events are signed or none is printed. Throws `cannot_sign`, and
 * `wrong_usage` for an extension that cannot be covered.
 */
export async function sign(args: string[], surroundings: Surroundings): Promise<number> {
  const { values, positionals } = argumentsOf(args, OPTIONS)
  takesNone(positionals)
  const [keyFile, certificateFile] = [needed(values.key, 'key'), needed(values.certificate, 'certificate')]
  const { names, types } = signedExtensions(values.extension ?? [])
  const holder = await readHolder(certificateFile, new Date(surroundings.clock()), 'cannot_sign')
  const key = await readKeyOf(holder, keyFile)
  const given = await readValid('sign', values, surroundings)
  if (given === undefined) return 1
  const signed: CloudEvent[] = []
  const reports: string[] = []
  for (const { event, place } of given.events) {
    const one = await signEvent(inBothModes(event), [{ key, keyid: holder.sha256 }], names, types).catch(
      (thrown: unknown) => {
        // The signer's own fault is written for those who get the event: here the caller chose what is
        // covered.
        if (!(thrown instanceof Fault) || thrown.code !== 'invalid_event_signature') throw thrown
        throw wrongUsage(`${place}: ${thrown.what}, see --extension`)
      },
    )
    signed.push(one)
    reports.push(coverageOf(verifyEvent(one, [{ key: holder.publicKey }], { types }), place, holder))
  }
  surroundings.out.write(documentOf(given.form, signed))
  surroundings.errors.write(reports.join(''))
  return 0
}

/**
 * With the content type that its JSON form implies: in binary mode it has one, which the signature has to
 * cover.
 */
function inBothModes({ isJsonImplied, ...event }: CloudEvent): CloudEvent {
  return isJsonImplied === true ? { ...event, datacontenttype: 'application/json' } : event
}
