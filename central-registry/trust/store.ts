/**
 * Rows of approved certification services with their authorities and responders, and of time-stamping
 * services.
 */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import type { AcmeServer, CostType, CsrFormat } from '#schemas/global-configuration.ts'
import { type Change, countOf, mustBe, type Tabled } from '../changes/store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { createIssuerStore } from './issuers-store.ts'
import { createProfileStore } from './profiles-store.ts'
import { type AuthorityAct, authorityState, nextAuthorityState, nextServiceState } from './rules.ts'

export type NewAuthority = {
  certificate: { sha256: string; der: Buffer }
  responders: { url: string; certificate: Buffer | undefined; costType: CostType }[]
}
export type TrustStore = ReturnType<typeof createTrustStore>

export function createTrustStore(database: Tabled, change: Change) {
  const tables = tablesOf<RegisterTables>(database)

  return {
    ...createProfileStore(tables, change),
    ...createIssuerStore(tables, change),
    services: () =>
      tables
        .selectFrom('certification_service')
        .select(['id', 'name', 'profile', 'authentication_only', 'csr_format', 'acme_server'])
        .orderBy('id')
        .execute(),
    authorities: () => authoritiesIn(tables),
    responders: () =>
      tables
        .selectFrom('ocsp_responder')
        .select(['authority', 'url', 'certificate', 'cost_type'])
        .orderBy('id')
        .execute(),
    timestampingServices: () =>
      tables
        .selectFrom('timestamping_service')
        .select(['id', 'name', 'url', 'certificate', 'cost_type'])
        .orderBy('id')
        .execute(),
    /** Any certificate in the register, as it was uploaded. Throws `not_found`. */
    async certificate(sha256: string): Promise<Buffer> {
      const authentication = await tables
        .selectFrom('authentication_certificate')
        .select('certificate')
        .where('sha256', '=', sha256)
        .executeTakeFirst()
      if (authentication !== undefined) return authentication.certificate
      const all = [
        ...(await authoritiesIn(tables)),
        ...(await tables.selectFrom('ocsp_responder').select('certificate').execute()),
        ...(await tables.selectFrom('timestamping_service').select('certificate').execute()),
      ].flatMap(({ certificate }) => (certificate === null ? [] : [certificate]))
      return mustBe(
        `the certificate ${sha256}`,
        all.find((one) => createHash('sha256').update(one).digest('hex') === sha256),
      )
    },
    /** `check` gets the names of the instance's own profiles, read within the change. */
    addService: (
      service: {
        name: string
        profile: string
        authenticationOnly: boolean
        csrFormat: CsrFormat
        acmeServer?: AcmeServer | undefined
        at: string
      },
      top: NewAuthority,
      check: (ownProfiles: string[]) => void,
    ) =>
      change(async (transaction) => {
        const own = await transaction.selectFrom('certificate_profile').select('name').execute()
        check(own.map(({ name }) => name))
        await mayAuthority(transaction, undefined, top.certificate.sha256, 'found')
        const { id } = await transaction
          .insertInto('certification_service')
          .values({
            name: service.name,
            profile: service.profile,
            authentication_only: service.authenticationOnly ? 1 : 0,
            created_at: service.at,
            csr_format: service.csrFormat,
            acme_server: textOf(service.acmeServer),
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        await insertAuthority(transaction, id, true, top)
        return id
      }),
    /** `check` gets the certificates of the service's CAs, read within the change. */
    addIntermediate: (service: number, authority: NewAuthority, check: (certificates: Buffer[]) => void) =>
      change(async (transaction) => {
        const own = (await authoritiesIn(transaction)).filter((one) => one.service === service)
        nextServiceState(nameOf(service), 'extend', { isApproved: own.length > 0 })
        check(own.map((one) => one.certificate))
        await mayAuthority(transaction, service, authority.certificate.sha256, 'add')
        await insertAuthority(transaction, service, false, authority)
      }),
    deleteIntermediate: (service: number, sha256: string) =>
      change(async (transaction) => {
        const key = sha256.toLowerCase()
        await mayAuthority(transaction, service, key, 'remove')
        await transaction.deleteFrom('ocsp_responder').where('authority', '=', key).execute()
        await transaction.deleteFrom('certification_authority').where('sha256', '=', key).execute()
      }),
    /** Undefined: the service gives none by ACME any more. */
    setAcmeServer: (id: number, acmeServer: AcmeServer | undefined) =>
      change(async (transaction) => {
        const isApproved = (await countOf(transaction, 'certification_service', 'id', id)) > 0
        nextServiceState(nameOf(id), 'extend', { isApproved })
        await transaction
          .updateTable('certification_service')
          .set({ acme_server: textOf(acmeServer) })
          .where('id', '=', id)
          .execute()
      }),
    deleteService: (id: number) =>
      change(async (transaction) => {
        const isApproved = (await countOf(transaction, 'certification_service', 'id', id)) > 0
        nextServiceState(nameOf(id), 'withdraw', { isApproved })
        const own = transaction
          .selectFrom('certification_authority')
          .select('sha256')
          .where('service', '=', id)
        await transaction.deleteFrom('ocsp_responder').where('authority', 'in', own).execute()
        await transaction.deleteFrom('certification_authority').where('service', '=', id).execute()
        await transaction.deleteFrom('certification_service').where('id', '=', id).execute()
      }),
    addTimestampingService: (service: {
      name: string
      url: string
      certificate: Buffer
      cost_type: CostType
    }) =>
      change(async (transaction) => {
        const isApproved = (await countOf(transaction, 'timestamping_service', 'url', service.url)) > 0
        nextServiceState(`the time-stamping service ${service.url}`, 'approve', { isApproved })
        const insert = transaction.insertInto('timestamping_service').values(service).returning('id')
        return (await insert.executeTakeFirstOrThrow()).id
      }),
    deleteTimestampingService: (id: number) =>
      change(async (transaction) => {
        const isApproved = (await countOf(transaction, 'timestamping_service', 'id', id)) > 0
        nextServiceState(`the time-stamping service ${id}`, 'withdraw', { isApproved })
        await transaction.deleteFrom('timestamping_service').where('id', '=', id).execute()
      }),
  }
}

function authoritiesIn(kysely: Kysely<RegisterTables>) {
  return kysely
    .selectFrom('certification_authority')
    .select(['sha256', 'service', 'is_top', 'certificate'])
    .orderBy('sha256')
    .execute()
}

async function mayAuthority(
  transaction: Kysely<RegisterTables>,
  service: number | undefined,
  sha256: string,
  act: AuthorityAct,
): Promise<void> {
  const row = await transaction
    .selectFrom('certification_authority')
    .select(['service', 'is_top'])
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  nextAuthorityState(sha256, act, authorityState(service, row))
}

function textOf(acmeServer: AcmeServer | undefined): string | null {
  return acmeServer === undefined ? null : JSON.stringify(acmeServer)
}

function nameOf(service: number): string {
  return `the certification service ${service}`
}

async function insertAuthority(
  transaction: Kysely<RegisterTables>,
  service: number,
  isTop: boolean,
  authority: NewAuthority,
): Promise<void> {
  const { sha256, der } = authority.certificate
  await transaction
    .insertInto('certification_authority')
    .values({ sha256, service, is_top: isTop ? 1 : 0, certificate: der })
    .execute()
  for (const { url, certificate, costType } of authority.responders) {
    await transaction
      .insertInto('ocsp_responder')
      .values({ authority: sha256, url, certificate: certificate ?? null, cost_type: costType })
      .execute()
  }
}
