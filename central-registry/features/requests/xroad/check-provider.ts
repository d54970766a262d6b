/** As X-Road: a message for another provider of management services is not for this registry. */
import type { SoapService } from '#core/transport/soap-message.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { MANAGEMENT_SERVICE_PROVIDER, type MemberStore } from '../../../members/store.ts'

/** Throws `unknown_service` unless the service's provider is the one that the instance names. */
export async function checkProvider(
  { instance, memberClass, memberCode, subsystemCode }: SoapService,
  { members }: { members: Pick<MemberStore, 'parameters'> },
): Promise<void> {
  const { [MANAGEMENT_SERVICE_PROVIDER]: provider } = await members.parameters()
  const subsystem = subsystemCode === undefined ? {} : { subsystemCode }
  if (idText({ instance, memberClass, memberCode, ...subsystem }) !== provider)
    throw new Fault('unknown_service', { what: 'its provider is not that of the management services' })
}
