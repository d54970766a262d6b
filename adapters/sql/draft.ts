/**
 * Drafts the settings of the adapter from the tables of a database, for who begins. Guarantees that nobody is
 * given a column that was not chosen: of a table only the key is a setting, all else a comment.
 */
import path from 'node:path'
import type { FieldType } from '#adapters/kit/field-types.ts'
import { Fault } from '#schemas/fault.ts'
import { checkDatabase } from './check-settings.ts'
import { type DraftColumn as Column, type DraftTable, tablesOfServer } from './draft-servers.ts'
import type { DatabaseSettings } from './settings.ts'
import { openReaders } from './sqlite-readers.ts'

const LIMITS = { connections: 1, waiting: 1, queryMs: 5000, answerBytes: 1_048_576 }
const TABLES =
  "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite!_%' escape '!' order by name limit 200"
const COLUMNS = 'select name, type, pk from pragma_table_xinfo(?) limit 200'
/** As SQLite finds the affinity of a declared type, with the types that it has no affinity for before. */
const TYPES: [RegExp, FieldType | undefined][] = [
  ...([
    [/bool/i, 'boolean'],
    [/int/i, 'integer'],
    [/datetime|timestamp/i, 'date-time'],
    [/date/i, 'date'],
  ] as [RegExp, FieldType][]),
  [/real|floa|doub|dec|num/i, 'number'],
  [/blob/i, undefined],
]
/** Parameters of every list, and words that YAML reads as values. */
const NO_NAMES = ['limit', 'after', 'order', 'true', 'false', 'null']
const KEY_TYPES: ReadonlySet<FieldType | undefined> = new Set(['string', 'integer', 'date', 'date-time'])

/**
 * The text of a settings file. Throws `invalid_configuration` for what the adapter itself would not connect
 * to, `source_failed` with the reason for a database that is none, or has no table; `source_unavailable`.
 */
export async function draftSettings(database: DatabaseSettings): Promise<string> {
  checkDatabase(
    database,
    ([, name = ''], what) => new Fault('invalid_configuration', { what: `${name} ${what}` }),
  )
  const isFile = database.kind === 'sqlite'
  const settings = isFile ? { ...database, file: path.resolve(database.file ?? '') } : database
  const tables = isFile ? await tablesOfFile(settings.file ?? '') : await tablesOfServer(settings)
  const free = freeOf([])
  const drafts = tables.map(({ schema, name, columns }, at) =>
    draftTable({ schema, name }, columns, { path: `/${free(slug(name), '-')}`, anchor: `t${at + 1}` }),
  )
  return `${headOf(settings)}${drafts.join('')}`
}

async function tablesOfFile(file: string): Promise<DraftTable[]> {
  const readers = openReaders({ file }, LIMITS, () => undefined)
  const rowsOf = async (text: string, values: string[]): Promise<unknown[][]> => {
    const answer = await readers.ask({ statement: { text, values }, only: 'rows' })
    if ('rows' in answer) return answer.rows
    throw new Fault('source_failed', { what: 'failed' in answer ? answer.why : 'it gives no rows' })
  }
  try {
    const tables = (await rowsOf(TABLES, [])).map(([name]) => String(name))
    if (tables.length === 0) throw new Fault('source_failed', { what: 'the file has no table' })
    const found: DraftTable[] = []
    for (const name of tables)
      found.push({ schema: undefined, name, columns: (await rowsOf(COLUMNS, [name])).map(readColumn) })
    return found
  } finally {
    await readers.close()
  }
}

function headOf(database: DatabaseSettings): string {
  const name = database.file === undefined ? (database.name ?? 'data') : path.parse(database.file).name
  return `# Of each table only the key is given: take the # from the fields that others may see, and delete what is nobody's business. What
# clients may ask by has filters, what they may sort by order: true. docs/examples/sql-adapter.yaml has all settings.
listen: { address: 127.0.1.40, port: 9443 }
monitoring: { address: 127.0.1.40, port: 9444 }
service: { code: ${JSON.stringify(slug(name))}, title: ${JSON.stringify(name)} }
database: ${JSON.stringify(database)}
resources:
`
}

function readColumn([name, type, pk]: unknown[]): Column {
  const [, known] = TYPES.find(([pattern]) => pattern.test(String(type))) ?? [undefined, 'string' as const]
  return { name: String(name), type: known, isKey: Number(pk) > 0 }
}

/** A list of the rows, and one row by its key; a comment as a whole where no key tells the rows apart. */
function draftTable(
  { schema, name: table }: Pick<DraftTable, 'schema' | 'name'>,
  columns: Column[],
  at: { path: string; anchor: string },
): string {
  const source = [
    `    table: ${JSON.stringify(table)}`,
    ...(schema === undefined ? [] : [`    schema: ${JSON.stringify(schema)}`]),
  ]
  const names = fieldNames(columns)
  const keys = columns.filter(({ isKey }) => isKey)
  const hasKey = keys.length > 0 && keys.every(({ type }) => KEY_TYPES.has(type))
  const key = keys.map((column) => names.get(column))
  const fields = columns.map((column) => {
    const mark = hasKey && column.isKey ? '' : '# '
    return `      ${mark}${names.get(column)}: ${settingsOf(column, names.get(column)!)}`
  })
  const lines = [
    `  - path: ${at.path}`,
    ...source,
    ...(hasKey ? [`    key: [${key.join(', ')}]`] : []),
    `    fields: &${at.anchor}`,
    ...fields,
    ...(hasKey
      ? [
          `  - path: ${at.path}/${key.map((name) => `{${name}}`).join('/')}`,
          ...[...source, '    one: true', `    fields: *${at.anchor}`],
        ]
      : []),
  ]
  if (hasKey) return `${lines.join('\n')}\n`
  const why = `# ${JSON.stringify(table)} has no key that tells its rows apart: name fields that do (key: [...]).`
  return `${[`  ${why}`, ...lines.map((line) => `  # ${line.replace(/^ {2}/, '')}`)].join('\n')}\n`
}

function settingsOf({ name, type, isKey }: Column, field: string): string {
  if (type === undefined) return '(bytes, and what has no field type: a query can make text of it)'
  const column = name === field ? '' : `column: ${JSON.stringify(name)}, `
  return `{ ${column}type: ${type}${isKey ? ', filters: [eq]' : ''} }`
}

/** Names that a field can have, no two the same. */
function fieldNames(columns: Column[]): Map<Column, string> {
  const free = freeOf(NO_NAMES)
  return new Map(
    columns.map((column) => {
      const plain = column.name.replace(/[^A-Za-z0-9_]/g, '_').slice(0, 50)
      return [column, free(/^[A-Za-z]/.test(plain) ? plain : `f${plain}`, '_')]
    }),
  )
}

/** The name itself the first time, with a number after it the others. */
function freeOf(names: readonly string[]): (name: string, mark: string) => string {
  const taken = new Set(names)
  return (name, mark) => {
    let free = name
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${name}${mark}${n}`
    taken.add(free.toLowerCase())
    return free
  }
}

function slug(name: string): string {
  return (
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 100) || 'data'
  )
}
