/**
 * Guarantees that no suspended member, subsystem, security server or certificate takes part in an exchange.
 */
import { NOBODY_SUSPENDED } from '#core/configuration/suspension-list.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServerId } from '#schemas/identifiers.ts'
import type { ConfigurationSnapshot } from './snapshot.ts'

type Lists = Pick<ConfigurationSnapshot, 'suspensionsIn'>

/** Throws `suspended` for a client or provider when it or its member is suspended. */
export function checkClientNotSuspended(client: ClientId, lists: Lists): void {
  const index = lists.suspensionsIn(client.instance)
  // The usual case, for every message.
  if (index === NOBODY_SUSPENDED) return
  const { instance, memberClass, memberCode, subsystemCode } = client
  refuse(index.ofClient(idText({ instance, memberClass, memberCode, subsystemCode })))
}

export function isServerSuspended(server: ServerId, lists: Lists): boolean {
  return lists.suspensionsIn(server.instance).ofServer(idText(server)) !== undefined
}

/** Throws `suspended` when the server or, if given, its certificate is suspended. */
export function checkServerNotSuspended(server: ServerId, lists: Lists, sha256?: string): void {
  const index = lists.suspensionsIn(server.instance)
  if (index === NOBODY_SUSPENDED) return
  refuse(index.ofServer(idText(server)))
  if (sha256 !== undefined) refuse(index.ofCertificate(sha256))
}

/** Throws `suspended` for a suspended certificate of a member of this instance. */
export function checkCertificateNotSuspended(sha256: string, instance: string, lists: Lists): void {
  refuse(lists.suspensionsIn(instance).ofCertificate(sha256))
}

function refuse(who: string | undefined): void {
  if (who !== undefined) throw new Fault('suspended', { what: who })
}
