/**
 * Like X-Road, refuses a message that is addressed to another provider than that of the management services.
 */
import type { SoapService } from '#core/transport/soap-message.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { MANAGEMENT_SERVICE_PROVIDER, type MemberStore } from '../../../members/store.ts'

/** Throws `unknown_service` unless the service's provider is the instance's management service provider. */
export async function checkProvider(
  { instance, memberClass, memberCode, subsystemCode }: SoapService,
  { members }: { members: Pick<MemberStore, 'parameters'> },
): Promise<void> {
  const { [MANAGEMENT_SERVICE_PROVIDER]: provider } = await members.parameters()
  const subsystem = subsystemCode === undefined ? {} : { subsystemCode }
  if (idText({ instance, memberClass, memberCode, ...subsystem }) !== provider)
    throw new Fault('unknown_service', { what: 'its provider is not that of the management services' })
}
