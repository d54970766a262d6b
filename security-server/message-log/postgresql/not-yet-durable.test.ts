/**
 * What others committed and have not synced, as seen by those who tell it to somebody outside of the log: a verification, whose state is kept where
 * the log's owner cannot write, and a node that refuses a request because another one has it.
 */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { verifyStored } from '../../features/verification/checks/verify-stored.ts'
import { logFolder, logOptions, openTestLog, signedRecord, usableAgain } from '../fixture.ts'
import { openPostgresqlStore } from './store.ts'

const LOCK = 78
/** In place of PostgreSQL's own function, so that a test can stand between a commit and its sync. */
const STAND_IN = `create function public.pg_logical_emit_message(boolean, text, text) returns pg_lsn language plpgsql as
  $$ begin
    perform pg_advisory_xact_lock_shared(${LOCK});
    return pg_catalog.pg_logical_emit_message($1, $2, $3);
  end $$`

if (hasPostgresql()) t.test('before the sync', beforeTheSync)
else skipFor(t, 'PostgreSQL is not installed')
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

  /** Resolves to what `asked` came to: the group of `here` stays without a sync until then, or until it is lost. */
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

/** Resolves once so many wait to sync. */
async function waiters(watching: pg.Client, count: number): Promise<void> {
  await until(`${count} that wait to sync`, async (saw) => {
    const { rows } = await watching.query<{ count: string }>(
      "select count(*) as count from pg_locks where locktype = 'advisory' and not granted",
    )
    return Number(saw(rows)[0]!.count) >= count
  })
}

async function sizeIn(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ size: string }>('select size from tree_head')
  return Number(rows[0]!.size)
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}
