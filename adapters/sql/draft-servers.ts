/** Which tables a database server has, for a draft: those that this user may read, with their keys. */
import type { FieldType } from '#adapters/kit/field-types.ts'
import { Fault } from '#schemas/fault.ts'
import { openMariadb } from './mariadb-store.ts'
import { openPostgresql } from './postgresql-store.ts'
import type { DatabaseSettings } from './settings.ts'
import type { ColumnKind, Database } from './source.ts'

export type DraftColumn = { name: string; type: FieldType | undefined; isKey: boolean }
export type DraftTable = { schema: string | undefined; name: string; columns: DraftColumn[] }

const LIMITS = { connections: 1, waiting: 1, queryMs: 5000, answerBytes: 1_048_576 }
/** Schema, table, and the columns of its primary key; a column of the table a row, in their order. */
const CATALOGUE: Record<'postgresql' | 'mariadb', string> = {
  postgresql: `with tables as (
      select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition
        and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and has_schema_privilege(n.oid, 'usage')
        and has_any_column_privilege(c.oid, 'select')
      order by 2, 3 limit 200)
    select t.nspname, t.relname, a.attname,
      exists (select 1 from pg_index i where i.indrelid = t.oid and i.indisprimary and a.attnum = any(i.indkey))::int
    from tables t join pg_attribute a on a.attrelid = t.oid
    where a.attnum > 0 and not a.attisdropped and has_column_privilege(t.oid, a.attnum, 'select')
    order by 1, 2, a.attnum limit 40000`,
  mariadb: `select c.table_schema, c.table_name, c.column_name, c.column_key = 'PRI'
    from (select table_schema, table_name from information_schema.tables
      where table_schema = database() order by table_name limit 200) t
    join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
    order by c.table_name, c.ordinal_position limit 40000`,
}
/** The type that a column of each kind is given as; bytes and what is not known have none. */
const TYPES: Partial<Record<ColumnKind, FieldType>> = {
  ...{ text: 'string', integer: 'integer', decimal: 'number', float: 'number', boolean: 'boolean' },
  ...{ date: 'date', 'date-time': 'date-time' },
}

/**
 * Throws `source_unavailable`, `source_timeout`, and `source_failed` for a database in which this user may
 * read no table.
 */
export async function tablesOfServer(settings: DatabaseSettings): Promise<DraftTable[]> {
  const kind = settings.kind === 'mariadb' ? 'mariadb' : 'postgresql'
  const database = await (kind === 'mariadb' ? openMariadb : openPostgresql)(settings, LIMITS)
  try {
    const rows = (await database.query({ text: CATALOGUE[kind], values: [] })).map((row) => row.map(String))
    const tables = new Map<string, DraftTable>()
    for (const [schema = '', name = '', column = '', isKey] of rows) {
      const table = tables.get(JSON.stringify([schema, name])) ?? {
        // The settings name the database of MariaDB: its tables need no schema.
        ...{ schema: kind === 'mariadb' ? undefined : schema, name, columns: [] },
      }
      table.columns.push({ name: column, type: undefined, isKey: isKey === '1' })
      tables.set(JSON.stringify([schema, name]), table)
    }
    if (tables.size === 0) throw new Fault('source_failed', { what: 'this user may read no table there' })
    for (const table of tables.values()) await findTypes(table, database)
    return [...tables.values()]
  } finally {
    await database.close()
  }
}

async function findTypes({ schema, name, columns }: DraftTable, database: Database): Promise<void> {
  const kinds = await database.columnsOfTable(name, schema)
  for (const column of columns) column.type = TYPES[kinds?.get(column.name) ?? 'other']
}
