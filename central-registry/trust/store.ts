/** Rows of approved certification services with their authorities and responders, and of time-stamping services. */
import { isUniqueViolation } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'

type TrustTables = {
  certification_service: {
    id: number
    name: string
    profile: string
    authentication_only: number
    created_at: string
  }
  certification_authority: { sha256: string; service: number; is_top: number; certificate: Buffer }
  ocsp_responder: { id: number; authority: string; url: string; certificate: Buffer | null }
  timestamping_service: { id: number; name: string; url: string; certificate: Buffer }
}

export type NewAuthority = {
  certificate: { sha256: string; der: Buffer }
  responders: { url: string; certificate: Buffer | undefined }[]
}
export type TrustStore = ReturnType<typeof createTrustStore>

export function createTrustStore(database: Database) {
  const tables = tablesOf<TrustTables>(database)
  type Transaction = typeof tables

  async function addAuthority(
    transaction: Transaction,
    service: number,
    isTop: boolean,
    authority: NewAuthority,
  ): Promise<void> {
    const { sha256, der } = authority.certificate
    await transaction
      .insertInto('certification_authority')
      .values({ sha256, service, is_top: isTop ? 1 : 0, certificate: der })
      .execute()
    for (const { url, certificate } of authority.responders) {
      await transaction
        .insertInto('ocsp_responder')
        .values({ authority: sha256, url, certificate: certificate ?? null } as never)
        .execute()
    }
  }

  async function refusingTwins<T>(what: string, act: Promise<T>): Promise<T> {
    try {
      return await act
    } catch (cause) {
      if (isUniqueViolation(cause)) throw new Fault('conflict', { what: `${what} is approved already` })
      throw cause
    }
  }

  return {
    services: () =>
      tables
        .selectFrom('certification_service')
        .select(['id', 'name', 'profile', 'authentication_only'])
        .orderBy('id')
        .execute(),
    authorities: () =>
      tables
        .selectFrom('certification_authority')
        .select(['sha256', 'service', 'is_top', 'certificate'])
        .orderBy('sha256')
        .execute(),
    responders: () =>
      tables.selectFrom('ocsp_responder').select(['authority', 'url', 'certificate']).orderBy('id').execute(),
    timestampingServices: () =>
      tables
        .selectFrom('timestamping_service')
        .select(['id', 'name', 'url', 'certificate'])
        .orderBy('id')
        .execute(),
    addService(
      service: { name: string; profile: string; authenticationOnly: boolean; at: string },
      top: NewAuthority,
    ): Promise<number> {
      const act = inTransaction(tables, async (transaction) => {
        const row = await transaction
          .insertInto('certification_service')
          .values({
            name: service.name,
            profile: service.profile,
            authentication_only: service.authenticationOnly ? 1 : 0,
            created_at: service.at,
          } as never)
          .returning('id')
          .executeTakeFirstOrThrow()
        await addAuthority(transaction, Number(row.id), true, top)
        return Number(row.id)
      })
      return refusingTwins('this certification authority', act)
    },
    async addIntermediate(service: number, authority: NewAuthority): Promise<void> {
      const act = inTransaction(tables, (transaction) => addAuthority(transaction, service, false, authority))
      await refusingTwins('this certification authority', act)
    },
    async deleteService(id: number): Promise<void> {
      await inTransaction(tables, async (transaction) => {
        const authorities = await transaction
          .selectFrom('certification_authority')
          .select('sha256')
          .where('service', '=', id)
          .execute()
        for (const { sha256 } of authorities)
          await transaction.deleteFrom('ocsp_responder').where('authority', '=', sha256).execute()
        await transaction.deleteFrom('certification_authority').where('service', '=', id).execute()
        const gone = await transaction
          .deleteFrom('certification_service')
          .where('id', '=', id)
          .executeTakeFirst()
        if (gone.numDeletedRows === 0n)
          throw new Fault('not_found', { what: `the certification service ${id}` })
      })
    },
    async addTimestampingService(service: {
      name: string
      url: string
      certificate: Buffer
    }): Promise<number> {
      const insert = tables
        .insertInto('timestamping_service')
        .values(service as never)
        .returning('id')
      const row = await refusingTwins('this time-stamping service', insert.executeTakeFirstOrThrow())
      return Number(row.id)
    },
    async deleteTimestampingService(id: number): Promise<void> {
      const gone = await tables.deleteFrom('timestamping_service').where('id', '=', id).executeTakeFirst()
      if (gone.numDeletedRows === 0n)
        throw new Fault('not_found', { what: `the time-stamping service ${id}` })
    },
  }
}
