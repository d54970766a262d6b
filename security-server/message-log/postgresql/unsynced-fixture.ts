/**
 * What the tests share that stand between a commit of a group and its sync: two nodes on a PostgreSQL whose
 * syncs a test can hold up.
 */
import path from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { freeze } from '#test/freeze-process.ts'
import { startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import {
  logFolder,
  logOptions,
  openTestLog,
  signedRecord,
  signer,
  type TestLog,
  usableAgain,
} from '../fixture.ts'

export const LOCK = 77
/** In place of PostgreSQL's own function, so that a test can stand between a commit and its sync. */
export const STAND_IN = `create function public.pg_logical_emit_message(boolean, text, text) returns pg_lsn language plpgsql as
  $$ begin
    perform pg_advisory_xact_lock_shared(${LOCK});
    return pg_catalog.pg_logical_emit_message($1, $2, $3);
  end $$`
const SYNCING = ['walwriter', 'checkpointer', 'background writer']

/** Two nodes on a server of its own, whose syncs a test can hold up. */
export async function twoNodes(t: Test) {
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
  /**
   * Runs `act` while what `here` does is committed, and only others could sync it; at the latest after it,
   * the database crashes.
   */
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

export async function verifies(t: Test, databaseUrl: string, folder: string): Promise<void> {
  const [keyFolder, bodyFolder] = ['keys', 'bodies'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ]
  const { source, close } = await openLogSource({ databaseUrl, keyFolder, bodyFolder })
  t.match(await verifyLog(source), { ok: true, problems: [] })
  await close()
}

/** What the log tells once the database is there again. */
export async function untilTold<T>(ask: () => Promise<T>): Promise<T> {
  const { told } = await until('an answer of the log', (saw) =>
    ask().then(
      (told) => ({ told }),
      (cause: unknown) => void saw(String(cause)),
    ),
  )
  return told
}

/** Resolves once so many wait to sync, or for the other lock. */
export async function waiters(watching: pg.Client, count: number, lock = LOCK): Promise<void> {
  await until(`${count} that wait for ${lock}`, async (saw) => {
    const { rows } = await watching.query<{ count: string }>(
      "select count(*) as count from pg_locks where locktype = 'advisory' and objid = $1 and not granted",
      [lock],
    )
    return Number(saw(rows)[0]!.count) >= count
  })
}

export async function sizeIn(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ size: string }>('select size from tree_head')
  return Number(rows[0]!.size)
}

export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

export async function once(url: string, ...statements: string[]): Promise<void> {
  const client = await connected(url)
  for (const statement of statements) await client.query(statement)
  await client.end()
}
