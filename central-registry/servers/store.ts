/** Rows of security servers, their authentication certificates and registered clients. */
import { type Kysely, sql } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import { type ClientId, idText, type MemberId, memberOf, type ServerId } from '#schemas/identifiers.ts'
import { type Change, contains, counted, mustBe, orderOf, type Page, type Tabled } from '../changes/store.ts'
import { mustBeRegistered } from '../members/store.ts'
import { forgetServer } from '../register/forget-server-store.ts'
import { followOwner } from '../register/owners-group-store.ts'
import type { RegisterTables } from '../register/tables.ts'

import {
  certificateState,
  nextCertificateState,
  nextRegistrationState,
  nextServerState,
  type RegistrationAct,
  registrationState,
  type ServerAct,
  serverState,
} from './rules.ts'

export type ServerStore = ReturnType<typeof createServerStore>

/** `withoutAt`: selects only servers that have no certificate valid after this time. */
type Search = Pick<Page, 'q'> & { withoutAt?: string | undefined }

const ORDERS = { id: 'id', address: 'address', createdAt: 'created_at' } as const

export function createServerStore(database: Tabled, change: Change) {
  const tables = tablesOf<RegisterTables>(database)

  const serversWhere = ({ q = '', withoutAt }: Search) =>
    tables
      .selectFrom('security_server')
      .$if(withoutAt !== undefined, (query) =>
        query.where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('authentication_certificate')
                .select('sha256')
                .whereRef('authentication_certificate.server', '=', 'security_server.id')
                .where('not_after', '>', withoutAt!),
            ),
          ),
        ),
      )
      .$if(q !== '', (query) =>
        query.where(contains(q, { id: 'security_server.id', text: 'security_server.address' })),
      )
  // A client is a member or a subsystem, so only one of the two joins finds a name.
  const clientsWhere = (id: ServerId, { q = '' }: Search) =>
    tables
      .selectFrom('server_client')
      .leftJoin('member', 'member.id', 'server_client.client')
      .leftJoin('subsystem', 'subsystem.id', 'server_client.client')
      .where('server_client.server', '=', idText(id))
      .$if(q !== '', (query) =>
        query.where(({ or }) =>
          or([
            contains(q, { id: 'server_client.client', text: 'member.name' }),
            contains(q, { id: 'server_client.client', text: 'subsystem.name' }),
          ]),
        ),
      )

  return {
    servers({ sort = 'id', offset, limit, ...search }: Page & Search) {
      const { column, direction } = orderOf(sort, ORDERS)
      return serversWhere(search)
        .select(['id', 'address', 'created_at', 'maintenance'])
        .orderBy(column, direction)
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    countServers: (search: Search) => counted(serversWhere(search)),
    /** Throws `not_found`. */
    async server(id: ServerId) {
      const rows = serversWhere({})
        .innerJoin('member', 'member.id', 'security_server.owner')
        .select([
          'security_server.owner',
          'member.name as owner_name',
          'security_server.address',
          'security_server.created_at',
        ])
        .where('security_server.id', '=', idText(id))
      return mustBe(`the security server ${idText(id)}`, await rows.executeTakeFirst())
    },
    certificates: (id: ServerId) =>
      tables
        .selectFrom('authentication_certificate')
        .select(['certificate', 'created_at'])
        .where('server', '=', idText(id))
        .orderBy('not_after')
        .orderBy('sha256')
        .execute(),
    /** Throws `not_found` when there is no such server. */
    async clients(id: ServerId, { offset, limit, ...search }: Page) {
      await mayServer(tables, idText(id), 'refer')
      return clientsWhere(id, search)
        .select(['server_client.client', sql<string>`coalesce(subsystem.name, member.name, '')`.as('name')])
        .orderBy('server_client.client')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    countClients: (id: ServerId, search: Search) => counted(clientsWhere(id, search)),
    /** The digests of certificates and the clients of several servers; each row names its server. */
    async belongings(servers: string[]) {
      if (servers.length === 0) return { certificates: [], clients: [] }
      const certificates = await tables
        .selectFrom('authentication_certificate')
        .select(['sha256', 'server'])
        .where('server', 'in', servers)
        .orderBy('sha256')
        .execute()
      const clients = await tables
        .selectFrom('server_client')
        .select(['server', 'client', 'is_disabled'])
        .where('server', 'in', servers)
        .orderBy('client')
        .execute()
      return { certificates, clients }
    },
    ...createServerChanges(change),
  }
}

function createServerChanges(change: Change) {
  return {
    addServer: (id: ServerId, address: string, at: string) =>
      change(async (transaction) => {
        await mustBeRegistered(transaction, memberOf(id))
        const row = { id: idText(id), owner: idText(memberOf(id)), address, created_at: at }
        await mayServer(transaction, row.id, 'add')
        await transaction.insertInto('security_server').values(row).execute()
        await followOwner(transaction, row.owner)
      }),
    changeAddress: (id: ServerId, address: string) =>
      change(async (transaction) => {
        const server = idText(id)
        await mayServer(transaction, server, 'changeAddress')
        await transaction.updateTable('security_server').set({ address }).where('id', '=', server).execute()
      }),
    /**
     * Removes the server with its certificates, client registrations, undecided requests and what features
     * counted about it.
     */
    deleteServer: (id: ServerId, at: string) =>
      change(async (transaction) => {
        const server = idText(id)
        await mayServer(transaction, server, 'delete')
        await transaction.deleteFrom('authentication_certificate').where('server', '=', server).execute()
        await transaction.deleteFrom('server_client').where('server', '=', server).execute()
        await forgetServer(transaction, server, at)
        await transaction.deleteFrom('security_server').where('id', '=', server).execute()
        await followOwner(transaction, idText(memberOf(id)))
      }),
    addCertificate: (
      id: ServerId,
      certificate: { sha256: string; der: Buffer; notAfter: Date },
      at: string,
    ) =>
      change(async (transaction) => {
        const server = idText(id)
        await mayServer(transaction, server, 'refer')
        const { sha256, der, notAfter } = certificate
        nextCertificateState(sha256, 'register', await certificateAt(transaction, server, sha256))
        await transaction
          .insertInto('authentication_certificate')
          .values({ sha256, server, certificate: der, created_at: at, not_after: notAfter.toISOString() })
          .execute()
      }),
    deleteCertificate: (id: ServerId, sha256: string) =>
      change(async (transaction) => {
        const key = sha256.toLowerCase()
        nextCertificateState(key, 'delete', await certificateAt(transaction, idText(id), key))
        await transaction.deleteFrom('authentication_certificate').where('sha256', '=', key).execute()
      }),
    addClient: (id: ServerId, client: ClientId) =>
      change(async (transaction) => {
        await mayServer(transaction, idText(id), 'refer')
        await mustBeRegistered(transaction, client)
        await mayClient(transaction, { server: id, client }, 'register')
        const row = { server: idText(id), client: idText(client) }
        await transaction.insertInto('server_client').values(row).execute()
      }),
    /** A disabled client stays registered, but is not published. */
    setDisabled: (id: ServerId, client: ClientId, disabled: boolean) =>
      change(async (transaction) => {
        await mayClient(transaction, { server: id, client }, disabled ? 'disable' : 'enable')
        await transaction
          .updateTable('server_client')
          .set({ is_disabled: disabled ? 1 : 0 })
          .where('server', '=', idText(id))
          .where('client', '=', idText(client))
          .execute()
      }),
    /** `message` is shown to others, '' is none; null ends the maintenance. */
    setMaintenance: (id: ServerId, message: string | null) =>
      change(async (transaction) => {
        const server = idText(id)
        await mayServer(transaction, server, message === null ? 'endMaintenance' : 'startMaintenance')
        await transaction
          .updateTable('security_server')
          .set({ maintenance: message })
          .where('id', '=', server)
          .execute()
      }),
    /**
     * A client of the server becomes its owner, and the old owner becomes a client. The server's id changes
     * with the owner.
     */
    changeOwner: (id: ServerId, owner: MemberId, at: string) =>
      change(async (transaction) => {
        const [before, after] = [idText(id), idText({ ...owner, serverCode: id.serverCode })]
        await mayServer(transaction, before, 'changeOwner')
        await mayClient(transaction, { server: id, client: memberOf(id) }, 'handOver')
        await mayClient(transaction, { server: id, client: owner }, 'own')
        await mayServer(transaction, after, 'add')
        const server = await transaction
          .selectFrom('security_server')
          .select(['address', 'created_at', 'maintenance'])
          .where('id', '=', before)
          .executeTakeFirstOrThrow()
        await transaction
          .insertInto('security_server')
          .values({ id: after, owner: idText(owner), ...server })
          .execute()
        await transaction
          .deleteFrom('server_client')
          .where('server', '=', before)
          .where('client', '=', idText(owner))
          .execute()
        for (const table of ['authentication_certificate', 'server_client'] as const)
          await transaction.updateTable(table).set({ server: after }).where('server', '=', before).execute()
        await transaction
          .insertInto('server_client')
          .values({ server: after, client: idText(memberOf(id)) })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        await forgetServer(transaction, before, at)
        await transaction.deleteFrom('security_server').where('id', '=', before).execute()
        for (const member of [memberOf(id), owner]) await followOwner(transaction, idText(member))
      }),
    deleteClient: (id: ServerId, client: ClientId) =>
      change(async (transaction) => {
        await mayClient(transaction, { server: id, client }, 'delete')
        await transaction
          .deleteFrom('server_client')
          .where('server', '=', idText(id))
          .where('client', '=', idText(client))
          .execute()
      }),
  }
}

async function mayServer(transaction: Kysely<RegisterTables>, server: string, act: ServerAct): Promise<void> {
  const row = await transaction
    .selectFrom('security_server')
    .select('maintenance')
    .where('id', '=', server)
    .executeTakeFirst()
  nextServerState(server, act, serverState(row))
}

async function mayClient(
  transaction: Kysely<RegisterTables>,
  q: { server: ServerId; client: ClientId },
  act: RegistrationAct,
): Promise<void> {
  const row = await transaction
    .selectFrom('server_client')
    .select('is_disabled')
    .where('server', '=', idText(q.server))
    .where('client', '=', idText(q.client))
    .executeTakeFirst()
  nextRegistrationState(idText(q.client), act, registrationState(q, row))
}

async function certificateAt(transaction: Kysely<RegisterTables>, server: string, sha256: string) {
  const row = await transaction
    .selectFrom('authentication_certificate')
    .select('server')
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return certificateState(server, row)
}
