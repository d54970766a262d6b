/** What stops working without a certificate: the clients whose messages it signs, or the connections of this server. */
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText, memberOf, parseMemberId } from '#schemas/identifiers.ts'
import type { CertificateInfo } from '../../keys/keys.ts'
import type { Needs } from './needs.ts'

/** A server can have thousands of clients of one member; the number says how many. */
const MOST_NAMED = 20

type Uses = {
  /** The certificate is the one that is used now; another one of the same member may be valid too. */
  inUse: boolean
  users: number
  /** The first of them: clients for a signing certificate, this server for an authentication certificate. */
  usedBy: { type: 'SERVER' | 'CLIENT'; id: string }[]
}

export function usesOf(certificate: CertificateInfo, rooms: Needs): Uses {
  const { usage, member, sha256 } = certificate
  const server = { type: 'SERVER' as const, id: colonForm(idText(rooms.server)) }
  if (usage === 'AUTHENTICATION') {
    const inUse = isNow(sha256, () => rooms.keys.authenticationIdentity())
    return { inUse, users: 1, usedBy: [server] }
  }
  if (member === undefined) return { inUse: false, users: 0, usedBy: [] }
  const clients = [...rooms.localSystems.view().clients.values()]
    .map(({ id }) => id)
    .filter((id) => idText(memberOf(id)) === member)
    .map((id) => ({ type: 'CLIENT' as const, id: colonForm(idText(id)) }))
  const isOwner = idText(memberOf(rooms.server)) === member
  // The owner's key also signs what this server files and its checkpoints.
  const all = isOwner ? [server, ...clients] : clients
  return {
    inUse: isNow(sha256, () => rooms.keys.signingIdentity(parseMemberId(member))),
    users: all.length,
    usedBy: all.slice(0, MOST_NAMED),
  }
}

function isNow(sha256: string, find: () => { certificate: { sha256: string } }): boolean {
  try {
    return find().certificate.sha256 === sha256
  } catch {
    return false // None can be used now; `remedy` says why.
  }
}
