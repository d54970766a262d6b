/**
 * Any change in the rows of a stored log is reported, on both stores: bits in each column, rows deleted,
 * swapped, cut off, inserted.
 */
import { randomInt } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { buildLog, rewriteHead, tampered, verify } from './tamper-fixture.ts'

/** Columns that are evidence; `index` is the expression for the record that must be reported. */
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
  ['search', 'idx', 'idx'],
]
/** Changed all at once, each in a row of its own, so that no change affects another record. */
const SEARCHED = [
  ...['time', 'kind', 'direction', 'query_id', 'client', 'service', 'secrecy'],
  ...['user_hash', 'party_hash'],
]
const KEYS: ReadonlySet<string> = new Set(['idx', 'id', 'size', 'first_id', 'last_id'])

t.test('a changed row', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await database.close()
    const world = await buildLog(t, url)
    // Identifies a row, whatever its key.
    const rowId = database.dialect === 'sqlite' ? 'rowid' : 'concat(tableoid, ctid)'

    /** Flips a bit of one row in the insider's copy; returns where. */
    const flip = async (
      insider: Kysely<unknown>,
      [table, column, index]: (typeof COLUMNS)[number],
      taken: number[] = [],
    ): Promise<{ where: number; bit: number }> => {
      const { rows } = await sql
        .raw<Row>(
          `select ${rowId} as id, ${index} as place, ${column} as value from ${table} where ${column} is not null`,
        )
        .execute(insider)
      const free = rows.filter(({ place }) => !taken.includes(Number(place)))
      const row = free[randomInt(free.length)]!
      const { changed, at } = flipped(row.value, KEYS.has(column))
      const [of, to] = [sql.raw(`${table} set ${column} =`), sql.raw(`where ${rowId} =`)]
      await sql`update ${of} ${changed} ${to} ${row.id}`.execute(insider)
      return { where: Number(row.place), bit: at }
    }

    await t.test('a bit flipped in any column is found by the whole verification', async (t) => {
      for (const one of COLUMNS) {
        const [table, column] = one
        let flippedAt = { where: -1, bit: 0 }
        const report = await tampered(world, async (insider) => {
          // Nothing opens the content of an erased record any more.
          flippedAt = await flip(insider, one, column === 'content' ? world.erased : [])
        })
        const { where, bit } = flippedAt
        const what = `${table}.${column} at ${where}, bit ${bit}: ${report.problems[0]?.index} ${report.problems[0]?.what}`
        t.notOk(report.ok, what)
        // A tile that still grows is checked at the end.
        if (!KEYS.has(column) && table !== 'tile')
          t.ok(
            report.problems.some((problem) => problem.index === where),
            `${what} is named`,
          )
      }
      const places: number[] = []
      const report = await tampered(world, async (insider) => {
        for (const column of SEARCHED)
          places.push((await flip(insider, ['search', column, 'idx'], places)).where)
      })
      t.same(
        report.problems.map(({ index }) => index),
        places.toSorted((a, b) => a - b),
        `${SEARCHED.join()} of the search index, and nothing else`,
      )
    })

    const size = (await verify(world)).records
    /** Verifies after these statements and with a head that fits the rows. */
    const after = (...acts: string[]) =>
      tampered(world, async (insider) => {
        for (const act of acts) await sql.raw(act).execute(insider)
        await rewriteHead(insider)
      })
    const renumbered = ['record', 'record_key'].flatMap((table) => moveDown(table))

    await t.test('rows deleted, swapped, cut off, put in', async (t) => {
      const gone = await tampered(world, async (insider) => {
        for (const table of ['record', 'record_key'])
          await sql.raw(`delete from ${table} where idx = 42`).execute(insider)
      })
      t.equal(gone.problems[0]?.index, 42)
      t.notOk((await after(...renumbered)).ok, 'renumbered behind the gap')

      for (const columns of [['leaf', 'form', 'content', 'signature_id'], ['leaf', 'form'], ['content']]) {
        const values = columns.map((c) => `${c} = (select ${c} from other where other.idx = 24 - record.idx)`)
        const swapped = await after(
          'create table other as select * from record where idx in (11, 13)',
          `update record set ${values.join(', ')} where idx in (11, 13)`,
        )
        t.ok(
          swapped.problems.some(({ index }) => index === 11),
          `${columns.join()} swapped`,
        )
      }

      for (const count of [1, 10, 100]) {
        const end = size - count
        const cut = await after(
          ...['record', 'record_key', 'time_stamp'].map(
            (table) => `delete from ${table} where idx >= ${end}`,
          ),
          `delete from signature_document where id >= ${end}`,
        )
        t.match(cut.problems.at(-1)?.what, /of a longer one/, `${count} cut off, the newest checkpoint left`)
      }

      const forged = await after(
        `insert into record (idx, leaf, form, signature_id, content) select ${size}, leaf, form, null, content from record where idx = 3`,
      )
      t.equal(forged.problems[0]?.index, size)
      const alone = (act: string) =>
        tampered(world, (insider: Kysely<unknown>) => sql.raw(act).execute(insider))
      const noStamp = await alone('delete from time_stamp where idx = (select min(idx) from time_stamp)')
      t.notOk(noStamp.ok, 'a time-stamp taken out')
      t.notOk((await alone('delete from erasure')).ok, 'an erasure that nothing explains')
      t.equal((await alone('delete from record_key where idx = 20')).problems[0]?.index, 20)
      const hidden = await alone('delete from search where idx = 30')
      t.match(hidden.problems, [{ index: 30, what: 'the search index does not have it' }])
      const [erasedIndex] = world.erased
      const shown = await tampered(world, async (insider) => {
        await sql.raw('create table other as select * from search where idx = 30').execute(insider)
        await sql.raw(`update other set idx = ${erasedIndex}`).execute(insider)
        await sql.raw('insert into search select * from other').execute(insider)
      })
      t.match(shown.problems, [{ index: erasedIndex, what: /no place there/ }])
    })
  }),
)

type Value = number | string | Buffer
type Row = { id: number | string; place: number; value: Value }

function flipped(value: Value, isKey: boolean): { changed: Value; at: number } {
  if (typeof value === 'number') {
    // A key that another row has would be refused. A high bit moves the row away, but not into a partition
    // that does not exist.
    const at = isKey ? 16 + randomInt(3) : randomInt(6)
    return { changed: value ^ (1 << at), at }
  }
  const bytes = Buffer.from(value as string)
  for (;;) {
    // PostgreSQL accepts only UTF-8 text without zero bytes.
    const at = 8 * randomInt(bytes.length) + randomInt(typeof value === 'string' ? 7 : 8)
    bytes[at >> 3]! ^= 1 << (at & 7)
    if (typeof value !== 'string') return { changed: bytes, at }
    if (bytes[at >> 3] !== 0 && bytes[at >> 3]! < 128) return { changed: bytes.toString(), at }
    bytes[at >> 3]! ^= 1 << (at & 7)
  }
}

/** Deletes row 42 and moves the later ones down by one. */
function moveDown(table: string): string[] {
  const columns = table === 'record' ? 'leaf, form, signature_id, content' : 'seed'
  return [
    `create table moved_${table} as select * from ${table} where idx > 42`,
    `delete from ${table} where idx >= 42`,
    `insert into ${table} (idx, ${columns}) select idx - 1, ${columns} from moved_${table}`,
  ]
}
