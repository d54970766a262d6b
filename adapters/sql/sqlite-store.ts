/**
 * The process that reads a SQLite file: one query at a time, read-only. SQLite cannot be interrupted inside Node, so a query that
 * takes too long ends with its process.
 */
import { statSync } from 'node:fs'
import { constants, DatabaseSync, type StatementSync } from 'node:sqlite'
import type { SqliteAnswer, SqliteOrder, SqliteQuestion } from './sqlite-protocol.ts'

const BUSY_MS = 1000
const MAX_STATEMENTS = 64
/** Primary result codes that blame the file: LOCKED, BUSY, NOMEM, IOERR, CORRUPT, CANTOPEN, NOTADB. */
const FILE_FAILED = new Set([5, 6, 7, 10, 11, 14, 26])
const ALLOWED = new Set([
  ...[constants.SQLITE_SELECT, constants.SQLITE_READ, constants.SQLITE_FUNCTION, constants.SQLITE_RECURSIVE],
])

type Open = { database: DatabaseSync; statements: Map<string, StatementSync>; id: string }

const { file, answerBytes } = JSON.parse(process.argv[2] ?? '{}') as SqliteOrder
let open: Open | undefined

process.on('message', (question: SqliteQuestion) => process.send!(answerTo(question)))
process.on('disconnect', () => process.exit(0))
process.send!('ready')
// A signal to the group is the adapter's matter: it lets the queries under way end.
process.on('SIGTERM', () => undefined)
process.on('SIGINT', () => undefined)

function answerTo({ text, values, only }: SqliteQuestion): SqliteAnswer {
  try {
    const statement = statementOf(openFile(), text)
    if (only === 'columns') return { columns: statement.columns().map(({ name, type }) => [name, type]) }
    const rows: unknown[][] = []
    let bytes = 0
    for (const row of statement.iterate(...values)) {
      const plain = Object.values(row).map(plainValue)
      for (const value of plain) bytes += typeof value === 'string' ? Buffer.byteLength(value) : 8
      if (bytes > answerBytes) return { failed: 'too_large', why: `it has more than ${answerBytes} bytes` }
      rows.push(plain)
    }
    return { rows }
  } catch (thrown) {
    const { errcode, message } = thrown as { errcode?: number; message: string }
    if (errcode === undefined || !FILE_FAILED.has(errcode & 0xff))
      return { failed: 'statement', why: message }
    close()
    return { failed: 'unavailable', why: message }
  }
}

/** Opens the file again when another file has its name: that is how a new copy of a database is put in place. */
function openFile(): Open {
  const facts = statSync(file, { throwIfNoEntry: false })
  if (facts === undefined) {
    close()
    throw Object.assign(new Error('the file does not exist'), { errcode: 14 })
  }
  const id = `${facts.dev} ${facts.ino}`
  if (open?.id === id) return open
  close()
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS, allowExtension: false })
  database.exec('pragma query_only = on; pragma trusted_schema = off')
  database.setAuthorizer((action, name) =>
    ALLOWED.has(action) || (action === constants.SQLITE_PRAGMA && name === 'table_xinfo')
      ? constants.SQLITE_OK
      : constants.SQLITE_DENY,
  )
  open = { database, statements: new Map(), id }
  return open
}

function close(): void {
  open?.database.close()
  open = undefined
}

function statementOf({ database, statements }: Open, text: string): StatementSync {
  const known = statements.get(text)
  if (known !== undefined) return known
  const statement = database.prepare(text)
  statement.setReturnArrays(true)
  statement.setReadBigInts(true)
  if (statements.size >= MAX_STATEMENTS) statements.delete(statements.keys().next().value as string)
  statements.set(text, statement)
  return statement
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value instanceof Uint8Array ? {} : value
}
