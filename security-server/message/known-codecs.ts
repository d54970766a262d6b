/** The protocols that this server exchanges messages in, by what the transport header calls them. */
import { Fault } from '#schemas/fault.ts'
import type { Codec } from './codec.ts'
import { rest } from './rest.ts'

const CODECS: readonly Codec[] = [rest]

/** Throws `service_type` for a protocol that is not exchanged here. */
export function codecNamed(name: unknown): Codec {
  const codec = CODECS.find((one) => one.name === name)
  if (codec === undefined) {
    throw new Fault('service_type', {
      what: `this security server exchanges ${CODECS.map((one) => one.name).join(' and ')} messages`,
    })
  }
  return codec
}
