import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, inTransaction, openDatabase } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { type AuditHead, createAuditLog } from './create-audit-log.ts'
import { exportAuditLog } from './export-audit-log.ts'
import { auditLogMigrations } from './store.ts'
import { createAuditStream } from './stream-audit-log.ts'

/** The numbers of an export whose chain is intact, recomputed by docs/audit-log.md. */
async function checkExport(lines: Readable): Promise<number[]> {
  const all = (await readText(lines)).split('\n').slice(0, -1)
  let previous = ''
  return all.map((line) => {
    const { digest, ...row } = JSON.parse(line) as Record<string, string>
    const form = JSON.stringify([previous, ...Object.values(row)])
    if (createHash('sha256').update(form).digest('hex') !== digest) throw new Error(`wrong digest: ${line}`)
    previous = digest
    return Number(row['sequence'])
  })
}

/**
 * A collector that is down, refuses, accepts half, answers garbage, and then accepts everything: all records
 * arrive in order.
 */
async function checkStream(t: Test, database: Database): Promise<void> {
  const taken: { sequence: number; operation: string }[] = []
  const headers: (string | undefined)[] = []
  let answer: [number, string] = [503, '']
  const collector = createServer(async (request, response) => {
    const body = JSON.parse(await readText(request)) as never
    headers.push(request.headers.authorization)
    const [status, text] = answer
    if (status === 200 && text === '{}') taken.push(...recordsIn(body))
    response.writeHead(status, { 'content-type': 'application/json', location: '/elsewhere' }).end(text)
  })
  await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve))
  t.teardown(() => collector.close())
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/logs`
  const toldBy = { name: 'concordat-test', instance: 'one' }
  const to = { url, authorization: 'Bearer s', refused: 'audit_stream_refused' } as const
  const stream = createAuditStream({ database, collector: to, toldBy })
  const { signal } = new AbortController()
  const refused = { code: 'audit_stream_refused' }
  const nobody = createAuditStream({
    database,
    collector: { ...to, url: 'http://127.0.0.1:1/v1/logs' },
    toldBy,
  })
  await t.rejects(nobody.send(signal), refused)
  for (const wrong of [
    [503, ''],
    [302, ''],
    [200, 'thanks'],
    [200, '{"partialSuccess":{"rejectedLogRecords":"1"}}'],
    [200, 'x'.repeat(100_000)],
  ] as const) {
    answer = [...wrong]
    await t.rejects(stream.send(signal), refused)
  }
  t.equal(await stream.behind(), 20)
  answer = [200, '{}']
  await stream.send(signal)
  await createAuditStream({ database, collector: to, toldBy }).send(signal)
  t.strictSame(
    taken.map(({ sequence }) => sequence),
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
  t.equal(taken[0]!.operation, 'addMember')
  t.equal(await stream.behind(), 0)
  t.equal(headers.at(-1), 'Bearer s')
}

/** Number and operation of each record of an OTLP request. */
function recordsIn(body: {
  resourceLogs: {
    scopeLogs: {
      logRecords: { attributes: { key: string; value: { intValue?: string; stringValue?: string } }[] }[]
    }[]
  }[]
}): { sequence: number; operation: string }[] {
  return body.resourceLogs[0]!.scopeLogs[0]!.logRecords.map(({ attributes }) => {
    const of = (key: string) => attributes.find((one) => one.key === key)?.value
    return {
      sequence: Number(of('audit.sequence')?.intValue),
      operation: of('audit.operation')?.stringValue ?? '',
    }
  })
}

t.test('audit log: in order, chained, from two nodes at once', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, auditLogMigrations)
    const other = await openDatabase(url)
    const clock = (): number => Date.parse('2026-01-01T00:00:00Z')
    const logs = database.dialect === 'sqlite' ? [database] : [database, other]
    const writers = logs.map((on) => createAuditLog({ database: on, clock }))
    const caller = { id: 'k1', name: 'admin' }
    const act = (i: number): Promise<number> =>
      writers[i % writers.length]!.before({ caller, operation: 'addMember', target: `/m/${i}`, data: { i } })
    const numbers = await Promise.all(Array.from({ length: 20 }, (_, i) => act(i)))
    await other.close()
    t.strictSame(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
    const audit = writers[0]!
    t.strictSame(await audit.verify(), { records: 20 })
    t.match(await audit.list({ limit: 2, before: 20 }), [{ sequence: 19, caller }, { sequence: 18 }])
    t.match(await audit.list({ limit: 1, before: 20, offset: 2 }), [{ sequence: 17 }])
    t.equal(await audit.count({ before: 20 }), 19)
    t.equal(await audit.count({ q: '%' }), 0, 'what is looked for is no pattern')
    t.equal(await audit.count({ q: caller.name.toUpperCase(), before: 5 }), 4)
    t.equal(await audit.count({ target: 'no/such' }), 0)
    t.equal(await audit.count({ callerId: caller.id, before: 9 }), 8)
    t.equal(await audit.count({ callerId: 'nobody' }), 0)
    t.same(await audit.callers(5), [caller])
    t.same(await audit.callers(0), [])
    t.equal(await audit.count({ until: '2000-01-01T00:00:00.000Z' }), 0)
    t.equal(await audit.count({ from: '2000-01-01T00:00:00.000Z', before: 3 }), 2)
    const heads = async function* (...kept: number[]): AsyncGenerator<AuditHead> {
      for (const [entry] of await Promise.all(kept.map((n) => audit.list({ before: n + 1, limit: 1 }))))
        yield { records: entry!.sequence, digest: entry!.digest }
    }
    t.strictSame(await audit.verify(heads(3, 20)), { records: 20, heads: 2 })
    const lost = async function* (): AsyncGenerator<AuditHead> {
      yield* heads(5)
      yield { records: 21, digest: '00'.repeat(32) }
    }
    t.strictSame(await audit.verify(lost()), { records: 20, heads: 1, brokenAt: 21 }, 'the end was cut off')
    const rewritten = async function* (): AsyncGenerator<AuditHead> {
      yield { records: 5, digest: '00'.repeat(32) }
    }
    t.strictSame(
      await audit.verify(rewritten()),
      { records: 4, heads: 0, brokenAt: 5 },
      'all was written anew',
    )
    t.strictSame(
      await checkExport(exportAuditLog(audit, {})),
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
    t.strictSame(await checkExport(exportAuditLog(audit, { from: '2027-01-01T00:00:00.000Z' })), [])
    await checkStream(t, database)
    const tampering = [
      sql`update audit_log set target = 'x' where sequence = 7`,
      sql`delete from audit_log where sequence = 7`,
      sql`update audit_log set sequence = case sequence when 7 then -7 else sequence end`,
    ]
    for (const change of tampering) {
      const undone = inTransaction(database.kysely, async (transaction) => {
        await change.execute(transaction)
        const inside = createAuditLog({ database: { ...database, kysely: transaction }, clock })
        t.match(await inside.verify(), { records: 6, brokenAt: 7 })
        throw new Error('undo')
      })
      await t.rejects(undone, /undo/)
    }
  }),
)
