/** Handlers of the operations on security servers, their authentication certificates and their clients. */

import { certificateFacts } from '#core/certificate/certificate-facts.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Clock } from '#platform/clock.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import { checkNewCode } from '#schemas/identifiers.ts'
import type { Page } from '../changes/store.ts'
import { instanceOf } from '../members/instance.ts'
import { clientOf, encodedId, encodedServer, serverOf } from '../members/rules.ts'
import type { MemberStore } from '../members/store.ts'
import { checkAddress, checkNewCertificate } from './rules.ts'
import type { ServerStore } from './store.ts'

type Rooms = {
  store: ServerStore
  members: MemberStore
  /** Reads the approved CAs as of now. */
  approved(): Promise<ConfigurationIndex>
  clock: Clock
}

export function serverHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store, members } = rooms
  const now = (): Date => new Date(rooms.clock())
  const server = async (encoded: string): Promise<ServerId> => serverOf(encoded, await instanceOf(members))

  return {
    getSecurityServers: async ({ query }) => {
      const { certificate, ...page } = query as Page & { certificate?: 'none' }
      const search = certificate === undefined ? page : { ...page, withoutAt: now().toISOString() }
      const servers = await store.servers(search)
      const { certificates, clients } = await store.belongings(servers.map(({ id }) => id))
      const described = servers.map(({ id, address, created_at, maintenance }) => ({
        id: encodedServer(id),
        address,
        createdAt: created_at,
        certificates: certificates.filter((one) => one.server === id).map((one) => one.sha256),
        clients: clients.filter((one) => one.server === id).map((one) => encodedId(one.client)),
        disabledClients: clients
          .filter((one) => one.server === id && one.is_disabled === 1)
          .map((one) => encodedId(one.client)),
        ...(maintenance === null ? {} : { maintenance: { message: maintenance } }),
      }))
      return listAnswer(described, search, () => store.countServers(search))
    },
    getSecurityServer: async ({ params }) => {
      const id = await server(params['id']!)
      const { owner, owner_name, address, created_at } = await store.server(id)
      return {
        id: params['id'],
        owner: encodedId(owner),
        ownerName: owner_name,
        address,
        createdAt: created_at,
        clients: await store.countClients(id, {}),
        authenticationCertificates: (await store.certificates(id)).map((one) => ({
          ...certificateFacts(one.certificate),
          createdAt: one.created_at,
        })),
      }
    },
    getServerClients: async ({ params, query }) => {
      const id = await server(params['id']!)
      const clients = await store.clients(id, query as Page)
      const described = clients.map(({ client, name }) => ({ id: encodedId(client), name }))
      return listAnswer(described, query as Page, () => store.countClients(id, query as Page))
    },
    addSecurityServer: async ({ body }) => {
      const { id, address } = body as { id: string; address: string }
      const serverId = await server(id)
      checkNewCode(serverId.serverCode)
      await store.addServer(serverId, checkAddress(address), now().toISOString())
      return { id, address }
    },
    changeSecurityServerAddress: async ({ params, body }) => {
      const { address } = body as { address: string }
      await store.changeAddress(await server(params['id']!), checkAddress(address))
      return { id: params['id'], address }
    },
    deleteSecurityServer: async ({ params }) =>
      store.deleteServer(await server(params['id']!), now().toISOString()),
    addAuthenticationCertificate: async ({ params, body }) => {
      const id = await server(params['id']!)
      const certificate = checkNewCertificate(body as Buffer, await rooms.approved(), now())
      await store.addCertificate(id, certificate, now().toISOString())
      return { sha256: certificate.sha256 }
    },
    deleteAuthenticationCertificate: async ({ params }) =>
      store.deleteCertificate(await server(params['id']!), params['sha256']!),
    registerClient: async ({ params, body }) => {
      const id = await server(params['id']!)
      const client = clientOf((body as { client: string }).client, id.instance)
      await store.addClient(id, client)
    },
    deleteClient: async ({ params }) => {
      const id = await server(params['id']!)
      await store.deleteClient(id, clientOf(params['client']!, id.instance))
    },
  }
}
