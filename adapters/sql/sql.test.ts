/**
 * The same mapping on three databases: what is given, page by page, filtered and sorted; what is refused;
 * what is away and back.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { type Answered, emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { until } from '#test/until.ts'
import { sqlAdapter } from './adapter.ts'
import { eachKind, PERSONS, type TestDatabase } from './databases-fixture.ts'
import { draftSettings } from './draft.ts'

const fields = {
  code: { type: 'string', pattern: '^P[0-9]{3}$', maxLength: 4, filters: ['eq', 'in', 'gt', 'prefix'] },
  number: { type: 'integer', minimum: 0, maximum: 100000, filters: ['eq', 'ge', 'lt'], order: true },
  name: { type: 'string', maxLength: 60, filters: ['eq', 'prefix'], order: true },
  born: { type: 'date', filters: ['eq', 'ge', 'le'], order: true },
  active: { type: 'boolean', filters: ['eq'] },
  changed: { type: 'date-time', filters: ['eq', 'ge', 'lt'], order: true },
  income: { type: 'number', filters: ['ge'] },
}

const resources = [
  { path: '/persons', table: 'person', fields, key: ['code'], page: { standard: 10, most: 20 } },
  {
    path: '/persons/{code}',
    table: 'person',
    fields: { code: fields.code, name: { type: 'string' } },
    one: true,
  },
  {
    path: '/active',
    table: 'active_person',
    fields: { code: { type: 'string' }, name: { type: 'string' } },
    key: ['code'],
  },
  {
    path: '/persons/{person}/addresses',
    query: `select street, place -- :nothing ' "
      from address where person = :person and (street is not null or :all = 'yes') and street <> ':person' or (street is null and :all = 'yes' and person = :person)`,
    parameters: {
      person: { type: 'integer', minimum: 1, maximum: 1000 },
      all: { type: 'string', values: ['yes', 'no'], required: false },
    },
    fields: { street: { type: 'string' }, place: { type: 'integer' } },
  },
  {
    path: '/addresses',
    table: 'address',
    fields: { person: { type: 'integer' }, place: { type: 'integer' } },
    key: ['person', 'place'],
    page: { standard: 50, most: 1000 },
  },
  { path: '/third', table: 'person', where: { number: 3 }, fields: { code: { type: 'string' } }, one: true },
  { path: '/by-name/{name}', table: 'person', fields: { name: { type: 'string' } }, one: true },
  {
    path: '/all',
    query: 'select code from person',
    fields: { code: { type: 'string' } },
    page: { standard: 10, most: 20 },
  },
  {
    path: '/repeated',
    query: 'select name from person',
    fields: { name: { type: 'string' } },
    key: ['name'],
  },
]

const settings = (database: TestDatabase) => ({ database: database.settings, resources })
type Page = { items: Record<string, unknown>[]; next?: string }
const pageOf = ({ status, body, text }: Answered): Page => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body as Page
}

t.test('rows, one and many', async (t) => {
  await eachKind(t, async (t, kind, database) => {
    const { ask, monitor, lines } = await startAdapter(t, sqlAdapter, { settings: settings(database) })
    t.match(await monitor('/health/ready'), { status: 200 })
    const follow = async (first: string): Promise<Record<string, unknown>[]> => {
      const rows: Record<string, unknown>[] = []
      const at = first.split('?')[0]!
      for (let query: string | undefined = first.slice(at.length); query !== undefined; ) {
        const page: Page = pageOf(await ask(at + query))
        rows.push(...page.items)
        query = page.next
      }
      return rows
    }
    const codes = (rows: Record<string, unknown>[]): unknown[] => rows.map(({ code }) => code)

    await t.test('every type', async (t) => {
      const [first] = pageOf(await ask('/persons?code=P003')).items
      t.strictSame(first, {
        code: 'P003',
        number: 3,
        name: 'Name 3',
        born: '1943-02-04',
        active: true,
        changed: '2026-01-02T03:04:03.120Z',
        income: 3.5,
      })
      t.equal(pageOf(await ask('/persons?code=P005')).items[0]?.['born'], null)
      t.strictSame((await ask('/persons/P013')).body, { code: 'P013', name: "O'Hara; drop table person --" })
      t.match(await ask('/persons/P999'), { status: 404, body: { type: 'not_found' } })
      t.strictSame((await ask('/third')).body, { code: 'P003' })
    })

    await t.test('pages hold every row once, in every order', async (t) => {
      const all = await follow('/persons')
      t.equal(all.length, PERSONS)
      t.equal(pageOf(await ask('/persons')).items.length, 10)
      const sorted = codes(all)
      t.strictSame(sorted, [...sorted].sort())
      for (const order of ['number', '-number', 'name', '-name', 'born', '-born', 'changed', '-changed'])
        for (const limit of [1, 7, 20]) {
          const rows = await follow(`/persons?order=${order}&limit=${limit}`)
          t.equal(new Set(codes(rows)).size, PERSONS, `${order} ${limit}`)
          t.equal(rows.length, PERSONS)
          const field = order.replace('-', '')
          const values = rows.map((row) => row[field]).filter((value) => value !== null) as (
            | string
            | number
          )[]
          const wanted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
          t.strictSame(values, order.startsWith('-') ? wanted.reverse() : wanted)
        }
      const pairs = await follow('/addresses?limit=3')
      t.equal(new Set(pairs.map(({ person, place }) => `${person} ${place}`)).size, 2 * PERSONS)
      t.equal((await follow('/active')).length, 9)
    })

    await t.test('filters', async (t) => {
      t.strictSame(codes(await follow('/persons?number.ge=10&number.lt=13')), ['P010', 'P011', 'P012'])
      t.strictSame(codes(await follow('/persons?code.in=P002&code.in=P050')), ['P002', 'P050'])
      t.strictSame(codes(await follow('/persons?code.prefix=P05')), [
        'P050',
        'P051',
        'P052',
        'P053',
        'P054',
        'P055',
        'P056',
        'P057',
      ])
      t.equal((await follow('/persons?code.gt=P050')).length, 7)
      t.equal((await follow('/persons?active=true&limit=20')).length, 19)
      t.equal((await follow('/persons?active=false')).length, 38)
      t.equal((await follow('/persons?born=1943-02-04')).length, 1)
      t.equal((await follow('/persons?born.ge=1943-02-04&born.le=1943-02-04')).length, 1)
      t.equal((await follow('/persons?income.ge=56.5')).length, 2)
      t.equal((await follow('/persons?changed=2026-01-02T05:04:03.120%2B02:00')).length, 1, 'of any zone')
      t.equal((await follow('/persons?changed.ge=2026-01-02T03:04:50Z')).length, 8)
      t.equal((await follow("/persons?name=O'Hara;%20drop%20table%20person%20--")).length, 1)
    })

    await t.test('a query of the settings file', async (t) => {
      t.strictSame((await ask('/persons/7/addresses')).body, { items: [{ street: 'Street 7', place: 1 }] })
      t.equal(pageOf(await ask('/persons/7/addresses?all=yes')).items.length, 2)
      t.match(await ask('/persons/0/addresses'), { status: 400, body: { type: 'invalid_input' } })
      t.match(await ask('/all'), { status: 400, body: { type: 'answer_too_large' } })
    })

    await t.test('a draft of its tables gives their keys alone', async (t) => {
      const folder = emptyFolder(t)
      const text = await draftSettings(database.settings)
      t.match(text, /# income: \{ type: number \}/)
      t.match(text, kind === 'sqlite' ? /# photo: \(bytes/ : /# photo: \(bytes, and what/)
      t.match(text, /# "active_person" has no key/)
      t.notMatch(text, /SECRET|P001|Street/, 'it reads no row')
      // As somebody who takes each # away.
      const file = path.join(folder, 'draft.yaml')
      writeFileSync(file, text)
      const { resources: found } = await readSettings(sqlAdapter, file, {})
      t.strictSame(found.map((one) => [one.path, Object.keys(one.fields)]).sort(), [
        ['/address', ['person', 'place']],
        ['/address/{person}/{place}', ['person', 'place']],
        ['/person', ['code']],
        ['/person/{code}', ['code']],
      ])
      writeFileSync(file, text.replace(/^( {6})# (?=\w+: \{)/gm, '$1'))
      const all = await readSettings(sqlAdapter, file, {})
      const drafted = await startAdapter(t, sqlAdapter, {
        settings: { database: database.settings, resources: all.resources },
        folder: emptyFolder(t),
      })
      t.match((await drafted.ask('/person/P007')).body, { code: 'P007', number: 7, income: 7.5 })
      t.match((await drafted.ask('/address/7/1')).body, { street: 'Street 7' })
      if (database.settings.name === undefined) return
      const away = { ...database.settings, host: '/nowhere' }
      await t.rejects(draftSettings(away), { code: 'source_unavailable' })
    })

    await t.test('a mapping that promises too much is found out, not followed', async (t) => {
      t.match(await ask('/by-name/Name%201'), {
        status: 502,
        body: { type: 'source_failed', message: /more than one row/ },
      })
      t.match(await ask('/repeated?limit=5'), {
        status: 502,
        body: { type: 'source_failed', message: /two rows have the same name/ },
      })
    })

    await t.test('a database that does not move', async (t) => {
      if (database.freeze === undefined) return t.pass('a file always moves')
      const limits = { queryMs: 1000 }
      const hasty = await startAdapter(t, sqlAdapter, { settings: { ...settings(database), limits } })
      const again = () =>
        until('the database', async (saw) => saw(await hasty.ask('/persons/P001')).status === 200)
      await again()
      await database.freeze()
      t.match(await hasty.ask('/persons/P001'), { status: 504, body: { type: 'source_timeout' } })
      database.thaw?.()
      await again()
      t.match(await ask('/persons/P001'), { status: 200 })
    })

    await t.test('a database that is away', async (t) => {
      await database.away()
      const away = await until('an answer that the database is away', async (saw) => {
        const answer = saw(await ask('/persons/P001'))
        return answer.status === 503 && answer
      })
      t.match(away, { body: { type: 'source_unavailable' }, headers: { 'retry-after': '5' } })
      const ready = await until('that it is not ready', async (saw) => {
        const answer = saw(await monitor('/health/ready'))
        return answer.status === 503 && answer
      })
      t.match(ready.text, /cannot be reached/)
      await database.back()
      await until('the database again', async (saw) => saw(await ask('/persons/P001')).status === 200)
      await until('readiness again', async (saw) => saw(await monitor('/health/ready')).status === 200)
    })
    const told = lines.join('')
    // No ids of requests look like these.
    t.notMatch(told, /SECRET|Hara|P003|1943-02|Street/, `${kind}: no value is in the log`)
    t.match(told, '"route":"/persons/:code"')
  })
})
