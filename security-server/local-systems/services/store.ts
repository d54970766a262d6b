/** The writes of service descriptions, services, their certificates and endpoints. */
import type { Insertable } from 'kysely'
import { once } from '../clients/store.ts'
import type { Transaction } from '../store.ts'
import { type EndpointRow, ORIGIN, type ServiceDescriptionRow, type ServiceRow } from '../tables.ts'

export type NewEndpoint = { method: string; path: string }

/** Returns the description's id. */
export async function insertDescription(
  transaction: Transaction,
  row: Insertable<ServiceDescriptionRow>,
): Promise<number> {
  const { id } = await transaction
    .insertInto('service_description')
    .values(row)
    .returning('id')
    .executeTakeFirstOrThrow()
  return Number(id)
}

export async function updateDescription(
  transaction: Transaction,
  id: number,
  change: Partial<Omit<Insertable<ServiceDescriptionRow>, 'id'>>,
): Promise<void> {
  await transaction.updateTable('service_description').set(change).where('id', '=', id).execute()
}

export async function deleteDescription(transaction: Transaction, id: number): Promise<void> {
  await transaction.deleteFrom('service_description').where('id', '=', id).execute()
}

/**
 * Adds a service with its base endpoint (method *, path **). Returns its key. Throws `conflict` when the
 * client has a service with this code already.
 */
export async function insertService(transaction: Transaction, row: Insertable<ServiceRow>): Promise<number> {
  const inserted = transaction.insertInto('service').values(row).returning('id').executeTakeFirstOrThrow()
  const { id } = await once(inserted, `the client has a service ${row.code} already`)
  const base = { service: Number(id), method: '*', path: '**', origin: ORIGIN.base }
  await transaction.insertInto('endpoint').values(base).execute()
  return Number(id)
}

export async function updateService(
  transaction: Transaction,
  key: number,
  change: Partial<Omit<Insertable<ServiceRow>, 'id'>>,
): Promise<void> {
  const updated = transaction.updateTable('service').set(change).where('id', '=', key).execute()
  await once(updated, 'the client has a service with this code already')
}

/** Changes settings of all services of a description. */
export async function updateServicesOf(
  transaction: Transaction,
  description: number,
  change: Partial<
    Pick<Insertable<ServiceRow>, 'url' | 'timeout_ms' | 'verify_tls' | 'validate' | 'allow_encoded_slash'>
  >,
): Promise<void> {
  await transaction.updateTable('service').set(change).where('description', '=', description).execute()
}

/** Deletes a service with its endpoints, rights and certificates. */
export async function deleteService(transaction: Transaction, key: number): Promise<void> {
  await transaction.deleteFrom('service').where('id', '=', key).execute()
}

/** Throws `conflict` when the service has this certificate already. */
export async function insertServiceCertificate(
  transaction: Transaction,
  row: { service: number; sha256: string; der: Buffer },
): Promise<void> {
  const inserted = transaction.insertInto('service_certificate').values(row).execute()
  await once(inserted, 'the service has this certificate already')
}

export async function deleteServiceCertificate(
  transaction: Transaction,
  service: number,
  sha256: string,
): Promise<void> {
  await transaction
    .deleteFrom('service_certificate')
    .where('service', '=', service)
    .where('sha256', '=', sha256)
    .execute()
}

/** Returns the endpoint's id. Throws `conflict` when the service has this method and path already. */
export async function insertEndpoint(
  transaction: Transaction,
  row: Insertable<EndpointRow>,
): Promise<number> {
  const inserted = transaction.insertInto('endpoint').values(row).returning('id').executeTakeFirstOrThrow()
  return Number((await once(inserted, 'the service has this endpoint already')).id)
}

/** Throws `conflict` when the service has this method and path already. */
export async function updateEndpoint(transaction: Transaction, id: number, to: NewEndpoint): Promise<void> {
  const updated = transaction.updateTable('endpoint').set(to).where('id', '=', id).execute()
  await once(updated, 'the service has this endpoint already')
}

export async function deleteEndpoint(transaction: Transaction, id: number): Promise<void> {
  await transaction.deleteFrom('endpoint').where('id', '=', id).execute()
}

/**
 * Replaces the endpoints that were read from a document. An endpoint that stays keeps its row and so its
 * rights; one that is removed loses them. An endpoint that was added by hand and is now in the document
 * counts as the document's.
 */
export async function replaceDocumentEndpoints(
  transaction: Transaction,
  service: number,
  wanted: NewEndpoint[],
): Promise<void> {
  const present = await transaction
    .selectFrom('endpoint')
    .select(['id', 'method', 'path', 'origin'])
    .where('service', '=', service)
    .where('origin', '!=', ORIGIN.base)
    .execute()
  const nameOf = ({ method, path }: NewEndpoint) => `${method} ${path}`
  const names = new Set(wanted.map(nameOf))
  for (const row of present) {
    const stays = names.delete(nameOf(row))
    if (!stays && Number(row.origin) === ORIGIN.document) await deleteEndpoint(transaction, row.id)
    if (stays && Number(row.origin) === ORIGIN.added) {
      await transaction
        .updateTable('endpoint')
        .set({ origin: ORIGIN.document })
        .where('id', '=', row.id)
        .execute()
    }
  }
  for (const { method, path } of wanted.filter((each) => names.has(nameOf(each)))) {
    await insertEndpoint(transaction, { service, method, path, origin: ORIGIN.document })
  }
}
