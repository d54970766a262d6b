/**
 * Retention on both stores: which content ends when, what is left of it, what a legal hold stops, and that no
 * file contains it afterwards.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { openCommitment } from '#core/merkle/leaf-form.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { idText } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import {
  CLIENT,
  endAllDue,
  logFolder,
  openTestLog,
  SERVICE,
  type TestLogOptions,
} from '../../message-log/fixture.ts'
import { openLogSource } from '../verification/checks/open-source.ts'
import type { LogReport } from '../verification/checks/source.ts'
import { verifyLog } from '../verification/checks/verify-log.ts'
import { DAY, exchange, freshLog, ORDER, settings } from './retention-fixture.ts'

const OTHER = { ...SERVICE, serviceCode: 'addresses' }

async function verified(options: TestLogOptions): Promise<LogReport> {
  const opened = await openLogSource(options)
  try {
    return await verifyLog(opened.source)
  } finally {
    await opened.close()
  }
}

/** All files below the folder that contain one of these byte sequences. */
function filesWith(folder: string, wanted: Buffer[]): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
  return files
    .map((file) => path.join(file.parentPath, file.name))
    .filter((file) => {
      const bytes = readFileSync(file)
      return wanted.some((one) => bytes.includes(one))
    })
}

await eachDatabase(t, async (_database, t, url) => {
  const { log, options } = await freshLog(t, url)
  const { retention } = log

  await t.test('nothing ends until somebody has decided that it shall', async (t) => {
    await exchange(log, { daysAgo: 40_000 })
    t.equal(await endAllDue(log), 0)
    t.match(await retention.classes(), {
      classes: [{ name: 'default', keepDays: null, atEnd: 'PROOF_KEPT', archive: 'NONE' }],
      assignments: [],
    })
    t.same(await retention.counts(), { due: 0, held: 0, nextEnd: null })
  })

  await t.test('a contract says how long, a class may say longer', async (t) => {
    const [over, notYet] = [
      await exchange(log, { daysAgo: 40, keepDays: 30 }),
      await exchange(log, { daysAgo: 40, keepDays: 50 }),
    ]
    t.equal(await endAllDue(log), 2, 'the default class without an end says nothing')
    t.match((await log.read(over.request)).metadata, { keepDays: 30, id: over.id })
    t.match(await log.read(over.reply), { message: undefined, erased: /Z$/ })
    t.notOk((await log.read(notYet.request)).erased)
    for (const [keepDays, ended] of [
      [null, 0],
      // The exchange of the previous test, which is under no contract.
      [60, 2],
      [45, 0],
      [10, 0],
    ] as const) {
      await retention.putClass({ ...settings, name: 'its-own', keepDays })
      await retention.assign({ service: idText(SERVICE), class: 'its-own', applyToExisting: true })
      t.equal(await endAllDue(log), ended, `${keepDays} days of the class, 50 of the contract`)
    }
    await retention.putClass({ ...settings, name: 'its-own', keepDays: null })
    const kept = await exchange(log, { daysAgo: 400, keepDays: 30 })
    await retention.assign({ service: idText(SERVICE), class: 'its-own', applyToExisting: false })
    t.equal(await endAllDue(log), 0, 'a class that somebody chose keeps without an end')
    await retention.putClass({ ...settings, name: 'its-own', keepDays: 10 })
    t.equal(await endAllDue(log), 2, 'what both let go')
    t.ok((await log.read(kept.reply)).erased)
    t.notOk((await log.read(notYet.request)).erased, 'the contract is longer')
    await retention.assign({ service: idText(SERVICE), class: 'default', applyToExisting: true })
    await retention.erase({ ...ORDER, index: notYet.request })
  })

  await t.test('content ends by the class of its service, with what the class keeps', async (t) => {
    const old = await exchange(log, { daysAgo: 31, large: true })
    const young = await exchange(log, { daysAgo: 29 })
    const bare = await exchange(log, { daysAgo: 8, service: OTHER })
    await log.timeStampNow()
    const before = await log.proof(old.request)
    await retention.putClass({ ...settings, name: 'default' })
    await retention.putClass({ ...settings, name: 'week', keepDays: 7, atEnd: 'LEAF_ONLY' })
    await retention.assign({ service: idText(OTHER), class: 'week', applyToExisting: true })
    t.equal(await endAllDue(log), 4)
    t.equal(await endAllDue(log), 0, 'once')

    const kept = await log.read(old.request)
    t.match(kept, { message: undefined, body: undefined, bodyFile: undefined, metadata: { id: old.id } })
    t.ok(kept.erased)
    t.ok(kept.signatures)
    t.ok(kept.timeStamp)
    await t.rejects(log.container(old.request), { code: 'not_found' })
    const proof = await log.proof(old.request)
    t.same(proof.openings, before.openings, 'digests and what opens their commitments stay')
    const form = JSON.parse(proof.form) as Record<string, string>
    for (const label of ['parties', 'message', 'body'] as const) {
      const { key, digest } = proof.openings[label]!
      t.equal(openCommitment(key, digest).toString('base64'), form[label])
    }
    t.equal((await log.findExchange(old.id, CLIENT)).length, 2, 'it is still found')
    const saying = await log.read(kept.erasureIndex!)
    t.match(saying.metadata, { answers: old.request, extra: { class: 'default', mode: 'PROOF_KEPT' } })
    const effective = Date.parse(saying.metadata!.extra!['effective']!)
    t.equal(effective, Date.parse(form['time']!) + 30 * DAY, 'its effective date')

    t.ok((await log.read(young.request)).message)
    const leaf = await log.read(bare.reply)
    t.match(leaf, { message: undefined, metadata: undefined })
    t.same((await log.proof(bare.reply)).openings, {})
    t.same(await log.findExchange(bare.id, CLIENT), [])
    t.match(await verified(options), { ok: true, erased: 12, proofsKept: 8, sealed: 0 })
    const files = readdirSync(options.bodyFolder, { recursive: true, withFileTypes: true })
    t.equal(files.filter((file) => file.isFile()).length, 0, 'the file of the large body is gone')
    t.match(await retention.counts(), { due: 0, held: 0, nextEnd: /Z$/ })
  })

  await t.test('what was decided holds, unless the change says otherwise', async (t) => {
    const one = await exchange(log, { daysAgo: 20 })
    await endAllDue(log)
    await retention.putClass({ ...settings, name: 'default', keepDays: 10, applyToExisting: false })
    t.equal(await endAllDue(log), 0)
    const two = await exchange(log, { daysAgo: 20 })
    t.equal(await endAllDue(log), 2)
    t.ok((await log.read(two.request)).erased)
    t.notOk((await log.read(one.request)).erased)
    await retention.putClass({ ...settings, name: 'default', keepDays: 10 })
    t.equal(await endAllDue(log), 4, 'and the younger one of the test before')
    t.ok((await log.read(one.request)).erased)
    await retention.putClass({ ...settings, name: 'default' })
    t.equal(await endAllDue(log), 0)
    await t.rejects(retention.assign({ service: 'a/b', class: 'none', applyToExisting: false }), {
      code: 'not_found',
    })
    for (const wrong of [{ name: '../x' }, { keepDays: 0 }, { keepDays: 1.5 }, { keepDays: 1e9 }])
      await t.rejects(retention.putClass({ ...settings, name: 'x', ...wrong }), { code: 'invalid_input' })
  })

  await t.test('a legal hold stops both ends until it is lifted', async (t) => {
    const hold = { caseNumber: 'KR-1', reason: 'investigation', setBy: 'Ada' }
    const [one, two, three] = [
      await exchange(log, { daysAgo: 50 }),
      await exchange(log, { daysAgo: 50, service: OTHER }),
      await exchange(log, { daysAgo: 50 }),
    ]
    const byIndex = await retention.setHold({ ...hold, scope: { indexes: [one.request] } })
    const byService = await retention.setHold({ ...hold, scope: { service: idText(OTHER) } })
    const byId = await retention.setHold({ ...hold, caseNumber: 'KR-2', scope: { queryId: one.id } })
    t.match(byIndex, { id: Number, tooLate: [], liftedAt: null, setBy: 'Ada' })
    t.equal(await endAllDue(log), 2, 'only what no hold covers')
    t.ok((await log.read(three.request)).erased)
    for (const { request, reply } of [one, two])
      for (const index of [request, reply]) t.notOk((await log.read(index)).erased)
    t.match(await retention.counts(), { due: 0, held: 4 })
    await t.rejects(retention.erase({ index: one.reply, ...ORDER }), {
      code: 'under_legal_hold',
      what: /hold \d+, case KR-/,
    })
    await retention.liftHold({ id: byIndex.id, liftedBy: 'Bob', reason: 'closed' })
    t.equal(await endAllDue(log), 0, 'another one covers it')
    t.match(await retention.hold(byIndex.id), { liftedBy: 'Bob', liftReason: 'closed', liftedAt: /Z$/ })
    await t.rejects(retention.liftHold({ id: byIndex.id, liftedBy: 'Bob', reason: 'again' }), {
      code: 'conflict',
    })
    await retention.liftHold({ id: byId.id, liftedBy: 'Bob', reason: 'closed' })
    t.equal(await endAllDue(log), 2)
    await retention.liftHold({ id: byService.id, liftedBy: 'Bob', reason: 'closed' })
    t.equal(await endAllDue(log), 2)
    const late = await retention.setHold({ ...hold, scope: { indexes: [one.request, 1] } })
    t.same(late.tooLate, [1, one.request], 'what came too late is named')
    t.match(await retention.holds({ limit: 2 }), [{ id: late.id }, { id: byId.id }])
    t.match(await retention.holds({ limit: 9, active: true }), [{ id: late.id }])
    t.match(await retention.holds({ limit: 9, caseNumber: 'KR-2' }), [{ id: byId.id }])
    t.match(await retention.holds({ limit: 9, before: byService.id }), [{ id: byIndex.id }])
    const head = { code: 'not_found' }
    await t.rejects(retention.setHold({ ...hold, scope: { indexes: [1e9] } }), head)
    await t.rejects(retention.setHold({ ...hold, scope: {} }), { code: 'invalid_input' })
    await t.rejects(retention.liftHold({ id: 1e9, liftedBy: 'Bob', reason: 'x' }), head)
    await retention.liftHold({ id: late.id, liftedBy: 'Bob', reason: 'closed' })
  })

  await t.test('a party, a server and times as scope', async (t) => {
    const { id, request } = await exchange(log)
    const { time } = JSON.parse((await log.read(request)).form) as { time: string }
    const later = new Date(Date.parse(time) + 1).toISOString()
    const cases: [object, boolean][] = [
      [{ party: 'DEV/GOV/5678' }, true],
      [{ party: 'DEV/GOV/5678/tax' }, true],
      [{ party: 'DEV/GOV/1234/population' }, true],
      [{ party: 'DEV/GOV/567' }, false],
      [{ peer: 'DEV/GOV/5678/ss2', from: time, to: later }, true],
      [{ from: later }, false],
      [{ to: time }, false],
      [{ peer: 'DEV/GOV/5678/ss2', queryId: 'another' }, false],
    ]
    for (const [scope, isHeld] of cases) {
      const { id: hold } = await retention.setHold({ caseNumber: '1', reason: 'r', setBy: 'Ada', scope })
      const erasing = retention.erase({ index: request, ...ORDER, mode: 'PROOF_KEPT' })
      if (isHeld) await t.rejects(erasing, { code: 'under_legal_hold' }, JSON.stringify(scope))
      else t.equal((await erasing).erased.length, 2, JSON.stringify(scope))
      await retention.liftHold({ id: hold, liftedBy: 'Bob', reason: 'r' })
      if (isHeld) continue
      break
    }
    t.equal((await log.findExchange(id, CLIENT)).length, 2)
  })

  await t.test('an order takes what retention had left', async (t) => {
    const { id, request, reply } = await exchange(log, { daysAgo: 31 })
    t.equal(await endAllDue(log), 2)
    await t.rejects(retention.erase({ index: request, ...ORDER, mode: 'PROOF_KEPT' }), { code: 'conflict' })
    const { erased } = await retention.erase({ index: reply, ...ORDER, reference: 'II-4' })
    t.same(
      erased.map(({ index }) => index),
      [request, reply],
    )
    const stored = await log.read(request)
    t.match(stored, { metadata: undefined, erasureIndex: Number, proofErasureIndex: Number })
    t.match((await log.read(stored.proofErasureIndex!)).metadata, {
      answers: request,
      extra: { mode: 'LEAF_ONLY', case: '7/2026', reference: 'II-4', reason: /court/ },
    })
    t.same((await log.proof(request)).openings, {})
    t.same(await log.findExchange(id, CLIENT), [])
    await t.rejects(retention.erase({ index: reply, ...ORDER }), { code: 'conflict' })
    t.match(await verified(options), { ok: true, problems: [] })
  })

  await t.test('a hold that is set while a batch runs wins, or is told what it missed', async (t) => {
    const exchanges: { request: number; reply: number }[] = []
    for (let n = 0; n < 60; n++) exchanges.push(await exchange(log, { daysAgo: 31 }))
    const indexes = exchanges.flatMap(({ request, reply }) => [request, reply])
    const running = retention.run()
    const { id, tooLate } = await retention.setHold({
      caseNumber: 'KR-3',
      reason: 'r',
      setBy: 'Ada',
      scope: { indexes },
    })
    await running
    const erased: number[] = []
    for (const index of indexes) if ((await log.read(index)).erased !== undefined) erased.push(index)
    t.same(erased, tooLate)
    await retention.liftHold({ id, liftedBy: 'Bob', reason: 'r' })
    await endAllDue(log)
    t.match(await verified(options), { ok: true, problems: [] })
  })
})

t.test('the verifier sees what was done to what stays', async (t) => {
  const { log, options } = await freshLog(t)
  const { request, reply } = await exchange(log, { daysAgo: 31 })
  await log.retention.putClass({ ...settings, name: 'default' })
  t.equal(await endAllDue(log), 2)
  await log.checkpointNow()
  await log.close()
  t.ok((await verified(options)).ok)
  const acts: [string, number, RegExp][] = [
    [`delete from remainder where idx = ${reply}`, reply + 2, /was to be kept and is gone/],
    [
      `update remainder set content = (select content from remainder where idx = ${reply}) where idx = ${request}`,
      request,
      /does not decrypt/,
    ],
    [
      `update remainder set seed = (select seed from remainder where idx = ${reply}),
      content = (select content from remainder where idx = ${reply}) where idx = ${request}`,
      request,
      /is not what the leaf commits to|answers/,
    ],
    [`delete from erasure where idx = ${request}`, request, /no record says/],
  ]
  for (const [act, index, what] of acts) {
    const folder = logFolder(t)
    const database = await openDatabase(options.databaseUrl)
    const copy = `sqlite:${path.join(folder, 'copy.db')}`
    const { sql } = await import('kysely')
    await sql.raw(`vacuum into '${copy.slice(7)}'`).execute(database.kysely)
    await database.close()
    const changed = await openDatabase(copy)
    await sql.raw(act).execute(changed.kysely)
    await changed.close()
    const report = await verified({ ...options, databaseUrl: copy })
    // The problem of the search index, which has a row without a record, is reported first.
    t.match(
      report.problems.filter((problem) => !problem.what.includes('the search index'))[0],
      { index, what },
      act,
    )
  }
})

t.test('after erasure no file of the embedded store holds content, or a key that opens it', async (t) => {
  const { log, options } = await freshLog(t)
  const folder = path.dirname(options.keyFolder)
  const marked = 'XMARKEDVALUEX'
  const doomed: { id: string; request: number; reply: number }[] = []
  for (let n = 0; n < 120; n++) {
    const one = await exchange(log, { daysAgo: n % 3 === 0 ? 0 : 31, marked, large: n % 40 === 1 })
    if (n % 3 !== 0) doomed.push(one)
  }
  await log.maintain()
  const opened = await openLogSource(options)
  const seeds = new Map<number, Buffer>()
  for await (const record of opened.source.records())
    if (record.seed !== undefined) seeds.set(record.idx, record.seed.subarray(8))
  await opened.close()
  const seedsOf = (some: typeof doomed): Buffer[] =>
    some.flatMap(({ request, reply }) => [seeds.get(request)!, seeds.get(reply)!])
  t.not(filesWith(folder, seedsOf(doomed)).length, 0, 'the search finds what is there')
  t.same(filesWith(folder, [Buffer.from(marked)]), [], 'content is encrypted from the first')
  await log.retention.putClass({ ...settings, name: 'default' })
  t.equal(await endAllDue(log), doomed.length * 2)
  t.same(filesWith(folder, seedsOf(doomed)), [], 'with the proof kept')
  const reader = await openLogSource(options)
  for (const { request } of doomed) await log.retention.erase({ index: request, ...ORDER })
  await reader.close()
  const ids = doomed.map(({ id }) => Buffer.from(id))
  t.equal(await log.retention.run(), 0, 'nothing is due but what a reader of an earlier moment had kept')
  t.same(
    filesWith(folder, [...seedsOf(doomed), ...ids]),
    [],
    'nor, where only the leaf stays, its identifiers',
  )
  await log.close()
  t.same(filesWith(folder, [...seedsOf(doomed), ...ids]), [])
  t.match(await verified(options), { ok: true, proofsKept: 0 })
})

t.test('what a process that has ended left of a key the next one removes', async (t) => {
  const { log, options } = await freshLog(t)
  const folder = path.dirname(options.keyFolder)
  const { request, reply } = await exchange(log)
  const reader = await openLogSource(options)
  const seeds: Buffer[] = []
  for await (const { idx, seed } of reader.source.records())
    if (idx === request || idx === reply) seeds.push(seed!.subarray(8))
  await log.retention.erase({ index: request, ...ORDER })
  await log.close()
  const next = await openTestLog(t, options)
  t.not(filesWith(folder, seeds).length, 0, 'which a reader of an earlier moment had kept')
  await reader.close()
  t.equal(await next.retention.run(), 0)
  t.same(filesWith(folder, seeds), [])
})
