/**
 * Guarantees that a request which the provider would refuse for want of a service contract does not leave:
 * the same question to the same contracts, asked early. Whether a provider of another instance needs one is
 * its own registry's to say; one that is suspended stops the call here too.
 */
import { checkServicePath } from '#core/transport/service-path.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import { NO_TERMS } from '../global-configuration/contracts/index-contracts.ts'
import { checkNotOverdue } from '../global-configuration/overdue.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import { isMonitoringService, METADATA_SERVICES } from '../message/message.ts'
import { graceOnRecord, type TermsOnRecord, termsOnRecord } from '../peer/terms-on-record.ts'
import type { Accepted } from './accept.ts'
import type { Allowed } from './check-access.ts'
import type { ConsumerRooms } from './rooms.ts'

/** With what its records say of what holds: the contract under which it goes among it. */
export type Covered = Allowed<Accepted> & { terms: TermsOnRecord }

/**
 * Throws `contract_required`, `contract_suspended`, `contract_unreadable`, `contract_ended`,
 * `contracts_outdated`, `contract_quota_used_up`.
 */
export function checkContract(accepted: Allowed<Accepted>, rooms: ConsumerRooms): Covered {
  const { protocol, client, service, method, servicePath } = accepted.request
  const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
  const instances = [rooms.server.instance, client.instance, service.instance]
  if (METADATA_SERVICES[protocol].has(service.serviceCode) || isMonitoringService(accepted.request)) {
    checkNotOverdue(snapshot, instances)
    return { ...accepted, terms: NO_TERMS }
  }
  // Whether an encoded slash may stand there is for the provider to say.
  const path = checkServicePath(servicePath, { allowEncodedSlash: true })
  const { index } = snapshot
  const isInGlobalGroup = (code: string): boolean => index.isInGlobalGroup(code, client)
  const isElsewhere = service.instance !== rooms.server.instance
  const question = { client, service, method, path, at: rooms.clock(), isElsewhere, isInGlobalGroup }
  const terms = rooms.contracts.contractFor(question)
  rooms.usedUpQuotas.check(terms.contract)
  const { local, key, proof } = accepted.isOfOperator ? OPERATOR : systemOf(client, rooms)
  const describe = () => ({ side: 'consumer' as const, ...proof })
  const onRecord = termsOnRecord({ snapshot, local, key, terms, describe })
  return { ...accepted, terms: { ...onRecord, ...graceOnRecord(snapshot, instances) } }
}

/** No system proved itself for what a person sends. */
const OPERATOR = { local: {}, key: 'operator', proof: {} }

function systemOf(client: ClientId, { localSystems }: ConsumerRooms) {
  const local = localSystems.client(client)
  if (local === undefined) throw new Fault('unknown_member', { what: idText(client) })
  return { local, key: '', proof: { authentication: local.authenticationMode } }
}
