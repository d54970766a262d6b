/**
 * Rows of the audit log: append-only, numbered without gaps under one lock, each with the digest over the
 * previous one.
 */
import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { byteOrder, columnTypes, lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type AuditRow = {
  sequence: Whole
  at: Time
  caller_id: string
  caller_name: string
  operation: string
  target: string
  data: string
  digest: Buffer
}

/** `audit_stream` has, per destination, the last record that it acknowledged. */
type Tables = { audit_log: AuditRow; audit_stream: { destination: string; sequence: Whole } }

export const auditLogMigrations: Record<string, Migration> = {
  'audit-log-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('audit_log')
        .addColumn('sequence', type.integer, (column) => column.primaryKey())
        .addColumn('at', type.text, (column) => column.notNull())
        .addColumn('caller_id', type.text, (column) => column.notNull())
        .addColumn('caller_name', type.text, (column) => column.notNull())
        .addColumn('operation', type.text, (column) => column.notNull())
        .addColumn('target', type.text, (column) => column.notNull())
        .addColumn('data', type.text, (column) => column.notNull())
        .addColumn('digest', type.blob, (column) => column.notNull())
        .execute()
    },
  },
  'audit-log-002-target': {
    up: async (kysely: Kysely<unknown>) => {
      const index = kysely.schema.createIndex('audit_log_target').on('audit_log')
      await index.expression(byteOrder(kysely, 'target')).execute()
    },
  },
  'audit-log-003-stream': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('audit_stream')
        .addColumn('destination', type.text, (column) => column.primaryKey())
        .addColumn('sequence', type.integer, (column) => column.notNull())
        .execute()
    },
  },
  'audit-log-004-caller': {
    up: async (kysely: Kysely<unknown>) => {
      await kysely.schema
        .createIndex('audit_log_caller')
        .on('audit_log')
        .columns(['caller_id', 'sequence'])
        .execute()
    },
  },
}

const COLUMNS = [
  'sequence',
  'at',
  'caller_id',
  'caller_name',
  'operation',
  'target',
  'data',
  'digest',
] as const

/**
 * `before` and `after` are numbers, `from` and `until` are ISO times. `target` matches an address and all
 * addresses below it, by index. `q` is searched in caller, operation, target and data of every record.
 */
export type AuditFilter = {
  before?: number | undefined
  after?: number | undefined
  from?: string | undefined
  until?: string | undefined
  target?: string | undefined
  /** Only these operations, or all except these. */
  operations?: readonly string[] | undefined
  operationsAre?: 'in' | 'not in' | undefined
  /** Only acts of this caller, by index. */
  callerId?: string | undefined
  q?: string | undefined
}

type AuditStore = {
  /**
   * Appends the row that `next` makes from the newest row. Only one node can append at a time. Runs in the
   * caller's transaction `within`, or in its own.
   */
  append(within: Within | undefined, next: (newest: AuditRow | undefined) => AuditRow): Promise<AuditRow>
  /** At most `limit` rows after `sequence`, oldest first. */
  after(sequence: number, limit: number, times?: Pick<AuditFilter, 'from' | 'until'>): Promise<AuditRow[]>
  /** At most `limit` matching rows, newest first, after the first `offset` of them. */
  find(filter: AuditFilter, part: { offset: number; limit: number }): Promise<AuditRow[]>
  count(filter: AuditFilter): Promise<number>
  /** At most `limit` callers by id, each with the name that its newest record has. */
  callers(limit: number): Promise<{ id: string; name: string }[]>
  /** The callers of the newest rows, whose row is newest first. */
  lastCallers(limit: number): Promise<string[]>
  /** Time and operation of the newest rows, the newest first. */
  newest(limit: number): Promise<Pick<AuditRow, 'at' | 'operation'>[]>
  /** The last record that a destination has acknowledged; 0 at first. */
  streamed(destination: string): Promise<number>
  keepStreamed(destination: string, sequence: number): Promise<void>
}

/** The newest record, read in the caller's transaction or outside one. */
export async function newestAuditRow(
  kysely: Within,
): Promise<Pick<AuditRow, 'sequence' | 'digest'> | undefined> {
  return await tablesOf<Tables>({ kysely })
    .selectFrom('audit_log')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export function createAuditStore(database: Database): AuditStore {
  const tables = tablesOf<Tables>(database)
  const rows = (kysely: Kysely<Tables>) => kysely.selectFrom('audit_log').select(COLUMNS)
  return {
    append: (within, next) => {
      const add = async (transaction: Kysely<Tables>): Promise<AuditRow> => {
        await lockFor(transaction, 'audit_log')
        const newest = await rows(transaction).orderBy('sequence', 'desc').limit(1).executeTakeFirst()
        const row = next(newest)
        await transaction.insertInto('audit_log').values(row).execute()
        return row
      }
      return within === undefined ? inTransaction(tables, add) : add(tablesOf<Tables>({ kysely: within }))
    },
    after: (sequence, limit, times = {}) =>
      tables
        .selectFrom('audit_log')
        .select(COLUMNS)
        .where('sequence', '>', sequence)
        .where((is) => fits(is, times, byteOrder(tables, 'target')))
        .orderBy('sequence')
        .limit(limit)
        .execute(),
    find: (filter, { offset, limit }) =>
      tables
        .selectFrom('audit_log')
        .select(COLUMNS)
        .where((is) => fits(is, filter, byteOrder(tables, 'target')))
        .orderBy('sequence', 'desc')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: async (filter) => {
      const row = await tables
        .selectFrom('audit_log')
        .select(({ fn }) => fn.countAll().as('found'))
        .where((is) => fits(is, filter, byteOrder(tables, 'target')))
        .executeTakeFirstOrThrow()
      return Number(row.found)
    },
    lastCallers: async (limit) => {
      // From one caller to the next in the index, as `callers` goes, but in one question: a page opens with
      // it.
      const { rows: found } = await sql<{ id: string }>`
        with recursive known(id) as (
          select min(caller_id) from audit_log
          union all
          select (select min(caller_id) from audit_log where caller_id > known.id) from known where known.id is not null
        )
        select id from known where id is not null
        order by (select max(sequence) from audit_log where caller_id = known.id) desc
        limit ${limit}`.execute(tables)
      return found.map(({ id }) => id)
    },
    newest: (limit) =>
      tables
        .selectFrom('audit_log')
        .select(['at', 'operation'])
        .orderBy('sequence', 'desc')
        .limit(limit)
        .execute(),
    callers: async (limit) => {
      const found: { id: string; name: string }[] = []
      // From one caller to the next in the index, since the records of all of them may be millions.
      while (found.length < limit) {
        const last = found.at(-1)?.id
        const row = await tables
          .selectFrom('audit_log')
          .select(['caller_id as id', 'caller_name as name'])
          .$if(last !== undefined, (rest) => rest.where('caller_id', '>', last!))
          .orderBy('caller_id')
          .limit(1)
          .executeTakeFirst()
        if (row === undefined) break
        const newest = await tables
          .selectFrom('audit_log')
          .select('caller_name as name')
          .where('caller_id', '=', row.id)
          .orderBy('sequence', 'desc')
          .limit(1)
          .executeTakeFirst()
        found.push({ id: row.id, name: newest?.name ?? row.name })
      }
      return found
    },
    streamed: async (destination) => {
      const row = await tables
        .selectFrom('audit_stream')
        .select('sequence')
        .where('destination', '=', destination)
        .executeTakeFirst()
      return row?.sequence ?? 0
    },
    keepStreamed: async (destination, sequence) => {
      await tables
        .insertInto('audit_stream')
        .values({ destination, sequence })
        .onConflict((conflict) => conflict.column('destination').doUpdateSet({ sequence }))
        .execute()
    },
  }
}

const SEARCHED = ['caller_name', 'operation', 'target', 'data'] as const

function fits(
  is: ExpressionBuilder<Tables, 'audit_log'>,
  { before, after, from, until, target, operations, operationsAre = 'in', callerId, q }: AuditFilter,
  targets: Expression<string>,
): Expression<SqlBool> {
  return is.and([
    ...(before === undefined ? [] : [is('sequence', '<', before)]),
    ...(after === undefined ? [] : [is('sequence', '>', after)]),
    ...(from === undefined ? [] : [is('at', '>=', from)]),
    ...(until === undefined ? [] : [is('at', '<', until)]),
    ...(callerId === undefined ? [] : [is('caller_id', '=', callerId)]),
    // PostgreSQL takes no empty list; no operation has an empty name.
    ...(operations === undefined ? [] : [is('operation', operationsAre, ['', ...operations])]),
    ...(target === undefined ? [] : [atOrBelow(is, targets, target)]),
    ...(q === undefined || q === '' ? [] : [is.or(SEARCHED.map((column) => holds(column, q)))]),
  ])
}

/** The address itself, or one that continues with a slash: '0' follows '/' in byte order. */
function atOrBelow(
  is: ExpressionBuilder<Tables, 'audit_log'>,
  targets: Expression<string>,
  target: string,
): Expression<SqlBool> {
  const below = is.and([is(targets, '>=', `${target}/`), is(targets, '<', `${target}0`)])
  return is.or([is(targets, '=', target), below])
}

/** Contains the text literally; ASCII letters match in either case, which both stores support. */
function holds(column: string, text: string): Expression<SqlBool> {
  const pattern = `%${text.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`
  return sql<SqlBool>`lower(${sql.ref(column)}) like lower(${pattern}) escape '\\'`
}
