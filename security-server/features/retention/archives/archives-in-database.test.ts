/**
 * Archives in the log's database, of two nodes that have no folder in common: one makes them, the other
 * serves them. The maker is killed between two pieces; pieces are altered; archives of before lie in a
 * folder.
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { judgeArchive } from '#core/archive/judge-archive.ts'
import { readArchive } from '#core/archive/read-archive.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { newClusterKey, sealBy } from '#platform/shared-files/cluster-key.ts'
import { keyOf } from '#platform/shared-files/seal-file.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import {
  endAllDue,
  logFolder,
  logOptions,
  openTestLog,
  signedRecord,
  signer,
  spoolBody,
  type TestLog,
  type TestLogOptions,
} from '../../../message-log/fixture.ts'
import type { StoredArchive } from '../retention.ts'
import { inDatabase, requestOf } from './archives-fixture.ts'
import { createArchiveStore } from './store.ts'

type Rows = {
  stored_file: { id: string; state: string; maker: string; size: number }
  stored_file_piece: { file: string; start: number; sealed: Buffer }
}

const DAY = 24 * 60 * 60 * 1000
const KEY = newClusterKey()
const CONTAINERS = {
  name: 'default',
  keepDays: 30,
  atEnd: 'PROOF_KEPT',
  archive: 'CONTAINERS',
  applyToExisting: true,
} as const

if (hasPostgresql()) await suite(t, await (await postgresql()).freshDatabase())
else skipFor(t, 'PostgreSQL is not installed')

async function suite(t: Test, url: string): Promise<void> {
  const { stamp, memberSigner } = await signer()
  const folder = logFolder(t)
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  const tables = tablesOf<Rows>(database)
  const living = new Set<string>()
  const left = new Set<string>()
  /** Of two nodes; the keys of the log travel by other ways. */
  const optionsOf = (node: string, more: Partial<TestLogOptions>): TestLogOptions => {
    const bodyFolder = path.join(folder, `${node}-bodies`)
    mkdirSync(bodyFolder, { recursive: true })
    const archives = { directory: path.join(folder, `${node}-archives`), maxBytes: 32 * 1024 * 1024 }
    return {
      ...logOptions(folder, url),
      ...{ stamp, signer: memberSigner, node, bodyFolder, archives },
      ...more,
    }
  }
  /** Old requests, whose bodies are large enough for several pieces and small enough for a row. */
  const fill = async (log: TestLog, count: number): Promise<number[]> => {
    const indexes: number[] = []
    for (let n = 0; n < count; n++) {
      const body = await spoolBody(log, randomBytes(60_000))
      indexes.push(
        (
          await log.append(
            await signedRecord({ time: new Date(Date.now() - 40 * DAY), body, ...requestOf() }),
          )
        ).index,
      )
    }
    return indexes
  }
  const erasedOf = async (log: TestLog, indexes: number[]): Promise<number[]> => {
    const records = await Promise.all(indexes.map((index) => log.read(index)))
    return records.flatMap(({ erased, index }) => (erased === undefined ? [] : [index]))
  }
  const bytesOf = async (log: TestLog, archive: StoredArchive): Promise<Buffer> =>
    buffer(await log.retention.archiveFile(archive))

  const before = await openTestLog(t, optionsOf('node1', {}))
  const old = await fill(before, 2)
  await before.retention.putClass(CONTAINERS)
  await endAllDue(before)
  await before.close()
  // It may wait at a gate for longer than a statement otherwise may.
  const patient = { databaseUrl: `${url}&statementMs=100000` }
  const one = await openTestLog(t, optionsOf('node1', { ...inDatabase(KEY, 'one', living), ...patient }))
  const two = await openTestLog(t, optionsOf('node2', inDatabase(KEY, 'two', living, left)))

  await t.test('one node makes them, the other serves them, in one chain with those of before', async (t) => {
    const indexes = await fill(one, 12)
    await endAllDue(one)
    t.same(await erasedOf(one, [...old, ...indexes]), [...old, ...indexes])
    const [made, first, ...others] = await two.retention.archives({ limit: 9 })
    t.same(others, [])
    t.match(made, { node: 'node1', records: indexes, complete: true })
    t.match(first, { records: old, stored: null })
    const bytes = await bytesOf(two, made!)
    t.ok(createHash('sha256').update(bytes).digest().equals(made!.sha256))
    t.equal(bytes.length, made!.size)
    const verdict = await judgeArchive({
      ...{ archive: await readArchive(bytes), previousDigest: first!.linkingDigest },
      ...{ configuration: new Map(), now: new Date() },
    })
    t.match(verdict, {
      linking: { lastDigest: made!.linkingDigest },
      proved: { info: { previous: { file: first!.file } } },
    })
    t.notOk(verdict.proved?.records.some((record) => record.verdict === 'TOTAL-FAILED'))
    t.notOk(existsSync(path.join(folder, 'node2-archives')))
    t.ok((await bytesOf(one, first!)).length > 0, 'the file of before is read where it is')
    await t.rejects(bytesOf(two, first!), { code: 'not_found', message: /node1/ })
  })

  await t.test('killed between two pieces: nothing is erased, and another node makes it anew', async (t) => {
    const indexes = await fill(one, 12)
    const gate = await gateAt(url, {
      table: 'stored_file_piece',
      before: `new.start = 262144 and (select maker from stored_file where id = new.file) = 'child'`,
    })
    const script = path.join(import.meta.dirname, '../fault-child.ts')
    const child = spawn(process.execPath, [script, folder, url, path.join(folder, 'child'), '', KEY], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const half = () =>
      tables.selectFrom('stored_file').selectAll().where('maker', '=', 'child').executeTakeFirst()
    await until('a piece of an archive', async (saw) => saw(Number((await half())?.size)) === 262_144)
    t.same(await erasedOf(two, indexes), [], 'nothing is erased for half an archive')
    const archives = await two.retention.archives({ limit: 9 })
    t.equal(archives.length, 2)
    living.add('child')
    const lift = await hold(two, indexes)
    await two.retention.run()
    t.equal((await half())?.state, 'begun', 'it is left to who writes it and lives')
    child.kill('SIGKILL')
    await ended
    await gate.open()
    living.delete('child')
    await lift()
    await endAllDue(two)
    t.equal(await half(), undefined, 'what was left is gone')
    t.same(await erasedOf(one, indexes), indexes)
    const [made, ...others] = await one.retention.archives({ limit: 9 })
    t.same(others, archives)
    t.match(made, { node: 'node2', records: indexes })
    t.equal((await bytesOf(one, made!)).length, made!.size)
    const files = await tables.selectFrom('stored_file').select('state').execute()
    t.same(files, [{ state: 'complete' }, { state: 'complete' }])
  })

  await t.test('a maker that was given up is told, and erases nothing', async (t) => {
    const indexes = await fill(one, 12)
    const gate = await gateAt(url, { table: 'archive', before: `new.node = 'node1'` })
    const making = one.retention.run()
    const refused = t.rejects(making, { code: 'conflict' })
    await until('a statement that waits', async (saw) => saw(await gate.waits()))
    // The other node has not heard of this one for long; the hold keeps it from making the archive itself.
    const lift = await hold(two, indexes)
    await gate.open(() => two.retention.run())
    await refused
    t.same(await erasedOf(two, indexes), [])
    await lift()
    await endAllDue(one)
    t.same(await erasedOf(two, indexes), indexes)
  })

  await t.test('a piece that is altered or missing is told; the others are served', async (t) => {
    const [newest, older] = await two.retention.archives({ limit: 2 })
    const piece = () => tables.selectFrom('stored_file_piece').where('file', '=', newest!.stored)
    const { sealed } = await piece().select('sealed').where('start', '=', 262_144).executeTakeFirstOrThrow()
    sealed[5000]! ^= 4
    const damage = tables.updateTable('stored_file_piece').set({ sealed })
    await damage.where('file', '=', newest!.stored).where('start', '=', 262_144).execute()
    await t.rejects(bytesOf(one, newest!), {
      code: 'stored_file_damaged',
      message: /at octet 262144 was altered/,
    })
    await tables
      .deleteFrom('stored_file_piece')
      .where('file', '=', newest!.stored)
      .where('start', '=', 0)
      .execute()
    await t.rejects(bytesOf(two, newest!), { code: 'stored_file_damaged', message: /nothing is there/ })
    t.equal((await bytesOf(two, older!)).length, older!.size)
    const other = { ...older!, sha256: newest!.sha256 }
    await t.rejects(bytesOf(two, other), { code: 'stored_file_damaged' }, 'the digest is that of the archive')
  })

  await t.test('what a node that is gone for good began in a folder stops its class no more', async (t) => {
    const store = createArchiveStore(database)
    const bytes = Buffer.from('an archive')
    const sha256 = createHash('sha256').update(bytes).digest()
    const begin = async (file: string, node = 'node3') => {
      const records = await fill(one, 2)
      const [last] = await two.retention.archives({ limit: 1 })
      const facts = { ...last!, ...{ stored: null, containers: 0, node, sha256, records, file } }
      return { records, id: await store.begin({ ...facts, follows: last!.file }) }
    }
    const lost = await begin('lost.zip')
    await two.retention.run()
    t.same(await erasedOf(two, lost.records), [], 'a node that may come back completes it itself')
    left.add('node3')
    await two.retention.run()
    const late = store.finish(lost.id, lost.records)
    await t.rejects(late, { code: 'conflict' }, 'whose archive was abandoned ends no contents')
    await endAllDue(two)
    t.same(await erasedOf(one, lost.records), lost.records)
    const [anew] = await one.retention.archives({ limit: 1 })
    t.match(anew, { node: 'node2', complete: true, records: lost.records })

    const shared = path.join(folder, 'node2-archives')
    mkdirSync(shared, { recursive: true })
    for (const name of ['tmp-mlog-node3.part', 'named.zip']) {
      const found = await begin(name === 'named.zip' ? name : 'synced.zip')
      writeFileSync(path.join(shared, name), bytes)
      await endAllDue(two)
      t.same(await erasedOf(one, found.records), found.records)
      const [completed] = await two.retention.archives({ limit: 1 })
      t.match(completed, { id: found.id, node: 'node3', complete: true })
      t.same(await bytesOf(two, completed!), bytes)
      t.equal(await store.finish(found.id, found.records), undefined, 'a maker that comes late keeps it')
    }
    t.same(readdirSync(shared).sort(), ['named.zip', 'synced.zip'])

    const own = path.join(folder, 'node4-archives')
    mkdirSync(own, { recursive: true })
    writeFileSync(path.join(own, 'tmp-mlog-older-name.part'), bytes)
    mkdirSync(path.join(folder, 'node4-bodies/incoming/older-name'), { recursive: true })
    const { records } = await begin('renamed.zip', 'older-name')
    await two.retention.run()
    t.same(await erasedOf(one, records), [], 'who has another name of its own does not know it')
    const renamed = await openTestLog(t, optionsOf('node4', { formerNodes: ['older-name'] }))
    await endAllDue(renamed)
    t.same(await erasedOf(one, records), records, 'the node that had the name before goes on')
    t.same(readdirSync(own), ['renamed.zip'])
  })

  await t.test('the thread that makes them seals by the line by which its process does', async (t) => {
    const own = inDatabase(`${KEY}\n${newClusterKey()}`, 'five')
    const log = await openTestLog(t, optionsOf('node5', own))
    const { keys } = own.sealing!
    for (const [line, { id }] of keys.lines.entries()) {
      sealBy(keys, line)
      await fill(log, 12)
      await endAllDue(log)
      const [{ stored } = {}] = await log.retention.archives({ limit: 1 })
      const pieces = await tables
        .selectFrom('stored_file_piece')
        .selectAll()
        .where('file', '=', stored!)
        .execute()
      t.ok(pieces.length > 1)
      t.same([...new Set(pieces.map(({ sealed }) => keyOf(sealed)))], [id])
    }
  })
}

/** Keeps nodes from making an archive of these. The returned function ends that. */
async function hold({ retention }: TestLog, indexes: number[]): Promise<() => Promise<unknown>> {
  const { id } = await retention.setHold({
    caseNumber: '1',
    reason: 'wait',
    setBy: 'Ada',
    scope: { indexes },
  })
  return () => retention.liftHold({ id, liftedBy: 'Ada', reason: 'done' })
}

type Gate = { waits(): Promise<boolean>; open(meanwhile?: () => Promise<unknown>): Promise<void> }

/** Stops whoever is about to insert a row of which `before` is true. */
async function gateAt(url: string, { table, before }: { table: string; before: string }): Promise<Gate> {
  const gate = await openDatabase(url)
  const run = (text: string) => sql.raw(text).execute(gate.kysely)
  await run(`create or replace function stop() returns trigger language plpgsql as $$
    begin
      if ${before} then perform pg_advisory_xact_lock(77); end if;
      return new;
    end $$`)
  await run(`create trigger stop before insert on ${table} for each row execute function stop()`)
  const [shut, opening] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const held = gate.kysely.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(77)`.execute(transaction)
    shut.resolve()
    await opening.promise
  })
  await shut.promise
  return {
    async waits() {
      const { rows } =
        await sql`select 1 from pg_locks where locktype = 'advisory' and objid = 77 and not granted`.execute(
          gate.kysely,
        )
      return rows.length > 0
    },
    async open(meanwhile = async () => undefined) {
      await meanwhile()
      opening.resolve()
      await held
      await run(`drop trigger stop on ${table}`)
      await gate.close()
    },
  }
}
