/**
 * What clients and databases that mean harm, or are slow, get from the SQL adapter: a clear refusal, and no
 * other row.
 */
import path from 'node:path'
import t from 'tap'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import type { Fault } from '#schemas/fault.ts'
import { HOSTILE_TEXTS } from '#test/fakes/hostile-values.ts'
import { until } from '#test/until.ts'
import { sqlAdapter } from './adapter.ts'
import { eachKind, PERSONS } from './databases-fixture.ts'
import { openSqlite } from './open-sqlite.ts'
import type { DatabaseSettings } from './settings.ts'
import { frame, frameReader } from './sqlite-protocol.ts'

const INJECTIONS = [
  ...[
    "' or '1'='1",
    "'; drop table person; --",
    '" or ""="',
    '`; drop table person; #',
    "') or 1=1 --",
    "\\' or 1=1 #",
  ],
  ...[
    "P001' union select secret from person --",
    'null',
    '1 or 1=1',
    '0x31',
    '1e0',
    '1;select pg_sleep(10)',
    '%',
    '_',
    '!',
    '%25',
  ],
  ...[
    "'||(select secret from person limit 1)||'",
    '$1',
    ':person',
    '?',
    "P001\u0000'",
    '\ud7ff',
    '𐀀',
    'a'.repeat(5000),
    '/**/',
    '\u02bc or 1=1',
  ],
]
const TEXTS = [...INJECTIONS, ...HOSTILE_TEXTS]

const everything = ['eq', 'in', 'gt', 'ge', 'lt', 'le']
const fields = {
  code: { type: 'string', maxLength: 200, filters: [...everything, 'prefix'] },
  number: { type: 'integer', filters: everything, order: true },
  born: { type: 'date', filters: everything },
  active: { type: 'boolean', filters: ['eq', 'in'] },
  changed: { type: 'date-time', filters: everything, order: true },
  income: { type: 'number', filters: everything },
}
const code = { code: { type: 'string' } }
const SLOW: Record<DatabaseSettings['kind'], string> = {
  sqlite:
    'with recursive c(n) as (select 1 union all select n + 1 from c where n < :seconds * 100000000) select count(*) as code from c',
  postgresql: 'select pg_sleep(cast(:seconds as integer))::text as code',
  mariadb: 'select sleep(:seconds) as code',
}
const WRITES: Record<DatabaseSettings['kind'], { before: string[]; query: string }> = {
  sqlite: { before: [], query: "select load_extension('person') as code" },
  postgresql: {
    before: [
      `create function wipe() returns text language sql volatile as $$ delete from person; select 'gone'::text $$`,
    ],
    query: 'select wipe() as code',
  },
  mariadb: {
    before: [
      `create function wipe() returns varchar(10) modifies sql data begin delete from person; return 'gone'; end`,
      'grant execute on register.* to reader@localhost',
    ],
    query: 'select wipe() as code',
  },
}
const JOURNAL = "select journal_mode as code from pragma_journal_mode('delete')"
const seconds = { seconds: { type: 'integer', minimum: 0, maximum: 1000 } }

t.test('on every database', async (t) => {
  await eachKind(t, async (t, kind, database) => {
    for (const statement of WRITES[kind].before) await database.run(statement)
    const resources = [
      { path: '/persons', table: 'person', fields, key: ['code'], page: { standard: 10, most: 100 } },
      { path: '/persons/{code}', table: 'person', fields: code, one: true },
      {
        path: '/of/{name}',
        query: 'select code from person where name = :name',
        parameters: { name: { type: 'string', maxLength: 200 } },
        fields: code,
      },
      { path: '/slow/{seconds}', query: SLOW[kind], parameters: seconds, fields: code },
      // MariaDB refuses it at the start.
      ...(kind === 'mariadb' ? [] : [{ path: '/wipe', query: WRITES[kind].query, fields: code }]),
      ...(kind === 'sqlite' ? [{ path: '/journal', query: JOURNAL, fields: code }] : []),
      {
        path: '/photos',
        table: 'person',
        fields: { code: { type: 'string' }, photo: { type: 'string' } },
        key: ['code'],
      },
    ]
    const settings = { database: database.settings, resources }
    const { ask, lines, stop } = await startAdapter(t, sqlAdapter, { settings })
    const count = async (of = ask): Promise<number | undefined> => {
      const { body } = await of('/persons?limit=100')
      return (body as { items?: unknown[] }).items?.length
    }

    await t.test('injections find nothing and change nothing', async (t) => {
      const given = new Map<string, number>()
      const tryAt = async (target: string): Promise<void> => {
        const { status, text } = await ask(target)
        given.set(String(status), (given.get(String(status)) ?? 0) + 1)
        if (![200, 400, 404].includes(status)) t.fail(`${status} for ${target}: ${text}`)
        // Only a comparison that any text meets may find rows.
        const found = status === 200 && /P\d{3}/.test(text)
        if (found && !/\.(gt|ge|lt|le|prefix)=/.test(target)) t.fail(`${target} found ${text}`)
        if (/SECRET/.test(text)) t.fail(`${target} gave a column that is not mapped`)
      }
      const parameters = Object.entries(fields).flatMap(([name, { filters }]) =>
        filters.map((one) => (one === 'eq' ? name : `${name}.${one}`)),
      )
      for (const [at, text] of TEXTS.entries()) {
        const encoded = encodeURIComponent(text.toWellFormed())
        for (const target of [
          `/persons/${encoded}`,
          `/of/${encoded}`,
          `/persons?order=${encoded}`,
          `/persons?after=${encoded}`,
        ])
          await tryAt(target)
        // Each text at a third of the parameters, each parameter with many texts.
        for (const parameter of parameters.filter((_, index) => (index + at) % 3 === 0))
          await tryAt(`/persons?${parameter}=${encoded}`)
        await tryAt(`/persons?${encoded}=1`)
      }
      t.ok(given.get('200')! > 20 && given.get('400')! > 100, JSON.stringify([...given]))
      t.equal(await count(), PERSONS)
    })

    await t.test('what is out of range, unknown, repeated or huge is refused', async (t) => {
      const refused = [
        ...[
          'number=99999999999999999999',
          'number=1.5',
          'number=',
          'number=0x10',
          'number=NaN',
          'income=Infinity',
          'income=1e999',
        ],
        ...[
          'born=2026-02-30',
          'born=today',
          'born=2026-1-1',
          'changed=2026-01-01',
          'changed=2026-01-01T25:00:00Z',
          'active=yes',
          'active=2',
        ],
        ...[
          'code=a&code=b',
          'limit=0',
          'limit=101',
          'limit=1000000',
          'limit=-1',
          'limit=1e9',
          'after=',
          'order=code',
          'order=-',
          'unknown=1',
        ],
        ...[
          '__proto__=1',
          'constructor=1',
          'secret=1',
          'code.like=P%25',
          'name=x',
          `code=${'a'.repeat(201)}`,
        ],
        `code.in=${Array.from({ length: 51 }, () => 'a').join('&code.in=')}`,
        ...[
          'after=W10',
          'after=WyIiLG51bGxd',
          'after=WyIiLDFd',
          'after=WyIiLCJhIiwiYiJd',
          'after=eyJhIjoxfQ',
          'after=////',
          'after=WyJudW1iZXIiLDEsIlAwMDEiXQ',
        ],
      ]
      for (const query of refused)
        t.match(await ask(`/persons?${query}`), { status: 400, body: { type: 'invalid_input' } }, query)
      const all = await ask('/persons?after=WyIiLCIiXQ')
      t.match(all, { status: 200 }, 'a place that a client made itself is just a place')
      for (const path of ['/persons/..%2f..%2fetc', '/persons/', '/persons//x', '/slow/-1', '/slow/1001'])
        t.ok([400, 404].includes((await ask(path)).status), path)
    })

    const limits = { queryMs: 700, connections: 2, waiting: 2 }
    const hasty = await startAdapter(t, sqlAdapter, { settings: { ...settings, limits } })

    await t.test('a query has its time, and the next one is not made to wait', async (t) => {
      // Both again where a slow machine needs more than this time for the next one, too.
      await until('the next answer', async () => {
        const slow = await hasty.ask('/slow/900')
        t.match(slow, { status: 504, body: { type: 'source_timeout' } })
        return (await count(hasty.ask)) === PERSONS
      })
    })

    await t.test('as many run and wait as may, the others are told at once', async (t) => {
      // On a busy machine the time of the first may have passed before the last comes.
      const answers = await until('half of them refused', async (saw) => {
        const some = await Promise.all(Array.from({ length: 8 }, () => hasty.ask('/slow/900')))
        const statuses = saw(some.map(({ status }) => status))
        return statuses.filter((status) => status === 503).length >= 4 && statuses.includes(504) && some
      })
      const busy = answers.find(({ status }) => status === 503)
      t.match(busy, { headers: { 'retry-after': '5' }, body: { type: 'source_busy' } })
      await until('an ordinary answer', async () => (await count(hasty.ask)) === PERSONS)
    })

    await t.test('nothing is written, whatever the mapping says', async (t) => {
      if (kind !== 'mariadb') t.match(await ask('/wipe'), { status: 502, body: { type: 'source_failed' } })
      if (kind === 'sqlite') t.match(await ask('/journal'), { status: 502, body: { type: 'source_failed' } })
      t.equal(await count(), PERSONS)
    })

    await t.test('bytes are no text', async (t) => {
      const bytes = { sqlite: "x'ff00'", postgresql: "'\\xff00'", mariadb: "x'ff00'" }[kind]
      await database.run(`update person set photo = ${bytes} where number = 1`)
      const answer = await ask('/photos?limit=1')
      if (kind === 'postgresql')
        t.match(answer.body, { items: [{ photo: '\\xff00' }] }, 'PostgreSQL writes them as a text')
      else t.match(answer, { status: 502, body: { message: /photo holds something that is no string/ } })
    })
    await Promise.all([stop(), hasty.stop()])
    t.strictSame(
      [...lines, ...hasty.lines].filter((line) => /drop table|union select|SECRET|1=1/.test(line)),
      [],
      'no value is in the log',
    )
  })
})

t.test('an answer has at most so many bytes', async (t) => {
  const folder = emptyFolder(t)
  const { DatabaseSync } = await import('node:sqlite')
  const file = path.join(folder, 'large.db')
  const database = new DatabaseSync(file)
  database.exec(
    `create table large (id integer primary key, text text); insert into large values (1, '${'x'.repeat(600)}'), (2, '${'y'.repeat(600)}')`,
  )
  database.close()
  const large = { id: { type: 'integer' }, text: { type: 'string' } }
  const resources = [
    { path: '/large', table: 'large', fields: large, key: ['id'] },
    { path: '/large/{id}', table: 'large', fields: large, one: true },
  ]
  const settings = { database: { kind: 'sqlite', file }, limits: { answerBytes: 1024 }, resources }
  const { ask } = await startAdapter(t, sqlAdapter, { settings, folder })
  t.match(await ask('/large/1'), { status: 200 })
  t.match(await ask('/large'), { status: 400, body: { type: 'answer_too_large' } })
  t.match(await ask('/large?limit=1'), { status: 400 }, 'the row that says whether there are more counts too')
})

t.test('a key that is no text in UTF-8 makes no list without end', async (t) => {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'latin.db')
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(file)
  database.exec(
    "create table t (k text primary key); insert into t values ('a'), (cast(x'62ff' as text)), ('c')",
  )
  database.close()
  const resources = [{ path: '/t', table: 't', fields: { k: { type: 'string' } }, key: ['k'] }]
  const { ask } = await startAdapter(t, sqlAdapter, {
    settings: { database: { kind: 'sqlite', file }, resources },
    folder,
  })
  const follow = async (target: string, pages: number): Promise<number> => {
    const { status, body } = await ask(target)
    const { next } = body as { next?: string }
    return pages === 0 || next === undefined ? status : follow(`/t${next}`, pages - 1)
  }
  t.equal(await follow('/t?limit=1', 5), 502)
})

t.test('a statement that does not end delays none that were given to its process with it', async (t) => {
  const file = path.join(emptyFolder(t), 'any.db')
  const { DatabaseSync } = await import('node:sqlite')
  new DatabaseSync(file).close()
  const limits = { connections: 2, waiting: 50, queryMs: 600_000, answerBytes: 200_000 }
  const ends: string[] = []
  const source = openSqlite({ kind: 'sqlite', file }, limits, (outcome) => void ends.push(outcome))
  t.teardown(() => source.close())
  const fields = [{ name: 'a', type: 'string' as const, nullable: true }]
  const shape = { id: 1, fields, sort: [], key: [], answerBytes: limits.answerBytes }
  const ask = (text: string) => source.page({ text, values: [] }, shape, 1)
  await until('two processes', async () => {
    await Promise.all([ask('select 1'), ask('select 2')])
    return source.running() === 0
  })
  const endless = ask(
    'with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c',
  )
  const ended = endless.then(
    () => 'rows',
    (thrown: unknown) => (thrown as Fault).code,
  )
  const pages = await Promise.all(Array.from({ length: 20 }, (_, at) => ask(`select ${at}`)))
  t.strictSame(
    pages.map(({ items }) => items.toString()),
    Array.from({ length: 20 }, (_, at) => `{"a":"${at}"}`),
  )
  const long = await ask(`select '${'ä'.repeat(90_000)}'`)
  t.equal(long.items.length, 180_008, 'more than a pipe takes at once')
  await t.rejects(ask(`select '${'ä'.repeat(100_001)}'`), { code: 'answer_too_large' })
  t.strictSame([source.running(), source.waiting()], [1, 0])
  await source.close()
  t.equal(await ended, 'source_unavailable')
  t.ok(ends.includes('rows') && ends.includes('answer_too_large') && ends.includes('source_unavailable'))
})

t.test('frames are put together from any pieces', (t) => {
  const contents = ['', 'a', 'b'.repeat(300), 'c'].map((text) => Buffer.from(text))
  const all = Buffer.concat(contents.map((content) => frame(content)))
  for (const size of [1, 2, 3, 7, 305, all.length]) {
    const taken: string[] = []
    const take = frameReader((content) => void taken.push(content.toString()))
    for (let at = 0; at < all.length; at += size) take(all.subarray(at, at + size))
    t.strictSame(
      taken,
      contents.map((content) => content.toString()),
      `pieces of ${size}`,
    )
  }
  t.end()
})
