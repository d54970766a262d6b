/**
 * Groups become visible to other nodes before they are durable. Until then nobody acknowledges, signs, stamps or hands out anything on their
 * strength; a crash of PostgreSQL takes back only what was not acknowledged, and every node goes on from what is left.
 */
import path from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { freeze } from '#test/freeze-process.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import {
  logFolder,
  logOptions,
  openTestLog,
  signedRecord,
  signer,
  spoolBody,
  type TestLog,
  usableAgain,
} from '../fixture.ts'

const LOCK = 77
/** In place of PostgreSQL's own function, so that a test can stand between a commit and its sync. */
const STAND_IN = `create function public.pg_logical_emit_message(boolean, text, text) returns pg_lsn language plpgsql as
  $$ begin
    perform pg_advisory_xact_lock_shared(${LOCK});
    return pg_catalog.pg_logical_emit_message($1, $2, $3);
  end $$`
const SYNCING = ['walwriter', 'checkpointer', 'background writer']

if (hasPostgresql()) t.test('a crash between a commit and its sync', crashes)
else skipFor(t, 'PostgreSQL is not installed')
if (hasPostgresql()) t.test('a synchronous standby that is away', standby)

/** `fsync` is off, but what no process has written yet is lost with the server's memory all the same. */
async function crashes(t: Test): Promise<void> {
  const { url, folder, here, there, acknowledged, append, between, sizeNow, onSigning } = await twoNodes(t)
  await t.test('what was not acknowledged is lost, and both nodes go on from what is left', async (t) => {
    let lost = 0
    await between(t, {
      act: async (size, crash) => {
        lost = size - 1
        await crash()
        t.equal(await sizeNow(), lost, 'the group was not durable')
      },
    })
    t.equal(await append(there), lost, 'its place is free')
    t.equal(await append(here), lost + 1)
    for (const log of [here, there]) await log.closeAbandoned()
  })
  await t.test('a checkpoint is signed over what is durable', async (t) => {
    await between(t, {
      act: async (size, crash) => {
        let left = 0
        onSigning(async () => {
          await crash()
          left = await sizeNow()
        })
        await there.checkpointNow().catch(() => undefined)
        t.equal(left, size, 'the signed head covers it, and it is there')
      },
    })
  })
  await t.test('what is stamped is durable', async (t) => {
    await between(t, {
      act: async (size, crash) => {
        let left = 0
        onSigning(async () => {
          await crash()
          left = await sizeNow()
        })
        await there.timeStampNow().catch(() => undefined)
        t.equal(left, size)
      },
    })
  })
  await t.test('a record that is handed out is durable', async (t) => {
    await between(t, {
      act: async (size, crash) => {
        const { leaf } = await there.read(size - 1)
        await crash()
        t.strictSame((await untilRead(there, size - 1)).leaf, leaf)
      },
    })
  })
  await t.test('the file of an erased body goes once its erasure is durable', async (t) => {
    const body = await spoolBody(here, Buffer.alloc(2_000_000, 'x'))
    const { index } = await here.append(await signedRecord({ kind: 'reply', direction: 'out', body }))
    const order = { index, mode: 'LEAF_ONLY', case: '1', reason: 'a test' } as const
    await between(t, {
      does: () => here.retention.erase(order),
      act: async (_size, crash) => {
        const watching = await connected(url)
        const told = there.parts.erasedBodyFiles({ after: '', limit: 10 }).then(
          ({ files }) => files.length,
          () => 0,
        )
        const first = await Promise.race([told, waiters(watching, 2).then(() => 'it waits')])
        t.equal(first, 'it waits')
        await crash()
        t.equal(await told, 0)
        await watching.end().catch(() => undefined)
      },
    })
    await here.retention.erase(order)
  })

  for (const log of [here, there]) {
    await log.closeAbandoned()
    await append(log)
  }
  await here.checkpointNow()
  for (const [index, leaf] of acknowledged)
    t.equal((await there.read(index)).leaf.toString('hex'), leaf, `record ${index}`)
  const keyFolder = path.join(folder, 'keys')
  const { source, close } = await openLogSource({
    databaseUrl: url,
    keyFolder,
    bodyFolder: path.join(folder, 'bodies'),
  })
  t.match(await verifyLog(source), { ok: true, problems: [] })
  await close()
}

/** Two nodes on a server of its own, whose syncs a test can hold up. */
async function twoNodes(t: Test) {
  const server = await startPostgresql(['autovacuum=off'], t)
  const url = await server.freshDatabase()
  await once(url, STAND_IN)
  await once(url, `alter database ${new URL(url).pathname.slice(1)} set search_path = public, pg_catalog`)
  const folder = logFolder(t)
  const { stamp, memberSigner } = await signer()
  let meanwhile: (() => Promise<void>) | undefined
  const optionsOf = (node: string) => ({
    ...logOptions(folder, url),
    node,
    stamp: async (imprint: Buffer) => {
      await meanwhile?.()
      return stamp(imprint)
    },
    signer: {
      ...memberSigner,
      sign: async (data: Buffer) => {
        await meanwhile?.()
        return memberSigner.sign(data)
      },
    },
  })
  const here = await openTestLog(t, optionsOf('node1'))
  const there = await openTestLog(t, optionsOf('node2'))
  for (const log of [here, there]) await log.recover()
  const acknowledged = new Map<number, string>()
  const append = async (log: TestLog): Promise<number> => {
    const { index, leaf } = await log.append(await signedRecord())
    acknowledged.set(index, leaf.toString('hex'))
    return index
  }
  /** Runs `act` while what `here` does is committed, and only others could sync it; at the latest after it, the database crashes. */
  const between = async (
    t: Test,
    q: { does?: () => Promise<unknown>; act: (size: number, crash: () => Promise<void>) => Promise<void> },
  ): Promise<void> => {
    await append(there)
    await append(here)
    const watching = await connected(url)
    const rows = await watching.query<{ pid: number }>(
      'select pid from pg_stat_activity where backend_type = any($1)',
      [SYNCING],
    )
    const pids = rows.rows.map(({ pid }) => pid)
    t.equal(pids.length, SYNCING.length)
    const before = await sizeIn(watching)
    await watching.query(`select pg_advisory_lock(${LOCK})`)
    await freeze(pids)
    let isCrashed = false
    const crash = async (): Promise<void> => {
      if (isCrashed) return
      isCrashed = true
      for (const pid of pids) process.kill(pid, 'SIGKILL')
      await until('a database after its crash', async (saw) => {
        const fresh = await connected(url).catch((cause: unknown) => void saw(String(cause)))
        if (fresh === undefined) return false
        const { rows } = await fresh
          .query<{ pid: number }>(`select pid from pg_stat_activity where backend_type = 'walwriter'`)
          .catch(() => ({ rows: [] }))
        await fresh.end()
        return rows.length > 0 && !pids.includes(rows[0]!.pid)
      })
    }
    const doing = (q.does ?? (() => append(here)))()
    const ended = doing.then(
      () => 'acknowledged',
      (fault: { code: string }) => fault.code,
    )
    await waiters(watching, 1)
    const size = await sizeIn(watching)
    t.ok(size > before, 'others see it')
    await q.act(size, crash)
    await crash()
    await watching.end().catch(() => undefined)
    t.equal(await ended, 'logging_failed', 'and it was not acknowledged')
    meanwhile = undefined
    for (const log of [here, there]) await usableAgain(log)
  }
  const sizeNow = async (): Promise<number> => {
    const client = await connected(url)
    try {
      return await sizeIn(client)
    } finally {
      await client.end()
    }
  }

  const onSigning = (act: () => Promise<void>): void => {
    meanwhile = act
  }
  return { url, folder, here, there, acknowledged, append, between, sizeNow, onSigning }
}

async function standby(t: Test): Promise<void> {
  const server = await startPostgresql([], t)
  const url = await server.freshDatabase()
  const log = await openTestLog(t, logOptions(logFolder(t), url))
  const watching = await connected(url)
  const before = await sizeIn(watching)
  const isAway = async (names: string): Promise<void> => {
    await watching.query('set synchronous_commit = local')
    await watching.query(`alter system set synchronous_standby_names = '${names}'`)
    await watching.query('select pg_reload_conf()')
    await until('its settings', async (saw) => {
      const { rows } = await watching.query<{ names: string }>(
        "select current_setting('synchronous_standby_names') as names",
      )
      return saw(rows[0]!.names) === names
    })
  }
  await isAway('nobody')
  let isAcknowledged = false
  const appending = log.append(await signedRecord()).then((logged) => {
    isAcknowledged = true
    return logged
  })
  await until('a commit that waits for the standby', async (saw) => {
    const { rows } = await watching.query<{ event: string }>(
      `select wait_event as event from pg_stat_activity where application_name = 'concordat message log'`,
    )
    return saw(rows).some(({ event }) => event === 'SyncRep')
  })
  t.equal(await sizeIn(watching), before + 1, 'the head is free, others see the record')
  t.notOk(isAcknowledged, 'it is not acknowledged: only this machine has it')
  await isAway('')
  t.equal((await appending).index, before)
  await watching.end()
}

async function untilRead(log: TestLog, index: number): ReturnType<TestLog['read']> {
  return until('the record', (saw) => log.read(index).catch((cause: unknown) => void saw(String(cause))))
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

async function once(url: string, statement: string): Promise<void> {
  const client = await connected(url)
  await client.query(statement)
  await client.end()
}
