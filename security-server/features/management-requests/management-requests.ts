/**
 * Files management requests with the central registry. Each required signer that has a signing key on this
 * server signs.
 */
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { type ClientId, idText, memberOf, parseMemberId } from '#schemas/identifiers.ts'
import {
  DOCUMENT_TYPE,
  type RequestStatus,
  type RequestSubject,
  signersOf,
} from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import { isAskedOfRegistry } from '../../local-systems/client-status.ts'
import { clientIn } from '../../local-systems/manage.ts'
import { createHeads, registrationOf } from './filed-requests.ts'
import type { Needs } from './needs.ts'
import { createRegisterCertificate } from './register-certificate.ts'
import type { RememberedStates } from './remember-states.ts'
import { settle } from './settle-requests.ts'

/** `remembered`: what the registry said last of what was filed. */
export function managementRequestHandlers(rooms: Needs, remembered: RememberedStates): Handlers {
  const { keys } = rooms
  const server = idText(rooms.server)
  const owner = memberOf(rooms.server)

  const headOf = createHeads(rooms.clock)
  const registerCertificate = createRegisterCertificate(rooms)

  /**
   * Whether the member has a signing key on this server that is ready. Otherwise the request waits for that
   * member's signature.
   */
  const canSign = (member: string): boolean => {
    try {
      keys.signingIdentity(parseMemberId(member))
      return true
    } catch {
      return false
    }
  }

  async function file(subject: RequestSubject) {
    if (rooms.isXRoads()) return view(await rooms.fileXRoadRequest(subject))
    const signers = signersOf(subject)
    const to = rooms.registration
    const wanted = 'either' in signers ? [idText(owner)] : signers.all
    const [first, ...others] = wanted as [string, ...string[]]
    const fileAs = async (signer: string) =>
      to.file(
        await keys.signJson({
          document: { ...headOf(signer), ...subject },
          type: DOCUMENT_TYPE.file,
          member: parseMemberId(signer),
        }),
      )
    // The first signer signs without a check by `canSign`, so that the caller learns why it cannot sign.
    let status = await fileAs(first)
    try {
      for (const signer of others.filter(canSign)) status = await fileAs(signer)
    } catch (cause) {
      // A request with only a part of the signatures would block the next attempt, so it is revoked.
      await revoke(status.request).catch((thrown: unknown) => asFault(thrown))
      throw cause
    }
    return view(status)
  }

  async function revoke(request: number): Promise<RequestStatus> {
    const to = registrationOf(rooms)
    const document = { ...headOf(idText(owner)), server, request }
    const signed = await keys.signJson({ document, type: DOCUMENT_TYPE.revoke, member: owner })
    return to.revoke(signed)
  }

  const ofClient =
    (kind: RequestSubject['kind']) =>
    async ({ params, body }: { params: Record<string, string>; body: unknown }) => {
      const id = localClient(rooms, params['clientId'])
      const { subsystemName } = (body ?? {}) as { subsystemName?: string }
      const name = subsystemName === undefined ? {} : { subsystemName }
      // The process may end before it has remembered the answer.
      if (isAskedOfRegistry(kind) && !rooms.isXRoads()) await rooms.localSystems.asking(id)
      const filed = await file({ kind, server, client: idText(id), ...name })
      if (isAskedOfRegistry(kind)) await rooms.localSystems.asked(id, kind, filed.request)
      return filed
    }

  return {
    async registerCertificate({ params, body }) {
      const { address } = body as { address: string }
      return view(await registerCertificate(params['sha256']!.toLowerCase(), address))
    },
    unregisterCertificate: ({ params }) =>
      file({ kind: 'authCertDeletion', server, certificateSha256: params['sha256']!.toLowerCase() }),
    registerClient: ofClient('clientReg'),
    unregisterClient: ofClient('clientDeletion'),
    disableClient: ofClient('clientDisable'),
    enableClient: ofClient('clientEnable'),
    renameClient: ofClient('clientRename'),
    async changeOwner({ params }) {
      const client = localClient(rooms, params['clientId'])
      if (client.subsystemCode !== undefined)
        throw new Fault('invalid_client_identifier', { what: say`a member owns a server, not a subsystem` })
      return file({ kind: 'ownerChange', server, newOwner: idText(client) })
    },
    addressChange: ({ body }) =>
      file({ kind: 'addressChange', server, address: (body as { address: string }).address }),
    enableMaintenanceMode: ({ body }) => {
      const { message } = (body ?? {}) as { message?: string }
      return file({ kind: 'maintenanceModeEnable', server, ...(message === undefined ? {} : { message }) })
    },
    disableMaintenanceMode: () => file({ kind: 'maintenanceModeDisable', server }),
    async getManagementRequests({ query }) {
      const { maxAgeSeconds = 0 } = query as { maxAgeSeconds?: number }
      const { all, askedAt } = await remembered.notOlderThan(maxAgeSeconds * 1000)
      // An answer that was kept says nothing that was not settled when it came.
      if (maxAgeSeconds === 0) await settle(rooms, all)
      return answer(all.map(view), { headers: { 'x-asked-at': new Date(askedAt).toISOString() } })
    },
    async revokeManagementRequest({ params }) {
      const revoked = await revoke(Number(params['request']))
      await settle(rooms, [revoked])
      return view(revoked)
    },
  }
}

/** A client of this server, registered or not. */
function localClient({ localSystems }: Needs, text: string | undefined): ClientId {
  return clientIn(localSystems.view(), clientIdOf(text)).id
}

function view({ server, client, ...status }: RequestStatus) {
  return {
    ...status,
    serverId: colonForm(server),
    ...(client === undefined ? {} : { clientId: colonForm(client) }),
  }
}
