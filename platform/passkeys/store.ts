/** Rows of passkeys: public keys with their owners. A copy of the database lets nobody in. */
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import { columnTypes, isUniqueViolation, lockFor } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type PasskeyRow = {
  id: Uuid
  person: string
  /** The credential id, as base64url. */
  credential: string
  /** COSE_Key. */
  public_key: Buffer
  counter: Whole
  name: string
  created_at: Time
  /** When the person last logged in at the provider. */
  confirmed_at: Time
  last_used_at: Time | null
  /** When its signature counter did not rise: two devices may have it. */
  blocked_at: Time | null
}

export type PasskeyTables = {
  passkey: PasskeyRow
  passkey_secret: { id: Uuid; secret: Buffer }
  /** The digest of the code with which a person adds a passkey without another one. */
  passkey_code: { person: string; digest: Buffer; ends_at: string }
  /**
   * When a passkey of the person that was not blocked was removed, or the person with one was locked, last.
   */
  passkey_lost: { person: string; lost_at: string }
}

export const passkeyMigrations: Record<string, SchemaChange> = {
  'passkeys-001': {
    up: async (kysely: Kysely<unknown>) => {
      const { text, integer, blob } = columnTypes(kysely)
      await kysely.schema
        .createTable('passkey')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('person', text, (column) => column.notNull())
        .addColumn('credential', text, (column) => column.notNull().unique())
        .addColumn('public_key', blob, (column) => column.notNull())
        .addColumn('counter', integer, (column) => column.notNull())
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('created_at', text, (column) => column.notNull())
        .addColumn('confirmed_at', text, (column) => column.notNull())
        .addColumn('last_used_at', text)
        .addColumn('blocked_at', text)
        .execute()
      await kysely.schema.createIndex('passkey_person').on('passkey').column('person').execute()
      await kysely.schema
        .createTable('passkey_secret')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('secret', blob, (column) => column.notNull())
        .execute()
    },
  },
  'passkeys-002-codes': {
    olderVersionsGoOn: true,
    up: async (kysely: Kysely<unknown>) => {
      const { text, blob } = columnTypes(kysely)
      await kysely.schema
        .createTable('passkey_code')
        .addColumn('person', text, (column) => column.primaryKey())
        .addColumn('digest', blob, (column) => column.notNull())
        .addColumn('ends_at', text, (column) => column.notNull())
        .execute()
    },
  },
  'passkeys-003-lost': {
    olderVersionsGoOn: true,
    up: async (kysely: Kysely<unknown>) => {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .createTable('passkey_lost')
        .addColumn('person', text, (column) => column.primaryKey())
        .addColumn('lost_at', text, (column) => column.notNull())
        .execute()
    },
  },
}

/** Left out of backups: a restore would bring back passkeys that were removed since. */
export const PASSKEY_TABLES = ['passkey', 'passkey_secret', 'passkey_code', 'passkey_lost']

const COLUMNS = [
  ...(['id', 'person', 'credential', 'public_key', 'counter', 'name'] as const),
  ...(['created_at', 'confirmed_at', 'last_used_at', 'blocked_at'] as const),
] as const
const SECRET = 'challenges'

export type PasskeyStore = ReturnType<typeof createPasskeyStore>

export function createPasskeyStore(database: Database) {
  const tables = tablesOf<PasskeyTables>(database)
  const readSecret = async (): Promise<Buffer | undefined> => {
    const query = tables.selectFrom('passkey_secret').select('secret').where('id', '=', SECRET)
    return (await query.executeTakeFirst())?.secret
  }
  return {
    /** The secret of this server's challenges, the same on all nodes; made at the first use. */
    async secret(): Promise<Buffer> {
      const found = await readSecret()
      if (found !== undefined) return found
      try {
        const row = { id: SECRET, secret: randomBytes(32) }
        await tables.insertInto('passkey_secret').values(row).execute()
        return row.secret
      } catch (thrown) {
        // Another node made one at the same moment.
        const made = isUniqueViolation(thrown) ? await readSecret() : undefined
        if (made === undefined) throw thrown
        return made
      }
    },
    /**
     * Throws `conflict` if the person has `most` already, or if the credential is known, and what `check`
     * throws, which runs in the same transaction. A code for the person that is left ends.
     */
    add: (row: PasskeyRow, most: number, check: (within: Within) => Promise<void>): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await check(transaction)
        await lockFor(transaction, `passkeys of ${row.person}`)
        const own = await transaction
          .selectFrom('passkey')
          .select('id')
          .where('person', '=', row.person)
          .execute()
        if (own.length >= most)
          throw new Fault('conflict', { what: say`a person has at most ${most} passkeys: remove one first` })
        try {
          await transaction.insertInto('passkey').values(row).execute()
        } catch (thrown) {
          if (isUniqueViolation(thrown))
            throw new Fault('conflict', { what: say`this passkey is known already` })
          throw thrown
        }
        await endCode(transaction, row.person)
      }),
    of: (person: string): Promise<PasskeyRow[]> =>
      tables
        .selectFrom('passkey')
        .select(COLUMNS)
        .where('person', '=', person)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
        .then((rows) => rows.map(rowOf)),
    async byCredential(credential: string): Promise<PasskeyRow | undefined> {
      const query = tables.selectFrom('passkey').select(COLUMNS).where('credential', '=', credential)
      const row = await query.executeTakeFirst()
      return row && rowOf(row)
    },
    /** Persons with a passkey that is not blocked. */
    async holders(): Promise<string[]> {
      const query = tables.selectFrom('passkey').select('person').distinct().where('blocked_at', 'is', null)
      return (await query.execute()).map(({ person }) => person)
    },
    /** Persons who have lost one since then that was not blocked. */
    async losersSince(at: string): Promise<string[]> {
      const query = tables.selectFrom('passkey_lost').select('person').where('lost_at', '>', at)
      return (await query.execute()).map(({ person }) => person)
    },
    /** A person has one code: the newest. */
    async putCode(row: PasskeyTables['passkey_code'], within: Within): Promise<void> {
      const codes = tablesOf<PasskeyTables>({ kysely: within })
      await lockFor(codes, `passkeys of ${row.person}`)
      await endCode(codes, row.person)
      await codes.insertInto('passkey_code').values(row).execute()
    },
    within: (act: (within: Within) => Promise<void>): Promise<void> => inTransaction(tables, act),
    /** Uses the person's code up; false if this is not it, or it has ended. */
    async useCode(
      { person, digest, at }: { person: string; digest: Buffer; at: string },
      within: Within,
    ): Promise<boolean> {
      const { numDeletedRows } = await tablesOf<PasskeyTables>({ kysely: within })
        .deleteFrom('passkey_code')
        .where('person', '=', person)
        .where('digest', '=', digest)
        .where('ends_at', '>', at)
        .executeTakeFirst()
      return numDeletedRows === 1n
    },
    /**
     * Records a use. False if the counter did not rise since any earlier use, on any node; authenticators
     * without one send 0.
     */
    async use(id: string, counter: number, at: string): Promise<boolean> {
      const { numUpdatedRows } = await tables
        .updateTable('passkey')
        .set({ counter, last_used_at: at })
        .where('id', '=', id)
        .where('blocked_at', 'is', null)
        .where((where) => (counter === 0 ? where('counter', '=', 0) : where('counter', '<', counter)))
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    /** `andThen` runs in the same transaction. */
    block: (id: string, at: string, andThen: (within: Within) => Promise<void>): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await transaction.updateTable('passkey').set({ blocked_at: at }).where('id', '=', id).execute()
        await andThen(transaction)
      }),
    /** Notes that the person has just logged in at the provider. */
    async confirm(person: string, at: string): Promise<void> {
      await tables.updateTable('passkey').set({ confirmed_at: at }).where('person', '=', person).execute()
    },
    /**
     * Removes one passkey of the person, and their code; `andThen` runs in the same transaction. Throws
     * `not_found`.
     */
    remove: (
      { person, id, at }: { person: string; id: string; at: string },
      andThen: (within: Within) => Promise<void>,
    ): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, `passkeys of ${person}`)
        const removed = await transaction
          .deleteFrom('passkey')
          .where('id', '=', id)
          .where('person', '=', person)
          .returning('blocked_at')
          .executeTakeFirst()
        if (removed === undefined) throw new Fault('not_found', { what: say`the passkey ${id}` })
        await endCode(transaction, person)
        if (removed.blocked_at === null) await noteLost(transaction, person, at)
        await andThen(transaction)
      }),
    /**
     * In the transaction that locks the person: their code ends, and a passkey that they have is lost to
     * them.
     */
    async lock(person: string, at: string, within: Within): Promise<void> {
      const transaction = tablesOf<PasskeyTables>({ kysely: within })
      await lockFor(transaction, `passkeys of ${person}`)
      await endCode(transaction, person)
      const query = transaction.selectFrom('passkey').select('id').where('person', '=', person)
      if ((await query.where('blocked_at', 'is', null).executeTakeFirst()) !== undefined)
        await noteLost(transaction, person, at)
    },
    /** In the transaction that removes the person: invited again, they begin at the provider. */
    async removeAllOf(person: string, within: Within): Promise<void> {
      const transaction = tablesOf<PasskeyTables>({ kysely: within })
      for (const table of ['passkey', 'passkey_code', 'passkey_lost'] as const)
        await transaction.deleteFrom(table).where('person', '=', person).execute()
    },
  }
}

/** A code outlives nothing that changes what it was given for. */
async function endCode(transaction: Kysely<PasskeyTables>, person: string): Promise<void> {
  await transaction.deleteFrom('passkey_code').where('person', '=', person).execute()
}

async function noteLost(transaction: Kysely<PasskeyTables>, person: string, at: string): Promise<void> {
  await transaction.deleteFrom('passkey_lost').where('person', '=', person).execute()
  await transaction.insertInto('passkey_lost').values({ person, lost_at: at }).execute()
}

/** PostgreSQL returns 64-bit integers as text. */
function rowOf(row: PasskeyRow): PasskeyRow {
  return { ...row, counter: Number(row.counter) }
}
