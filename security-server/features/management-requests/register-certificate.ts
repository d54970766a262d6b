/**
 * Files the registration of an authentication certificate, signed by its own key and by the owner's signing
 * key.
 */
import { idText, memberOf } from '#schemas/identifiers.ts'
import { DOCUMENT_TYPE, type RequestStatus, type RequestSubject } from '#schemas/management-request.ts'
import { createHeads } from './filed-requests.ts'
import type { Needs } from './needs.ts'

/** Throws `cert_not_found`, what stands in the way of a signature, and as the registry's client does. */
export function createRegisterCertificate(
  rooms: Needs,
): (sha256: string, address: string) => Promise<RequestStatus> {
  const { keys } = rooms
  const owner = memberOf(rooms.server)
  const headOf = createHeads(rooms.clock)
  return async (sha256, address) => {
    const certificate = keys.certificateDer(sha256).toString('base64')
    const subject: RequestSubject = {
      kind: 'authCertReg',
      server: idText(rooms.server),
      certificate,
      address,
    }
    if (rooms.isXRoads()) return rooms.fileXRoadRequest(subject, sha256)
    const document = { ...headOf(idText(owner)), ...subject }
    const signed = await keys.signJson({
      ...{ document, type: DOCUMENT_TYPE.file, member: owner, authentication: sha256 },
    })
    return rooms.registration.file(signed)
  }
}
