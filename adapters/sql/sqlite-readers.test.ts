/** Processes that read a SQLite file: which of them is given a statement, and when one ends. */
import path from 'node:path'
import t from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import type { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import { openSqlite } from './open-sqlite.ts'

t.test('a process that is to end is given no statement, though its late answer comes', async (t) => {
  const file = path.join(emptyFolder(t), 'any.db')
  const { DatabaseSync } = await import('node:sqlite')
  new DatabaseSync(file).close()
  const limits = { connections: 1, waiting: 50, queryMs: 1000, answerBytes: 200_000 }
  const source = openSqlite({ kind: 'sqlite', file }, limits, () => undefined)
  t.teardown(() => source.close())
  const fields = [{ name: 'a', type: 'string' as const, nullable: true }]
  const shape = { id: 1, fields, sort: [], key: [], answerBytes: limits.answerBytes }
  const ask = (text: string) => source.page({ text, values: [] }, shape, 1)
  const outcome = (asked: ReturnType<typeof ask>) =>
    asked.then(
      ({ items }) => items.toString(),
      (thrown: Fault) => thrown.code,
    )
  const long =
    'with recursive c(n) as (select 1 union all select n + 1 from c where n < 3000000) select count(*) from c'
  const sleep = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  // Again where a busy machine looked at its answer before its time had passed, or was long in ending the
  // process.
  const next = await until('an answer that came too late', async (saw) => {
    await until('a process', async () => (await outcome(ask('select 1'))) === '{"a":"1"}')
    const late = outcome(ask(long))
    await until('it runs', () => source.running() === 1, { pauseMs: 1 })
    // In one turn of the event loop its time passes and its answer comes; only then times are looked at.
    const after = await new Promise<string>((resolve) =>
      setImmediate(() => {
        sleep(30)
        setImmediate(() => {
          sleep(2500)
          resolve(outcome(ask("select 'next'")))
        })
      }),
    )
    const first = await late
    saw(`${first}, ${after}`)
    return first === 'source_timeout' && after !== 'source_busy' && after
  })
  t.equal(next, '{"a":"next"}')
})

t.test('a statement that was taken back ends in its first process too, though nobody waits', async (t) => {
  const file = path.join(emptyFolder(t), 'any.db')
  const { DatabaseSync } = await import('node:sqlite')
  new DatabaseSync(file).close()
  const limits = { connections: 2, waiting: 50, queryMs: 1500, answerBytes: 200_000 }
  const source = openSqlite({ kind: 'sqlite', file }, limits, () => undefined)
  t.teardown(() => source.close())
  const fields = [{ name: 'a', type: 'string' as const, nullable: true }]
  const shape = { id: 1, fields, sort: [], key: [], answerBytes: limits.answerBytes }
  const ask = (text: string) => source.page({ text, values: [] }, shape, 1)
  const count = (to: number) =>
    `with recursive c(n) as (select 1 union all select n + 1 from c where n < ${to}) select count(*) from c`
  // Again where a busy machine was late with the first one, or gave the second one no turn.
  const ends = await until('the first one in time, and the second one ended', async (saw) => {
    await Promise.allSettled([ask(count(100_000)), ask(count(100_000))])
    await until('idle', () => source.running() === 0)
    // Two for each process; the second of the first one goes to the other one, and runs in both.
    const [first, second] = await Promise.allSettled([
      ...[ask(count(200_000)), ask(count(1e12))],
      ...[ask('select 1'), ask('select 2')],
    ])
    const why = second?.status === 'rejected' ? (second.reason as Fault).code : 'rows'
    const both = saw(`${first?.status}, ${why}`)
    return both === 'fulfilled, source_timeout' && both
  })
  t.ok(ends)
  await until('none runs', (saw) => saw(source.running()) === 0)
})
