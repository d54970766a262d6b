/**
 * The same files in a folder and at an SFTP server: what is given, page by page and filtered; files as they
 * are; away and back.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { type Answered, emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { until } from '#test/until.ts'
import { fileAdapter } from './adapter.ts'
import { eachKind } from './files-fixture.ts'

const ROWS = 57
const fields = {
  code: { type: 'string', pattern: '^P[0-9]{3}$', filters: ['eq', 'in'] },
  number: { type: 'integer', filters: ['eq'] },
  name: { type: 'string', nullable: false, filters: ['eq'] },
  born: { type: 'date', filters: ['eq'] },
  active: { type: 'boolean', filters: ['eq'] },
  changed: { type: 'date-time', filters: ['eq'] },
  income: { type: 'number', filters: ['eq', 'in'] },
}
const date = { date: { type: 'date' } }
const page = { standard: 10, most: 20 }
const resources = [
  {
    path: '/csv/{date}',
    file: 'persons-{date}.csv',
    format: { kind: 'csv' },
    parameters: date,
    fields,
    page,
  },
  {
    path: '/csv/{date}/{code}',
    file: 'persons-{date}.csv',
    format: { kind: 'csv' },
    parameters: date,
    fields: { code: fields.code, name: { type: 'string' } },
    one: true,
  },
  { path: '/json', file: 'persons.json', format: { kind: 'json', pointer: '/data/0/all' }, fields, page },
  { path: '/xml', file: 'persons.xml', format: { kind: 'xml', rows: '/all/person' }, fields, page },
  {
    path: '/estonian/{region}',
    file: 'piirkond {region}.csv',
    format: {
      kind: 'csv',
      delimiter: ';',
      quote: '',
      encoding: 'windows-1257',
      decimalComma: true,
      header: false,
    },
    parameters: { region: { type: 'string', values: ['põhja', 'lõuna'] } },
    fields: {
      place: { type: 'string', column: '2' },
      area: { type: 'number', column: '1' },
      people: { type: 'integer', column: '3' },
    },
  },
  {
    path: '/korean',
    file: '주민.csv',
    format: { kind: 'csv', encoding: 'euc-kr', delimiter: '\t' },
    fields: { 이름: { type: 'string' } } as object,
  },
  {
    path: '/config',
    file: 'config.json',
    format: { kind: 'json', pointer: '' },
    fields: { level: { type: 'integer', column: '/log/level' }, mode: { type: 'string' } },
    one: true,
  },
  {
    path: '/attributes',
    file: 'attributes.xml',
    format: { kind: 'xml', rows: '/a/b/c', decimalComma: true },
    fields: {
      id: { type: 'string', column: '@id' },
      zip: { type: 'string', column: 'address/@zip' },
      area: { type: 'number', column: 'area' },
    },
  },
].map((one) =>
  one.path === '/korean' ? { ...one, fields: { name: { type: 'string', column: '이름' } } } : one,
)

const settings = (source: object) => ({
  source,
  resources,
  complete: { by: 'rename' },
  files: { list: true, read: true, names: '\\.(csv|json|xml|bin)$' },
})

type Row = Record<string, unknown>
type Page = { items: Row[]; next?: string }
const pageOf = ({ status, body, text }: Answered): Page => {
  if (status !== 200) throw new Error(`${status} ${text}`)
  return body as Page
}
const persons = Array.from({ length: ROWS }, (_, at) => ({
  code: `P${String(at + 1).padStart(3, '0')}`,
  number: at + 1,
  name: at === 12 ? 'O"Hara, =cmd|calc!A1\n; drop table' : `Name ${at % 7}`,
  born: at % 5 === 0 ? null : `1943-02-0${1 + (at % 9)}`,
  active: at % 3 === 0,
  changed: `2026-01-02T03:04:${String(at % 60).padStart(2, '0')}.120Z`,
  income: at + 0.5,
}))

function csvOf(rows: Row[]): string {
  const names = Object.keys(persons[0]!)
  const cell = (value: unknown): string => `"${String(value ?? '').replaceAll('"', '""')}"`
  return [names.join(','), ...rows.map((row) => names.map((name) => cell(row[name])).join(','))].join('\r\n')
}

function fill(folder: string): void {
  const put = (name: string, content: string | Buffer) => writeFileSync(path.join(folder, name), content)
  put('persons-2026-01-01.csv', `\ufeff${csvOf(persons)}\r\n`)
  put('persons.json', `\ufeff${JSON.stringify({ data: [{ all: persons }] })}`)
  const escaped = (value: unknown): string =>
    String(value ?? '').replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`)
  const rows = persons.map(
    (row) =>
      `<person>${Object.entries(row)
        .map(([name, value]) => `<${name}>${escaped(value)}</${name}>`)
        .join('')}</person>`,
  )
  put('persons.xml', `<?xml version="1.0"?><all>\n${rows.join('\n')}<other/></all>`)
  // Õismäe, 1.5 and Šiauliai, in windows-1257.
  put('piirkond põhja.csv', Buffer.from('1,5;\xd5ism\xe4e;40\n-0,25;\xd0iauliai;\n', 'latin1'))
  put('주민.csv', Buffer.from([0xc0, 0xcc, 0xb8, 0xa7, 0x0a, 0xb1, 0xe8, 0xc3, 0xb6, 0xbc, 0xf6, 0x0a]))
  put('config.json', '{"log":{"level":3},"mode":"x"}')
  put(
    'attributes.xml',
    '<a><b><c id="1"><address zip="01"/><area>1,5</area></c></b><b><c id="2" other="&lt;"/></b></a>',
  )
  put('large.bin', Buffer.alloc(300_000, 'x'))
  put('.hidden.csv', 'secret')
  put('secret.txt', 'secret')
  mkdirSync(path.join(folder, 'folder.csv'))
  symlinkSync('/etc/passwd', path.join(folder, 'link.csv'))
  symlinkSync('secret.txt', path.join(folder, 'inner.csv'))
}

t.test('rows and files', async (t) => {
  await eachKind(t, async (t, kind, { folder, source, server }) => {
    fill(folder)
    const { ask, monitor, lines } = await startAdapter(t, fileAdapter, { settings: settings(source) })
    t.match(await monitor('/health/ready'), { status: 200 })
    const follow = async (first: string): Promise<Row[]> => {
      const rows: Row[] = []
      const at = first.split('?')[0]!
      for (let query: string | undefined = first.slice(at.length); query !== undefined; ) {
        const page: Page = pageOf(await ask(at + query))
        rows.push(...page.items)
        query = page.next
      }
      return rows
    }
    const csv = '/csv/2026-01-01'

    await t.test('each format has the same rows', async (t) => {
      for (const address of [csv, '/json', '/xml']) {
        t.strictSame(await follow(address), persons, address)
        t.strictSame(await follow(`${address}?limit=7`), persons, `${address}, in other pages`)
      }
      t.strictSame((await ask(`${csv}/P013`)).body, { code: 'P013', name: persons[12]!.name })
      t.match(await ask(`${csv}/P999`), { status: 404, body: { type: 'not_found' } })
      t.match(await ask('/csv/2026-01-02'), { status: 404, body: { type: 'not_found' } })
    })

    await t.test('filters', async (t) => {
      for (const address of [csv, '/json', '/xml']) {
        const codes = async (query: string) => (await follow(`${address}?${query}`)).map(({ code }) => code)
        t.strictSame(await codes('code.in=P002&code.in=P050'), ['P002', 'P050'])
        t.strictSame(await codes('number=3'), ['P003'])
        t.strictSame(
          await codes('active=true&limit=20'),
          persons.filter((one) => one.active).map(({ code }) => code),
        )
        t.strictSame(await codes('income=3.5&active=true'), ['P004'])
        t.strictSame(await codes('income.in=3.5&income.in=4.50'), ['P004', 'P005'])
        t.strictSame(await codes('changed=2026-01-02T05:04:03.120%2B02:00'), ['P004'], 'of any zone')
        t.strictSame(await codes('name=none'), [])
      }
    })

    await t.test('encodings, decimal commas, names in other scripts, places', async (t) => {
      t.strictSame((await ask('/estonian/p%C3%B5hja')).body, {
        items: [
          { place: 'Õismäe', area: 1.5, people: 40 },
          { place: 'Šiauliai', area: -0.25, people: null },
        ],
      })
      t.match(await ask('/estonian/l%C3%B5una'), { status: 404 })
      t.match(await ask('/estonian/ida'), { status: 400, body: { type: 'invalid_input' } })
      t.strictSame((await ask('/korean')).body, { items: [{ name: '김철수' }] })
      t.strictSame((await ask('/config')).body, { level: 3, mode: 'x' })
      t.strictSame((await ask('/attributes')).body, {
        items: [
          { id: '1', zip: '01', area: 1.5 },
          { id: '2', zip: null, area: null },
        ],
      })
    })

    await t.test('a page is of the same file as the one before', async (t) => {
      const { next } = pageOf(await ask(csv))
      // Another time, as servers tell it in whole seconds.
      const place = path.join(folder, 'persons-2026-01-01.csv')
      writeFileSync(place, csvOf(persons.slice(0, 30)))
      t.match(await ask(csv + next), { status: 400, body: { message: /begin with the first page/ } })
      t.equal((await follow(csv)).length, 30)
      t.match(await ask(`${csv}?after=${'a'.repeat(16)}.1`), { status: 400 })
    })

    await t.test('the files are listed', async (t) => {
      const all = await follow('/files?limit=2')
      t.strictSame(
        all.map(({ name }) => name),
        [
          ...['attributes.xml', 'config.json', 'large.bin', 'persons-2026-01-01.csv', 'persons.json'],
          ...['persons.xml', 'piirkond põhja.csv', '주민.csv'],
        ],
      )
      t.equal(all.find(({ name }) => name === 'large.bin')?.['size'], 300_000)
    })

    await t.test('a file as it is, with its digest', async (t) => {
      for (const [name, type] of [
        ['large.bin', 'application/octet-stream'],
        ['주민.csv', 'text/csv'],
      ] as const) {
        const answer = await ask(`/files/${encodeURIComponent(name)}`)
        t.equal(answer.status, 200)
        t.equal(answer.headers['content-type'], type)
        if (name === 'large.bin') {
          const digest = createHash('sha256').update(answer.text).digest('base64')
          t.equal(answer.headers['content-digest'], `sha-256=:${digest}:`)
          t.equal(answer.text.length, 300_000)
        }
      }
      for (const name of ['secret.txt', '.hidden.csv', 'folder.csv', 'link.csv', 'inner.csv', 'none.csv'])
        t.match(await ask(`/files/${name}`), { status: 404, body: { type: 'not_found' } }, name)
    })

    await t.test('what is away', async (t) => {
      rmSync(path.join(folder, 'config.json'))
      t.match(await ask('/config'), { status: 503, body: { message: /its file is not there/ } })
      const away = async (): Promise<void> =>
        server === undefined ? renameSync(folder, `${folder}.away`) : server.crash()
      const back = async (): Promise<void> =>
        server === undefined ? renameSync(`${folder}.away`, folder) : server.start()
      await away()
      const gone = await until('an answer that the source is away', async (saw) => {
        const answer = saw(await ask('/json'))
        return answer.status === 503 && answer
      })
      t.match(gone, { body: { type: 'source_unavailable' }, headers: { 'retry-after': '5' } })
      await until('that it is not ready', async (saw) => saw(await monitor('/health/ready')).status === 503)
      await back()
      await until('the source again', async (saw) => saw(await ask('/json')).status === 200)
      await until('readiness again', async (saw) => saw(await monitor('/health/ready')).status === 200)
    })
    const told = lines.join('')
    t.notMatch(told, /2026-01-01\.csv|P013|Hara|põhja|passwd/, `${kind}: no value and no name is in the log`)
    t.match(told, '"route":"/csv/:date"')
  })
})

t.test('the example of the guide', async (t) => {
  const example = path.join(import.meta.dirname, '../../docs/examples/file-adapter.yaml')
  const {
    listen: _,
    monitoring: __,
    ...settings
  } = parse(readFileSync(example, 'utf8')) as {
    listen: object
    monitoring: object
    source: object
  }
  const folder = emptyFolder(t)
  const put = (name: string, content: string) => writeFileSync(path.join(folder, name), content)
  put('rates-2026-11-02.csv', 'valuuta;nimetus;kurss\nUSD;US dollar;1,0837\nSEK;Swedish krona;11,4\n')
  put('banks.json', '{"data":{"banks":[{"code":"ABCD","address":{"town":"Tartu"},"open":true}]}}')
  put('holidays.xml', '<holidays><day date="2026-12-24"><name>Christmas Eve</name></day></holidays>')
  const { ask } = await startAdapter(t, fileAdapter, {
    settings: { ...settings, source: { kind: 'folder', folder } },
  })
  const usd = { currency: 'USD', name: 'US dollar', rate: 1.0837 }
  t.strictSame((await ask('/rates/2026-11-02/USD')).body, usd)
  t.strictSame((await ask('/rates/2026-11-02?currency.in=USD')).body, { items: [usd] })
  t.match(await ask('/rates/2026-11-03'), { status: 404 })
  t.strictSame((await ask('/banks?open=true')).body, { items: [{ code: 'ABCD', town: 'Tartu', open: true }] })
  t.strictSame((await ask('/holidays')).body, { items: [{ date: '2026-12-24', name: 'Christmas Eve' }] })
  t.match((await ask('/files')).body, { items: [{ name: 'rates-2026-11-02.csv' }] })
  t.match(await ask('/files/rates-2026-11-02.csv'), { status: 200 })
  t.match(await ask('/files/banks.json'), { status: 404 }, 'only files whose names fit are given as they are')
})
