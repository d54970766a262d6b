/** Handlers of the operations on security servers, their authentication certificates and their clients. */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import { type Changed, encodedId, instanceOf } from '../members/routes.ts'
import { clientOf } from '../members/rules.ts'
import type { MemberStore } from '../members/store.ts'
import { checkAddress, checkAuthenticationCertificate, serverOf } from './rules.ts'
import type { ServerStore } from './store.ts'

type Rooms = {
  store: ServerStore
  members: MemberStore
  /** The approved CAs' certificates now. */
  trust(): Promise<{ anchors: Certificate[]; intermediates: Certificate[] }>
  clock: Clock
  changed: Changed
}

export function serverHandlers(rooms: Rooms): Record<string, OperationHandler> {
  const { store, members, changed } = rooms
  const now = (): Date => new Date(rooms.clock())
  const server = async (encoded: string): Promise<ServerId> => serverOf(encoded, await instanceOf(members))

  return {
    getSecurityServers: async () => {
      const [certificates, clients] = await Promise.all([store.certificates(), store.clients()])
      return (await store.servers()).map(({ id, address, created_at }) => ({
        id: encodedServer(id),
        address,
        createdAt: created_at,
        certificates: certificates.filter((one) => one.server === id).map((one) => one.sha256),
        clients: clients.filter((one) => one.server === id).map((one) => encodedId(one.client)),
      }))
    },
    addSecurityServer: async ({ body }) => {
      const { id, address } = body as { id: string; address: string }
      const serverId = await server(id)
      if (!(await members.memberExists(memberOf(serverId))))
        throw new Fault('not_found', { what: 'the owner member' })
      await store.addServer(serverId, checkAddress(address), now().toISOString())
      changed()
      return { id, address }
    },
    changeSecurityServerAddress: async ({ params, body }) => {
      const { address } = body as { address: string }
      await store.changeAddress(await server(params['id']!), checkAddress(address))
      changed()
      return { id: params['id'], address }
    },
    deleteSecurityServer: async ({ params }) => {
      await store.deleteServer(await server(params['id']!))
      changed()
    },
    addAuthenticationCertificate: async ({ params, body }) => {
      const id = await server(params['id']!)
      const certificate = checkAuthenticationCertificate(body as Buffer, await rooms.trust(), now())
      await store.addCertificate(id, certificate, now().toISOString())
      changed()
      return { sha256: certificate.sha256 }
    },
    deleteAuthenticationCertificate: async ({ params }) => {
      await store.deleteCertificate(await server(params['id']!), params['sha256']!)
      changed()
    },
    registerClient: async ({ params, body }) => {
      const id = await server(params['id']!)
      const client = clientOf((body as { client: string }).client, id.instance)
      if (!(await members.clientExists(client)))
        throw new Fault('not_found', { what: 'this member or subsystem' })
      await store.addClient(id, client)
      changed()
    },
    deleteClient: async ({ params }) => {
      const id = await server(params['id']!)
      await store.deleteClient(id, clientOf(params['client']!, id.instance))
      changed()
    },
  }
}

function encodedServer(text: string): string {
  const { instance, memberClass, memberCode, serverCode } = parseServerId(text)
  return [instance, memberClass, memberCode, serverCode].join(':')
}
