/** Reads a SQLite file through processes of its own, so that no query stops the adapter and each has a time limit that holds. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Fault } from '#schemas/fault.ts'
import type { DatabaseSettings, LimitSettings } from './settings.ts'
import type { ColumnKind, Source } from './source.ts'
import type { SqliteAnswer, SqliteOrder, SqliteQuestion } from './sqlite-protocol.ts'

const PROGRAM = fileURLToPath(new URL('./sqlite-store.ts', import.meta.url))
/** A busy machine takes long to start a process; a query's own time begins when it has. */
const START_MS = 20_000
const HEAP = ['--max-old-space-size=256']

type Reader = { process: ChildProcess; ready: Promise<unknown>; end(): void }

/** At most `connections` processes, started when they are needed; `query` is called by at most as many at a time. */
export function openSqlite(database: DatabaseSettings, limits: LimitSettings): Source {
  const order: SqliteOrder = { file: database.file ?? '', answerBytes: limits.answerBytes }
  const idle: Reader[] = []
  const all = new Set<Reader>()
  let closed = false

  const start = (): Reader => {
    const child = fork(PROGRAM, [JSON.stringify(order)], {
      execArgv: HEAP,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const reader: Reader = {
      process: child,
      ready: messageOf(child, START_MS),
      end: () => child.kill('SIGKILL'),
    }
    // Whoever asks hears of it.
    reader.ready.catch(() => undefined)
    all.add(reader)
    child.once('exit', () => {
      all.delete(reader)
      const at = idle.indexOf(reader)
      if (at >= 0) idle.splice(at, 1)
    })
    child.on('error', () => undefined)
    return reader
  }

  const ask = async (question: SqliteQuestion): Promise<SqliteAnswer> => {
    const reader = idle.pop() ?? start()
    try {
      const answer = await askReader(reader, question, limits.queryMs)
      if (closed) reader.end()
      else idle.push(reader)
      return answer
    } catch (thrown) {
      reader.end()
      throw thrown
    }
  }
  return {
    columnsOfTable: async (table, schema) => {
      const values = schema === undefined ? [table] : [table, schema]
      const rows = rowsOf(
        await ask({ text: `select name, type from pragma_table_xinfo(${values.map(() => '?')})`, values }),
      )
      if (rows.length === 0) return undefined
      return new Map(rows.map(([name, type]) => [String(name), kindOf(type)]))
    },
    columnsOfQuery: async ({ text, values }) => {
      const answer = await ask({ text, values, only: 'columns' })
      if ('columns' in answer) return new Map(answer.columns.map(([name, type]) => [name, kindOf(type)]))
      throw faultOf(answer, true)
    },
    query: async (statement) => rowsOf(await ask(statement)),
    close: async () => {
      closed = true
      const ended = [...all].map((one) => new Promise((resolve) => one.process.once('exit', resolve)))
      for (const one of all) one.end()
      await Promise.all(ended)
    },
  }
}

async function askReader(reader: Reader, question: SqliteQuestion, queryMs: number): Promise<SqliteAnswer> {
  await reader.ready
  const answer = messageOf(reader.process, queryMs)
  // A process that is gone reports it by its end.
  reader.process.send(question, () => undefined)
  return (await answer) as SqliteAnswer
}

/** The next message of the process. Throws `source_unavailable` if it ends before, `source_timeout` if it takes too long. */
async function messageOf(child: ChildProcess, withinMs: number): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const gone = (): void =>
    reject(new Fault('source_unavailable', { cause: new Error('the reading process ended') }))
  const timer = setTimeout(() => reject(new Fault('source_timeout')), withinMs)
  child.once('message', resolve)
  child.once('exit', gone)
  if (child.exitCode !== null || child.signalCode !== null) gone()
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    child.off('message', resolve)
    child.off('exit', gone)
  }
}

function rowsOf(answer: SqliteAnswer): unknown[][] {
  if ('rows' in answer) return answer.rows
  throw faultOf(answer, false)
}

/** SQLite's reason holds names of the mapping; before a client's values are bound it may be told. */
function faultOf(answer: SqliteAnswer, isOfMapping: boolean): Fault {
  if (!('failed' in answer)) return new Fault('internal_error')
  const cause = new Error(answer.why)
  if (answer.failed === 'too_large') return new Fault('answer_too_large', { what: answer.why })
  if (answer.failed === 'unavailable') return new Fault('source_unavailable', { cause })
  return new Fault('source_failed', isOfMapping ? { what: answer.why, cause } : { cause })
}

/** SQLite keeps to no type, but a column declared for bytes holds none of our types. */
function kindOf(type: unknown): ColumnKind {
  return /blob/i.test(String(type)) ? 'other' : 'any'
}
