/**
 * Verifications that continue: from every state of a run with the same report, over records logged since, on
 * a thread, and each day.
 */
import { randomBytes } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { asSent } from '#test/as-sent.ts'
import { eachDatabase, onEachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import {
  logFolder,
  logOptions,
  openTestLog,
  signedRecord,
  signer,
  spoolBody,
} from '../../message-log/fixture.ts'
import { buildLog } from '../../message-log/tampering/tamper-fixture.ts'
import { openLogSource } from './checks/open-source.ts'
import type { LogReport } from './checks/source.ts'
import { parseState, type VerifyState } from './checks/state.ts'
import { verifyInThread } from './checks/verify-in-thread.ts'
import { verifyLog } from './checks/verify-log.ts'
import { type StoredReport, verifyStored } from './checks/verify-stored.ts'
import { createVerificationStore } from './store.ts'
import { verificationMigrations } from './tables.ts'
import { createVerificationRuns } from './verification-runs.ts'

const log = createLog({ name: 'test', level: 'silent' })

t.test('from every state of a run the rest gives the report of the whole', async (t) => {
  const world = await buildLog(t)
  const run = async (from?: VerifyState, file = world.file, every = 7) => {
    const opened = await openLogSource({
      databaseUrl: `sqlite:${file}`,
      keyFolder: path.join(world.folder, 'keys'),
      bodyFolder: path.join(world.folder, 'bodies'),
    })
    const states: VerifyState[] = []
    try {
      const onState = (state: VerifyState) => void states.push(parseState(JSON.stringify(state)))
      const report = await verifyLog(opened.source, world.trust, { from, onState, stateEvery: every })
      return { report, states }
    } finally {
      await opened.close()
    }
  }
  const whole = await run()
  t.ok(whole.report.ok)
  t.ok(whole.states.length > 30)
  t.same(whole.states.at(-1)!.report, { ...whole.report })
  t.ok(whole.states.at(-1)!.done && !whole.states[0]!.done)
  for (const state of whole.states) t.same((await run(state)).report, whole.report, `from ${state.records}`)

  const tampered = (act: (database: DatabaseSync) => void): string => {
    const file = path.join(world.folder, `copy-${randomBytes(4).toString('hex')}.db`)
    copyFileSync(world.file, file)
    const database = new DatabaseSync(file)
    act(database)
    database.close()
    return file
  }
  const half = whole.states.find(({ records }) => records > 120)!
  const after = tampered((database) =>
    database.exec(`update record set content = zeroblob(length(content)) where idx = ${half.records + 3}`),
  )
  t.equal((await run(half, after)).report.problems[0]?.index, half.records + 3, 'what comes after is named')
  const before = tampered((database) => database.exec(`delete from record where idx = ${half.records - 3}`))
  t.ok((await run(half, before)).report.ok, 'what was verified is not read again')
  t.equal((await run(undefined, before)).report.problems[0]?.index, half.records - 3, 'but by a full run')
  const row = half.records - 3
  const messages = `direction != '' and idx <= ${row}`
  for (const [what, sql] of [
    ['taken out', `delete from search where idx = (select max(idx) from search where ${messages})`],
    [
      'changed',
      `update search set client = 'DEV/GOV/9' where idx = (select max(idx) from search where ${messages})`,
    ],
    [
      'put in',
      `insert into search select ${row}, time, kind, direction, outcome, query_id, request_id, client, service, peer,
      answers, keep_days, secrecy, user_hash, party_hash, terms from search where idx != ${row} limit 1`,
    ],
    ['said otherwise', `update search set terms = 0 where terms != 0`],
  ] as const) {
    let isThere = true
    const file = tampered((database) => {
      if (what === 'put in') database.exec(`delete from search where idx = ${row}`)
      isThere = Number(database.prepare(sql).run().changes) > 0
    })
    if (isThere) t.notOk((await run(half, file)).report.ok, `a row of before that was ${what}`)
  }
  const { index: _digests, ...old } = half
  t.ok((await run(old)).report.ok, 'a state of an older version')
  const end = whole.states.at(-1)!
  const shorter = tampered((database) => {
    database.exec(`delete from record where idx >= 150; delete from tile; delete from signature_document where id >= 150;
      delete from checkpoint where size > 150; delete from time_stamp where idx >= 150`)
    const { peaks } = whole.states.find(({ records }) => records === 147)!
    database
      .prepare('update tree_head set size = 147, peaks = ?')
      .run(Buffer.concat(peaks.map((one) => Buffer.from(one, 'base64'))))
    database.exec('delete from record where idx >= 147')
  })
  t.match((await run(end, shorter)).report.problems[0], { index: 147, what: /were verified before/ })
  const other = { ...end, peaks: end.peaks.map(() => Buffer.alloc(32).toString('base64')) }
  t.notOk((await run(other)).report.ok, 'another history of the same size')
  for (const text of [
    '',
    '{}',
    '[]',
    JSON.stringify({ ...end, version: 2 }),
    JSON.stringify({ ...end, records: 'x' }),
  ])
    t.throws(() => parseState(text), { code: 'invalid_input' })
})

onEachDatabase('a log in use is verified as it is when reading begins', async (t, url) => {
  const folder = logFolder(t)
  const { stamp, memberSigner, sign } = await signer()
  const options = { ...logOptions(folder, url), stamp, signer: memberSigner }
  const own = await openTestLog(t, options)
  const message = Buffer.from('with a large body')
  const body = await spoolBody(own, randomBytes(70_000))
  const large = await own.append({
    ...(await signedRecord({ message })),
    body,
    signature: sign(message, body),
  })
  const record = await signedRecord()
  const append = (id: string) => own.append({ ...record, ids: { id, requestId: id } })
  const small = await append('small')
  let appended = 0
  const use = async (count: number): Promise<void> => {
    await Promise.all(Array.from({ length: count }, () => append(`${appended++}`)))
    await own.rotateLogKey()
    await own.timeStampNow()
    await own.checkpointNow()
    await own.maintain()
  }
  const verifyWhile = async (before: () => Promise<unknown>, meanwhile: () => Promise<void>) => {
    const opened = await openLogSource({
      databaseUrl: options.databaseUrl,
      keyFolder: options.keyFolder,
      bodyFolder: options.bodyFolder,
    })
    try {
      const { size } = await opened.source.head()
      await before()
      const onState = ({ done }: VerifyState) => (done ? undefined : meanwhile())
      const report = await verifyLog(opened.source, {}, { onState, stateEvery: 200 })
      t.same(report.problems, [])
      t.match(report, { ok: true, records: size, sealed: 0 })
      return report
    } finally {
      await opened.close()
    }
  }
  await use(300)
  // Logs enough records to complete a tile of leaves, so that the tile above it grows. Erases a record that
  // is still to be read, with its file.
  const first = await verifyWhile(
    async () => {
      await own.retention.erase({ index: large.index, mode: 'PROOF_KEPT', case: '1', reason: 'a test' })
      await use(300)
    },
    async () => {
      await own.retention.erase({ index: small.index, mode: 'LEAF_ONLY', case: '2', reason: 'a test' })
      await use(10)
    },
  )
  t.equal(first.erased, 0)
  const quiet = async (): Promise<void> => undefined
  t.equal((await verifyWhile(quiet, quiet)).erased, 2, 'the next one reads what came meanwhile')
})

t.test('over what was logged since, with the same question only', async (t) => {
  const folder = logFolder(t)
  const options = logOptions(folder)
  const own = await openTestLog(t, options)
  const record = await signedRecord()
  const append = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await own.append({ ...record, ids: { id: `${i}`, requestId: `${i}` } })
    await own.checkpointNow()
    await own.maintain()
  }
  await append(20)
  const stored = {
    databaseUrl: options.databaseUrl,
    keyFolder: options.keyFolder,
    bodyFolder: options.bodyFolder,
  }
  let state: VerifyState | undefined
  const onState = (reached: VerifyState): void => {
    state = reached
  }
  t.match(await verifyStored(stored, { onState }), { ok: true, from: 0, records: 21 })
  const kept = own.treeHead()!
  await append(10)
  t.match(await verifyStored(stored, { state, onState }), { ok: true, from: 21, records: 31, checkpoints: 2 })
  t.match(await verifyStored(stored, { state, onState }), { ok: true, from: 31, records: 31, checkpoints: 2 })
  t.match(
    await verifyStored({ ...stored, bodyFolder: undefined }, { state }),
    { from: 0 },
    'another question',
  )
  t.match(
    await verifyStored(stored, { state, checkpoints: [kept] }),
    { from: 0, ok: true },
    'a kept checkpoint below it',
  )

  await append(50)
  t.match(await verifyInThread({ log: stored, state }, { onState }), { ok: true, from: 31, records: 81 })
  const stop = new AbortController()
  stop.abort(new Fault('service_unavailable'))
  await t.rejects(verifyInThread({ log: stored }, { signal: stop.signal }), { code: 'service_unavailable' })
  await t.rejects(verifyInThread({ log: { databaseUrl: 'sqlite:/nowhere/log.db' } }), {
    code: 'database_error',
  })
})

const REPORT: LogReport = {
  ...{ ok: true, origin: 'o', records: 10, signatures: 0, timeStamps: 0, checkpoints: 0, cosignatures: 0 },
  ...{ witnessed: 0, erased: 0, proofsKept: 0, evidenceRecords: 0, sealed: 0, unstamped: 0, problems: [] },
}

t.test('each day, and in full from time to time', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, verificationMigrations)
    let now = Date.parse('2026-06-01T00:30:00Z')
    const runs: { from: number | undefined }[] = []
    let answer = async (state: VerifyState | undefined): Promise<StoredReport> => ({
      ...REPORT,
      from: state?.records ?? 0,
    })
    const reached = (records: number, done: boolean): VerifyState => ({
      ...{ version: 1, question: 'q', done, records, peaks: [], tiles: [], lastStamped: -1, report: REPORT },
    })
    const verifications = createVerificationRuns({
      store: createVerificationStore(database),
      run: async ({ state, onState }) => {
        runs.push({ from: state?.records })
        onState(reached(10 * runs.length, true))
        return answer(state)
      },
      clock: () => now,
      hour: 1,
      fullEveryDays: 7,
      logger: log,
    })
    const { signal } = new AbortController()
    const daily = () => verifications.daily(signal)
    await daily()
    t.same(runs, [{ from: undefined }], 'a new log is verified at once')
    await daily()
    t.equal(runs.length, 1)
    now = Date.parse('2026-06-01T01:05:00Z')
    await daily()
    await daily()
    t.same(runs.at(-1), { from: 10 }, 'after the hour, from where it was')
    t.equal(runs.length, 2)
    t.match(await verifications.list({ limit: 2 }), [
      { outcome: 'holds', mode: 'incremental', first_record: 10 },
      { mode: 'full' },
    ])
    now += 7 * 86_400_000
    await daily()
    t.same(runs.at(-1), { from: undefined }, 'after seven days all of it')

    now += 86_400_000
    const problems = [{ index: 4, what: 'the record is missing' }]
    answer = async (state) =>
      state === undefined
        ? { ...REPORT, ok: false, problems, from: 0 }
        : { ...REPORT, ok: false, problems: [{ index: 9, what: 'the tree' }], from: 30 }
    await daily()
    t.match(await verifications.list({ limit: 2 }), [
      { outcome: 'broken', mode: 'full', reason: 'record 4: the record is missing' },
      { outcome: 'broken', mode: 'incremental', reason: 'record 9: the tree' },
    ])
    t.match(asSent(await verifications.health()), { ok: true, reason: /record 4/ })

    now += 86_400_000
    answer = () => Promise.reject(new Fault('database_error'))
    await t.rejects(daily(), { code: 'database_error' })
    t.match(await verifications.list({ limit: 1 }), [{ outcome: 'failed' }])
    t.match(asSent(await verifications.health()), { reason: /record 4/ }, 'a failed run takes nothing back')

    const ends: ((report: StoredReport) => void)[] = []
    answer = () => new Promise((resolve) => ends.push(resolve))
    now += 86_400_000
    t.match(await verifications.start({ full: true }), { outcome: 'running', mode: 'full' })
    await t.rejects(verifications.start({ full: false }), { code: 'conflict' }, 'one at a time')
    await until('the run that was ordered', () => ends.length === 1)
    now += 6 * 60_000
    const taken = daily()
    await until('the daily run', () => ends.length === 2)
    t.equal(
      (await verifications.list({ limit: 2 }))[1]?.outcome,
      'interrupted',
      'one that fell silent is taken up',
    )
    for (const end of ends) end({ ...REPORT, from: 0 })
    await taken
    await verifications.close()
  }),
)
