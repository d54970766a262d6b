/**
 * Reads a SQLite file through processes of its own, so that no query stops the adapter and each has a time
 * limit that holds. A row by a unique key, which needs no such limit, is read here.
 */
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { pageMaker } from './make-page.ts'
import type { DatabaseSettings, LimitSettings } from './settings.ts'
import type { ColumnKind, Observe, Source, Statement } from './source.ts'
import { openKeys } from './sqlite-keys-store.ts'
import { openReaders, type ReaderAnswer } from './sqlite-readers.ts'

const LOOK_MS = 120_000

export function openSqlite(database: DatabaseSettings, limits: LimitSettings, observe: Observe): Source {
  const file = database.file ?? ''
  const readers = openReaders({ file }, limits, observe)
  const lookAt = createTurn()
  let looking: { close(): Promise<void> } | undefined
  let isClosed = false
  /**
   * By a process that nobody else waits for, and that may take long: once for each index, unless the file or
   * its schema changes.
   */
  const isAny = (text: string): Promise<boolean> =>
    lookAt(async () => {
      if (isClosed) throw new Fault('source_unavailable')
      const alone = openReaders({ file }, { ...limits, connections: 1, queryMs: LOOK_MS }, () => undefined)
      looking = alone
      try {
        const answer = await alone.ask({ statement: { text, values: [] }, only: 'rows' })
        if ('rows' in answer) return answer.rows.length > 0
        throw faultOf(answer, false)
      } finally {
        await alone.close()
      }
    })
  const keys = openKeys(file, isAny)
  const rows = async (statement: Statement): Promise<unknown[][]> => {
    const answer = await readers.ask({ statement, only: 'rows' })
    if ('rows' in answer) return answer.rows
    throw faultOf(answer, false)
  }
  return {
    columnsOfTable: async (table, schema) => {
      const values = schema === undefined ? [table] : [table, schema]
      const text = `select name, type from pragma_table_xinfo(${values.map(() => '?')})`
      const found = await rows({ text, values })
      if (found.length === 0) return undefined
      return new Map(found.map(([name, type]) => [String(name), kindOf(type)]))
    },
    columnsOfQuery: async (statement) => {
      const answer = await readers.ask({ statement, only: 'columns' })
      if ('columns' in answer) return new Map(answer.columns.map(([name, type]) => [name, kindOf(type)]))
      throw faultOf(answer, true)
    },
    page: async (statement, shape, most) => {
      const answer = await readers.ask({ statement, shape, most })
      if ('page' in answer) return answer.page
      throw faultOf(answer, false)
    },
    row: (keyed, shape) => {
      const find = keys.prepare(keyed)
      const make = pageMaker(shape)
      return (values) => {
        const began = performance.now()
        const row = find(values)
        if (row === undefined) return undefined
        let outcome = 'rows'
        try {
          return make([row], 1)
        } catch (thrown) {
          outcome = thrown instanceof Fault ? thrown.code : 'source_failed'
          throw thrown
        } finally {
          observe(outcome, (performance.now() - began) / 1000)
        }
      }
    },
    check: async () => void (await rows({ text: 'select 1', values: [] })),
    rowsHere: keys.count,
    running: readers.running,
    waiting: readers.waiting,
    close: async () => {
      isClosed = true
      keys.close()
      await Promise.all([readers.close(), looking?.close()])
    },
  }
}

/** SQLite's reason holds names of the mapping; before a client's values are bound it may be told. */
function faultOf(answer: ReaderAnswer, isOfMapping: boolean): Fault {
  if (!('failed' in answer)) return new Fault('internal_error')
  const { why } = answer
  if (answer.failed === 'answer') return new Fault(answer.code, { what: why })
  const cause = new Error(why)
  if (answer.failed === 'unavailable') return new Fault('source_unavailable', { cause })
  return new Fault('source_failed', isOfMapping ? { what: why, cause } : { cause })
}

/** SQLite keeps to no type, but a column declared for bytes holds none of our types. */
function kindOf(type: unknown): ColumnKind {
  return /blob/i.test(String(type)) ? 'other' : 'any'
}
