/** Two servers compare their logs: exchanges match, are missing or differ; and what is no discrepancy. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { isSettled } from '#core/reconciliation/day.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Shown, Statement } from '#schemas/reconciliation.ts'
import { run as verify } from '#scripts/verify.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql } from '#test/postgresql.ts'
import { recordQueries } from '#test/query-plans.ts'
import { until } from '#test/until.ts'
import type { IndexTables as LogTables } from '../../reading/index/tables.ts'
import { createCasesStore } from './cases-store.ts'
import { openStatement } from './conclude.ts'
import { forgetErased } from './forget-erased.ts'
import { reconcile } from './initiate.ts'
import { createTwoServers, openLog, type Side, type TwoServers } from './reconciliation-fixture.ts'

async function onEachStore(name: string, act: (t: Test, two: TwoServers) => Promise<void>): Promise<void> {
  await t.test(name, async (t) => {
    await t.test('on sqlite', async (t) => act(t, await createTwoServers(t, 'sqlite')))
    await t.test('on postgresql', async (t) => {
      if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
      await act(t, await createTwoServers(t, 'postgresql'))
    })
  })
}

/** Compares a settled day and checks that both sides store the same statement. */
async function compare(t: Test, two: TwoServers, day: string, by: Side = two.tax): Promise<Statement> {
  if (!isSettled(day, two.world.clock())) await two.settle(day)
  const state = await reconcile(two.pairOf(by, day), by.rooms)
  const rows = await Promise.all(
    [two.tax, two.population].map((side) => side.rooms.store.find(two.pairOf(side, day))),
  )
  t.equal(state, 'concluded', rows.map((row) => row?.error).join())
  t.ok(rows[0]?.statement)
  t.equal(rows[0]?.statement, rows[1]?.statement, 'both keep the same')
  for (const row of rows) t.equal(row?.progress, '', 'the salt is forgotten')
  return openStatement(rows[0]!.statement, ['DEV/GOV/1000', 'DEV/GOV/2000'], two.tax.rooms)
}

const NONE = {
  matched: 0,
  missingAtFirst: 0,
  missingAtSecond: 0,
  differing: 0,
  notComparable: 0,
  unconfirmed: 0,
}

/** Removes the records of an exchange without a trace, as an owner of the database could. */
async function removeRecords(side: Side, requestId: string, kinds: string[]): Promise<void> {
  await side.log.maintain()
  const database = await openDatabase(side.logUrl)
  const tables = tablesOf<LogTables>(database)
  const rows = await tables
    .selectFrom('search')
    .select('idx')
    .where('request_id', '=', requestId)
    .where('kind', 'in', kinds)
    .execute()
  for (const { idx } of rows) {
    for (const table of ['search', 'record_key', 'record'] as const)
      await tables.deleteFrom(table).where('idx', '=', idx).execute()
  }
  await database.close()
}

async function indexesOf(side: Side, requestId: string): Promise<number[]> {
  const rows = await side.log.list({ limit: 500 })
  return rows.filter((row) => row.request_id === requestId).map(({ idx }) => idx)
}

const casesOf = async (side: Side, day: string) =>
  (await side.cases.listCases({ day, limit: 50, clearance: 0 })).map(({ found }) => found)

/** Verifies the statement with a program that has only the statement and the configuration. */
async function verifiesOffline(t: Test, two: TwoServers, day: string): Promise<void> {
  const folder = t.testdir({
    conf: {},
    'statement.json': (await two.tax.rooms.store.find(two.pairOf(two.tax, day)))!.statement,
  })
  const { shared } = two.world.globalConfiguration.current().index
  mkdirSync(path.join(folder, 'conf/DEV'))
  writeFileSync(path.join(folder, 'conf/DEV/shared-params.xml'), writeSharedParameters(shared, 6))
  writeFileSync(path.join(folder, 'conf/instance-identifier'), 'DEV')
  const statement = path.join(folder, 'statement.json')
  const judge = async (clock: () => number, file = statement): Promise<[number, string]> => {
    let text = ''
    const write = (more: string): void => {
      text += more
    }
    const code = await verify([file, '--conf', path.join(folder, 'conf')], {
      out: { write },
      errors: { write },
      clock,
    })
    return [code, text]
  }
  const now = two.world.clock()
  t.match(await judge(() => now), [
    0,
    /TOTAL-PASSED\n.*both members signed[\s\S]*DEV\/GOV\/2000\/ss2, 7 exchanges[\s\S]*matched +7/,
  ])
  t.match(await judge(() => now + 30 * 86_400_000), [1, /INDETERMINATE, NO_POE/])
  const jws = JSON.parse(readFileSync(statement, 'utf8')) as { payload: string; signatures: object[] }
  const document = JSON.parse(Buffer.from(jws.payload, 'base64url').toString()) as Statement
  const forged = { ...document, counts: { ...document.counts, matched: 8 } }
  const wrong: [object | string, RegExp][] = [
    [
      { ...jws, payload: Buffer.from(canonicalJson(forged)).toString('base64url') },
      /TOTAL-FAILED, SIG_CRYPTO_FAILURE/,
    ],
    [{ ...jws, signatures: jws.signatures.slice(1) }, /INDETERMINATE, NO_CERTIFICATE_CHAIN_FOUND/],
    [{ ...jws, signatures: [] }, /TOTAL-FAILED, FORMAT_FAILURE/],
    ['{', /TOTAL-FAILED, FORMAT_FAILURE/],
  ]
  for (const [text, expected] of wrong) {
    const file = path.join(folder, 'wrong.json')
    writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text))
    t.match(await judge(() => now, file), [1, expected])
  }
}

await onEachStore('days of two servers', async (t, two) => {
  const { tax, population } = two
  const usual = two.system.answer

  await t.test('a day on which something secret was exchanged is kept from who may not see it', async (t) => {
    const terms = { contract: 'c0ffee/2', secrecy: 1 } as const
    const before = [two.consumer.contracts, two.provider.contracts] as const
    const secret = { ...before[1], contractFor: () => terms }
    Object.assign(two.consumer, { contracts: secret })
    Object.assign(two.provider, { contracts: secret })
    const day = await two.nextDay()
    await two.ask()
    Object.assign(two.consumer, { contracts: before[0] })
    Object.assign(two.provider, { contracts: before[1] })
    await two.ask()
    await compare(t, two, day)
    const under = await two.nextDay()
    await two.ask()
    // A contract between the two hides the day too: the secret exchange may be only in the other side's log.
    for (const { rooms } of [tax, population]) Object.assign(rooms, { secrecyBetween: () => 2 })
    await compare(t, two, under)
    for (const { rooms } of [tax, population]) Object.assign(rooms, { secrecyBetween: () => 0 })
    for (const { rooms } of [tax, population]) {
      const seen = async (clearance: number) =>
        (await rooms.store.list({ limit: 9, clearance })).map((row) => row.day)
      t.same([await seen(0), await seen(1)], [[], [day]])
      const { id } = (await rooms.store.list({ limit: 1, clearance: 1 }))[0]!
      await t.rejects(rooms.store.get(id, 0), { code: 'not_found' })
      t.equal((await rooms.store.get(id, 1)).day, day)
    }
  })

  await t.test('a clean day', async (t) => {
    const day = await two.nextDay()
    for (let i = 0; i < 5; i++) await two.ask({ path: `/${i}` })
    await two.ask({ body: Buffer.alloc(200_000, 7) })
    two.isAllowed = false
    t.match((await two.ask()).failed, { code: 'peer_fault' })
    two.isAllowed = true
    const statement = await compare(t, two, day)
    t.match(statement, { day, counts: { ...NONE, matched: 7 }, reasons: {}, findings: [], omitted: 0 })
    t.match(statement.first, { server: 'DEV/GOV/1000/ss1', member: 'DEV/GOV/1000', exchanges: 7 })
    t.match(statement.second, { server: 'DEV/GOV/2000/ss2', member: 'DEV/GOV/2000', exchanges: 7 })
    t.equal(parseCheckpoint(statement.first.treeHead).origin, 'DEV/GOV/1000/ss1')
    t.equal(parseCheckpoint(statement.second.treeHead).origin, 'DEV/GOV/2000/ss2')
    await verifiesOffline(t, two, day)
    t.strictSame(await casesOf(tax, day), [])
    t.equal(await reconcile(two.pairOf(population, day), population.rooms), 'concluded', 'once')
    const [act] = await createAuditLog({ database: population.database, clock: Date.now }).list({ limit: 1 })
    t.match(act, {
      operation: 'reconcile',
      target: /DEV\/GOV\/1000/,
      data: { statementSha256: /^[0-9a-f]{64}$/ },
    })
  })

  await t.test('another reply than was sent', async (t) => {
    const day = await two.nextDay()
    await two.ask()
    const log = two.provider.messageLog
    two.provider.messageLog = {
      ...log,
      append: (entry) =>
        log.append(entry.kind === 'reply' ? { ...entry, message: bend(entry.message!) } : entry),
    }
    const altered = await two.ask({ body: Buffer.from('x') })
    two.provider.messageLog = log
    t.equal(altered.failed, undefined)
    const statement = await compare(t, two, day)
    t.match(statement.counts, { ...NONE, matched: 1, differing: 1 })
    t.match(statement.findings, [
      { class: 'differing', reason: 'reply', asks: 'first', requestId: altered.requestId },
    ])
    for (const [side, other] of [
      [tax, population],
      [population, tax],
    ] as const) {
      const [found, ...more] = await casesOf(side, day)
      t.equal(more.length, 0)
      t.match(found, { state: 'open', request_id: altered.requestId, peer_proof_holds: 1 })
      const [own, peer] = [found!.own_proof, found!.peer_proof].map((text) => JSON.parse(text) as Shown)
      t.equal(own?.records?.length, 2)
      t.match(own?.records?.[0], {
        message: { digest: /=$/ },
        body: { digest: /=$/ },
        treeHead: idText(side.server.id),
      })
      t.match(peer?.records?.[1]?.treeHead, idText(other.server.id))
      t.equal(
        own?.records?.[0]?.message?.digest,
        peer?.records?.[0]?.message?.digest,
        'of the request they agree',
      )
      t.not(own?.records?.[1]?.message?.digest, peer?.records?.[1]?.message?.digest)
    }
    const { database, scans } = recordQueries(tax.database)
    t.strictSame(await createCasesStore(database).open(), { cases: 1, unanswered: 0 })
    t.strictSame(await scans(), [], 'a scrape goes through no table')
    const proofsOf = async (side: Side): Promise<string> => {
      await forgetErased({ cases: side.cases, log: side.log }, new AbortController().signal)
      const [found] = await casesOf(side, day)
      return `${found!.own_proof} ${found!.peer_proof}`
    }
    const erase = async (side: Side, mode: 'PROOF_KEPT' | 'LEAF_ONLY') => {
      const [index] = await indexesOf(side, altered.requestId)
      await side.log.retention.erase({ index: index!, mode, case: '1', reason: 'order' })
    }
    await erase(tax, 'PROOF_KEPT')
    t.match(await proofsOf(tax), /"digest"/, 'a kept proof is shown')
    await erase(tax, 'LEAF_ONLY')
    await erase(population, 'LEAF_ONLY')
    for (const side of [tax, population]) {
      const left = await proofsOf(side)
      t.notMatch(left, /"digest"|"key"/, 'what the log destroyed')
      t.match(left, /"treeHead"/)
    }
  })

  await t.test('what is no discrepancy: time-outs, failures, what never left', async (t) => {
    const day = await two.nextDay()
    const { timeoutMs } = two.service
    const gone = Promise.withResolvers<void>()
    two.system.answer = (request, response) =>
      void gone.promise.then(() => usual(request as never, response as never))
    Object.assign(two.consumer, { peerClient: tax.hasty })
    t.match((await two.ask()).failed, { code: 'peer_timeout' }, 'a reply that came too late')
    Object.assign(two.consumer, { peerClient: tax.client })
    gone.resolve()
    two.service.timeoutMs = 1000
    two.system.answer = () => undefined
    t.match((await two.ask()).failed, { code: 'peer_fault' }, 'a system that did not answer')
    two.service.timeoutMs = timeoutMs
    two.system.answer = usual
    const log = two.provider.messageLog
    two.provider.messageLog = {
      ...log,
      checkUsable() {
        throw new Fault('logging_failed')
      },
      append: () => Promise.reject(new Fault('logging_failed')),
    }
    t.match((await two.ask()).failed, { code: 'peer_fault' }, 'a log that took nothing')
    two.provider.messageLog = log
    await two.unplug()
    t.ok((await two.ask()).failed, 'a server that was not there')
    await two.plug()
    await two.ask()
    await until('an end of all that reached the provider', async (saw) => {
      const rows = saw(await population.log.list({ limit: 50 }))
      const answered = new Set(rows.map(({ answers }) => answers))
      return rows.every(({ idx, kind }) => kind !== 'request' || answered.has(idx))
    })
    const statement = await compare(t, two, day)
    t.match(statement.counts, { ...NONE, matched: 1, unconfirmed: 4 })
    const {
      'unconfirmed.reply_not_received': late = 0,
      'unconfirmed.outcome_unknown': unknown = 0,
      ...others
    } = statement.reasons
    // Whether the provider still logs a reply after the client has gone away may differ.
    t.equal(late + unknown, 2)
    t.strictSame(others, { 'unconfirmed.refused': 1, 'unconfirmed.not_sent': 1 })
    t.strictSame(statement.findings, [])
  })

  await t.test('midnight, and clocks that are minutes apart', async (t) => {
    const day = await two.nextDay()
    const next = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10)
    const { clock } = two.provider
    for (const minutes of [-4, 4]) {
      two.provider.clock = () => clock() + minutes * 60_000
      await two.travel(minutes < 0 ? `${day}T12:00:00Z` : `${day}T23:59:00Z`)
      t.equal((await two.ask()).failed, undefined)
    }
    await two.travel(`${next}T00:00:02Z`)
    two.provider.clock = () => clock() - 4 * 60_000
    t.equal((await two.ask()).failed, undefined)
    two.isAllowed = false
    await two.ask()
    two.isAllowed = true
    two.provider.clock = clock
    await two.settle(next)
    t.match(await compare(t, two, day), { counts: { ...NONE, matched: 2 }, findings: [] })
    t.match(await compare(t, two, next, population), { counts: { ...NONE, matched: 2 }, findings: [] })
  })

  await t.test('what was erased is not missing', async (t) => {
    const day = await two.nextDay()
    const [all, replyOnly] = [await two.ask(), await two.ask()]
    await two.ask()
    const order = { case: '1', reason: 'order', mode: 'PROOF_KEPT' } as const
    const [request] = await indexesOf(population, all.requestId)
    await population.log.retention.erase({ index: request!, ...order })
    const [reply] = await indexesOf(tax, replyOnly.requestId)
    await tax.log.retention.erase({ index: reply!, ...order, mode: 'LEAF_ONLY' })
    const statement = await compare(t, two, day)
    t.match(statement.counts, { ...NONE, matched: 1, notComparable: 2 })
    t.strictSame(statement.reasons, {
      'not_comparable_at_second.erased': 1,
      'not_comparable_at_first.erased': 1,
    })
    t.strictSame(await casesOf(tax, day), [])
  })

  await t.test('two nodes on one log', async (t) => {
    if (!population.logUrl.startsWith('postgres')) return
    const second = await openLog(two.world, population, 'node2')
    const day = await two.nextDay()
    const first = two.provider.messageLog
    for (const log of [first, second, first, second]) {
      two.provider.messageLog = log as never
      t.equal((await two.ask()).failed, undefined)
    }
    two.provider.messageLog = first
    await second.close()
    t.match(await compare(t, two, day), { counts: { ...NONE, matched: 4 }, findings: [] })
  })

  await t.test('a server without this endpoint', async (t) => {
    const day = await two.nextDay()
    await two.ask()
    await two.settle(day)
    const [respond, pair] = [population.respond, two.pairOf(tax, day)]
    population.respond = () => Promise.reject(new Fault('database_error'))
    t.equal(await reconcile(pair, tax.rooms), 'unanswered')
    t.match(await tax.rooms.store.find(pair), { error: /database_error/ })
    population.respond = respond
    await two.unplug()
    t.equal(await reconcile(pair, tax.rooms), 'unanswered')
    await two.plug({ withoutEndpoint: true })
    t.equal(await reconcile(pair, tax.rooms), 'not_comparable')
    t.match(await tax.rooms.store.find(pair), { state: 'not_comparable', error: /without JSON/ })
    await two.unplug()
    await two.plug()
    t.match(await compare(t, two, day), { counts: { ...NONE, matched: 1 } }, 'it may get one later')
  })

  await t.test('what one side has lost', async (t) => {
    const day = await two.nextDay()
    const [whole, request, reply, early] = [
      await two.ask(),
      await two.ask(),
      await two.ask(),
      await two.ask(),
    ]
    await removeRecords(population, request.requestId, ['request', 'reply'])
    await removeRecords(population, reply.requestId, ['reply'])
    await removeRecords(tax, early.requestId, ['request', 'reply'])
    const statement = await compare(t, two, day)
    t.match(statement.counts, { ...NONE, matched: 1, missingAtFirst: 1, missingAtSecond: 2 })
    t.strictSame(statement.reasons, {
      'missing_at_first.exchange': 1,
      'missing_at_second.exchange': 1,
      'missing_at_second.reply': 1,
    })
    const of = (requestId: string) => statement.findings.find((one) => one.requestId === requestId)
    t.equal(of(whole.requestId), undefined)
    t.match(of(request.requestId), { class: 'missing', at: 'second', reason: 'exchange', asks: 'first' })
    t.match(of(reply.requestId), { class: 'missing', at: 'second', reason: 'reply' })
    t.match(of(early.requestId), { class: 'missing', at: 'first', reason: 'exchange' })
    for (const side of [tax, population]) t.equal((await casesOf(side, day)).length, 3)
  })
})

function bend(message: Buffer): Buffer {
  return Buffer.from(message.toString().replace(/^200/, '201'))
}
