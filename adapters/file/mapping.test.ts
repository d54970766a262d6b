/**
 * Settings that are wrong, told with file and place; names of files; and the description of what is right.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { describeAdapter, readSettings } from '#adapters/kit/serve-adapter.ts'
import { fileAdapter } from './adapter.ts'
import { isPlainName, nameOf, readPattern } from './file-name.ts'

t.test('what may be the name of a file', (t) => {
  for (const name of ['a', 'a.csv', 'põhja 1.csv', '주민.csv', 'a..b', '-rf', '%2e%2e', 'a'.repeat(255)])
    t.ok(isPlainName(name), name)
  const wrong = [
    '',
    '.',
    '..',
    '.a',
    '/',
    'a/b',
    'a\\b',
    '../a',
    'a\u0000',
    'a\nb',
    'a\u007f',
    'a\u0085',
    ' a',
    'a ',
  ]
  const more = ['\ufeffa', 'a\u202eb', 'a\u2066', '\ufffd', 'a\ud800', 'a'.repeat(256), 'õ'.repeat(128)]
  for (const name of [...wrong, ...more]) t.notOk(isPlainName(name), JSON.stringify(name))
  const pattern = readPattern('rates-{date} {code}.csv')
  const given = (code: string) => new Map([...Object.entries({ date: '2026-01-01', code, other: 'x' })])
  t.equal(nameOf(pattern, given('EUR')), 'rates-2026-01-01 EUR.csv')
  t.equal(nameOf(pattern, given('{date}$&')), 'rates-2026-01-01 {date}$&.csv', 'a value is no pattern')
  for (const code of ['../a', 'a/b', 'a\u0000', 'a'.repeat(250)])
    t.throws(() => nameOf(pattern, given(code)), { code: 'invalid_input' })
  t.end()
})

const base = {
  path: '/a',
  file: 'a.csv',
  format: { kind: 'csv' },
  fields: { id: { type: 'integer' } },
}
const of = (...resources: object[]) => ({ resources })
const sftp = { kind: 'sftp', directory: '/a', host: 'h', user: 'u', hostKeys: [`SHA256:${'a'.repeat(43)}`] }
const settingsWith = (change: object) => ({
  ...{ listen: {}, service: { code: 'c', title: 't' } },
  ...{ source: { kind: 'folder', folder: '.' }, resources: [base] },
  ...change,
})

t.test('a mapping that does not fit itself is told with its place', async (t) => {
  const file = path.join(emptyFolder(t), 'adapter.yaml')
  const code = { type: 'string', pattern: '^[A-Z]+$' }
  const wrong: [settings: object, what: RegExp][] = [
    [{ resources: [] }, /resources is empty, and files are neither/],
    [of({ ...base, path: 'a' }), /resources.0.path must match/],
    [of(base, base), /resources.1.path is that of resource 1 too/],
    [of({ ...base, path: '/files' }), /resources.0.path is that of the description, or of the files/],
    [of({ ...base, path: '/files/{id}' }), /that of the description/],
    [of({ ...base, path: '/openapi.json' }), /that of the description/],
    [of({ ...base, file: '../a.csv' }), /resources.0.file must match/],
    [of({ ...base, file: 'a/b.csv' }), /resources.0.file must match/],
    [of({ ...base, file: '.a' }), /resources.0.file must match/],
    [of({ ...base, file: 'a{b' }), /resources.0.file must match/],
    [of({ ...base, file: '{code}.csv' }), /names code, which is not among parameters/],
    [of({ ...base, parameters: { code } }), /parameters.code is not in the name of the file/],
    [
      of({ ...base, file: '{code}.csv', parameters: { code: { type: 'string' } } }),
      /parameters.code needs a pattern or values/,
    ],
    [
      of({ ...base, file: '{code}.csv', parameters: { code: { type: 'number' } } }),
      /parameters.code.type must be string, integer or date/,
    ],
    [
      of({
        ...base,
        file: '{id}.csv',
        parameters: { id: code },
        fields: { id: { ...code, filters: ['eq'] } },
      }),
      /the parameter id a second time/,
    ],
    [of({ ...base, path: '/a/{who}' }), /names who, which is neither/],
    [of({ ...base, fields: { limit: { ...code, filters: ['eq'] } } }), /the parameter limit a second time/],
    [of({ ...base, fields: { id: { type: 'integer', pattern: '^a' } } }), /fields.id.pattern is for strings/],
    [of({ ...base, fields: { id: { ...code, filters: ['gt'] } } }), /filters.0/],
    [of({ ...base, page: { standard: 100, most: 10 } }), /page.standard is above/],
    [of({ ...base, format: { kind: 'csv', pointer: '/a' } }), /format.pointer is not for csv/],
    [of({ ...base, format: { kind: 'csv', encoding: 'utf-7' } }), /format.encoding/],
    [of({ ...base, format: { kind: 'csv', delimiter: ';;' } }), /format.delimiter/],
    [of({ ...base, format: { kind: 'csv', delimiter: "'", quote: "'" } }), /format.quote is the delimiter/],
    [of({ ...base, format: { kind: 'csv', header: false } }), /fields.id.column must be a number from 1/],
    [of({ ...base, format: { kind: 'json', delimiter: ';' } }), /format.delimiter is not for json/],
    [of({ ...base, format: { kind: 'json', pointer: 'a' } }), /format.pointer must match/],
    [
      of({ ...base, format: { kind: 'json' }, fields: { a: { type: 'string', column: '/a~2' } } }),
      /fields.a.column is neither a name nor/,
    ],
    [of({ ...base, format: { kind: 'xml' } }), /format.rows is needed for xml/],
    [of({ ...base, format: { kind: 'xml', rows: '/a' } }), /format.rows must match/],
    [
      of({
        ...base,
        format: { kind: 'xml', rows: '/a/b' },
        fields: { a: { type: 'string', column: '@a/b' } },
      }),
      /fields.a.column is no way to/,
    ],
    [{ source: { kind: 'folder' } }, /source.folder is needed for folder/],
    [{ source: { kind: 'folder', folder: '.', host: 'h' } }, /source.host is not for folder/],
    [{ source: { ...sftp, keyFile: 'k', hostKeys: undefined } }, /source.hostKeys is needed for sftp/],
    [{ source: { ...sftp, keyFile: 'k', hostKeys: ['MD5:aa'] } }, /source.hostKeys.0 must match/],
    [{ source: { ...sftp, keyFile: 'k', directory: 'a' } }, /source.directory must match/],
    [{ source: { ...sftp, folder: '.' } }, /source.folder is not for sftp/],
    [{ source: sftp }, /source needs keyFile or passwordFile/],
    [{ source: { ...sftp, password: 'secret' } }, /there is no setting source.password/],
    [{ complete: { settleMs: 5000 }, limits: { readMs: 5000 } }, /complete.settleMs is not less than/],
    [{ complete: { by: 'marker', marker: '/done' } }, /complete.marker must match/],
    [{ files: { list: true, names: '(' } }, /files.names is no regular expression/],
  ]
  for (const [change, what] of wrong) {
    writeFileSync(file, JSON.stringify(settingsWith(change), null, 1))
    const thrown = await readSettings(fileAdapter, file, {}).catch((one: unknown) => one)
    t.match(thrown, { code: 'invalid_configuration', what }, what.source)
    t.match((thrown as { what: string }).what, /adapter\.yaml:\d+:\d+: /, what.source)
  }
})

t.test('the description says what is there', async (t) => {
  const file = path.join(emptyFolder(t), 'adapter.yaml')
  const filters = ['eq', 'in']
  const parameters = { day: { type: 'date' } }
  const resource = {
    ...base,
    path: '/a/{day}',
    file: 'a-{day}.csv',
    parameters,
    fields: { id: { type: 'integer', filters } },
  }
  const describe = async (change: object) => {
    writeFileSync(file, JSON.stringify(settingsWith(change)))
    return (await describeAdapter(fileAdapter, await readSettings(fileAdapter, file, {}))) as {
      paths: Record<
        string,
        { get: { parameters: { name: string }[]; responses: Record<string, { content?: object }> } }
      >
    }
  }
  const { paths } = await describe({
    resources: [resource],
    files: { list: true, read: true, names: 'csv$' },
  })
  t.strictSame(Object.keys(paths), ['/a/{day}', '/files', '/files/{name}'])
  t.strictSame(
    paths['/a/{day}']!.get.parameters.map(({ name }) => name),
    ['day', 'id', 'id.in', 'limit', 'after'],
  )
  t.ok(paths['/a/{day}']!.get.responses['404'])
  t.ok(paths['/files/{name}']!.get.responses['200']!.content)
  t.strictSame(Object.keys((await describe({})).paths), ['/a'])
})
