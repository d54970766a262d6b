/** Rows of security servers, their authentication certificates and registered clients. */
import { isUniqueViolation } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, memberOf, type ServerId } from '#schemas/identifiers.ts'

type ServerTables = {
  security_server: { id: string; owner: string; address: string; created_at: string }
  authentication_certificate: { sha256: string; server: string; certificate: Buffer; created_at: string }
  server_client: { server: string; client: string }
}

export type ServerStore = ReturnType<typeof createServerStore>

export function createServerStore(database: Database) {
  const tables = tablesOf<ServerTables>(database)

  async function mustExist(server: string): Promise<void> {
    const row = await tables
      .selectFrom('security_server')
      .select('id')
      .where('id', '=', server)
      .executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: `the security server ${server}` })
  }

  async function insert(what: string, act: Promise<unknown>): Promise<void> {
    try {
      await act
    } catch (cause) {
      if (isUniqueViolation(cause)) throw new Fault('conflict', { what: `${what} is registered already` })
      throw cause
    }
  }

  return {
    servers: () =>
      tables
        .selectFrom('security_server')
        .select(['id', 'owner', 'address', 'created_at'])
        .orderBy('id')
        .execute(),
    certificates: () =>
      tables
        .selectFrom('authentication_certificate')
        .select(['sha256', 'server', 'certificate', 'created_at'])
        .orderBy('sha256')
        .execute(),
    clients: () =>
      tables.selectFrom('server_client').select(['server', 'client']).orderBy('client').execute(),
    async addServer(id: ServerId, address: string, at: string): Promise<void> {
      const row = { id: idText(id), owner: idText(memberOf(id)), address, created_at: at }
      await insert(
        `the security server ${row.id}`,
        tables.insertInto('security_server').values(row).execute(),
      )
    },
    async changeAddress(id: ServerId, address: string): Promise<void> {
      await mustExist(idText(id))
      await tables.updateTable('security_server').set({ address }).where('id', '=', idText(id)).execute()
    },
    /** Removes the server with its certificates and registrations: nothing else refers to it. */
    async deleteServer(id: ServerId): Promise<void> {
      const server = idText(id)
      await mustExist(server)
      await inTransaction(tables, async (transaction) => {
        await transaction.deleteFrom('authentication_certificate').where('server', '=', server).execute()
        await transaction.deleteFrom('server_client').where('server', '=', server).execute()
        await transaction.deleteFrom('security_server').where('id', '=', server).execute()
      })
    },
    async addCertificate(
      id: ServerId,
      certificate: { sha256: string; der: Buffer },
      at: string,
    ): Promise<void> {
      await mustExist(idText(id))
      const row = {
        sha256: certificate.sha256,
        server: idText(id),
        certificate: certificate.der,
        created_at: at,
      }
      await insert('the certificate', tables.insertInto('authentication_certificate').values(row).execute())
    },
    async deleteCertificate(id: ServerId, sha256: string): Promise<void> {
      const gone = await tables
        .deleteFrom('authentication_certificate')
        .where('server', '=', idText(id))
        .where('sha256', '=', sha256.toLowerCase())
        .executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('cert_not_found', { what: sha256.slice(0, 64) })
    },
    async addClient(id: ServerId, client: ClientId): Promise<void> {
      await mustExist(idText(id))
      const row = { server: idText(id), client: idText(client) }
      await insert(`the client ${row.client}`, tables.insertInto('server_client').values(row).execute())
    },
    async deleteClient(id: ServerId, client: ClientId): Promise<void> {
      const gone = await tables
        .deleteFrom('server_client')
        .where('server', '=', idText(id))
        .where('client', '=', idText(client))
        .executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('not_found', { what: 'the client registration' })
    },
  }
}
