/**
 * What somebody who asks is told: the owner of the server and the monitoring client that the instance names
 * see the exchanges of all, everybody else those to which it is a party itself. What is under a secret
 * contract is told to its parties alone.
 */
import { type ClientId, idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { ConfigurationSnapshot } from '../../global-configuration/global-configuration.ts'
import type { OperationalRecord } from './record-fields.ts'

type Rooms = { server: ServerId; globalConfiguration: { current(): ConfigurationSnapshot } }

export function maySeeAll(client: ClientId, { server, globalConfiguration }: Rooms): boolean {
  const { monitoringClient } = globalConfiguration.current().index
  const allowed = [memberOf(server), ...(monitoringClient === undefined ? [] : [monitoringClient])]
  return allowed.some((one) => idText(one) === idText(client))
}

/** Whether the record is one of an exchange with this client, in the role of `side` or in either. */
export function isOf(
  { instance, memberClass, memberCode, subsystemCode }: ClientId,
  record: OperationalRecord,
  sides: readonly ('client' | 'service')[],
): boolean {
  return sides.some(
    (side) =>
      record[`${side}XRoadInstance`] === instance &&
      record[`${side}MemberClass`] === memberClass &&
      record[`${side}MemberCode`] === memberCode &&
      record[`${side}SubsystemCode`] === subsystemCode,
  )
}
