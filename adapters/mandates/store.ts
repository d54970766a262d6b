/**
 * The tables of the register: people, mandates, and when each role was changed. What has ended stays, and is
 * never changed again.
 */
import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely'
import type { Migration } from 'kysely/migration'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { byteOrder, columnTypes, lockFor } from '#platform/database/dialect.ts'
import { migrate } from '#platform/database/migrate.ts'
import {
  type Database,
  inTransaction,
  openDatabase,
  tablesOf,
  type Within,
} from '#platform/database/open-database.ts'
import type { MandatePerson, PersonType } from '#schemas/mandates.ts'

type PersonRow = {
  identifier: string
  type: PersonType
  first_name: string | null
  surname: string | null
  legal_name: string | null
}

export type MandateRow = {
  id: string
  representee: string
  delegate: string
  /** The names as whoever gave it wrote them, JSON: shown of people whose names no registrar has told. */
  representee_name: string
  delegate_name: string
  role: string
  valid_from: string | null
  valid_through: string | null
  begins_at: string
  ends_at: string
  sub_delegable: number
  sub_delegator: string | null
  original: string | null
  added_at: string
  ended_at: string | null
}

type RoleRow = { code: string; digest: string; modified: string }

type Tables = { mandate_person: PersonRow; mandate: MandateRow; mandate_role: RoleRow }

/** What is asked for: nobody's mandates unless one of the people is named. */
export type MandateFilter = {
  representee?: string | undefined
  delegate?: string | undefined
  subDelegator?: string | undefined
  /** Only those that have not ended by then. */
  after: string
  /** Only those that have begun by then. */
  begunBy?: string
  /** Only those of one of these roles, or of a role in one of these namespaces. */
  roles?: { in: readonly string[]; namespaces: readonly string[] } | undefined
}

const mandateMigrations: Record<string, Migration> = {
  'mandates-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('mandate_person')
        .addColumn('identifier', type.text, (column) => column.primaryKey())
        .addColumn('type', type.text, (column) => column.notNull())
        .addColumn('first_name', type.text)
        .addColumn('surname', type.text)
        .addColumn('legal_name', type.text)
        .execute()
      await kysely.schema
        .createTable('mandate')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('representee', type.text, (column) => column.notNull())
        .addColumn('delegate', type.text, (column) => column.notNull())
        .addColumn('representee_name', type.text, (column) => column.notNull())
        .addColumn('delegate_name', type.text, (column) => column.notNull())
        .addColumn('role', type.text, (column) => column.notNull())
        .addColumn('valid_from', type.text)
        .addColumn('valid_through', type.text)
        .addColumn('begins_at', type.text, (column) => column.notNull())
        .addColumn('ends_at', type.text, (column) => column.notNull())
        .addColumn('sub_delegable', type.integer, (column) => column.notNull())
        .addColumn('sub_delegator', type.text)
        .addColumn('original', type.text)
        .addColumn('added_at', type.text, (column) => column.notNull())
        .addColumn('ended_at', type.text)
        .execute()
      for (const by of ['representee', 'delegate', 'original'] as const)
        await kysely.schema
          .createIndex(`mandate_${by}`)
          .on('mandate')
          .columns([by, 'ends_at'] as never[])
          .execute()
      await kysely.schema
        .createTable('mandate_role')
        .addColumn('code', type.text, (column) => column.primaryKey())
        .addColumn('digest', type.text, (column) => column.notNull())
        .addColumn('modified', type.text, (column) => column.notNull())
        .execute()
    },
  },
}

export type MandateStore = {
  /** Runs `act` alone, all or nothing; no other change happens meanwhile. */
  change<T>(act: (store: MandateStore, within: Within) => Promise<T>): Promise<T>
  person(identifier: string): Promise<MandatePerson | undefined>
  people(identifiers: readonly string[]): Promise<Map<string, MandatePerson>>
  putPerson(person: MandatePerson): Promise<void>
  mandate(id: string): Promise<MandateRow | undefined>
  /** At most `limit`, the oldest first. */
  find(filter: MandateFilter, limit: number): Promise<MandateRow[]>
  add(row: MandateRow): Promise<void>
  /** Those that were passed on from it and have not ended. */
  passedOn(id: string): Promise<MandateRow[]>
  end(ids: readonly string[], at: string): Promise<void>
  roles(): Promise<RoleRow[]>
  putRole(row: RoleRow): Promise<void>
}

/** The register's database, brought to this version. Throws `database_error`. */
export async function openMandateDatabase(url: string): Promise<Database> {
  const database = await openDatabase(url)
  try {
    await migrate(database, { ...auditLogMigrations, ...mandateMigrations })
    return database
  } catch (thrown) {
    await database.close()
    throw thrown
  }
}

export function createMandateStore(database: Pick<Database, 'kysely'>): MandateStore {
  return storeOn(tablesOf<Tables>(database))
}

function storeOn(tables: Kysely<Tables>): MandateStore {
  return {
    change: (act) =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'mandate')
        return act(storeOn(transaction), transaction)
      }),
    person: async (identifier) => (await peopleIn(tables, [identifier])).get(identifier),
    people: (identifiers) => peopleIn(tables, identifiers),
    putPerson: async ({ identifier, type, firstName = null, surname = null, legalName = null }) => {
      const names = { first_name: firstName, surname, legal_name: legalName }
      await tables
        .insertInto('mandate_person')
        .values({ identifier, type, ...names })
        .onConflict((conflict) => conflict.column('identifier').doUpdateSet(names))
        .execute()
    },
    mandate: (id) => tables.selectFrom('mandate').selectAll().where('id', '=', id).executeTakeFirst(),
    find: (filter, limit) => {
      const { representee, delegate, subDelegator, after, begunBy, roles } = filter
      return tables
        .selectFrom('mandate')
        .selectAll()
        .where('ended_at', 'is', null)
        .where('ends_at', '>', after)
        .$if(representee !== undefined, (rest) => rest.where('representee', '=', representee!))
        .$if(delegate !== undefined, (rest) => rest.where('delegate', '=', delegate!))
        .$if(subDelegator !== undefined, (rest) => rest.where('sub_delegator', '=', subDelegator!))
        .$if(roles !== undefined, (rest) =>
          rest.where((is) => inRoles(is, byteOrder(tables, 'role'), roles!)),
        )
        .$if(begunBy !== undefined, (rest) => rest.where('begins_at', '<=', begunBy!))
        .orderBy('added_at')
        .orderBy('id')
        .limit(limit)
        .execute()
    },
    add: async (row) => void (await tables.insertInto('mandate').values(row).execute()),
    passedOn: (id) =>
      tables
        .selectFrom('mandate')
        .selectAll()
        .where('original', '=', id)
        .where('ended_at', 'is', null)
        .execute(),
    end: async (ids, at) =>
      void (await tables
        .updateTable('mandate')
        .set({ ended_at: at })
        .where('id', 'in', [...ids])
        .where('ended_at', 'is', null)
        .execute()),
    roles: () => tables.selectFrom('mandate_role').selectAll().execute(),
    putRole: async (row) => {
      const { digest, modified } = row
      await tables
        .insertInto('mandate_role')
        .values(row)
        .onConflict((conflict) => conflict.column('code').doUpdateSet({ digest, modified }))
        .execute()
    },
  }
}

/** A namespace ends with a colon, which a semicolon follows in byte order. */
function inRoles(
  is: ExpressionBuilder<Tables, 'mandate'>,
  role: Expression<string>,
  roles: NonNullable<MandateFilter['roles']>,
): Expression<SqlBool> {
  return is.or([
    // Neither store takes an empty list; no role has an empty name.
    is('role', 'in', ['', ...roles.in]),
    ...roles.namespaces.map((one) => is.and([is(role, '>=', `${one}:`), is(role, '<', `${one};`)])),
  ])
}

const AT_ONCE = 500

async function peopleIn(
  tables: Kysely<Tables>,
  identifiers: readonly string[],
): Promise<Map<string, MandatePerson>> {
  const wanted = [...new Set(identifiers)]
  const found = new Map<string, MandatePerson>()
  // Neither store takes any number of parameters.
  for (let at = 0; at < wanted.length; at += AT_ONCE) {
    const rows = await tables
      .selectFrom('mandate_person')
      .selectAll()
      .where('identifier', 'in', wanted.slice(at, at + AT_ONCE))
      .execute()
    for (const row of rows) found.set(row.identifier, personOf(row))
  }
  return found
}

function personOf({ identifier, type, first_name, surname, legal_name }: PersonRow): MandatePerson {
  return {
    type,
    ...(first_name !== null && { firstName: first_name }),
    ...(surname !== null && { surname }),
    ...(legal_name !== null && { legalName: legal_name }),
    identifier,
  }
}
