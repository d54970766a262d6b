/**
 * Rows of sessions, by the digest of their tokens, and of used login attempts. A copy of the database gives
 * no access.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, isUniqueViolation, lockFor } from '#platform/database/dialect.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import { inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Time } from '#schemas/sent-values.ts'

type SessionRow = {
  digest: Buffer
  person: string
  created_at: Time
  used_at: Time
  /** The passkey with which it began. */
  passkey: string | null
}

export type SessionTables = { session: SessionRow; used_login: { digest: Buffer; used_at: string } }

/** What a session needs of the table of passkeys, which is not ours. */
type Passkeys = { passkey: { id: string; blocked_at: string | null } }

export const sessionMigrations: Record<string, Migration> = {
  'sessions-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('session')
        .addColumn('digest', type.blob, (column) => column.primaryKey())
        .addColumn('person', type.text, (column) => column.notNull())
        .addColumn('created_at', type.text, (column) => column.notNull())
        .addColumn('used_at', type.text, (column) => column.notNull())
        .execute()
      await kysely.schema.createIndex('session_person').on('session').column('person').execute()
      await kysely.schema
        .createTable('used_login')
        .addColumn('digest', type.blob, (column) => column.primaryKey())
        .addColumn('used_at', type.text, (column) => column.notNull())
        .execute()
    },
  },
  'sessions-002-passkeys': {
    up: async (kysely: Kysely<unknown>) => {
      await kysely.schema.alterTable('session').addColumn('passkey', columnTypes(kysely).text).execute()
    },
  },
}

/** Sessions are over if created before `createdAfter` or last used before `usedAfter`. */
export type Limits = { createdAfter: string; usedAfter: string }

export type SessionStore = {
  /** Adds a session. Deletes sessions that are over, and the person's oldest ones beyond `most`. */
  insert(row: SessionRow, limits: Limits, most: number): Promise<void>
  /**
   * Undefined also when its passkey is gone or blocked: that may have happened while the passkey was just
   * beginning it.
   */
  find(digest: Buffer, limits: Limits): Promise<SessionRow | undefined>
  touch(digest: Buffer, at: string): Promise<void>
  remove(digest: Buffer): Promise<void>
  isKept(person: string, createdAt: string, within: Within): Promise<boolean>
  removeAllOf(person: string, within: Within): Promise<void>
  removeThoseOf(passkey: string, within: Within): Promise<void>
  /**
   * False if this attempt was used before. Deletes attempts used before `forgetBefore`, which have expired.
   */
  useLogin(digest: Buffer, at: string, forgetBefore: string): Promise<boolean>
}

export function createSessionStore(database: Database): SessionStore {
  const tables = tablesOf<SessionTables & Passkeys>(database)
  return {
    insert: (row, limits, most) =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, `sessions of ${row.person}`)
        await transaction
          .deleteFrom('session')
          .where((where) =>
            where.or([
              where('created_at', '<=', limits.createdAfter),
              where('used_at', '<=', limits.usedAfter),
            ]),
          )
          .execute()
        const own = await transaction
          .selectFrom('session')
          .select('digest')
          .where('person', '=', row.person)
          .orderBy('created_at', 'desc')
          .offset(most - 1)
          // SQLite has no offset without a limit.
          .limit(most)
          .execute()
        for (const { digest } of own)
          await transaction.deleteFrom('session').where('digest', '=', digest).execute()
        await transaction.insertInto('session').values(row).execute()
      }),
    find: (digest, limits) =>
      tables
        .selectFrom('session')
        .select(['digest', 'person', 'created_at', 'used_at', 'passkey'])
        .where('digest', '=', digest)
        .where('created_at', '>', limits.createdAfter)
        .where('used_at', '>', limits.usedAfter)
        .where(({ or, eb, exists, selectFrom }) =>
          or([
            eb('session.passkey', 'is', null),
            exists(
              selectFrom('passkey')
                .select('passkey.id')
                .whereRef('passkey.id', '=', 'session.passkey')
                .where('passkey.blocked_at', 'is', null),
            ),
          ]),
        )
        .executeTakeFirst(),
    touch: async (digest, at) => {
      await tables.updateTable('session').set({ used_at: at }).where('digest', '=', digest).execute()
    },
    remove: async (digest) => {
      await tables.deleteFrom('session').where('digest', '=', digest).execute()
    },
    isKept: async (person, createdAt, within) => {
      const found = await tablesOf<SessionTables>({ kysely: within })
        .selectFrom('session')
        .select('digest')
        .where('person', '=', person)
        .where('created_at', '=', createdAt)
        .executeTakeFirst()
      return found !== undefined
    },
    removeAllOf: async (person, within) => {
      const transaction = tablesOf<SessionTables>({ kysely: within })
      await transaction.deleteFrom('session').where('person', '=', person).execute()
    },
    removeThoseOf: async (passkey, within) => {
      const transaction = tablesOf<SessionTables>({ kysely: within })
      await transaction.deleteFrom('session').where('passkey', '=', passkey).execute()
    },
    useLogin: async (digest, at, forgetBefore) => {
      await tables.deleteFrom('used_login').where('used_at', '<', forgetBefore).execute()
      try {
        await tables.insertInto('used_login').values({ digest, used_at: at }).execute()
        return true
      } catch (thrown) {
        if (isUniqueViolation(thrown)) return false
        throw thrown
      }
    },
  }
}
