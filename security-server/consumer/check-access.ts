/**
 * Guarantees that the client subsystem is ours and proved itself in the way its mode asks, that a server can
 * be asked for the provider, that neither side is suspended, and that our log can take the exchange: refused
 * here, no body was read, nothing signed or sent.
 */
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, memberOf, subsystemOf } from '#schemas/identifiers.ts'
import { checkClientNotSuspended, checkServerNotSuspended } from '../global-configuration/check-suspended.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { LocalClient, LocalSystems } from '../local-systems/local-systems.ts'
import { candidatesFor } from '../peer/choose-server.ts'
import { type Accepted, type Arrival, HANDED_OVER, isOfOperator } from './accept.ts'
import type { ConsumerRooms } from './rooms.ts'

const allowed = Symbol('allowed')

/** This client may ask for this provider; the mark is made here and nowhere else. */
export type Allowed<T> = T & { readonly [allowed]: true }

/** Throws `unknown_member`, `ssl_authentication_failed`, `unknown_server`, `suspended` and their kin. */
export function checkAccess<T extends Accepted>(
  accepted: T,
  arrival: Arrival,
  rooms: ConsumerRooms,
): Allowed<T> {
  const { client, service, securityServer } = accepted.request
  const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
  if (isOfOperator(arrival)) checkOwn(client, rooms)
  else authenticateClient(client, arrival.tls, rooms.localSystems)
  if (!snapshot.index.isClientOf(rooms.server, client)) {
    throw new Fault('unknown_member', { what: `${idText(client)} is not registered on this security server` })
  }
  const provider = subsystemOf(service)
  if (snapshot.indexFor(provider.instance)?.isRegistered(provider) !== true) {
    throw new Fault('unknown_member', { what: `the provider ${idText(provider)}` })
  }
  checkClientNotSuspended(client, snapshot)
  checkClientNotSuspended(provider, snapshot)
  checkServerNotSuspended(rooms.server, snapshot)
  candidatesFor(provider, securityServer, snapshot)
  rooms.messageLog.checkUsable()
  // From here on there is a record of it: before, anybody at our listener could have one in anybody's name.
  accepted.course.request = accepted.request
  return { ...accepted, [allowed]: true }
}

/**
 * The three modes of ug-ss: NOSSL takes anything, SSLNOAUTH wants TLS, SSLAUTH a certificate of this
 * subsystem.
 */
export function authenticateClient(client: ClientId, tls: Arrival['tls'], localSystems: LocalSystems): void {
  const local = ownClient(client, localSystems)
  if (local.authenticationMode === 'NOSSL' || tls === HANDED_OVER) return
  if (tls === undefined)
    throw new Fault('ssl_authentication_failed', { what: `${idText(client)} has to connect by HTTPS` })
  if (local.authenticationMode === 'SSLNOAUTH') return
  if (tls.certificateSha256 === undefined || !local.certificates.has(tls.certificateSha256)) {
    throw new Fault('ssl_authentication_failed', { what: `the certificate is not one of ${idText(client)}` })
  }
}

/** The owner needs no systems of its own to speak for the server itself. */
function checkOwn(client: ClientId, { server, localSystems }: ConsumerRooms): void {
  if (idText(client) !== idText(memberOf(server))) ownClient(client, localSystems)
}

function ownClient(client: ClientId, localSystems: LocalSystems): LocalClient {
  const local = localSystems.client(client)
  if (local === undefined)
    throw new Fault('unknown_member', { what: `${idText(client)} is no client of this security server` })
  return local
}
