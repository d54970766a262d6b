/** Whatever is changed in a stored log is named: every bit, and rows that are deleted, swapped, cut off or put in. */
import { hash, randomInt } from 'node:crypto'
import path from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import t from 'tap'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import { applyDelta } from './document-delta.ts'
import { readLogKeys } from './keys/log-keys.ts'
import { encodePeaks } from './records/hot-store.ts'
import { deriveRecordKey, logKeyIdOf, openContent } from './seal.ts'
import { buildLog, RECORDS, tampered, verify } from './tamper-fixture.ts'
import { openLogSource } from './verify/open-source.ts'
import { verifyLog } from './verify/verify-log.ts'

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3]! ^= 1 << (bit & 7)
}

/** Calls `isSeen` with every bit of `bytes` flipped in turn; returns how many flips nobody saw. */
function unseenFlips(bytes: Buffer, isSeen: (changed: Buffer) => boolean): number {
  const copy = Buffer.from(bytes)
  let unseen = 0
  for (let bit = 0; bit < 8 * copy.length; bit++) {
    flip(copy, bit)
    if (!isSeen(copy)) unseen++
    flip(copy, bit)
  }
  return unseen
}

function throws(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch {
    return true
  }
}

const world = await buildLog(t)

t.test('the log as it was written holds', async (t) => {
  const report = await verify(world)
  t.same(report.problems, [])
  t.match(report, {
    ok: true,
    erased: 1,
    sealed: 0,
    unstamped: 0,
    origin: 'DEV/GOV/1234/ss1',
    checkpoints: 5,
  })
  t.ok(report.timeStamps >= 3)
  const blind = await openLogSource({ databaseUrl: `sqlite:${world.file}` })
  const sealed = await verifyLog(blind.source)
  await blind.close()
  t.ok(sealed.ok, 'without keys everything but the contents is checked')
  t.equal(sealed.sealed, sealed.records - 1)
})

t.test('every bit of 100 records, their keys, signatures and proofs is covered by a digest', async (t) => {
  const database = new DatabaseSync(world.file, { readOnly: true })
  const keys = readLogKeys(path.join(world.folder, 'keys'))
  const { byId } = keys
  const rows = database
    .prepare(
      'select r.idx, r.leaf, r.form, r.content, k.seed from record r join record_key k on k.idx = r.idx where form like \'%"direction":"in"%\' order by r.idx limit ?',
    )
    .all(RECORDS)
  t.equal(rows.length, RECORDS)
  // A million faults are thrown here; nobody looks at where.
  Error.stackTraceLimit = 0
  t.teardown(() => {
    Error.stackTraceLimit = 10
  })
  let flips = 0
  let unseen = 0
  const count = (bytes: Buffer, isSeen: (changed: Buffer) => boolean): void => {
    flips += 8 * bytes.length
    unseen += unseenFlips(bytes, isSeen)
  }
  for (const row of rows) {
    const [leaf, form] = [Buffer.from(row['leaf'] as Uint8Array), Buffer.from(row['form'] as string)]
    const content = Buffer.from(row['content'] as Uint8Array)
    const seed = Buffer.from(row['seed'] as Uint8Array)
    const logKey = byId.get(logKeyIdOf(seed).toString('hex'))!.key
    const { dataKey } = deriveRecordKey(logKey, seed)
    count(leaf, (changed) => !leafHash(form).equals(changed))
    count(form, (changed) => !leafHash(changed).equals(leaf))
    count(content, (changed) => throws(() => openContent(dataKey, changed)))
    // The first eight octets name the key: a changed name is one that never was.
    count(seed.subarray(0, 8), (changed) => !byId.has(changed.toString('hex')))
    // Every other octet makes the key, without which the content does not open.
    count(seed.subarray(8), (changed) => {
      const other = deriveRecordKey(logKey, Buffer.concat([seed.subarray(0, 8), changed]))
      return throws(() => openContent(other.dataKey, content))
    })
  }
  const documents = database.prepare('select id, digest, base, document from signature_document').all()
  const whole = new Map(documents.map((row) => [row['id'], Buffer.from(row['document'] as Uint8Array)]))
  for (const row of documents.slice(0, RECORDS / 4)) {
    const digest = Buffer.from(row['digest'] as Uint8Array)
    const base = row['base'] === null ? undefined : whole.get(row['base'])
    const restored = (stored: Buffer) => (base === undefined ? stored : applyDelta(base, stored))
    count(whole.get(row['id'])!, (changed) =>
      throws(() => {
        if (hash('sha512', restored(changed), 'buffer').equals(digest)) return
        throw new Error('another document')
      }),
    )
    count(digest, (changed) => !changed.equals(hash('sha512', restored(whole.get(row['id'])!), 'buffer')))
  }
  for (const { checkpoint, index, form, path: proof } of world.proofs) {
    const { size, root } = parseCheckpoint(checkpoint)
    const leaf = leafHash(Buffer.from(form))
    for (const [at, node] of proof.entries()) {
      count(node, (changed) =>
        throws(() =>
          verifyInclusion({ size, index, leaf, root, proof: proof.with(at, Buffer.from(changed)) }),
        ),
      )
    }
  }
  database.close()
  t.equal(unseen, 0, `${flips} flips`)
  t.ok(flips > 1_000_000, `${flips} flips`)
})

/** Columns that are evidence; `index` is the expression for the record that is to be named. */
const COLUMNS: [table: string, column: string, index: string][] = [
  ['record', 'idx', 'idx'],
  ['record', 'leaf', 'idx'],
  ['record', 'form', 'idx'],
  ['record', 'signature_id', 'idx'],
  ['record', 'content', 'idx'],
  ['record_key', 'seed', 'idx'],
  ['signature_document', 'id', 'id'],
  ['signature_document', 'digest', 'id'],
  ['signature_document', 'base', 'id'],
  ['signature_document', 'document', 'id'],
  ['time_stamp', 'first_id', 'idx'],
  ['time_stamp', 'last_id', 'idx'],
  ['time_stamp', 'idx', 'idx'],
  ['time_stamp', 'time', 'idx'],
  ['time_stamp', 'digests', 'idx'],
  ['time_stamp', 'hash_chain_result', 'idx'],
  ['time_stamp', 'token', 'idx'],
  ['time_stamp', 'evidence', 'idx'],
  ['checkpoint', 'size', 'size - 1'],
  ['checkpoint', 'root', 'size - 1'],
  ['checkpoint', 'note', 'size - 1'],
  ['tree_head', 'size', 'size'],
  ['tree_head', 'peaks', 'size'],
  ['tile', 'hashes', '255'],
  ['erasure', 'idx', 'idx'],
  ['erasure', 'erasure_idx', 'idx'],
  ['erasure', 'time', 'erasure_idx'],
  ['log_key', 'id', 'idx'],
  ['log_key', 'idx', 'idx'],
  ['log_key', 'time', 'idx'],
  ['log_key', 'checkpoint_key', 'idx'],
]
const KEYS: ReadonlySet<string> = new Set(['idx', 'id', 'size', 'first_id', 'last_id'])
const TRIES = 1

t.test('a bit flipped in any column is found by the whole verification', async (t) => {
  for (const [table, column, index] of COLUMNS) {
    for (let n = 0; n < TRIES; n++) {
      let where = -1
      let bit = 0
      const report = await tampered(world, (database) => {
        const rows = database
          .prepare(
            `select rowid as id, ${index} as place, ${column} as value from ${table} where ${column} is not null`,
          )
          .all()
        const row = rows[randomInt(rows.length)]!
        where = row['place'] as number
        const { changed, at } = flipped(row['value']!, KEYS.has(column))
        bit = at
        const value = typeof row['value'] === 'string' ? 'cast(? as text)' : '?'
        database.prepare(`update ${table} set ${column} = ${value} where rowid = ?`).run(changed, row['id']!)
      })
      const what = `${table}.${column} at ${where}, bit ${bit}: ${report.problems[0]?.index} ${report.problems[0]?.what}`
      t.notOk(report.ok, what)
      // A tile that still grows is looked at in the end.
      if (!KEYS.has(column) && table !== 'tile') {
        t.ok(
          report.problems.some((problem) => problem.index === where),
          `${what} is named`,
        )
      }
    }
  }
})

function flipped(value: SQLInputValue, isKey: boolean): { changed: SQLInputValue; at: number } {
  if (typeof value === 'number') {
    // A key that another row has cannot be taken; a high bit moves the row away.
    const at = isKey ? 20 + randomInt(4) : randomInt(6)
    return { changed: value ^ (1 << at), at }
  }
  const bytes = Buffer.from(value as string | Uint8Array as Uint8Array)
  const at = randomInt(8 * bytes.length)
  flip(bytes, at)
  return { changed: bytes, at }
}

/** The head that an insider would write so that it fits the rows. */
function rewriteHead(database: DatabaseSync): void {
  const range = createCompactRange()
  for (const row of database.prepare('select leaf from record order by idx').all()) {
    range.append(Buffer.from(row['leaf'] as Uint8Array))
  }
  database.prepare('update tree_head set size = ?, peaks = ?').run(range.size, encodePeaks(range.peaks))
}

t.test('rows deleted, swapped, cut off, put in', async (t) => {
  const gone = await tampered(world, (database) => {
    database.exec('delete from record where idx = 42; delete from record_key where idx = 42')
  })
  t.equal(gone.problems[0]?.index, 42)

  const closedUp = await tampered(world, (database) => {
    for (const table of ['record', 'record_key']) {
      database.exec(`delete from ${table} where idx = 42; update ${table} set idx = -idx + 1 where idx > 42;
        update ${table} set idx = -idx where idx < 0`)
    }
    rewriteHead(database)
  })
  t.notOk(closedUp.ok, 'renumbered behind the gap')

  for (const columns of [['leaf', 'form', 'content', 'signature_id'], ['leaf', 'form'], ['content']]) {
    const swapped = await tampered(world, (database) => {
      const list = columns.join(', ')
      const [a, b] = [11, 13].map(
        (idx) => database.prepare(`select ${list} from record where idx = ?`).get(idx)!,
      )
      const update = database.prepare(
        `update record set ${columns.map((c) => `${c} = ?`).join(', ')} where idx = ?`,
      )
      update.run(...columns.map((c) => b![c]!), 11)
      update.run(...columns.map((c) => a![c]!), 13)
      rewriteHead(database)
    })
    t.ok(
      swapped.problems.some(({ index }) => index === 11),
      `${columns.join()} swapped`,
    )
  }

  for (const count of [1, 10, 100]) {
    const cut = await tampered(world, (database) => {
      const { size } = database.prepare('select size from tree_head').get() as { size: number }
      const end = size - count
      database.exec(`delete from record where idx >= ${end}; delete from record_key where idx >= ${end};
        delete from signature_document where id >= ${end}; delete from time_stamp where idx >= ${end}`)
      rewriteHead(database)
    })
    t.match(cut.problems.at(-1)?.what, /of a longer one/, `${count} cut off, the newest checkpoint left`)
  }

  const forged = await tampered(world, (database) => {
    const { size } = database.prepare('select size from tree_head').get() as { size: number }
    const row = database.prepare('select * from record where idx = 3').get()!
    database
      .prepare('insert into record (idx, leaf, form, signature_id, content) values (?, ?, ?, null, ?)')
      .run(size, row['leaf']!, row['form']!, row['content']!)
    rewriteHead(database)
  })
  t.equal(forged.problems[0]?.index, (await verify(world)).records)

  const noStamp = await tampered(world, (database) =>
    database.exec('delete from time_stamp where rowid = (select min(rowid) from time_stamp)'),
  )
  t.notOk(noStamp.ok, 'a time-stamp taken out')
  const noReason = await tampered(world, (database) => database.exec('delete from erasure'))
  t.notOk(noReason.ok, 'an erasure that nothing explains')
  const noKey = await tampered(world, (database) => database.exec('delete from record_key where idx = 20'))
  t.equal(noKey.problems[0]?.index, 20)
})

t.test('a checkpoint that others kept shows a cut, a restored backup and another history', async (t) => {
  const kept = { ...world.trust, checkpoints: [world.checkpoints.at(-1)!] }
  t.ok((await verify(world, world.file, kept)).ok)
  const { size } = parseCheckpoint(world.checkpoints[2]!)
  const restored = await tampered(
    world,
    (database) => {
      database.exec(`delete from record where idx >= ${size}; delete from record_key where idx >= ${size};
        delete from signature_document where id >= ${size}; delete from time_stamp where idx >= ${size};
        delete from checkpoint where size > ${size}; delete from tile; delete from erasure where erasure_idx >= ${size}`)
      // The backup had the key that was destroyed later.
      database.exec(`insert or ignore into record_key select idx, zeroblob(100) from record where idx = -1`)
      rewriteHead(database)
    },
    kept,
  )
  t.match(restored.problems.at(-1)?.what, /a checkpoint speaks of/)

  const other = await buildLog(t)
  const replaced = await verify(other, other.file, { ...other.trust, checkpoints: kept.checkpoints })
  t.notOk(replaced.ok)
  t.match(replaced.problems[0]?.what, /not the one that was signed|without the signature/)
})

t.test('a body file that is changed, cut or gone', async (t) => {
  const other = await buildLog(t)
  const { readdirSync, readFileSync, writeFileSync, rmSync } = await import('node:fs')
  const file = readdirSync(path.join(other.folder, 'bodies'), { recursive: true, withFileTypes: true }).find(
    (entry) => entry.isFile(),
  )!
  const place = path.join(file.parentPath, file.name)
  const bytes = readFileSync(place)
  const changes: [string, () => void][] = [
    ['a bit', () => writeFileSync(place, Buffer.from(bytes).fill(bytes[100]! ^ 1, 100, 101))],
    ['the last chunk', () => writeFileSync(place, bytes.subarray(0, 16 + 65_552))],
    ['the end', () => writeFileSync(place, bytes.subarray(0, -1))],
    ['more at the end', () => writeFileSync(place, Buffer.concat([bytes, Buffer.alloc(20)]))],
    ['all of it', () => rmSync(place)],
  ]
  for (const [what, change] of changes) {
    change()
    const report = await verify(other)
    t.equal(report.problems.length, 1, what)
    writeFileSync(place, bytes)
  }
  t.ok((await verify(other)).ok)
})
