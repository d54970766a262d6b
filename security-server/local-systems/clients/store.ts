/** The writes of clients and the TLS certificates of their systems. */
import type { Insertable } from 'kysely'
import { isUniqueViolation } from '#platform/database/dialect.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type Standing, type StandingColumns, standingOf } from '../client-status.ts'
import type { Transaction } from '../store.ts'
import type { ClientCertificateRow, ClientRow } from '../tables.ts'

const MAX_CERTIFICATES = 100

/** Throws `conflict` when the client exists already. */
export async function insertClient(transaction: Transaction, row: Insertable<ClientRow>): Promise<void> {
  await once(transaction.insertInto('local_client').values(row).execute(), 'the client is here already')
}

export async function updateClient(
  transaction: Transaction,
  id: string,
  change: { authentication_mode: string } | Partial<StandingColumns>,
): Promise<void> {
  await transaction.updateTable('local_client').set(change).where('id', '=', id).execute()
}

/** How each client stands, as of this transaction: a view may be older. */
export async function standings(transaction: Transaction): Promise<{ id: string; standing: Standing }[]> {
  const rows = await transaction
    .selectFrom('local_client')
    .select(['id', 'standing', 'asked', 'asked_request'])
    .execute()
  return rows.map((row) => ({ id: row.id, standing: standingOf(row) }))
}

/** Deletes a client; the database deletes everything that belongs to it. */
export async function deleteClient(transaction: Transaction, id: string): Promise<void> {
  await transaction.deleteFrom('local_client').where('id', '=', id).execute()
}

/** Throws `conflict` when the client has this certificate already, or too many. */
export async function insertCertificate(transaction: Transaction, row: ClientCertificateRow): Promise<void> {
  // Counted here: a view may be older than what another node has added.
  const { count } = await transaction
    .selectFrom('local_client_certificate')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('client', '=', row.client)
    .executeTakeFirstOrThrow()
  if (Number(count) >= MAX_CERTIFICATES)
    throw new Fault('conflict', { what: say`a client has at most ${MAX_CERTIFICATES} certificates` })
  const inserted = transaction.insertInto('local_client_certificate').values(row).execute()
  await once(inserted, 'the client has this certificate already')
}

export async function deleteCertificate(
  transaction: Transaction,
  client: string,
  sha256: string,
): Promise<void> {
  await transaction
    .deleteFrom('local_client_certificate')
    .where('client', '=', client)
    .where('sha256', '=', sha256)
    .execute()
}

/** Awaits an insert; throws `conflict` when it violates a unique index. */
export async function once<T>(insert: Promise<T>, what: string): Promise<T> {
  try {
    return await insert
  } catch (cause) {
    if (isUniqueViolation(cause)) throw new Fault('conflict', { what, cause })
    throw cause
  }
}
