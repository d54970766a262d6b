/**
 * Any change in a stored log is detected: every bit, truncation, a restored database, a body file. Rows:
 * tamper-rows.test.ts.
 */
import { hash } from 'node:crypto'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import t from 'tap'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import { applyDelta } from '../formats/document-delta.ts'
import { deriveRecordKey, logKeyIdOf, openContent } from '../formats/seal.ts'
import { readLogKeys } from '../keys/log-keys.ts'
import { buildLog, rewriteHead, tampered, verify } from './tamper-fixture.ts'

/** So many records hold every kind that the fixture makes. */
const RECORDS = 30

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3]! ^= 1 << (bit & 7)
}

/** Calls `isSeen` with every bit of `bytes` flipped in turn; returns how many flips were not detected. */
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

t.test(
  `every bit of ${RECORDS} records, their keys, signatures and proofs is covered by a digest`,
  async (t) => {
    const database = new DatabaseSync(world.file, { readOnly: true })
    const keys = readLogKeys(path.join(world.folder, 'keys'))
    const { byId } = keys
    const rows = database
      .prepare(
        'select r.idx, r.leaf, r.form, r.content, k.seed from record r join record_key k on k.idx = r.idx where form like \'%"direction":"in"%\' order by r.idx limit ?',
      )
      .all(RECORDS)
    t.equal(rows.length, RECORDS)
    // Hundreds of thousands of faults are thrown here; their stack traces are not needed.
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
      // The first eight bytes are the id of the key: an altered id is unknown.
      count(seed.subarray(0, 8), (changed) => !byId.has(changed.toString('hex')))
      // All other bytes determine the key, without which the content does not open.
      count(seed.subarray(8), (changed) => {
        const other = deriveRecordKey(logKey, Buffer.concat([seed.subarray(0, 8), changed]))
        return throws(() => openContent(other.dataKey, content))
      })
    }
    const documents = database.prepare('select id, digest, base, document from signature_document').all()
    const whole = new Map(documents.map((row) => [row['id'], Buffer.from(row['document'] as Uint8Array)]))
    for (const row of documents.slice(0, RECORDS / 3)) {
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
    for (const { checkpoint, index, form, path: proof } of world.proofs.slice(0, RECORDS)) {
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
    t.ok(flips > 300_000, `${flips} flips`)
  },
)

t.test('a checkpoint that others kept shows a cut, a restored backup and another history', async (t) => {
  const kept = { ...world.trust, checkpoints: [world.checkpoints.at(-1)!] }
  t.ok((await verify(world, world.url, kept)).ok)
  const { size } = parseCheckpoint(world.checkpoints[2]!)
  const restored = await tampered(
    world,
    async (insider) => {
      for (const act of [
        `delete from record where idx >= ${size}`,
        `delete from record_key where idx >= ${size}`,
        `delete from signature_document where id >= ${size}`,
        `delete from time_stamp where idx >= ${size}`,
        `delete from checkpoint where size > ${size}`,
        'delete from tile',
        `delete from erasure where erasure_idx >= ${size}`,
      ])
        await sql.raw(act).execute(insider)
      await rewriteHead(insider)
    },
    kept,
  )
  t.match(restored.problems.at(-1)?.what, /a checkpoint speaks of/)

  const other = await buildLog(t)
  const replaced = await verify(other, other.url, { ...other.trust, checkpoints: kept.checkpoints })
  t.notOk(replaced.ok)
  t.match(replaced.problems[0]?.what, /not the one that was signed|without the signature/)
})

t.test('a body file that is changed, cut or gone', async (t) => {
  const { readdirSync, readFileSync, rmSync, statSync, writeFileSync } = await import('node:fs')
  const files = readdirSync(path.join(world.folder, 'bodies'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
  const [own, ...shared] = files.sort((a, b) => statSync(b).size - statSync(a).size)
  t.equal(shared.length, 1)
  for (const place of [own!, shared[0]!]) {
    const bytes = readFileSync(place)
    const changes: [string, () => void, number][] = [
      ['a bit', () => writeFileSync(place, Buffer.from(bytes).fill(bytes[100]! ^ 1, 100, 101)), 1],
      ['the last chunk', () => writeFileSync(place, bytes.subarray(0, 16 + 65_552)), 1],
      ['the end', () => writeFileSync(place, bytes.subarray(0, -1)), 1],
      // What stands behind the last body of a shared file is of no record: a crash may leave it.
      [
        'more at the end',
        () => writeFileSync(place, Buffer.concat([bytes, Buffer.alloc(20)])),
        place === own ? 1 : 0,
      ],
      ['all of it', () => rmSync(place), 1],
    ]
    for (const [what, change, problems] of changes) {
      change()
      const report = await verify(world)
      t.equal(report.problems.length, problems, `${what} of ${path.basename(place)}`)
      writeFileSync(place, bytes)
    }
  }
  t.ok((await verify(world)).ok)
})
