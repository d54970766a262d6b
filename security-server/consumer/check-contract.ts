/**
 * Guarantees that a request which the provider would refuse for want of a service contract does not leave: the same question to
 * the same contracts, asked early. Whether a provider of another instance needs one
 * is its own registry's to say; one that is suspended stops the call here too.
 */
import { checkServicePath } from '#core/transport/service-path.ts'
import { NO_TERMS, type RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { Allowed } from '../peer/message.ts'
import type { Accepted } from './accept.ts'
import type { ConsumerRooms } from './rooms.ts'

/** Every member may ask these of every provider (wire 1.6). */
const METADATA_SERVICES: ReadonlySet<string> = new Set(['listMethods', 'allowedMethods', 'getOpenAPI'])

/** Throws `contract_required`, `contract_suspended`, `contract_ended`, `contracts_outdated`. */
export function checkContract(
  accepted: Allowed<Accepted>,
  rooms: ConsumerRooms,
): Allowed<Accepted> & { terms: RecordTerms } {
  const { client, service, method, servicePath } = accepted.request
  if (METADATA_SERVICES.has(service.serviceCode)) return { ...accepted, terms: NO_TERMS }
  // Whether an encoded slash may stand there is for the provider to say.
  const path = checkServicePath(servicePath, { allowEncodedSlash: true })
  const { index } = rooms.globalConfiguration.current()
  const isInGlobalGroup = (code: string): boolean => index.isInGlobalGroup(code, client)
  const isElsewhere = service.instance !== rooms.server.instance
  const question = { client, service, method, path, at: rooms.clock(), isElsewhere, isInGlobalGroup }
  return { ...accepted, terms: rooms.contracts.contractFor(question) }
}
