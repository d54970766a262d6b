/** Rows of approved certification services with their authorities and responders, and of time-stamping services. */
import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { Tables } from '../migrations/tables.ts'
import { type Change, mustBe, mustHaveMet, refuseTwin, type Tabled } from '../store.ts'
import { createProfileStore } from './profiles-store.ts'
import { checkWithdrawal } from './rules.ts'

export type NewAuthority = {
  certificate: { sha256: string; der: Buffer }
  responders: { url: string; certificate: Buffer | undefined }[]
}
export type TrustStore = ReturnType<typeof createTrustStore>

export function createTrustStore(database: Tabled, change: Change) {
  const tables = tablesOf<Tables>(database)

  return {
    ...createProfileStore(tables, change),
    services: () =>
      tables
        .selectFrom('certification_service')
        .select(['id', 'name', 'profile', 'authentication_only'])
        .orderBy('id')
        .execute(),
    authorities: () => authoritiesIn(tables),
    responders: () =>
      tables.selectFrom('ocsp_responder').select(['authority', 'url', 'certificate']).orderBy('id').execute(),
    timestampingServices: () =>
      tables
        .selectFrom('timestamping_service')
        .select(['id', 'name', 'url', 'certificate'])
        .orderBy('id')
        .execute(),
    addService: (
      service: { name: string; profile: string; authenticationOnly: boolean; at: string },
      top: NewAuthority,
    ) =>
      change(async (transaction) => {
        const { id } = await transaction
          .insertInto('certification_service')
          .values({
            name: service.name,
            profile: service.profile,
            authentication_only: service.authenticationOnly ? 1 : 0,
            created_at: service.at,
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        await insertAuthority(transaction, id, true, top)
        return id
      }),
    /** `check` sees the certificates of the service's authorities as they are when the new one is added. */
    addIntermediate: (service: number, authority: NewAuthority, check: (certificates: Buffer[]) => void) =>
      change(async (transaction) => {
        const own = (await authoritiesIn(transaction)).filter((one) => one.service === service)
        if (own.length === 0) throw new Fault('not_found', { what: `the certification service ${service}` })
        check(own.map((one) => one.certificate))
        await insertAuthority(transaction, service, false, authority)
      }),
    deleteIntermediate: (service: number, sha256: string) =>
      change(async (transaction) => {
        const key = sha256.toLowerCase()
        const own = (await authoritiesIn(transaction)).find(
          (one) => one.service === service && one.sha256 === key,
        )
        checkWithdrawal({ isTop: mustBe(`the intermediate CA ${key}`, own).is_top === 1 })
        await transaction.deleteFrom('ocsp_responder').where('authority', '=', key).execute()
        await transaction.deleteFrom('certification_authority').where('sha256', '=', key).execute()
      }),
    deleteService: (id: number) =>
      change(async (transaction) => {
        const own = transaction
          .selectFrom('certification_authority')
          .select('sha256')
          .where('service', '=', id)
        await transaction.deleteFrom('ocsp_responder').where('authority', 'in', own).execute()
        await transaction.deleteFrom('certification_authority').where('service', '=', id).execute()
        const gone = await transaction
          .deleteFrom('certification_service')
          .where('id', '=', id)
          .executeTakeFirst()
        mustHaveMet(`the certification service ${id}`, gone.numDeletedRows)
      }),
    addTimestampingService: (service: { name: string; url: string; certificate: Buffer }) =>
      change(async (transaction) => {
        const insert = transaction.insertInto('timestamping_service').values(service).returning('id')
        const row = await refuseTwin(
          `the time-stamping service ${service.url}`,
          insert.executeTakeFirstOrThrow(),
        )
        return row.id
      }),
    deleteTimestampingService: (id: number) =>
      change(async (transaction) => {
        const gone = await transaction
          .deleteFrom('timestamping_service')
          .where('id', '=', id)
          .executeTakeFirst()
        mustHaveMet(`the time-stamping service ${id}`, gone.numDeletedRows)
      }),
  }
}

function authoritiesIn(kysely: Kysely<Tables>) {
  return kysely
    .selectFrom('certification_authority')
    .select(['sha256', 'service', 'is_top', 'certificate'])
    .orderBy('sha256')
    .execute()
}

async function insertAuthority(
  transaction: Kysely<Tables>,
  service: number,
  isTop: boolean,
  authority: NewAuthority,
): Promise<void> {
  const { sha256, der } = authority.certificate
  const insert = transaction
    .insertInto('certification_authority')
    .values({ sha256, service, is_top: isTop ? 1 : 0, certificate: der })
  await refuseTwin(`the certification authority ${sha256}`, insert.execute())
  for (const { url, certificate } of authority.responders) {
    await transaction
      .insertInto('ocsp_responder')
      .values({ authority: sha256, url, certificate: certificate ?? null })
      .execute()
  }
}
