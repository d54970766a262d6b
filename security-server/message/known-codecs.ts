/** The protocols that this server exchanges messages in, by what the transport header calls them. */
import { Fault } from '#schemas/fault.ts'
import type { Codec } from './codec.ts'
import { rest } from './rest.ts'
import { soap } from './soap.ts'

/**
 * A SOAP message has no x-road-message-type (pr-messtransp). Throws `service_type` for a protocol that is not
 * exchanged here.
 */
export function codecNamed(name: unknown): Codec {
  if (name === undefined) return soap
  if (name === rest.name) return rest
  throw new Fault('service_type', { what: 'this security server exchanges REST and SOAP messages' })
}
