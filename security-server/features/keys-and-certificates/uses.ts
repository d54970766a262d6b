/**
 * What stops working without a certificate: the clients whose messages it signs, or the connections of this
 * server.
 */
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText, memberOf, parseMemberId } from '#schemas/identifiers.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { CertificateInfo } from '../../keys/keys.ts'
import type { Needs } from './needs.ts'

/** A server can have thousands of clients of one member; the number says how many. */
const MOST_NAMED = 20

type Uses = {
  /** The certificate is the one that is used now; another one of the same member may be valid too. */
  inUse: boolean
  /**
   * It is in use, or it would be and no other can take its place: the token is locked, say, or no OCSP
   * response is fresh.
   */
  needed: boolean
  users: Whole
  /** The first of them: clients for a signing certificate, this server for an authentication certificate. */
  usedBy: { type: 'SERVER' | 'CLIENT'; id: string }[]
}

export function usesOf(certificate: CertificateInfo, rooms: Needs): Uses {
  const { usage, member } = certificate
  const server = { type: 'SERVER' as const, id: colonForm(idText(rooms.server)) }
  if (usage === 'AUTHENTICATION') {
    const now = useOf(certificate, () => rooms.keys.authenticationIdentity())
    return { ...now, users: 1, usedBy: [server] }
  }
  if (member === undefined) return { inUse: false, needed: false, users: 0, usedBy: [] }
  const clients = [...rooms.localSystems.view().clients.values()]
    .map(({ id }) => id)
    .filter((id) => idText(memberOf(id)) === member)
    .map((id) => ({ type: 'CLIENT' as const, id: colonForm(idText(id)) }))
  const isOwner = idText(memberOf(rooms.server)) === member
  // The owner's key also signs what this server files and its checkpoints.
  const all = isOwner ? [server, ...clients] : clients
  return {
    ...useOf(certificate, () => rooms.keys.signingIdentity(parseMemberId(member))),
    users: all.length,
    usedBy: all.slice(0, MOST_NAMED),
  }
}

function useOf(
  { sha256, active }: CertificateInfo,
  find: () => { certificate: { sha256: string } },
): Pick<Uses, 'inUse' | 'needed'> {
  try {
    const inUse = find().certificate.sha256 === sha256
    return { inUse, needed: inUse }
  } catch {
    return { inUse: false, needed: active } // None can be used now; `remedy` says why.
  }
}
