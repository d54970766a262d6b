/**
 * The writer for PostgreSQL. Several nodes append to one tree: each group locks the row of the tree head from
 * its first statement to its commit. A connection that failed is never used again.
 */
import type { Client } from 'pg'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { SYNC_AT_COMMIT } from '#platform/database/dialect.ts'
import { takeLimit } from '#platform/database/url-limit.ts'
import { againIfStoodStill } from '#platform/stood-still.ts'
import { Fault } from '#schemas/fault.ts'
import { sealedSize } from '../bodies/body-file.ts'
import { placeOf } from '../bodies/segment-place.ts'
import {
  decodePeaks,
  encodePeaks,
  GIVEN_UP,
  type Head,
  type HotStore,
  type PieceRow,
  type Placement,
  type ReplayKey,
} from '../hot-store.ts'
import { isInPieces } from '../pieces/name.ts'
import { SEGMENT_GONE } from '../records/keep-larger-bodies.ts'
import { KEPT_FOR_ANY_NODE_MS } from '../replay-keys/replay-times.ts'
import { createSteadyTime } from '../replay-keys/steady-time.ts'
import type { KeptWatch } from '../replay-keys/steady-watch.ts'
import {
  borderAfter,
  NEWEST_BORDER,
  PARTITION_RECORDS,
  PARTITIONS_LOCK,
  partitionStatements,
} from './partitions.ts'

const STATEMENT_MS = 5000
/**
 * A node that stands still within a group, or whose machine is gone, has the head's lock for no longer than
 * this. It is shorter than others wait for the lock, so they log all the same; and between two statements of
 * a group nothing is done that takes more than milliseconds.
 */
const IDLE_IN_GROUP_MS = 4000
const IDLE_IN_TRANSACTION = '25P03'
const ROWS = 512
const FORGET_AT_ONCE = 2000
/** Groups wait while partitions are made ahead. A failure is tried again later, or by the commit in need. */
const AHEAD_LOCK_MS = 50
const LOCK_NOT_AVAILABLE = '55P03'

const STOOD_STILL =
  'this process stood still while it wrote a group of records: other nodes went on, and none of the group was written'

/** Nobody sees what was written before it is durable. */
const AT_ONCE = { begin: 'begin', end: 'commit' }
/**
 * The lock of the tree's head ends with the commit, and only then the write-ahead log is synced up to here:
 * what others write meanwhile is synced with it, or waits for a synchronous standby beside it. The second
 * commit waits as the settings of the database say, and the log is one sequence, so it covers the first. Both
 * are one message to one server process, which does not outlive a crash: nobody can sync what another one
 * lost.
 */
const DURABLE_LATER = {
  begin: 'begin; set local synchronous_commit = off',
  end: `commit; ${SYNC_AT_COMMIT}`,
}

type Value = string | number | Buffer | null

/** The tables must exist. `partitionRecords` is the number of records in a partition of a small log. */
export async function openPostgresqlStore(q: {
  url: string
  partitionRecords?: number | undefined
  watch?: KeptWatch
}): Promise<HotStore> {
  const step = q.partitionRecords ?? PARTITION_RECORDS
  const steadyTime = createSteadyTime(KEPT_FOR_ANY_NODE_MS, q.watch)
  let client: Client | undefined
  /** Why the database ended the connection, if it said so. */
  let ended: unknown
  // The end of the newest known partition; every failure resets it.
  let border = 0

  const connected = async (): Promise<Client> => {
    if (client !== undefined) return client
    const { connectMs, newClient } = await clientsOf(q.url)
    client = await againIfStoodStill(connectMs, async () => {
      const fresh = newClient()
      // Without a listener, an error on an idle connection would end the process.
      fresh.on('error', (cause) => {
        if (client !== fresh) return
        ended = cause
        client = undefined
      })
      await fresh.connect()
      ended = undefined
      return fresh
    })
    return client
  }
  const attempt = async <T>(act: (connection: Client) => Promise<T>): Promise<T> => {
    let connection: Client | undefined
    try {
      connection = await connected()
      return await act(connection)
    } catch (cause) {
      // It is unknown whether a failed commit was done: the next call starts from what is on disk.
      client = undefined
      border = 0
      void connection?.end().catch(() => undefined)
      if (cause instanceof Fault) throw cause
      const idle = [cause, ended].find((each) => codeOf(each) === IDLE_IN_TRANSACTION)
      throw idle === undefined
        ? new Fault('logging_failed', { what: 'the message log cannot be written', cause })
        : new Fault('logging_failed', { what: STOOD_STILL, cause: idle })
    }
  }
  const transaction = async <T>(
    act: (connection: Client) => Promise<T>,
    { begin, end, undone }: { begin: string; end: string; undone?: () => void } = AT_ONCE,
  ): Promise<T> => {
    let isCommitting = false
    const once = (): Promise<T> => {
      isCommitting = false
      return attempt(async (connection) => {
        await connection.query(begin)
        const result = await act(connection)
        isCommitting = true
        await connection.query(end)
        return result
      })
    }
    try {
      return await once().catch((fault: unknown) => {
        // The database ended the session while it waited for a statement, so before any commit: nothing of it
        // was written.
        if (codeOf((fault as Fault).cause) !== IDLE_IN_TRANSACTION) throw fault
        return once()
      })
    } catch (fault) {
      if (!isCommitting) undone?.()
      throw fault
    }
  }
  // Who may not call this function would commit group after group, and acknowledge none.
  await attempt((connection) => connection.query(SYNC_AT_COMMIT))
  return {
    commit: async ({ replayKeys, pieces, place, undone }) => {
      border = await transaction(
        async (connection) => {
          // Before the head is locked: other nodes wait less.
          await insert(connection, 'body_piece (name, start, octets)', 3, pieces, (row) => [
            row.name,
            row.start,
            row.octets,
          ])
          const head = await lockHead(connection)
          const taken = await takeReplayKeys(connection, replayKeys)
          const placement = place(head, taken)
          const { size } = placement.head
          const reaches = size <= border ? border : await reach(connection, size, step)
          await refuseGivenUp(connection, placement.bodyFiles)
          await write(connection, placement)
          await settlePieces(connection, placement.bodyFiles, pieces)
          return reaches
        },
        { ...DURABLE_LATER, undone },
      )
    },
    taken: (replayKeys) =>
      attempt(async (connection) => {
        const taken = await storedReplayKeys(connection, replayKeys)
        // Who is told that a request was logged before must not be told so by what a crash takes back.
        if (taken.size > 0) await connection.query(SYNC_AT_COMMIT)
        return taken
      }),
    head: () => transaction(lockHead),
    forgetReplayKeys: async (at) => {
      const now = steadyTime(at)
      if (now === undefined) return 0
      return transaction(async (connection) => {
        // Other nodes accept by their own clocks, so one that is ahead may not delete by its own alone.
        const { rowCount } = await connection.query(
          `delete from replay_key where key in
           (select key from replay_key where time < least($1, extract(epoch from now()) * 1000) - $2 limit $3)`,
          [now, KEPT_FOR_ANY_NODE_MS, FORGET_AT_ONCE],
        )
        return rowCount ?? 0
      })
    },
    makeRoom: async (size) => {
      // `step` is the shortest partition that may follow: at least half of it is left when the next one is
      // made.
      const needed = size + step
      if (needed <= border) return
      try {
        border = await transaction(async (connection) => {
          await connection.query(`set local lock_timeout = ${AHEAD_LOCK_MS}`)
          return reach(connection, needed, step)
        })
      } catch (thrown) {
        // Another session locks a table for long, as ANALYZE does.
        if (codeOf((thrown as Fault).cause) !== LOCK_NOT_AVAILABLE) throw thrown
      }
    },
    scrub: async () => true,
    close: async () => {
      await client?.end()
      client = undefined
    },
  }
}

function codeOf(thrown: unknown): unknown {
  return (thrown as { code?: unknown } | undefined)?.code
}

async function clientsOf(url: string): Promise<{ connectMs: number; newClient(): Client }> {
  const { default: pg } = await import('pg')
  const address = new URL(url)
  const passwordFile = address.searchParams.get('passwordFile')
  address.searchParams.delete('passwordFile')
  address.searchParams.delete('statementMs')
  if (passwordFile !== null) address.password = encodeURIComponent(await readSecret(passwordFile))
  const connectMs = takeLimit(address, 'connectMs')
  const newClient = (): Client =>
    new pg.Client({
      connectionString: address.href,
      connectionTimeoutMillis: connectMs,
      query_timeout: STATEMENT_MS,
      statement_timeout: STATEMENT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_GROUP_MS,
      keepAlive: true,
      application_name: 'concordat message log',
    })
  return { connectMs, newClient }
}

async function lockHead(connection: Client): Promise<Head> {
  const { rows } = await connection.query<{ size: string; peaks: Buffer }>({
    name: 'head',
    text: 'select size, peaks from tree_head where id = 1 for update',
  })
  const row = rows[0]
  if (row === undefined) throw new Fault('log_inconsistent', { what: 'the tree head is missing' })
  return { size: Number(row.size), peaks: decodePeaks(row.peaks) }
}

/** Makes partitions for the first `size` records. Resolves to the end of the newest. A rollback undoes it. */
async function reach(connection: Client, size: number, step: number): Promise<number> {
  const newest = async (): Promise<number> =>
    Number((await connection.query<{ border: string | null }>(NEWEST_BORDER)).rows[0]?.border ?? 0)
  const known = await newest()
  if (known >= size) return known
  await connection.query(PARTITIONS_LOCK)
  // Another node may have made them first.
  let end = await newest()
  while (end < size) {
    const start = end
    end = borderAfter(start, step)
    for (const statement of partitionStatements(start, end)) await connection.query(statement)
  }
  return end
}

/** The positions whose key is in the table already, or earlier in this group. */
async function takeReplayKeys(connection: Client, keys: ReplayKey[]): Promise<ReadonlySet<number>> {
  const firsts = firstsOf(keys)
  const fresh = new Set<string>()
  for (const part of parts([...firsts.values()])) {
    const { rows } = await connection.query<{ key: Buffer }>(
      `insert into replay_key (key, time) values ${places(part.length, 2)} on conflict do nothing returning key`,
      part.flatMap(({ key, time }) => [key, time]),
    )
    for (const row of rows) fresh.add(row.key.toString('hex'))
  }
  const isTaken = (each: ReplayKey) =>
    !fresh.has(each.key.toString('hex')) || firsts.get(each.key.toString('hex')) !== each
  return new Set(keys.filter(isTaken).map(({ position }) => position))
}

/** The same without taking them. */
async function storedReplayKeys(connection: Client, keys: ReplayKey[]): Promise<ReadonlySet<number>> {
  const firsts = firstsOf(keys)
  const { rows } = await connection.query<{ key: Buffer }>('select key from replay_key where key = any($1)', [
    [...firsts.values()].map(({ key }) => key),
  ])
  const stored = new Set(rows.map(({ key }) => key.toString('hex')))
  const isTaken = (each: ReplayKey) =>
    stored.has(each.key.toString('hex')) || firsts.get(each.key.toString('hex')) !== each
  return new Set(keys.filter(isTaken).map(({ position }) => position))
}

function firstsOf(keys: ReplayKey[]): Map<string, ReplayKey> {
  const firsts = new Map<string, ReplayKey>()
  for (const each of keys) {
    const name = each.key.toString('hex')
    if (!firsts.has(name)) firsts.set(name, each)
  }
  return firsts
}

async function write(connection: Client, placement: Placement): Promise<void> {
  const { records, documents, bodyFiles, head } = placement
  await insert(connection, 'record (idx, leaf, form, signature_id, content)', 5, records, (row) => [
    row.idx,
    row.leaf,
    row.form,
    row.signatureId,
    row.content,
  ])
  await insert(connection, 'record_key (idx, seed)', 2, records, (row) => [row.idx, row.seed])
  await insert(connection, 'signature_document (id, digest, base, document)', 4, documents, (row) => [
    row.id,
    row.digest,
    row.base,
    row.document,
  ])
  await insert(connection, 'body_file (name, idx)', 2, bodyFiles, (row) => [row.name, row.idx])
  for (const { text, values } of placement.statements) await connection.query(numbered(text), values)
  await connection.query('update tree_head set size = $1, peaks = $2 where id = 1', [
    head.size,
    encodePeaks(head.peaks),
  ])
}

/**
 * Call under the lock of the head. Another node may have deleted a segment between the sync of what is in it
 * and this commit, if this node stood still meanwhile.
 */
async function refuseGivenUp(connection: Client, bodyFiles: Placement['bodyFiles']): Promise<void> {
  const segments = new Set(bodyFiles.flatMap(({ name }) => placeOf(name)?.segment ?? []))
  if (segments.size === 0) return
  const { rows } = await connection.query({
    name: 'given up',
    text: 'select name from mark where name = any($1) limit 1',
    values: [[...segments].map((segment) => `${GIVEN_UP}${segment}`)],
  })
  if (rows.length > 0) throw new Fault('logging_failed', { what: SEGMENT_GONE })
}

/**
 * Deletes pieces whose record was refused. Bodies that were written before are no longer under way. One that
 * was given up meanwhile fails the commit, for its pieces are going; so does one that is not whole, for the
 * database was set back while it arrived.
 */
async function settlePieces(
  connection: Client,
  bodyFiles: Placement['bodyFiles'],
  pieces: PieceRow[],
): Promise<void> {
  const own = new Set(pieces.map(({ name }) => name))
  const kept = bodyFiles.filter(({ name }) => isInPieces(name))
  const names = new Set(kept.map(({ name }) => name))
  const refused = [...own].filter((name) => !names.has(name))
  const before = kept.filter(({ name }) => !own.has(name))
  if (refused.length > 0) await connection.query('delete from body_piece where name = any($1)', [refused])
  if (before.length === 0) return
  const { rowCount } = await connection.query(
    `delete from body_under_way where given_up = 0
      and (name, size) in (select * from unnest($1::text[], $2::bigint[]))`,
    [before.map(({ name }) => name), before.map(({ size }) => sealedSize(size))],
  )
  if (rowCount !== before.length)
    throw new Fault('logging_failed', {
      what: 'a body in the database was given up or is not whole: the database was set back, or took too long',
    })
}

async function insert<T>(
  connection: Client,
  target: string,
  columns: number,
  rows: T[],
  values: (row: T) => Value[],
): Promise<void> {
  for (const part of parts(rows)) {
    await connection.query(
      `insert into ${target} values ${places(part.length, columns)}`,
      part.flatMap(values),
    )
  }
}

/** PostgreSQL accepts at most 65,535 parameters per statement. */
function parts<T>(rows: T[]): T[][] {
  const count = Math.ceil(rows.length / ROWS)
  return Array.from({ length: count }, (_, i) => rows.slice(i * ROWS, (i + 1) * ROWS))
}

function places(rows: number, columns: number): string {
  let at = 0
  const row = () => `(${Array.from({ length: columns }, () => `$${++at}`).join(', ')})`
  return Array.from({ length: rows }, row).join(', ')
}

function numbered(text: string): string {
  let at = 0
  return text.replace(/\?/g, () => `$${++at}`)
}
