/** Guarantees that no suspended one takes part: a member, a subsystem, a security server, a certificate. */
import { NOBODY_SUSPENDED } from '#core/configuration/suspension-list.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServerId } from '#schemas/identifiers.ts'
import type { ConfigurationSnapshot } from './snapshot.ts'

type Lists = Pick<ConfigurationSnapshot, 'suspensionsIn'>

/** Throws `suspended` for a client or provider that is suspended itself or by its member. */
export function checkClientNotSuspended(client: ClientId, lists: Lists): void {
  const index = lists.suspensionsIn(client.instance)
  // Nearly always, and for each message.
  if (index === NOBODY_SUSPENDED) return
  const { instance, memberClass, memberCode, subsystemCode } = client
  refuse(index.ofClient(idText({ instance, memberClass, memberCode, subsystemCode })))
}

export function isServerSuspended(server: ServerId, lists: Lists): boolean {
  return lists.suspensionsIn(server.instance).ofServer(idText(server)) !== undefined
}

/** Throws `suspended` for a server that is suspended, also by the certificate that it shows. */
export function checkServerNotSuspended(server: ServerId, lists: Lists, sha256?: string): void {
  const index = lists.suspensionsIn(server.instance)
  if (index === NOBODY_SUSPENDED) return
  refuse(index.ofServer(idText(server)))
  if (sha256 !== undefined) refuse(index.ofCertificate(sha256))
}

/** Throws `suspended` for a certificate that serves a member of this instance. */
export function checkCertificateNotSuspended(sha256: string, instance: string, lists: Lists): void {
  refuse(lists.suspensionsIn(instance).ofCertificate(sha256))
}

function refuse(who: string | undefined): void {
  if (who !== undefined) throw new Fault('suspended', { what: who })
}
