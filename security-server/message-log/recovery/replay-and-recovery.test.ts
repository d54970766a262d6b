/** What must happen only once or not stay open, on both stores: replays, and outcomes not logged. */
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { logFolder, logOptions, openTestLog, signedRecord, type TestLog, usableAgain } from '../fixture.ts'
import type { RecordInput } from '../record-input.ts'

const MINUTE = 60_000

const codeOf = (thrown: unknown): string => (thrown as Fault).code

/** Terminates the log's worker thread, as if only the thread crashed. Resolves when the next one works. */
async function restartWorker(worker: Worker, log: TestLog): Promise<void> {
  await worker.terminate()
  await usableAgain(log)
}

/**
 * Keeps other connections from writing, as a program that locks the database. Resolves to a function that
 * ends it.
 */
async function blockWrites(url: string): Promise<() => Promise<void>> {
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length))
    database.exec('begin immediate')
    return async () => database.close()
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('begin')
  await client.query('select size from tree_head for update')
  return () => client.end()
}

/**
 * A request of this node on disk that this process does not know of, as after a commit whose answer was lost.
 */
async function writtenUnheard(t: Test, options: ReturnType<typeof logOptions>): Promise<number> {
  const twin = await openTestLog(t, options)
  const { index } = await twin.append(await signedRecord())
  await twin.close()
  return index
}

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  const options = logOptions(folder, url)

  await t.test('replays: refused alone, in one group and after a restart', async (t) => {
    const log = await openTestLog(t, options)
    const replayKey = randomBytes(32)
    const group = await Promise.allSettled([
      log.append(await signedRecord({ replayKey })),
      log.append(await signedRecord({ replayKey })),
      log.append(await signedRecord({ replayKey: randomBytes(32) })),
    ])
    t.same(
      group.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    t.equal(codeOf((group[1] as PromiseRejectedResult).reason), 'replayed_request')
    log.checkUsable()
    await log.close()
    const again = await openTestLog(t, options)
    await t.rejects(again.append(await signedRecord({ replayKey })), { code: 'replayed_request' })
    await again.maintain()
    await t.rejects(again.append(await signedRecord({ replayKey })), { code: 'replayed_request' })
    await again.close()
  })

  await t.test('replay keys are kept as long as they are needed and no longer', async (t) => {
    // The database's own clock counts as well, so these are times of the past.
    let now = Date.now() - 10 * 24 * 60 * MINUTE
    const clock = () => now
    const log = await openTestLog(t, { ...options, clock, elapsed: clock })
    const replayKey = randomBytes(32)
    await log.append(await signedRecord({ replayKey, time: new Date(now) }))
    now += 9 * MINUTE
    await log.maintain()
    await t.rejects(log.append(await signedRecord({ replayKey, time: new Date(now) })), {
      code: 'replayed_request',
    })
    for (let passed = 0; passed < 120; passed += 5) {
      now += 5 * MINUTE
      await log.append(await signedRecord({ replayKey: randomBytes(32), time: new Date(now) }))
      await log.maintain()
    }
    await log.append(await signedRecord({ replayKey, time: new Date(now) }))
    await log.close()
  })

  await t.test(
    'a clock that jumps ahead and back, with a restart at any time, lets nothing in again',
    async (t) => {
      // Far enough back that the database's clock protects no key.
      const real = Date.now() - 60 * 24 * 60 * MINUTE
      const ahead = 30 * 24 * 60 * MINUTE
      let now = real
      let elapsed = 0
      const open = () =>
        openTestLog(t, {
          ...{ ...options, clock: () => now, elapsed: () => elapsed },
          unstampedLimitMs: Number.POSITIVE_INFINITY,
        })
      const take = async (log: TestLog, replayKey: Buffer) =>
        log.append(await signedRecord({ replayKey, time: new Date(now) }))
      const [before, meanwhile, after] = [randomBytes(32), randomBytes(32), randomBytes(32)]
      let log = await open()
      const maintain = async (minutes: number): Promise<void> => {
        for (let passed = 0; passed < minutes; passed += 2) {
          elapsed += 2 * MINUTE
          now += 2 * MINUTE
          await log.maintain()
        }
      }
      const restart = async (): Promise<void> => {
        // All of it is shorter than the time after which a leap that stays is followed.
        await maintain(2)
        await log.close()
        log = await open()
        await maintain(2)
      }
      await take(log, before)
      now = real + ahead
      await restart()
      await take(log, meanwhile)
      await restart()
      now = real + 5 * MINUTE
      await take(log, after)
      await restart()
      for (const key of [before, meanwhile, after]) {
        await t.rejects(take(log, key), { code: 'replayed_request' })
      }
      // Without a restart, again and again, and each time with an exchange: it calls itself.
      await maintain(80)
      const last = randomBytes(32)
      await take(log, last)
      for (let leaps = 0; leaps < 3; leaps++) {
        now += ahead
        await take(log, randomBytes(32))
        await maintain(2)
        now -= ahead
        await take(log, randomBytes(32))
      }
      await t.rejects(take(log, last), { code: 'replayed_request' })
      await log.close()
    },
  )

  await t.test('a node whose clock is ahead lets no other node take a request again', async (t) => {
    if (!url.startsWith('postgres')) return t.pass('the embedded store has one node')
    const ahead = { minutes: 0 }
    const clock = () => Date.now() + ahead.minutes * MINUTE
    const right = await openTestLog(t, options)
    const wrong = await openTestLog(t, {
      ...{ ...options, node: 'node4', clock, elapsed: clock },
      unstampedLimitMs: Number.POSITIVE_INFINITY,
    })
    const replayKey = randomBytes(32)
    await right.append(await signedRecord({ replayKey }))
    for (; ahead.minutes < 240; ahead.minutes += 5) await wrong.maintain()
    await t.rejects(right.append(await signedRecord({ replayKey })), { code: 'replayed_request' })
    await right.close()
    await wrong.close()
  })

  /** A log whose clock the test moves, here and, when the store is shared, on a second node. */
  async function slowWorld(t: Test) {
    start += 24 * 60 * MINUTE
    const world = { now: start }
    const clock = () => world.now
    const started = once(process, 'worker')
    const here = await openTestLog(t, {
      ...{ ...options, clock, elapsed: clock },
      unstampedLimitMs: Number.POSITIVE_INFINITY,
    })
    const [worker] = (await started) as [Worker]
    const shared = url.startsWith('postgres')
    const there = shared ? await openTestLog(t, { ...options, node: 'node3', clock, elapsed: clock }) : here
    const append = async (log: TestLog, replayKey: Buffer) =>
      log.append(await signedRecord({ replayKey, time: new Date(world.now) }))
    /** Lets time pass, with other exchanges and the clean-up going on. */
    const pass = async (minutes: number) => {
      for (let passed = 0; passed < minutes; passed += 5) {
        world.now += 5 * MINUTE
        await append(here, randomBytes(32))
        for (const log of new Set([here, there])) await log.maintain()
      }
    }
    return {
      here,
      there,
      worker,
      world,
      append,
      pass,
      close: async () => {
        for (const log of new Set([here, there])) await log.close()
      },
    }
  }
  // The past, as the database's own clock counts as well.
  let start = Date.now() - 30 * 24 * 60 * MINUTE

  await t.test('a replay is refused however slowly it comes', async (t) => {
    const { here, there, world, append, pass, close } = await slowWorld(t)
    const key = randomBytes(32)
    await append(here, key)
    world.now += 9 * MINUTE
    const release = there.holdReplayKeys(world.now)
    await pass(55)
    await t.rejects(append(there, key), { code: 'replayed_request' })
    release()
    release()
    await pass(80)
    await append(there, key)
    await close()
  })

  await t.test('the first copy may be the slow one', async (t) => {
    const { here, there, world, append, pass, close } = await slowWorld(t)
    const key = randomBytes(32)
    const release = here.holdReplayKeys(world.now)
    world.now += MINUTE
    const releaseSecond = there.holdReplayKeys(world.now)
    await pass(30)
    await append(here, key)
    release()
    await pass(25)
    await t.rejects(append(there, key), { code: 'replayed_request' })
    releaseSecond()
    await close()
  })

  await t.test('a restart of the worker alone, while an upload goes on, forgets nothing of it', async (t) => {
    const { here, worker, world, append, pass, close } = await slowWorld(t)
    const key = randomBytes(32)
    await append(here, key)
    const release = here.holdReplayKeys(world.now)
    await pass(40)
    await restartWorker(worker, here)
    await t.rejects(append(here, key), { code: 'replayed_request' })
    release()
    await close()
  })

  await t.test('after a restart of the whole server, what can still come again is refused', async (t) => {
    const { here, world, append, pass, close } = await slowWorld(t)
    const key = randomBytes(32)
    // It was signed one window ahead of our clock and is repeated one window after that.
    await append(here, key)
    await pass(5)
    world.now += 4 * MINUTE
    await close()
    const again = await openTestLog(t, { ...options, clock: () => world.now })
    await t.rejects(append(again, key), { code: 'replayed_request' })
    await again.close()
  })

  await t.test('recovery: an intent without an answer becomes an outcome that nobody knows', async (t) => {
    const log = await openTestLog(t, options)
    await log.recover()
    const open = await log.append(await signedRecord())
    const closed = await log.append(await signedRecord({ direction: 'out' }))
    await log.append(await signedRecord({ kind: 'reply', answers: closed.index }))
    await log.close()
    const other = await openTestLog(t, { ...options, node: 'node2' })
    t.equal(await other.recover(), 0, 'another node may be busy with its own')
    await other.close()
    const again = await openTestLog(t, options)
    const meanwhile = await again.append(await signedRecord())
    t.equal(await again.recover(), 1)
    const [row] = await again.list({ limit: 1, kind: 'outcome-unknown' })
    t.equal(row?.answers, open.index)
    t.ok(row!.idx > meanwhile.index)
    t.equal(await again.recover(), 0, 'what this process has begun is its own affair')
    await again.append(await signedRecord({ kind: 'reply', answers: meanwhile.index }))
    await again.close()
  })

  await t.test(
    'a closing record that the log refused is written when it can be, and only then',
    async (t) => {
      const log = await openTestLog(t, options)
      await log.recover()
      const orphan = url.startsWith('postgres') ? await writtenUnheard(t, options) : undefined
      const request = async (): Promise<number> => (await log.append(await signedRecord())).index
      const [late, refused, unkept, underWay] = [
        await request(),
        await request(),
        await request(),
        await request(),
      ]
      const close = async (kind: RecordInput['kind'], answers: number, outcome: string) => {
        const proof = kind === 'refusal' ? {} : { message: undefined, signature: undefined }
        return log.append(await signedRecord({ kind, direction: 'out', answers, outcome, ...proof }))
      }
      const unblock = await blockWrites(url)
      const kept = close('reply', unkept, 'ok').catch(() =>
        close('outcome-unknown', unkept, 'logging_failed'),
      )
      const outcomes = await Promise.allSettled([
        close('outcome-unknown', late, 'service_timeout'),
        close('refusal', refused, 'network_error'),
        kept,
      ])
      t.same(
        outcomes.map((outcome) => outcome.status === 'rejected' && codeOf(outcome.reason)),
        ['logging_failed', 'logging_failed', 'logging_failed'],
      )
      await t.rejects(log.closeAbandoned(), { code: 'logging_failed' })
      await unblock()
      await usableAgain(log)
      await log.maintain()
      t.equal(await log.closeAbandoned(), orphan === undefined ? 3 : 4)
      t.equal(await log.closeAbandoned(), 0)
      const rows = await log.list({ limit: 20 })
      const closing = (index: number) => rows.filter(({ answers }) => answers === index)
      t.match(closing(late), [{ kind: 'outcome-unknown', outcome: 'service_timeout' }])
      t.match(closing(refused), [{ kind: 'refusal', outcome: 'network_error' }])
      t.match(closing(unkept), [{ kind: 'outcome-unknown', outcome: 'logging_failed' }])
      t.same(closing(underWay), [], 'what is under way is spared')
      if (orphan !== undefined) t.match(closing(orphan), [{ kind: 'outcome-unknown', outcome: '' }])
      const proved = await log.read(closing(refused)[0]!.idx)
      t.ok(proved.signatures, 'with its proof')
      t.match(proved.metadata?.extra, { decided: /^20.*Z$/ })
      await close('reply', underWay, 'ok')
      await log.close()
      const again = await openTestLog(t, options)
      t.equal(await again.recover(), 0, 'nothing was left open')
      await again.close()
    },
  )

  await t.test('a closing record that is durable although it was refused is not written twice', async (t) => {
    const started = once(process, 'worker')
    const log = await openTestLog(t, options)
    const [worker] = (await started) as [Worker]
    await log.recover()
    const open = await Promise.all(Array.from({ length: 40 }, async () => log.append(await signedRecord())))
    const template = await signedRecord({ kind: 'refusal', direction: 'out', outcome: 'network_error' })
    const closing = Promise.allSettled(open.map(({ index }) => log.append({ ...template, answers: index })))
    await wait(randomInt(8))
    await worker.terminate()
    const refused = (await closing).filter(({ status }) => status === 'rejected').length
    await usableAgain(log)
    const written = await log.closeAbandoned()
    t.ok(written <= refused, `${refused} refused, ${written} written later`)
    const answers = (await log.list({ limit: 200 })).map((row) => row.answers)
    for (const { index } of open) t.equal(answers.filter((each) => each === index).length, 1)
    await log.close()
  })

  await t.test('a log that is closed while its worker starts again lets go of its database', async (t) => {
    for (const pause of [0, 520]) {
      const closing = once(process, 'worker')
      const closed = await openTestLog(t, options)
      await ((await closing) as [Worker])[0].terminate()
      await wait(pause)
      await closed.close()
      const started = once(process, 'worker')
      const log = await openTestLog(t, options)
      const [worker] = (await started) as [Worker]
      await wait(700)
      await restartWorker(worker, log)
      t.ok((await log.append(await signedRecord({ kind: 'refusal' }))).index > 0)
      await log.close()
    }
  })

  await t.test('exchanges under way outlive the worker that wrote them', async (t) => {
    const started = once(process, 'worker')
    const log = await openTestLog(t, options)
    const [worker] = (await started) as [Worker]
    await log.recover()
    const first = await log.append(await signedRecord())
    const second = await log.append(await signedRecord())
    await restartWorker(worker, log)
    t.equal(await log.closeAbandoned(), 0)
    await log.append(await signedRecord({ kind: 'reply', answers: first.index }))
    await log.maintain()
    const third = await log.append(await signedRecord())
    await log.close()
    const again = await openTestLog(t, options)
    t.equal(await again.recover(), 2)
    const rows = await again.list({ limit: 2, kind: 'outcome-unknown' })
    t.same(
      rows.map(({ answers }) => answers),
      [third.index, second.index],
    )
    await again.close()
  })
})
