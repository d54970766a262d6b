/**
 * What becomes of decisions on both stores: when a class is changed, while another node decides, and which
 * records an order finds.
 */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import type { Erased, Erasure } from '../../message-log/erasure/erase.ts'
import { endAllDue, openTestDatabase, SERVICE, signedRecord } from '../../message-log/fixture.ts'
import { collectExchange } from '../../reading/evidence/write-bundle.ts'
import { decideEnds } from './decide-ends.ts'
import { endContents } from './end-contents.ts'
import { setHold } from './holds/set-hold.ts'
import { createRetention } from './retention.ts'
import { exchange, freshLog, ORDER, settings } from './retention-fixture.ts'

const OLD = { daysAgo: 31 }
const STAYING = { ...SERVICE, serviceCode: 'permits' }

await eachDatabase(t, async (_database, t, url) => {
  const { log, options } = await freshLog(t, url)
  const { retention } = log
  /** The log's database as another node has it, with all records indexed. */
  const another = async (t: Test) => {
    await log.list({ limit: 1 })
    const database = await openTestDatabase(options.databaseUrl)
    t.teardown(() => database.close())
    return database
  }

  await retention.putClass({ ...settings, name: 'default' })

  await t.test('what was decided to stay stays, unless the change says otherwise', async (t) => {
    const stays = { ...settings, name: 'stays' }
    await retention.putClass(stays)
    await retention.assign({ service: idText(STAYING), class: 'stays', applyToExisting: false })
    const permit = () => exchange(log, { ...OLD, service: STAYING })
    const [decided, again] = [await permit(), await permit()]
    const holdOf = async ({ request, reply }: typeof decided) =>
      retention.setHold({
        caseNumber: 'KR-2',
        reason: 'r',
        setBy: 'Ada',
        scope: { indexes: [request, reply] },
      })
    const [hold, other] = [await holdOf(decided), await holdOf(again)]
    await retention.run()
    const changed = { ...stays, atEnd: 'LEAF_ONLY', archive: 'TOMBSTONES' } as const
    await retention.putClass({ ...changed, applyToExisting: false })
    const later = await permit()
    await retention.liftHold({ id: hold.id, liftedBy: 'Bob', reason: 'over' })
    await retention.run()
    t.ok((await log.read(decided.request)).erased, 'without an archive, as decided')
    t.match((await log.read(decided.request)).metadata, { id: decided.id })
    t.notOk((await log.read(later.request)).erased, 'what came later waits for its archive')
    await retention.putClass({ ...changed, archive: 'NONE' })
    await retention.liftHold({ id: other.id, liftedBy: 'Bob', reason: 'over' })
    await endAllDue(log)
    for (const { request } of [again, later]) {
      const { erased, metadata } = await log.read(request)
      t.match([erased !== undefined, metadata], [true, undefined], 'as it was asked for')
    }
  })

  await t.test('a longer time stops what is about to end', async (t) => {
    const { request, reply } = await exchange(log, OLD)
    const database = await another(t)
    while (await decideEnds(database));
    const due = () => database.retention.due({ now: new Date().toISOString(), stoppedBy: 0, limit: 10 })
    t.strictSame(
      (await due()).map(({ idx }) => Number(idx)),
      [request, reply],
    )
    let isRefused: boolean | undefined
    const erase = async (_erasures: Erasure[], holds: number): Promise<Erased[]> => {
      await retention.putClass({ ...settings, name: 'default', keepDays: 3650 })
      isRefused = holds !== (await database.records.mark('holds'))
      return []
    }
    await endContents({ log: database, now: Date.now(), limit: 10, erase })
    t.equal(isRefused, true, 'an erasure that has read the time of before is refused')
    t.strictSame(await due(), [], 'nothing ends before it is decided again')
    t.equal((await retention.counts()).due, 0)
    t.equal(await endAllDue(log), 0)
    await retention.putClass({ ...settings, name: 'default' })
    t.equal(await endAllDue(log), 2)
  })

  await t.test('beside nodes of another version nothing is decided again', async (t) => {
    const others = await freshLog(t, undefined, { nodesOfOtherVersions: async () => ['b (0.1.0)'] })
    const again = others.log.retention.putClass({ ...settings, name: 'default' })
    await t.rejects(again, { code: 'conflict', message: /b \(0\.1\.0\)/ })
    await others.log.retention.putClass({ ...settings, name: 'default', applyToExisting: false })
  })

  await t.test('a change that comes while another node decides is for all records', async (t) => {
    const { request } = await exchange(log, { daysAgo: 20 })
    const database = await another(t)
    const { decide } = database.retention
    const changedMeanwhile: typeof decide = async (...decided) => {
      await retention.putClass({ ...settings, name: 'default', keepDays: 15 })
      await decide(...decided)
    }
    await decideEnds({ ...database, retention: { ...database.retention, decide: changedMeanwhile } })
    await endAllDue(log)
    t.ok((await log.read(request)).erased)
    await retention.putClass({ ...settings, name: 'default' })
  })

  await t.test('an order finds the whole exchange among any number with its id', async (t) => {
    const id = randomUUID()
    const own = async (more: object = {}): Promise<{ request: number; reply: number }> => {
      const common = { ids: { id, requestId: randomUUID() }, service: SERVICE, ...more }
      const request = await log.append(await signedRecord(common))
      const answer = { kind: 'reply', direction: 'out', outcome: 'ok', answers: request.index } as const
      return {
        request: request.index,
        reply: (await log.append(await signedRecord({ ...common, ...answer }))).index,
      }
    }
    for (let n = 0; n < 251; n++) await own()
    const { request, reply } = await own()
    for (let n = 0; n < 251; n++) await own()
    t.strictSame((await collectExchange({ log }, request)).indexes, [request, reply], 'and so does a bundle')
    const { erased } = await retention.erase({ ...ORDER, index: request })
    t.strictSame(
      erased.map(({ index }) => index),
      [request, reply],
    )
    for (const index of [request, reply]) t.ok((await log.read(index)).erased)
    const secret = await own({ contract: 'c0ffee/2', secrecy: 2 })
    await retention.erase({ ...ORDER, index: secret.request })
    t.ok((await log.read(secret.reply)).erased, 'also of one that nobody may see')
  })

  await t.test('what an order needs is taken back when it has certainly erased nothing', async (t) => {
    const answers: [FaultCode, boolean][] = [
      ['conflict', true],
      ['under_legal_hold', true],
      ['logging_failed', false],
    ]
    for (const [code, isTakenBack] of answers) {
      const refusing = createRetention({
        messageLog: {
          ...log,
          parts: { ...log.parts, eraseExchange: async () => Promise.reject(new Fault(code)) },
        },
        ...{
          own: ['node1'] as const,
          clock: Date.now,
          isTimeProven: () => true,
          nodesOfOtherVersions: async () => [],
        },
        ...{ archiver: undefined, archiveFiles: { folder: undefined, files: undefined } },
      })
      let taken = false
      refusing.beforeOrders(async () => async () => {
        taken = true
      })
      await t.rejects(refusing.erase({ index: 0, ...ORDER }), { code })
      t.equal(taken, isTakenBack, code)
    }
  })

  await t.test('a hold is on records that no crash of the database takes back', async (t) => {
    const { request, reply } = await exchange(log)
    const { holds } = await another(t)
    const setAt = new Date().toISOString()
    const hold = {
      caseNumber: 'KR-9',
      reason: 'r',
      setBy: 'Ada',
      setAt,
      scope: { indexes: [request, reply] },
    }
    const before = await retention.holds({ limit: 1 })
    const notYet = { holds, settled: { sizeNow: async () => reply } }
    await t.rejects(setHold(hold, notYet), { code: 'not_found' }, 'others see the reply, but it may be lost')
    t.strictSame(await retention.holds({ limit: 1 }), before)
    const { id } = await setHold(hold, { holds, settled: { sizeNow: async () => reply + 1 } })
    t.match(await retention.holds({ limit: 1 }), [{ id, caseNumber: 'KR-9' }])
    await retention.liftHold({ id, liftedBy: 'Bob', reason: 'over' })
  })
})
