/** The writes of access rights and local groups. */
import type { Insertable } from 'kysely'
import { once } from '../clients/store.ts'
import type { Transaction } from '../store.ts'
import type { AccessRightRow, LocalGroupRow } from '../tables.ts'

/** Returns the right's id. Throws `conflict` when the right was granted already. */
export async function insertRight(
  transaction: Transaction,
  row: Insertable<AccessRightRow>,
): Promise<number> {
  const inserted = transaction
    .insertInto('access_right')
    .values(row)
    .returning('id')
    .executeTakeFirstOrThrow()
  return Number((await once(inserted, 'this right was given already')).id)
}

export async function deleteRight(transaction: Transaction, id: number): Promise<void> {
  await transaction.deleteFrom('access_right').where('id', '=', id).execute()
}

/** Returns the group's id. Throws `conflict` when the client has a group with this code already. */
export async function insertGroup(transaction: Transaction, row: Insertable<LocalGroupRow>): Promise<number> {
  const inserted = transaction.insertInto('local_group').values(row).returning('id').executeTakeFirstOrThrow()
  return Number((await once(inserted, `the client has a group ${row.code} already`)).id)
}

export async function updateGroup(transaction: Transaction, id: number, description: string): Promise<void> {
  await transaction.updateTable('local_group').set({ description }).where('id', '=', id).execute()
}

export async function isGroup(
  transaction: Transaction,
  { client, code }: { client: string; code: string },
): Promise<boolean> {
  const found = transaction.selectFrom('local_group').select('id')
  return (await found.where('client', '=', client).where('code', '=', code).executeTakeFirst()) !== undefined
}

/** Deletes a group and the rights that name it: a new group with the same code must not inherit them. */
export async function deleteGroup(
  transaction: Transaction,
  group: { id: number; client: string; code: string },
): Promise<void> {
  await transaction.deleteFrom('local_group').where('id', '=', group.id).execute()
  await transaction
    .deleteFrom('access_right')
    .where('subject_type', '=', 'LOCALGROUP')
    .where('subject', '=', group.code)
    .where('endpoint', 'in', (rights) =>
      rights
        .selectFrom('endpoint')
        .innerJoin('service', 'service.id', 'endpoint.service')
        .where('service.client', '=', group.client)
        .select('endpoint.id'),
    )
    .execute()
}

/** Adds members; those that the group has already stay. */
export async function insertMembers(
  transaction: Transaction,
  group: number,
  members: string[],
): Promise<void> {
  if (members.length === 0) return
  await transaction
    .insertInto('local_group_member')
    .values(members.map((member) => ({ local_group: group, member })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function deleteMembers(
  transaction: Transaction,
  group: number,
  members: string[],
): Promise<void> {
  if (members.length === 0) return
  await transaction
    .deleteFrom('local_group_member')
    .where('local_group', '=', group)
    .where('member', 'in', members)
    .execute()
}
