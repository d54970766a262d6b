/** Mappings that are wrong: told with file and place, or, where only the database knows, at the start. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { until } from '#test/until.ts'
import { sqlAdapter } from './adapter.ts'
import { eachKind } from './databases-fixture.ts'
import { draftSettings } from './draft.ts'
import { readQuery } from './placeholders.ts'

const code = { code: { type: 'string' } }

t.test('parameters of a query are found, and nothing else is', (t) => {
  const plain = { backslash: '', hash: false }
  const parametersOf = (query: string, quoting = plain) =>
    readQuery(query, quoting).flatMap((part) => ('parameter' in part ? [part.parameter] : []))
  t.strictSame(
    parametersOf(`select ':a', ":b", \`:c\`, x::text, y -- :d\n from t /* :e */ where z = :f and w=:f2;`),
    ['f', 'f2'],
  )
  t.strictSame(parametersOf(`select 'it''s :a' || :b`), ['b'])
  t.strictSame(parametersOf(`select E'\\':a' || :b`), ['b'])
  t.strictSame(
    parametersOf(`select '\\' || :b || '\\'`),
    ['b'],
    'a backslash is itself in PostgreSQL and SQLite',
  )
  t.strictSame(
    parametersOf(`select '\\':a' || "\\":c" || :b # :d`, { backslash: `'"`, hash: true }),
    ['b'],
    'not in MariaDB',
  )
  const whole = `select a from t where b = ':x' and c = :x`
  t.equal(
    readQuery(whole, plain)
      .map((part) => ('text' in part ? part.text : `:${part.parameter}`))
      .join(''),
    whole,
  )
  for (const [query, why] of [
    ['select 1; select 2', /more than one/],
    ["select 'a", /quote without an end/],
    ['select /* a', /comment without an end/],
    ['select $$a$$', /uses \$/],
    ['select ?', /uses \?/],
  ] as const)
    t.throws(() => readQuery(query, plain), why)
  t.end()
})

t.test('a mapping that does not fit itself is told with its place', async (t) => {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'adapter.yaml')
  const base = { path: '/a', table: 't', fields: { id: { type: 'integer' } }, key: ['id'] }
  const of = (...resources: object[]) => ({ resources })
  const sqlite = { kind: 'sqlite', file: 'x.db' }
  const remote = { kind: 'postgresql', host: 'db.example', name: 'a', user: 'b' }
  const wrong: [settings: object, what: RegExp][] = [
    [{ resources: [] }, /resources must NOT have fewer than 1/],
    [of({ ...base, path: 'a' }), /resources.0.path must match/],
    [of({ ...base, path: '/a b' }), /resources.0.path must match/],
    [of(base, { ...base, path: '/a' }), /resources.1.path is that of resource 1 too/],
    [of({ ...base, path: '/openapi.json' }), /description/],
    [of({ ...base, query: 'select 1' }), /needs table or query, and not both/],
    [of({ path: '/a', fields: base.fields }), /needs table or query/],
    [of({ ...base, key: [] }), /needs a key/],
    [of({ ...base, key: ['other'] }), /resources.0.key.0 names other/],
    [of({ ...base, fields: { id: { type: 'number' } } }), /whose type cannot be sorted by/],
    [of({ ...base, path: '/a/{who}' }), /names who/],
    [
      of({ ...base, fields: { limit: { type: 'integer', filters: ['eq'] } }, key: ['limit'] }),
      /the parameter limit a second time/,
    ],
    [
      of({ ...base, fields: { id: { type: 'integer', filters: ['prefix'] } } }),
      /prefix, which is for strings/,
    ],
    [of({ ...base, fields: { id: { type: 'integer', pattern: '^a' } } }), /fields.id.pattern is for strings/],
    [
      of({ ...base, fields: { ...base.fields, a: { type: 'string', pattern: '(' } } }),
      /fields.a.pattern is no regular expression/,
    ],
    [of({ ...base, fields: { 'a b': { type: 'integer' } } }), /fields/],
    [of({ ...base, fields: { __proto: { type: 'integer' } } }), /fields/],
    [of({ ...base, page: { standard: 100, most: 10 } }), /page.standard is above/],
    [of({ path: '/a', query: 'delete from t', fields: base.fields }), /query must be a select/],
    [
      of({ path: '/a', query: 'select :b', fields: base.fields }),
      /uses :b, which is not among its parameters/,
    ],
    [of({ path: '/a', query: 'select 1; drop table t', fields: base.fields }), /more than one statement/],
    [of({ ...base, parameters: { a: { type: 'string' } } }), /parameters.a is for a query/],
    [{ database: { kind: 'sqlite' } }, /database.file is needed for sqlite/],
    [{ database: { ...sqlite, user: 'a' } }, /database.user is not for sqlite/],
    [{ database: { ...remote, password: 'secret' } }, /there is no setting database.password/],
    [{ database: remote }, /database.host is another machine: authorityFile is needed/],
    [
      { database: { ...remote, kind: 'mariadb', host: '10.0.0.1', authorityFile: 'a.pem' } },
      /database.host must be a name/,
    ],
    [{ limits: { queryMs: 0 } }, /limits.queryMs must be >= 50/],
  ]
  for (const [change, what] of wrong) {
    const settings = {
      listen: {},
      service: { code: 'c', title: 't' },
      database: sqlite,
      resources: [base],
      ...change,
    }
    writeFileSync(file, JSON.stringify(settings, null, 1))
    const thrown = await readSettings(sqlAdapter, file, {}).catch((one: unknown) => one)
    t.match(thrown, { code: 'invalid_configuration', what }, what.source)
    t.match((thrown as { what: string }).what, /adapter\.yaml:\d+:\d+: /, what.source)
  }
})

t.test('a mapping that does not fit the database is an error at the start', async (t) => {
  await eachKind(t, async (t, kind, database) => {
    const fails = async (resource: object, what: RegExp) => {
      const settings = { database: database.settings, resources: [{ path: '/a', one: true, ...resource }] }
      await t.rejects(
        startAdapter(t, sqlAdapter, { settings }),
        { code: 'invalid_configuration', what },
        what.source,
      )
    }
    await fails({ table: 'persons', fields: code }, /resources\.0 \(\/a\): there is no table or view/)
    await fails(
      { table: 'person', fields: { kode: { type: 'string' } } },
      /fields\.kode needs the column kode, which does not exist/,
    )
    await fails(
      { table: 'person', fields: { code: { type: 'string', column: 'CODE' } } },
      /column CODE, which does not exist/,
    )
    await fails({ table: 'person', fields: code, where: { deleted: 0 } }, /where names the column deleted/)
    await fails(
      { query: 'select code as kode from person', fields: code },
      /needs the column code, which does not exist/,
    )
    await fails({ query: 'select code from persons', fields: code }, /resources\.0 \(\/a\): .*persons/)
    await fails({ query: 'select from where', fields: code }, /resources\.0 \(\/a\)/)
    const injected = 'person" where 1=1 --'
    await fails({ table: injected, fields: code }, /there is no table or view/)
    if (kind === 'mariadb') {
      await database.run(
        'create function wipe() returns int modifies sql data begin delete from person; return 1; end',
      )
      await database.run('grant execute on register.* to reader@localhost')
      await fails({ query: 'select wipe() as code', fields: code }, /READ ONLY/)
    }
    if (kind !== 'sqlite') {
      await fails(
        { table: 'person', fields: code, where: { name: 0 } },
        /where\.name is a number, and the column holds text/,
      )
      await fails({ table: 'person', fields: code, where: { number: 'a' } }, /where\.number is a string/)
      await fails(
        { table: 'person', fields: { number: { type: 'string', filters: ['eq'] } } },
        /is string and is compared/,
      )
      await fails(
        { table: 'person', fields: { name: { type: 'integer' } } },
        /is integer, and its column name holds text/,
      )
      await fails({ table: 'person', fields: { born: { type: 'date-time' } } }, /holds date/)
    }
  })
})

t.test(
  'a mapping that does not fit, found out when the database has come, is told to operators alone',
  async (t) => {
    const folder = emptyFolder(t)
    const file = path.join(folder, 'late.db')
    const settings = {
      database: { kind: 'sqlite', file },
      resources: [{ path: '/a', table: 'hidden', fields: code, one: true }],
    }
    const { ask, monitor, lines } = await startAdapter(t, sqlAdapter, { settings, folder })
    t.match(await ask('/a'), { status: 503, body: { type: 'source_unavailable' } })
    t.ok(lines.some((line) => line.includes('the database is away')))
    const database = new DatabaseSync(file)
    database.exec('create table other (code text)')
    database.close()
    const answer = await ask('/a')
    t.match(answer, { status: 502, body: { type: 'source_failed' } })
    t.notMatch(answer.text, /hidden/)
    const ready = await until('the reason', async (saw) => {
      const { text } = saw(await monitor('/health/ready'))
      return text.includes('hidden') && text
    })
    t.match(ready, /there is no table or view/)
  },
)

t.test('a draft for any tables is settings that serve their keys alone', async (t) => {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'any "thing".db')
  const database = new DatabaseSync(file)
  database.exec(`create table "A b" ("#id: {" integer primary key, "order" text, "name" varchar(20), "name " text, at datetime, b blob);
    create table "a-b" (code text, part date, note text, primary key (code, part)) without rowid;
    create table "no key\n- path: /x" ("null" text); create view seen as select * from "A b";
    insert into "A b" values (7, 'o', 'n', 'm', null, x'00'); insert into "a-b" values ('c', '2026-01-02', 'SECRET')`)
  database.close()
  const text = await draftSettings({ kind: 'sqlite', file })
  const draft = path.join(folder, 'draft.yaml')
  writeFileSync(draft, text)
  const { resources, database: found } = await readSettings(sqlAdapter, draft, {})
  t.equal(found.file, file)
  t.strictSame(
    resources.map(({ path, fields }) => [path, Object.keys(fields)]),
    [
      ['/a-b', ['f_id___']],
      ['/a-b/{f_id___}', ['f_id___']],
      ['/a-b-2', ['code', 'part']],
      ['/a-b-2/{code}/{part}', ['code', 'part']],
    ],
  )
  // Every field of a table with a key: as somebody who takes each # away.
  writeFileSync(draft, text.replace(/^( {6})# (?=\w+: \{)/gm, '$1'))
  const all = await readSettings(sqlAdapter, draft, {})
  t.strictSame(Object.keys(all.resources[0]!.fields), ['f_id___', 'order_2', 'name', 'name_', 'at'])
  const { ask } = await startAdapter(t, sqlAdapter, {
    settings: { database: found, resources: all.resources },
    folder,
  })
  t.strictSame((await ask('/a-b/7')).body, { f_id___: 7, order_2: 'o', name: 'n', name_: 'm', at: null })
  t.match((await ask('/a-b-2')).body, { items: [{ code: 'c', part: '2026-01-02', note: 'SECRET' }] })
  for (const [name, content] of [
    ['none.db'],
    ['text.db', 'no database at all, but long enough to be read'.repeat(9)],
    ['empty.db', ''],
  ]) {
    if (content !== undefined) writeFileSync(path.join(folder, name!), content)
    await t.rejects(
      draftSettings({ kind: 'sqlite', file: path.join(folder, name!) }),
      { code: 'source_failed' },
      name!,
    )
  }
})

t.test('a draft connects to nothing that the adapter would not', async (t) => {
  const away = { name: 'register', user: 'reader', passwordFile: '/nowhere', host: 'db.example' }
  for (const kind of ['postgresql', 'mariadb'] as const)
    await t.rejects(
      draftSettings({ kind, ...away }),
      { code: 'invalid_configuration', what: /host is another machine: authorityFile/ },
      'no password goes there without TLS',
    )
  await t.rejects(draftSettings({ kind: 'postgresql', host: '/run' }), { code: 'invalid_configuration' })
})
