/**
 * Rows of a SQLite file by a unique key, which the adapter's own process reads: which look-ups those are, and
 * that no other is.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { FieldType } from '#adapters/kit/field-types.ts'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { until } from '#test/until.ts'
import { sqlAdapter } from './adapter.ts'
import { dialectOf } from './dialects.ts'
import { readMapping } from './mapping.ts'
import type { ResourceSettings } from './settings.ts'
import { openKeys } from './sqlite-keys-store.ts'
import { keyedStatement } from './statement.ts'

const TABLES = `
  create table text_key (code text primary key, name text);
  create table number_key (id integer primary key, name text);
  create table two_keys (code text, place integer, name text, primary key (code, place));
  create table no_rowid (code text primary key, name text) without rowid;
  create table indexed (code text, place integer, name text, state text, changed text);
  create unique index by_code on indexed (code);
  create unique index by_place on indexed (place) where state = 'open';
  create unique index by_upper on indexed (upper(name));
  create index by_state on indexed (state);
  create unique index by_change on indexed (changed);
  create view shown as select code, name from text_key;
  create view disguised as select id, name from number_key as disguised;
  create table computed (code text primary key, name text, more text generated always as (name || code));
  create virtual table found using fts5 (code, name);
  insert into text_key values ('a', 'A'), ('large', printf('%.*c', 70000, 'x'));
  insert into number_key values (1, 'A');
  insert into two_keys values ('a', 1, 'A'), ('a', 2, 'B');
  insert into no_rowid values ('a', 'A');
  insert into indexed values ('a', 1, 'A', 'open', '2026-01-02T03:04:05.000Z');
  insert into computed (code, name) values ('a', 'A');
  insert into found values ('a', 'A');`

type Wanted = { table: string; path: string; where?: ResourceSettings['where']; schema?: string }

function create(t: Test, journal = 'delete'): string {
  const file = path.join(emptyFolder(t), 'keys.db')
  const database = new DatabaseSync(file)
  database.exec(`pragma journal_mode = ${journal}; ${TABLES}`)
  database.close()
  return file
}

function statementFor({ table, path, where = {}, schema }: Wanted) {
  const dialect = dialectOf({ kind: 'sqlite' })
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  const type = (name: string): FieldType =>
    name === 'changed' ? 'date-time' : ['id', 'place'].includes(name) ? 'integer' : 'string'
  const fields = Object.fromEntries(
    [...new Set([...names, 'name'])].map((name) => [
      name,
      { type: type(name), filters: [], order: false, nullable: true },
    ]),
  )
  const more = { parameters: {}, key: [], one: true, summary: '', page: { standard: 1, most: 1 } }
  const settings: ResourceSettings = { ...more, path, table, where, fields, ...(schema && { schema }) }
  const [resource] = readMapping({ resources: [settings] }, dialect)
  return keyedStatement(resource!, dialect)
}

function unaskedFinder(t: Test, file: string) {
  const keys = openKeys(file, async (text) => {
    const database = new DatabaseSync(file, { readOnly: true })
    const found = database.prepare(text).all()
    database.close()
    return found.length > 0
  })
  t.teardown(() => keys.close())
  // As a resource has one: it is prepared once.
  const statements = new Map<Wanted, ReturnType<typeof statementFor>>()
  return (wanted: Wanted, params: Record<string, unknown>) => {
    const keyed = statements.get(wanted) ?? statementFor(wanted)
    statements.set(wanted, keyed)
    return keyed && keys.prepare(keyed)(keyed.values(params))
  }
}

/** Of a file that is known to be of this machine; what it finds once the keys of the index were looked at. */
async function finderOf(t: Test, file: string) {
  const find = unaskedFinder(t, file)
  await until('where the file is', () => find(BY_CODE, { code: 'a' }) !== undefined)
  return async (wanted: Wanted, params: Record<string, unknown>) => {
    find(wanted, params)
    await new Promise(setImmediate)
    return find(wanted, params)
  }
}

const BY_CODE = { table: 'text_key', path: '/t/{code}' }

for (const journal of ['delete', 'wal'])
  t.test(`a whole unique key finds its row, journal ${journal}`, async (t) => {
    const find = await finderOf(t, create(t, journal))
    t.strictSame(await find(BY_CODE, { code: 'a' }), ['a', 'A'])
    t.strictSame(await find({ ...BY_CODE, schema: 'main' }, { code: 'a' }), ['a', 'A'])
    t.strictSame(await find({ table: 'number_key', path: '/t/{id}' }, { id: 1 }), [1n, 'A'])
    const both = { table: 'two_keys', path: '/t/{code}/{place}' }
    t.strictSame(await find(both, { code: 'a', place: 2 }), ['a', 2n, 'B'])
    t.strictSame(await find({ table: 'indexed', path: '/t/{code}' }, { code: 'a' }), ['a', 'A'])
    const open = { table: 'indexed', path: '/t/{code}', where: { state: 'open' } }
    t.strictSame(await find(open, { code: 'a' }), ['a', 'A'])
    t.equal(await find({ ...open, where: { state: 'closed' } }, { code: 'a' }), undefined)
    t.equal(await find(BY_CODE, { code: "a' or 1=1 --" }), undefined)
  })

t.test('nothing is read of a file before it is known where it is', async (t) => {
  const file = create(t)
  const find = unaskedFinder(t, file)
  t.equal(find(BY_CODE, { code: 'a' }), undefined)
  await until('it is known', () => find(BY_CODE, { code: 'a' }) !== undefined)
})

t.test('a file that would be opened for long is left to reading processes', async (t) => {
  const [piped, logged] = [create(t), create(t, 'wal')]
  execFileSync('mkfifo', [`${piped}-journal`])
  writeFileSync(`${logged}-wal`, '')
  truncateSync(`${logged}-wal`, 64 * 1024 * 1024 + 1)
  const finds = [unaskedFinder(t, piped), unaskedFinder(t, logged)]
  // Each of the two is known to be of this machine when one that was asked after them is.
  await finderOf(t, create(t))
  for (const find of finds) t.equal(find(BY_CODE, { code: 'a' }), undefined)
  rmSync(`${piped}-journal`)
  rmSync(`${logged}-wal`)
  for (const find of finds) await until('it is opened', () => find(BY_CODE, { code: 'a' }) !== undefined)
})

t.test('every other look-up is left to a reading process', async (t) => {
  const find = await finderOf(t, create(t))
  t.strictSame(await find(BY_CODE, { code: 'a' }), ['a', 'A'], 'as the first of this test shows')
  const left: [string, Wanted, Record<string, unknown>][] = [
    ['that finds nothing', BY_CODE, { code: 'b' }],
    ['a row on many pages', BY_CODE, { code: 'large' }],
    ['a scan', { table: 'text_key', path: '/t/{name}' }, { name: 'A' }],
    ['half of a key', { table: 'two_keys', path: '/t/{code}' }, { code: 'a' }],
    ['an index with doubles', { table: 'indexed', path: '/t/{state}' }, { state: 'open' }],
    ['a key of some rows', { table: 'indexed', path: '/t/{place}', where: { state: 'open' } }, { place: 1 }],
    [
      'a time, which is compared computed',
      { table: 'indexed', path: '/t/{changed}' },
      { changed: '2026-01-02T03:04:05.000Z' },
    ],
    ['a view', { table: 'shown', path: '/t/{code}' }, { code: 'a' }],
    ['a view that calls its table as itself', { table: 'disguised', path: '/t/{id}' }, { id: 1 }],
    ['a table whose keys are its rows', { table: 'no_rowid', path: '/t/{code}' }, { code: 'a' }],
    ['a table that computes', { table: 'computed', path: '/t/{code}' }, { code: 'a' }],
    ['a virtual table', { table: 'found', path: '/t/{code}' }, { code: 'a' }],
    ['no table', { table: 'nothing', path: '/t/{code}' }, { code: 'a' }],
  ]
  for (const [what, wanted, params] of left) {
    t.equal(await find(wanted, params), undefined, what)
    t.ok(await find(BY_CODE, { code: 'a' }), 'and others are found as before')
  }
  t.equal(statementFor({ table: 'indexed', path: '/t/{code}', where: { place: null } }), undefined)
  t.equal(statementFor({ table: 'text_key', path: '/t' }), undefined)
})

t.test('of a large row no page after its first is read', async (t) => {
  const file = create(t)
  const owner = new DatabaseSync(file)
  owner.exec(`
    create table before_number (code text primary key, large text, name integer);
    create table before_text (code text primary key, large text, name text, state text);
    insert into before_number values ('a', printf('%.*c', 500000, '~'), 1000000);
    insert into before_text values ('a', printf('%.*c', 500000, '~'), 'A', 'open');`)
  owner.close()
  breakPages(file, '~')
  const find = await finderOf(t, file)
  for (const [table, where] of [
    ['before_number', {}],
    ['before_text', {}],
    ['before_text', { state: 'open' }],
  ] as const) {
    t.equal(await find({ table, path: '/t/{code}', where }, { code: 'a' }), undefined, table)
    t.ok(
      await find(BY_CODE, { code: 'a' }),
      'a page that was read would be a fault, after which nothing is looked up',
    )
  }
})

t.test('a search that would read a long key is left to a reading process', async (t) => {
  const file = create(t)
  const owner = new DatabaseSync(file)
  owner.exec(`
    create table long_key (code text primary key, place integer, name text);
    create unique index by_pair on long_key (place, name);
    insert into long_key values ('a', 1, 'A'), (printf('%.*c', 500000, '~'), 2, 'B');`)
  owner.close()
  breakPages(file, '~')
  const find = await finderOf(t, file)
  t.equal(await find({ table: 'long_key', path: '/t/{code}' }, { code: 'a' }), undefined)
  t.ok(await find(BY_CODE, { code: 'a' }), 'nothing of the key was read, which would be a fault')
  t.strictSame(
    await find({ table: 'long_key', path: '/t/{place}/{name}' }, { place: 1, name: 'A' }),
    [1n, 'A'],
    'an index without one is searched here',
  )
})

/** Each page that is full of `letter` names a next one that does not exist. */
function breakPages(file: string, letter: string): void {
  const bytes = readFileSync(file)
  const full = Buffer.alloc(4092, letter)
  let broken = 0
  for (let page = 0; page < bytes.length; page += 4096)
    if (bytes.subarray(page + 4, page + 4096).equals(full)) broken += bytes.writeUInt32BE(0xfffffff0, page)
  if (broken === 0) throw new Error('no page is full of it')
  writeFileSync(file, bytes)
}

t.test('a plan that was looked at is the one that runs', async (t) => {
  const file = create(t)
  const find = await finderOf(t, file)
  const indexed = { table: 'indexed', path: '/t/{code}' }
  t.strictSame(await find(indexed, { code: 'a' }), ['a', 'A'])
  const owner = new DatabaseSync(file)
  t.teardown(() => owner.close())
  owner.exec('drop index by_code')
  t.equal(await find(indexed, { code: 'a' }), undefined, 'it would be a scan now')
  t.ok(await find(BY_CODE, { code: 'a' }), 'others are looked up as before')
  owner.exec('create unique index by_code on indexed (code)')
  await until('the index is used again', async () => (await find(indexed, { code: 'a' })) !== undefined)
  owner.exec('alter table indexed rename column name to other')
  t.equal(await find(indexed, { code: 'a' }), undefined, 'a resource whose column is gone')
  t.equal(await find(indexed, { code: 'a' }), undefined)
  t.ok(await find(BY_CODE, { code: 'a' }), 'takes no other away')
})

t.test('a file that is locked, replaced or gone stops nothing', async (t) => {
  const file = create(t)
  const find = await finderOf(t, file)
  t.strictSame(await find(BY_CODE, { code: 'a' }), ['a', 'A'])
  const owner = new DatabaseSync(file)
  owner.exec('begin exclusive')
  t.equal(await find(BY_CODE, { code: 'a' }), undefined, 'a reading process waits for the writer')
  owner.exec("update text_key set name = 'B' where code = 'a'; commit")
  t.strictSame(await find(BY_CODE, { code: 'a' }), ['a', 'B'])
  owner.close()
  renameSync(create(t), file)
  await until('the file that has the name now', async () => (await find(BY_CODE, { code: 'a' }))?.[1] === 'A')
  renameSync(file, `${file}.gone`)
  await until('that it is gone', async () => (await find(BY_CODE, { code: 'a' })) === undefined)
  renameSync(`${file}.gone`, file)
  await until('that it is back', async () => (await find(BY_CODE, { code: 'a' })) !== undefined)
})

t.test('a row by its key waits for no query that does not end', async (t) => {
  const file = create(t)
  const name = { name: { type: 'string' } }
  const endless =
    'with recursive c(n) as (select 1 union all select n + 1 from c) select n as name from c where n < 0'
  const resources = [
    { path: '/t/{code}', table: 'text_key', fields: { code: { type: 'string' }, ...name }, one: true },
    { path: '/endless', query: endless, fields: name, one: true },
  ]
  const limits = { connections: 1, waiting: 0, queryMs: 5000 }
  const { ask, monitor } = await startAdapter(t, sqlAdapter, {
    settings: { database: { kind: 'sqlite', file }, limits, resources },
  })
  t.match(await ask('/t/b'), { status: 404 }, 'a reading process says so')
  await until('the keys of the table are known to be short', async (saw) => {
    await ask('/t/a')
    return /^concordat_sql_rows_here 1$/m.test(saw((await monitor('/metrics')).text))
  })
  const isRunning = async (): Promise<boolean> =>
    /^concordat_sql_queries_running 1$/m.test((await monitor('/metrics')).text)
  // Again where a busy machine needed its whole time for what is asked meanwhile.
  const [here, busy, wrong] = await until('what was answered while it ran', async (saw) => {
    let isOver = false
    const late = ask('/endless').finally(() => {
      isOver = true
    })
    await until('it runs', async () => isOver || (await isRunning()))
    const meanwhile = [await ask('/t/a'), await ask('/t/b'), await ask('/t/a?more=1')] as const
    const hasRun = (await isRunning()) && !isOver
    t.match(await late, { status: 504, body: { type: 'source_timeout' } })
    saw(meanwhile.map(({ status }) => status))
    return hasRun && meanwhile
  })
  t.match(here, { status: 200, body: { code: 'a', name: 'A' } })
  t.match(busy, { status: 503, body: { type: 'source_busy' } })
  t.match(wrong, { status: 400 })
})

/** More than the adapter's own looks at its database in the same time. */
const REFUSED = 20

t.test('a row that the mapping does not allow is counted as a failure', async (t) => {
  const file = create(t)
  const owner = new DatabaseSync(file)
  owner.exec("insert into text_key values ('empty', null)")
  owner.close()
  const fields = { code: { type: 'string' }, name: { type: 'string', nullable: false } }
  const resources = [{ path: '/t/{code}', table: 'text_key', fields, one: true }]
  const { ask, monitor } = await startAdapter(t, sqlAdapter, {
    settings: { database: { kind: 'sqlite', file }, resources },
  })
  const counted = async (outcome: string): Promise<number> => {
    const name = `concordat_sql_query_seconds_count{outcome="${outcome}"} `
    return Number((await monitor('/metrics')).text.split(name)[1]?.split('\n')[0] ?? 0)
  }
  t.match(await ask('/t/a'), { status: 200 })
  const [rows, failed] = [await counted('rows'), await counted('source_failed')]
  for (let asked = 0; asked < REFUSED; asked++)
    t.match(await ask('/t/empty'), { status: 502, body: { type: 'source_failed' } })
  t.equal(await counted('source_failed'), failed + REFUSED)
  t.ok(
    (await counted('rows')) < rows + REFUSED,
    'the adapter looks at its database meanwhile, and finds rows',
  )
})
