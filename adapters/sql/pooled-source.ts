/**
 * Asks a database whose driver gives rows to this process: as many statements at a time as it has
 * connections, the others in turn.
 */
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import { Fault } from '#schemas/fault.ts'
import { pageMaker } from './make-page.ts'
import type { LimitSettings } from './settings.ts'
import type { Database, Observe, Source, Statement } from './source.ts'

export function pooledSource(database: Database, limits: LimitSettings, observe: Observe): Source {
  const limit = limitCalls({
    ...{ running: limits.connections, waiting: limits.waiting, waitMs: limits.queryMs },
  })
  const makers = new Map<number, ReturnType<typeof pageMaker>>()
  const query = (statement: Statement): Promise<unknown[][]> =>
    limit.run(async () => {
      const began = performance.now()
      let outcome = 'rows'
      try {
        return await database.query(statement)
      } catch (thrown) {
        outcome = thrown instanceof Fault ? thrown.code : 'internal_error'
        throw thrown
      } finally {
        observe(outcome, (performance.now() - began) / 1000)
      }
    })
  return {
    columnsOfTable: database.columnsOfTable,
    columnsOfQuery: database.columnsOfQuery,
    page: async (statement, shape, most) => {
      const rows = await query(statement)
      const make = makers.get(shape.id) ?? pageMaker(shape)
      makers.set(shape.id, make)
      return make(rows, most)
    },
    check: async () => void (await query({ text: 'select 1', values: [] })),
    running: limit.running,
    waiting: limit.waiting,
    close: () => database.close(),
  }
}
