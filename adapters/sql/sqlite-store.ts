/**
 * The process that reads a SQLite file: one query at a time, read-only. SQLite cannot be interrupted inside
 * Node, so a query that takes too long ends with its process.
 */
import { readSync, statSync, writeSync } from 'node:fs'
import { constants, DatabaseSync, type StatementSync } from 'node:sqlite'
import { Fault } from '#schemas/fault.ts'
import type { SqlValue } from './field-types.ts'
import { pageMaker } from './make-page.ts'
import type { Page } from './source.ts'
import {
  frameReader,
  pageFrame,
  READY_FRAME,
  replyFrame,
  type SqliteOrder,
  type SqliteQuestion,
  type SqliteReply,
} from './sqlite-protocol.ts'

const BUSY_MS = 1000
const MAX_STATEMENTS = 64
/** Primary result codes that blame the file: LOCKED, BUSY, NOMEM, IOERR, CORRUPT, CANTOPEN, NOTADB. */
const FILE_FAILED = new Set([5, 6, 7, 10, 11, 14, 26])
const ALLOWED = new Set([
  ...[constants.SQLITE_SELECT, constants.SQLITE_READ, constants.SQLITE_FUNCTION, constants.SQLITE_RECURSIVE],
])

type AskedPage = Extract<SqliteQuestion, { most: number }>
type Open = { database: DatabaseSync; statements: Map<string, StatementSync>; id: string }

const IN = 0
const OUT = 1
const READ_BYTES = 65_536

const { file } = JSON.parse(process.argv[2] ?? '{}') as SqliteOrder
const makers = new Map<number, ReturnType<typeof pageMaker>>()
let open: Open | undefined
/** Whether the file under the name is known to be the open one. */
let isLookedAt = false

// A signal to the group is the adapter's matter: it lets the queries under way end.
process.on('SIGTERM', () => undefined)
process.on('SIGINT', () => undefined)
serve()

/**
 * Reads and writes without the event loop, which would cost more than a query. Ends with the adapter, whose
 * end closes the pipes.
 */
function serve(): never {
  const place = Buffer.allocUnsafe(READ_BYTES)
  const asked: Buffer[] = []
  const take = frameReader((content) => void asked.push(content))
  try {
    write(READY_FRAME)
    for (let bytes = readSync(IN, place); bytes > 0; bytes = readSync(IN, place)) {
      take(Buffer.from(place.subarray(0, bytes)))
      // Looked at after the questions came, so that each meets the file that was there when it was asked.
      isLookedAt = false
      // Each answer at once: the next question may take long.
      for (const content of asked.splice(0)) write(answerTo(JSON.parse(content.toString()) as SqliteQuestion))
    }
  } catch {
    // The adapter is gone.
  }
  process.exit(0)
}

function write(answer: Buffer): void {
  for (let at = 0; at < answer.length; ) at += writeSync(OUT, answer, at)
}

function answerTo(question: SqliteQuestion): Buffer {
  // Kept even if its first statement fails: it comes only once.
  if ('described' in question && question.described !== undefined)
    makers.set(question.shape, pageMaker(question.described))
  try {
    const statement = statementOf(openFile(), question.text)
    if (!('only' in question)) return pageFrame(pageOf(statement, question))
    if (question.only === 'rows') return replyFrame({ rows: [...rowsOf(statement, question.values)] })
    const columns = statement.columns().map(({ name, type }): [string, string | null] => [name, type])
    return replyFrame({ columns })
  } catch (thrown) {
    if (thrown instanceof Fault) return replyFrame(whyNot(thrown))
    const { errcode, message } = thrown as { errcode?: number; message: string }
    if (errcode === undefined || !FILE_FAILED.has(errcode & 0xff))
      return replyFrame({ failed: 'statement', why: message })
    close()
    return replyFrame({ failed: 'unavailable', why: message })
  }
}

function whyNot({ code, what = '' }: Fault): SqliteReply {
  const isTooLarge = code === 'answer_too_large'
  return { failed: 'answer', code: isTooLarge ? code : 'source_failed', why: what }
}

function pageOf(statement: StatementSync, { values, most, shape }: AskedPage): Page {
  return makers.get(shape)!(rowsOf(statement, values), most)
}

/** Read one by one, so that what is too large is not read to its end. */
function rowsOf(statement: StatementSync, values: SqlValue[]): Iterable<unknown[]> {
  return statement.iterate(...values) as Iterable<object> as Iterable<unknown[]>
}

/**
 * Opens the file again when another file has its name: that is how a new copy of a database is put in place.
 */
function openFile(): Open {
  if (isLookedAt && open !== undefined) return open
  isLookedAt = true
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
