/**
 * What clients, deliveries and files that mean harm, or are broken, get from the file adapter: a clear
 * refusal, and no other file.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { HOSTILE_TEXTS } from '#test/fakes/hostile-values.ts'
import { hasSshd, startSshd } from '#test/sshd.ts'
import { until } from '#test/until.ts'
import { fileAdapter } from './adapter.ts'
import { eachKind, sftpSource } from './files-fixture.ts'

const WAYS_OUT = [
  ...['..', '.', '../secret', '..%2fsecret', '../secret.csv', '/etc/passwd', '\\..\\secret', '....//secret'],
  ...[
    '.hidden',
    'inner',
    'outside',
    'pipe',
    'folder',
    'folder/inside',
    'a\u0000',
    'a\u0000.csv',
    'a\n',
    'a\u202e',
  ],
  ...[
    'a ',
    ' a',
    '\ufeffa',
    '\ufffd',
    'a'.repeat(251),
    '\u00e9'.repeat(200),
    '~',
    '*',
    '?',
    '%s',
    'CON',
    'a:b',
  ],
  ...[
    'a/../../secret',
    'a/./b',
    '%2e%2e%2fsecret',
    '\u2024\u2024/secret',
    '\uff0e\uff0e\uff0fsecret',
    '$(id)',
    '`id`',
  ],
  ...HOSTILE_TEXTS,
]
const row = { name: { type: 'string' } }
const rename = { by: 'rename' }

t.test('nobody leaves the folder', async (t) => {
  await eachKind(t, async (t, kind, { folder, source }) => {
    const put = (name: string, content: string) => writeFileSync(path.join(folder, name), content)
    writeFileSync(path.join(folder, '../secret.csv'), 'name\nSECRET\n')
    for (const name of ['.hidden.csv', ' a.csv']) put(name, 'name\nSECRET\n')
    for (const name of ['a\n.csv', 'a\u202e.csv', 'a\u0001.csv', 'a\\b.csv']) put(name, 'name\nSECRET\n')
    writeFileSync(
      Buffer.concat([Buffer.from(`${folder}/a`), Buffer.from([0xff, 0x2e, 0x63, 0x73, 0x76])]),
      'SECRET',
    )
    mkdirSync(path.join(folder, 'folder.csv'))
    mkdirSync(path.join(folder, 'folder'))
    put('folder/inside.csv', 'name\nSECRET\n')
    symlinkSync('../secret.csv', path.join(folder, 'outside.csv'))
    symlinkSync('.hidden.csv', path.join(folder, 'inner.csv'))
    execFileSync('mkfifo', [path.join(folder, 'pipe.csv')])
    put('good.csv', 'name\n=cmd|calc!A1\n')
    if (kind === 'folder') execFileSync('touch', ['-d', '@9000000000000000', path.join(folder, 'good.csv')])
    const format = { kind: 'csv' }
    const parameters = { code: { type: 'string', pattern: '[^]*', maxLength: 1000 } }
    const resources = [
      { path: '/in-path/{code}', file: '{code}.csv', parameters, format, fields: row },
      { path: '/in-query', file: '{code}.csv', parameters, format, fields: row },
      { path: '/behind/{code}', file: 'x{code}', parameters, format, fields: row },
    ]
    const files = { list: true, read: true, names: '[^]*' }
    const { ask, monitor, lines } = await startAdapter(t, fileAdapter, {
      settings: { source, resources, files, complete: rename },
    })
    for (const text of WAYS_OUT) {
      const code = encodeURIComponent(text.toWellFormed())
      for (const address of [
        `/in-path/${code}`,
        `/in-query?code=${code}`,
        `/behind/${code}`,
        `/files/${code}`,
        `/files/${code}.csv`,
        `/files?after=${code}`,
      ]) {
        const answer = await ask(address)
        t.notMatch(answer.text, /SECRET|root:/, address)
        if (!address.startsWith('/files?'))
          t.ok([400, 404, 414].includes(answer.status), `${address}: ${answer.status} ${answer.text}`)
      }
    }
    t.strictSame(
      (await ask('/in-path/good')).body,
      { items: [{ name: '=cmd|calc!A1' }] },
      'a value is a value',
    )
    t.equal((await ask('/files/good.csv')).text, 'name\n=cmd|calc!A1\n', 'a file is given as it is')
    t.match((await ask('/files')).body, { items: [{ name: 'good.csv' }] })
    t.equal(((await ask('/files')).body as { items: unknown[] }).items.length, 1)
    for (const query of ['limit=0', 'limit=1e2', 'after=', 'unknown=1', 'limit=1&limit=2'])
      t.match(await ask(`/files?${query}`), { status: 400, body: { type: 'invalid_input' } }, query)
    for (const query of [
      'code=good&limit=1001',
      'code=good&after=x',
      'code=good&name=x',
      'limit=1',
      'code=good&after=AAAAAAAAAAAAAAAA.999999999',
    ])
      t.match(await ask(`/in-query?${query}`), { status: 400, body: { type: 'invalid_input' } }, query)
    t.match(await monitor('/health/ready'), { status: 200 })
    t.notMatch(lines.join(''), /SECRET|calc!A1|inner|outside/, kind)
  })
})

const BROKEN: Record<string, [format: object, content: string | Buffer, why: RegExp]> = {
  overlong: [{}, Buffer.from([...Buffer.from('name\n'), 0xc0, 0xaf, 0x0a]), /is not utf-8/],
  'cut in a character': [{}, Buffer.from([...Buffer.from('name\na'), 0xc3]), /is not utf-8/],
  surrogate: [{}, Buffer.from([...Buffer.from('name\n'), 0xed, 0xa0, 0x80]), /is not utf-8/],
  'utf-16': [{}, Buffer.from('\ufeffname\na\n', 'utf16le'), /is not utf-8/],
  'utf-16 without mark': [{}, Buffer.from('name\na\n', 'utf16le'), /has a NUL/],
  'two files together': [{}, '\ufeffname\na\n\ufeffname\nb\n', /byte order mark/],
  'windows-949': [
    { encoding: 'euc-kr' },
    Buffer.from([...Buffer.from('name\n'), 0x8c, 0x63]),
    /is not euc-kr/,
  ],
  'not windows-1257': [
    { encoding: 'windows-1257' },
    Buffer.from([...Buffer.from('name\n'), 0xa1]),
    /is not windows-1257/,
  ],
  'an open quote': [{}, 'name\n"a\nb\n', /line 3 .* quote that is never closed/],
  'an open quote of 2 MB': [{}, `name\n"${'a\n'.repeat(1_000_000)}`, /longer than 1048576 bytes/],
  'only delimiters': [{}, `name,other\n${','.repeat(20_000_000)}`, /line of its file is longer than/],
  'a quote inside': [{}, 'name\na"b\n', /line 2 .* quote inside a value/],
  'behind a quote': [{}, 'name\n"a"b\n', /line 2 .* behind a closing quote/],
  'too few values': [{}, 'name,other\na,b\nc\n', /line 3 .* another number of values/],
  'too many values': [{}, 'name\na\nb,c\n', /line 3 .* another number of values/],
  'no column': [{}, 'nam\na\n', /no column name/],
  'two columns': [{}, 'name,name\na,b\n', /two columns name/],
  empty: [{}, '', /no header/],
  'old line ends': [{}, 'name\ra\r', /no column name/],
  'column 2 of 1': [{ header: false }, 'a\nb\n', /no column 2/],
  'a bomb': [
    { kind: 'xml' },
    '<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a><r><name>&d;</name></r></a>',
    /no XML/,
  ],
  'another system': [{ kind: 'xml' }, '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a><r/></a>', /no XML/],
  'deep XML': [{ kind: 'xml' }, `${'<a>'.repeat(40)}${'</a>'.repeat(40)}`, /deeper than 32/],
  'many elements': [{ kind: 'xml' }, `<a>${'<r/>'.repeat(600_000)}</a>`, /more than 500000 elements/],
  'half an XML': [{ kind: 'xml' }, '<a><r><name>x</name></r>', /not well-formed/],
  'XML in latin1': [{ kind: 'xml' }, Buffer.from('<a><r><name>\xe4</name></r></a>', 'latin1'), /not UTF-8/],
  'XML that says another encoding': [
    { kind: 'xml' },
    '<?xml version="1.0" encoding="utf-7"?><a/>',
    /encoding is not UTF-8/,
  ],
  'twice in a row': [
    { kind: 'xml' },
    '<a><r><name>1</name><name>2</name></r></a>',
    /row 1 .* name more than once/,
  ],
  'more in a value': [{ kind: 'xml' }, '<a><r><name><b/></name></r></a>', /row 1 .* elements in name/],
  'another root': [{ kind: 'xml' }, '<b/>', /does not begin with a/],
  'deep JSON': [{ kind: 'json' }, '['.repeat(100_000), /no JSON/],
  'half a JSON': [{ kind: 'json' }, '[{"name":"a"},{"na', /no JSON/],
  'doubled members': [{ kind: 'json' }, '[{"name":"a","name":"b"}]', /no JSON/],
  'a large number': [{ kind: 'json' }, '[{"name":"a","x":9007199254740993}]', /no JSON/],
  'a number for a text': [{ kind: 'json' }, '[{"name":1}]', /row 1: name holds something that is no string/],
  'an object for a text': [{ kind: 'json' }, '[{"name":{"toString":"x"}}]', /row 1: name holds/],
  'no objects': [{ kind: 'json' }, '[{"name":"a"},2]', /row 2 .* no object/],
  'no list': [{ kind: 'json', pointer: '/toString' }, '{}', /row 1 .* no object/],
  'too long': [{}, `name\n${'a\n'.repeat(2_000_000)}`, /more than 1000000 rows/],
  'too large to be read whole': [
    { kind: 'json' },
    `["${'a'.repeat(9_000_000)}"]`,
    /larger than 8388608 bytes/,
  ],
}

t.test('a broken file is told, set aside, and holds nothing up', async (t) => {
  const folder = emptyFolder(t)
  const source = { kind: 'folder', folder }
  const resources = Object.values(BROKEN).map(([format], at) => ({
    ...{
      path: `/r${at}`,
      file: `f${at}`,
      format: {
        kind: 'csv',
        ...format,
        ...('kind' in format && format.kind === 'xml' ? { rows: '/a/r' } : {}),
      },
    },
    fields: { name: { type: 'string', ...('header' in format ? { column: '2' } : {}) } },
  }))
  const good = { path: '/good', file: 'good', format: { kind: 'csv' }, fields: row }
  writeFileSync(path.join(folder, 'good'), 'name\na\n')
  const { ask, monitor, lines } = await startAdapter(t, fileAdapter, {
    // What a busy machine needs for the largest of them.
    settings: { source, resources: [...resources, good], complete: rename, limits: { readMs: 120_000 } },
  })
  let at = 0
  for (const [what, [, content, why]] of Object.entries(BROKEN)) {
    const file = path.join(folder, `f${at}`)
    writeFileSync(file, content)
    const told = await ask(`/r${at}`)
    t.match(told, { status: 502, body: { type: 'source_failed', message: why } }, what)
    t.match(await ask(`/r${at}?limit=1`), { status: 502, body: { message: why } }, `${what}: it stays so`)
    at++
  }
  t.match(await ask('/good'), { status: 200 })
  const ready = await until('the finding', async (saw) => {
    const answer = saw(await monitor('/health/ready'))
    return answer.text.includes('cannot be read') && answer
  })
  t.match(ready, { status: 200, text: new RegExp(`${at} cannot be read: .*f${at - 1} `) })
  t.match((await monitor('/metrics')).text, `concordat_file_broken ${at}`)
  for (let each = 0; each < at; each++) {
    const { format } = resources[each]!
    const content = format.kind === 'csv' ? 'name,name2\na,b\n' : format.kind === 'xml' ? '<a><r/></a>' : '[]'
    writeFileSync(path.join(folder, `f${each}.new`), content)
    renameSync(path.join(folder, `f${each}.new`), path.join(folder, `f${each}`))
    if (!('pointer' in format))
      t.match(await ask(`/r${each}`), { status: 200 }, `${each}: another file is another matter`)
    else rmSync(path.join(folder, `f${each}`))
  }
  await until(
    'no finding',
    async (saw) => !saw(await monitor('/health/ready')).text.includes('cannot be read'),
  )
  t.notMatch(lines.join(''), /passwd|toString/)
})

t.test('a file of a gigabyte and a quote', async (t) => {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'large.csv')
  writeFileSync(file, `name\n"${'a'.repeat(2 ** 21)}`)
  truncateSync(file, 2 ** 30)
  const resources = [{ path: '/large', file: 'large.csv', format: { kind: 'csv' }, fields: row }]
  const settings = { source: { kind: 'folder', folder }, resources, complete: rename }
  const small = await startAdapter(t, fileAdapter, { settings })
  t.match(await small.ask('/large'), { status: 502, body: { message: /larger than 67108864 bytes/ } })
  const large = await startAdapter(t, fileAdapter, {
    settings: { ...settings, limits: { fileBytes: 2 ** 31 } },
  })
  t.match(await large.ask('/large'), { status: 502, body: { message: /longer than 1048576 bytes/ } })
})

t.test('a hundred thousand files', async (t) => {
  const folder = emptyFolder(t)
  for (let at = 0; at < 100_000; at++) writeFileSync(path.join(folder, `${at + 100_000}.csv`), '')
  const sources = [{ kind: 'folder', folder }, ...(hasSshd() ? [sftpSource(await startSshd(t), folder)] : [])]
  for (const source of sources) {
    const files = { list: true, read: true, names: 'csv$' }
    const settings = { source, resources: [], files, complete: rename, limits: { readMs: 120_000 } }
    const { ask } = await startAdapter(t, fileAdapter, { settings })
    const { body } = await ask('/files?after=150000.csv&limit=3')
    const names = (body as { items: { name: string }[] }).items.map(({ name }) => name)
    t.strictSame(names, ['150001.csv', '150002.csv', '150003.csv'], source.kind)
    t.match(await ask('/files/199999.csv'), { status: 200 })
    const few = await startAdapter(t, fileAdapter, {
      settings: { ...settings, limits: { ...settings.limits, files: 99_999 } },
    })
    t.match(await few.ask('/files'), { status: 502, body: { message: /more than 99999 entries/ } })
    t.match(await few.ask('/files/199999.csv'), { status: 200 })
  }
})

t.test('limits', async (t) => {
  const folder = emptyFolder(t)
  writeFileSync(path.join(folder, 'a.csv'), `name\n${`${'x'.repeat(600)}\n`.repeat(3)}`)
  const resources = [
    { path: '/a', file: 'a.csv', format: { kind: 'csv' }, fields: row },
    { path: '/one', file: 'a.csv', format: { kind: 'csv' }, fields: row, one: true },
  ]
  const settings = {
    source: { kind: 'folder', folder },
    resources,
    complete: rename,
    limits: { answerBytes: 1024 },
  }
  const { ask } = await startAdapter(t, fileAdapter, { settings })
  t.match(await ask('/a'), { status: 400, body: { type: 'answer_too_large' } })
  t.match(await ask('/a?limit=1'), { status: 200 })
  t.match(await ask('/one'), { status: 502, body: { message: /more than one row/ } })
  t.match(await ask('/a?limit=1'), { status: 200 }, 'which does not make the file a broken one')
})
