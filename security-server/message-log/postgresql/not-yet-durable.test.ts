/**
 * What others committed and have not synced, as seen by those who tell it to somebody outside of the log, or
 * act on it: a verification, whose state is kept where the log's owner cannot write, a node that refuses a
 * request because another one has it, or seals under a key that another one made, and who reads keys and
 * erasures.
 */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { verifyStored } from '../../features/verification/checks/verify-stored.ts'
import { logFolder, logOptions, openTestLog, signedRecord, type TestLog, usableAgain } from '../fixture.ts'
import { openPostgresqlStore } from './store.ts'
import {
  connected,
  LOCK,
  once,
  STAND_IN,
  sizeIn,
  twoNodes,
  untilTold,
  verifies,
  waiters,
} from './unsynced-fixture.ts'

/** For who reads the log's keys. */
const KEYS_LOCK = 78
/** For the order that first asks for legal holds. */
const ORDER_LOCK = 79
const ORDER_STAND_IN = [
  'alter table legal_hold rename to legal_hold_row',
  'create sequence asked',
  `create function legal_hold_there() returns setof legal_hold_row language plpgsql as
   $$ begin
     -- To have asked is synced with nothing.
     perform set_config('synchronous_commit', 'off', true);
     if nextval('asked') = 1 then perform pg_advisory_xact_lock_shared(${ORDER_LOCK}); end if;
     return query select * from legal_hold_row;
   end $$`,
  'create view legal_hold as select * from legal_hold_there()',
]
/** Between the reading of the head and that of the log's keys. */
const KEYS_STAND_IN = [
  'alter table log_key rename to log_key_row',
  `create function log_key_there() returns setof log_key_row language plpgsql as
   $$ begin
     perform pg_advisory_xact_lock_shared(${KEYS_LOCK});
     return query select * from log_key_row order by idx;
   end $$`,
  'create view log_key as select * from log_key_there()',
  'create rule log_key_new as on insert to log_key do instead insert into log_key_row values (new.*)',
]

if (hasPostgresql()) t.test('before the sync', beforeTheSync)
else skipFor(t, 'PostgreSQL is not installed')
if (hasPostgresql()) t.test('keys before their records are durable', keys)
if (hasPostgresql()) t.test('erasures before they are durable', erasures)
if (hasPostgresql()) t.test('a user of the database who may not sync', mayNotSync)
if (hasPostgresql()) t.test('a log whose process stands still while it connects', standsStill)

async function beforeTheSync(t: Test): Promise<void> {
  // Nobody else syncs meanwhile.
  const server = await startPostgresql(
    ['autovacuum=off', 'wal_writer_delay=10000', 'wal_writer_flush_after=1GB'],
    t,
  )
  const url = await server.freshDatabase()
  const admin = await connected(url)
  await admin.query(STAND_IN)
  await admin.query(`alter database ${new URL(url).pathname.slice(1)} set search_path = public, pg_catalog`)
  await admin.end()
  const folder = logFolder(t)
  const here = await openTestLog(t, logOptions(folder, url))
  const there = await openTestLog(t, { ...logOptions(folder, url), node: 'node2' })
  for (const log of [here, there]) await log.recover()

  /**
   * Resolves to what `asked` came to: the group of `here` stays without a sync until then, or until it is
   * lost.
   */
  const lost = async <T>(
    record: Parameters<typeof here.append>[0],
    ask: () => Promise<T>,
  ): Promise<{ before: 'it waits' | T; after: T | undefined; left: number }> => {
    const watching = await connected(url)
    await watching.query(`select pg_advisory_lock(${LOCK})`)
    const logged = here.append(record).then(
      () => 'acknowledged',
      (fault: { code: string }) => fault.code,
    )
    await waiters(watching, 1)
    const asked = ask()
    const settled = asked.catch(() => undefined)
    const before = await Promise.race([asked, waiters(watching, 2).then(() => 'it waits' as const)])
    await server.crash()
    await server.start()
    await watching.end().catch(() => undefined)
    t.equal(await logged, 'logging_failed')
    const after = await settled
    const fresh = await connected(url)
    const left = await sizeIn(fresh)
    await fresh.end()
    for (const log of [here, there]) await usableAgain(log)
    return { before, after, left }
  }

  await t.test('a verification speaks of what is durable', async (t) => {
    await here.append(await signedRecord())
    const stored = { databaseUrl: url, keyFolder: path.join(folder, 'keys') }
    const { before, after, left } = await lost(await signedRecord(), () => verifyStored(stored, {}))
    t.equal(before, 'it waits')
    t.equal(after, undefined, 'its session has not outlived the crash')
    t.match(await verifyStored(stored, {}), { ok: true, records: left })
  })
  await t.test('a request is a repeated one once the first one is durable', async (t) => {
    const replayKey = randomBytes(32)
    const store = await openPostgresqlStore({ url })
    const record = await signedRecord({ replayKey })
    // Of a group with larger bodies, before its commit, which may be that of another session.
    const { before, after } = await lost(record, () =>
      store.taken([{ position: 0, key: replayKey, time: Date.now() }]),
    )
    t.equal(before, 'it waits')
    t.equal(after, undefined, 'nobody knows')
    await store.close()
    t.ok(await there.append(record), 'the first one is lost')
    await t.rejects(here.append(record), { code: 'replayed_request' })
  })
}

async function keys(t: Test): Promise<void> {
  const { url, folder, here, there, append, between } = await twoNodes(t)
  const current = async (log: TestLog) =>
    (await untilTold(log.logKeys)).find(({ isCurrent }) => isCurrent)?.id
  const inUse = await current(there)
  await t.test('a key that is told has a durable record', async (t) => {
    await between(t, {
      does: () => here.rotateLogKey(),
      act: async (_size, crash) => {
        const [told] = await there.logKeys()
        await crash()
        const known = await untilTold(there.logKeys)
        t.ok(known.some(({ id }) => id === told?.id))
      },
    })
    for (const log of [here, there]) await log.maintain()
    await here.rotateLogKey()
    await there.maintain()
    t.not(await current(there), inUse)
  })
  await t.test('who made a key whose record is lost goes on with the one before', async (t) => {
    const before = await current(here)
    await between(t, { does: () => here.rotateLogKey(), act: (_size, crash) => crash() })
    t.equal(await current(here), before)
  })
  await t.test('a node follows a log key whose record is durable', async (t) => {
    const before = await current(there)
    await once(url, ...KEYS_STAND_IN)
    const watching = await connected(url)
    let following: Promise<void> | undefined
    await between(t, {
      does: async () => {
        // What it still had to write would be synced, and the key with it.
        await there.maintain()
        await watching.query(`select pg_advisory_lock(${KEYS_LOCK})`)
        following = there.maintain()
        await waiters(watching, 1, KEYS_LOCK)
        await here.rotateLogKey()
      },
      act: async (_size, crash) => {
        await watching.query(`select pg_advisory_unlock(${KEYS_LOCK})`)
        await following
        await crash()
      },
    })
    await watching.end().catch(() => undefined)
    t.equal(await current(there), before, 'on record')
  })
  for (const log of [here, there]) {
    await append(log)
    await log.closeAbandoned()
  }
  await verifies(t, url, folder)
}

async function erasures(t: Test): Promise<void> {
  const { url, folder, here, there, between } = await twoNodes(t)
  const { index } = await here.append(await signedRecord({ kind: 'reply', direction: 'out' }))
  await here.checkpointNow()
  const does = () => here.retention.erase({ index, mode: 'LEAF_ONLY', case: '1', reason: 'a test' })
  for (const [name, ask, none] of [
    ['which records are leaves', () => there.leavesAmong([index]), []],
    ['how many are erased', () => there.erasedBelow(index + 1), 0],
  ] as const) {
    await t.test(`${name} is told once it is durable`, async (t) => {
      await between(t, {
        does,
        act: async (_size, crash) => {
          const watching = await connected(url)
          const told = ask().catch(() => 'nobody knows')
          t.equal(await Promise.race([told, waiters(watching, 2).then(() => 'it waits')]), 'it waits')
          await crash()
          t.equal(await told, 'nobody knows')
          await watching.end().catch(() => undefined)
        },
      })
      t.strictSame(await ask(), none)
    })
  }
  await t.test('a proof lacks only what stays erased', async (t) => {
    const openings = async () => (await there.parts.proveInclusion({ index })).openings
    t.ok((await openings()).parties)
    await between(t, {
      does,
      act: async (_size, crash) => {
        t.strictSame(await openings(), {})
        await crash()
        t.strictSame(await untilTold(openings), {})
      },
    })
    t.strictSame(await there.leavesAmong([index]), [index])
    t.equal(await there.erasedBelow(index + 1), 1)
  })
  await t.test('the other side of an exchange is told of what stays erased', async (t) => {
    const { index } = await here.append(await signedRecord({ kind: 'reply', direction: 'out' }))
    for (const log of [here, there]) await log.maintain()
    const pair = { own: 'DEV/GOV/1234', peer: 'DEV/GOV/5678' }
    const told = async () => {
      const { records, erased } = await there.parts.readRecords({
        ...{ pair, version: 1, first: index, last: index },
      })
      return [records.map((one) => one.index), erased.map((one) => one.index)]
    }
    t.strictSame(await told(), [[index], []])
    await between(t, {
      does: () => here.retention.erase({ index, mode: 'PROOF_KEPT', case: '3', reason: 'a test' }),
      act: async (_size, crash) => {
        t.strictSame(await told(), [[], [index]])
        await crash()
        t.strictSame(await untilTold(told), [[], [index]])
      },
    })
  })
  await t.test('an order that finds all erased already is told so once it is for good', async (t) => {
    const { index } = await here.append(await signedRecord({ kind: 'reply', direction: 'out' }))
    const order = { index, mode: 'LEAF_ONLY', case: '2', reason: 'a test' } as const
    await once(url, ...ORDER_STAND_IN)
    const watching = await connected(url)
    let told: Promise<string> | undefined
    await between(t, {
      does: async () => {
        await watching.query(`select pg_advisory_lock(${ORDER_LOCK})`)
        told = there.retention.erase(order).then(
          () => 'erased',
          (fault: { code: string }) => fault.code,
        )
        await waiters(watching, 1, ORDER_LOCK)
        await here.retention.erase(order)
      },
      act: async (_size, crash) => {
        await watching.query(`select pg_advisory_unlock(${ORDER_LOCK})`)
        t.equal(await told, 'conflict')
        await crash()
        t.strictSame(await untilTold(() => there.leavesAmong([index])), [index])
      },
    })
    await watching.end().catch(() => undefined)
  })
  await verifies(t, url, folder)
}

async function mayNotSync(t: Test): Promise<void> {
  const server = await startPostgresql([], t)
  const url = await server.freshDatabase()
  const admin = await connected(url)
  await admin.query('create role plain login; grant all on schema public to plain')
  const options = logOptions(logFolder(t), url.replace('postgres@', 'plain@'))
  const may = await openTestLog(t, options)
  await may.append(await signedRecord())
  await may.close()
  const size = await sizeIn(admin)
  const right = 'execute on function pg_logical_emit_message(boolean, text, text)'
  await admin.query(`revoke ${right} from public`)
  await t.rejects(openTestLog(t, options), { code: 'logging_failed' }, 'said at the start')
  t.equal(await sizeIn(admin), size, 'nothing is committed that nobody acknowledges')
  await admin.query(`grant ${right} to plain`)
  t.equal((await (await openTestLog(t, options)).append(await signedRecord())).index, size)
  await admin.end()
}

async function standsStill(t: Test): Promise<void> {
  const server = await startPostgresql([], t)
  const url = await server.freshDatabase()
  await (await openTestLog(t, logOptions(logFolder(t), url))).close()
  const connect = pg.Client.prototype.connect as (this: pg.Client) => Promise<pg.Client>
  let stood = false
  t.intercept(pg.Client.prototype, 'connect', {
    value(this: pg.Client) {
      const connecting = connect.call(this)
      // Nothing of this process runs meanwhile, as when its machine is stopped.
      if (!stood) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500)
      stood = true
      return connecting
    },
  })
  const store = await openPostgresqlStore({ url })
  t.equal((await store.taken([{ position: 0, key: randomBytes(32), time: Date.now() }])).size, 0)
  t.ok(stood)
  await store.close()
}
