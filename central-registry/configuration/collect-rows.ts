/** All rows that make up a configuration, read together. */
import type { MemberStore } from '../members/store.ts'
import type { ServerStore } from '../servers/store.ts'
import type { TrustStore } from '../trust/store.ts'
import type { RegistryRows } from './assemble.ts'

export async function collectRows(stores: {
  members: MemberStore
  servers: ServerStore
  trust: TrustStore
}): Promise<RegistryRows> {
  const { members, servers, trust } = stores
  return {
    parameters: await members.parameters(),
    classes: await members.classes(),
    members: await members.allMembers(),
    subsystems: await members.allSubsystems(),
    groups: await members.groups(),
    groupMembers: await members.groupMembers(),
    servers: await servers.servers(),
    certificates: await servers.certificates(),
    clients: await servers.clients(),
    services: await trust.services(),
    authorities: await trust.authorities(),
    responders: await trust.responders(),
    timestampingServices: await trust.timestampingServices(),
  }
}
