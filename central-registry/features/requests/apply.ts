/**
 * Carries out an approved request: changes the register with its own stores, within the transaction of the
 * decision.
 */
import { readCertificate } from '#core/certificate/certificate.ts'
import { parseClientId, parseMemberId, parseServerId, type SubsystemId } from '#schemas/identifiers.ts'
import type { RequestSubject } from '#schemas/management-request.ts'
import type { MemberStore } from '../../members/store.ts'
import type { ServerStore } from '../../servers/store.ts'
import type { RegisterFacts } from './rules.ts'

type Stores = { members: MemberStore; servers: ServerStore }

/** `facts` were read in the same transaction, and `assess` found no conflict. */
export async function apply(
  subject: RequestSubject,
  facts: RegisterFacts,
  { members, servers }: Stores,
  at: string,
): Promise<void> {
  const server = parseServerId(subject.server)
  const client = parseClientId(subject.client ?? subject.newOwner ?? subject.server.replace(/\/[^/]+$/, ''))
  switch (subject.kind) {
    case 'authCertReg': {
      const address = subject.address ?? ''
      if (facts.server === undefined) await servers.addServer(server, address, at)
      else if (facts.server.address !== address) await servers.changeAddress(server, address)
      const certificate = readCertificate(Buffer.from(subject.certificate ?? '', 'base64'))
      return servers.addCertificate(server, certificate, at)
    }
    case 'authCertDeletion':
      return servers.deleteCertificate(server, subject.certificateSha256 ?? '')
    case 'clientReg':
      if (!facts.otherExists)
        await members.addSubsystem(client as SubsystemId, subject.subsystemName ?? '', at)
      return servers.addClient(server, client)
    case 'clientDeletion':
      return servers.deleteClient(server, client)
    case 'clientDisable':
    case 'clientEnable':
      return servers.setDisabled(server, client, subject.kind === 'clientDisable')
    case 'clientRename':
      return members.renameSubsystem(client as SubsystemId, subject.subsystemName ?? '')
    case 'ownerChange':
      return servers.changeOwner(server, parseMemberId(subject.newOwner ?? ''), at)
    case 'addressChange':
      return servers.changeAddress(server, subject.address ?? '')
    case 'maintenanceModeEnable':
      return servers.setMaintenance(server, subject.message ?? '')
    case 'maintenanceModeDisable':
      return servers.setMaintenance(server, null)
  }
}
