/** `concordat event`: what each verb prints, how it ends, and what hostile input makes of it. */
import { spawnSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { bake, commonName, type KeyPair, newKey } from '#core/certificate/certificate-fixture.ts'
import { A } from '#core/dsse/dsse-fixture.ts'
import { LEAST } from '#core/events/event-fixture.ts'
import { readEvents } from '#core/events/read-event.ts'
import { writeBinary, writeStructured } from '#core/events/write-event.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { run } from './event.ts'

const IN_YEAR = Date.parse('2030-06-01T00:00:00Z')
const WAGES = {
  ...LEAST,
  id: 'A-1',
  type: 'org.example.paid',
  partitionkey: 'P1',
  hop: 3,
  data: { sum: 1.0 },
}
const BATCH = JSON.stringify([WAGES, { ...LEAST, id: 'A-2', hop: 'x' }, { ...LEAST, id: 'A-3' }])

type Said = { code: number; out: string; errors: string }

async function* chunks(input: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(input)
}

async function event(args: string[], input: string | Uint8Array = '', clock = IN_YEAR): Promise<Said> {
  const said = { out: '', errors: '' }
  const out = { write: (chunk: string | Uint8Array) => (said.out += Buffer.from(chunk).toString()) }
  const errors = { write: (text: string) => (said.errors += text) }
  return { code: await run(args, { input: chunks(input), out, errors, clock: () => clock }), ...said }
}

t.test('check', async (t) => {
  const good = await event(['check'], JSON.stringify({ ...WAGES, subject: 'a\u202eb' }))
  t.match(good, { code: 0, errors: '' })
  for (const line of [
    /^standard input\n/,
    /^ {2}id +A-1$/m,
    /^ {2}hop +3$/m,
    /^ {2}\(data\) +9 bytes, JSON$/m,
  ])
    t.match(good.out, line)
  t.match(good.out, 'a\ufffdb', 'nothing turns a terminal round')
  t.match(good.out, /1 valid, 0 not valid\n$/)

  const bad = await event(
    ['check'],
    `[${JSON.stringify(WAGES)},{"id":"2"},3,${JSON.stringify({ ...LEAST, id: '' })}]`,
  )
  t.equal(bad.code, 1)
  t.match(bad.out, /standard input, event 1\n(?:.|\n)*1 valid, 3 not valid/)
  t.strictSame(
    [...bad.errors.matchAll(/^concordat event check: (.*?): .*\((.*?)\)\. (.*)$/gm)].map((found) =>
      found.slice(1),
    ),
    [
      ['standard input, event 2', 'specversion is missing', 'Correct the event and send it again.'],
      ['standard input, event 3', 'it is not a JSON object', 'Correct the event and send it again.'],
      ['standard input, event 4', 'id is empty', 'Correct the event and send it again.'],
    ],
  )
  const lines = await event(['check', '--lines'], `${JSON.stringify(WAGES)}\r\n\n{"id":}\n`)
  t.match(lines, { code: 1, errors: /^concordat event check: standard input, line 3: .*\(no value at 6\)/ })
  t.match(await event(['check', '--content-type', 'application/cloudevents-batch+json'], '{}'), {
    code: 1,
    errors: /a batch is not a list/,
  })
  t.match(await event(['check'], '[]'), { code: 0, out: '0 valid, 0 not valid\n' })
})

t.test('what strangers write is bounded, and refused with its place', async (t) => {
  const refused: [input: string | Uint8Array, said: RegExp][] = [
    ['', /no value at 0/],
    ['\ufeff{}', /no value at 0/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
    ['['.repeat(100_000), /deeper than 64 levels/],
    [`{"specversion":"1.0","id":"1","id":"2"}`, /a member is doubled/],
    [`[${Array(1_001).fill('{}').join(',')}]`, /over 1000 items/],
    [`[${Array(1_000).fill('{}').join(',')}]`, /event 20: .*\n.* and 980 more\n$/],
    [`"${'a'.repeat(4_194_304)}"`, /over 4194304 bytes|too long/],
    [JSON.stringify({ ...LEAST, subject: 'a\u001b[2J' }), /subject has characters/],
    [JSON.stringify({ ...LEAST, data_base64: '*' }), /data_base64 is not base64/],
  ]
  for (const [input, said] of refused) {
    const { code, errors } = await event(['check'], input)
    t.equal(code, 1)
    t.match(errors, said)
    t.notMatch(errors, /\u001b/)
  }
  let given = 0
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      given += 1_048_576
      yield Buffer.alloc(1_048_576, 0x20)
    }
  }
  const errors = { write: (text: string) => t.match(text, /standard input has over 67108864 bytes/) }
  t.equal(await run(['check'], { input: endless(), errors }), 1)
  t.equal(given, 65 * 1_048_576, 'and no more is read')
})

t.test('convert', async (t) => {
  const folder = t.testdir({
    one: JSON.stringify(WAGES),
    two: JSON.stringify({ ...LEAST, subject: 'ä b', note: '' }),
  })
  const file = (name: string): string => path.join(folder, name)
  const message = await event(['convert', '--to', 'binary', '--file', file('one')])
  t.match(message, {
    code: 0,
    out: /^ce-specversion:1\.0\r\nce-id:A-1\r\n(?:.+\r\n)*content-type:application\/json\r\n\r\n\{"sum":1\}$/,
  })
  const files = ['--headers-file', file('headers'), '--data-file', file('data')]
  t.match(await event(['convert', '--to', 'binary', ...files, '--file', file('two')]), { code: 0, out: '' })
  const headers = readFileSync(file('headers'), 'utf8')
  t.match(headers, /^ce-note;$/m, 'curl would leave out a header without a value')
  t.match(headers, /^content-type:$/m, 'curl would add its own')
  t.equal(statSync(file('headers')).mode & 0o777, 0o600)
  const list = [...headers.matchAll(/^(ce-[a-z]+)(?:;|: (.*))$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ])
  t.match(readEvents(list as HeaderList, readFileSync(file('data'))), [{ id: '1', subject: 'ä b' }])
  t.match(await event(['convert', '--to', 'binary', ...files, '--file', file('two')]), {
    code: 1,
    errors: /is there already/,
  })
  t.equal(readFileSync(file('headers'), 'utf8'), headers, 'nothing is overwritten')

  const both = await event(['convert', '--to', 'batch', '--file', file('one'), '--file', file('two')])
  t.match(JSON.parse(both.out), [
    { id: 'A-1', data: { sum: 1 } },
    { id: '1', subject: 'ä b' },
  ])
  const exact = '{"sum": 1.00, "n": 12345678901234567890}'
  const kept = await event(
    ['convert', '--to', 'structured'],
    `[${JSON.stringify(LEAST).slice(0, -1)},"data":${exact}}]`,
  )
  t.match(kept.out, `"data":${exact}}`, 'data is not printed anew')
  t.match(await event(['convert', '--to', 'structured'], BATCH), {
    code: 2,
    errors: /takes one event, 3 are given/,
  })
  const many = `${JSON.stringify(LEAST)}\n`.repeat(1_001)
  t.match(await event(['convert', '--to', 'batch', '--lines'], many), {
    code: 1,
    out: '',
    errors: /over 1000 items/,
  })
})

t.test('filter', async (t) => {
  const passing = await event(['filter', "type LIKE 'org.%' AND hop < 4"], BATCH)
  t.equal(passing.code, 0)
  t.match(JSON.parse(passing.out), [{ id: 'A-1' }])
  t.equal(JSON.parse(passing.out).length, 1)
  const failing = await event(['filter', 'hop < 4'], BATCH)
  t.match(failing.errors, /event 2: CastError, so it does not pass\n.*event 3: MissingAttributeError/)
  t.match(await event(['filter', "id = 'none'"], BATCH), { code: 1, out: '[]\n', errors: '' })
  t.match(await event(['filter', "id = 'none'"], JSON.stringify(WAGES)), { code: 1, out: '' })
  const line = '{ "specversion":"1.0","type":"t", "source":"/a","id":"1" }'
  t.match(await event(['filter', '--lines', "id = '1'"], `${JSON.stringify(WAGES)}\n${line}`), {
    code: 0,
    out: `${line}\n`,
  })
  for (const [expression, said] of [
    ["id = 'a", /ParseError: a string has no end, at character 6/],
    ['NONE(id) = 1', /MissingFunctionError: .* NONE /],
    ['1 + 1', /not a condition/],
  ] as const)
    t.match(await event(['filter', expression], BATCH), { code: 2, out: '', errors: said }, expression)

  const folder = t.testdir({
    good: '[{"exact":{"type":"org.example.paid"}}]',
    bad: '{"like":{}}',
    broken: '{',
  })
  const filters = (name: string) => event(['filter', '--filters', path.join(folder, name)], BATCH)
  t.match(await filters('good'), { code: 0, out: /^\[\{[^\n]*A-1[^\n]*\]\n$/ })
  t.match(await filters('bad'), { code: 2, errors: /bad: the dialect is not/ })
  t.match(await filters('broken'), { code: 2, errors: /broken: a string is missing at 1/ })
  t.match(await filters('absent'), { code: 1, errors: /There is no file [^ ]*absent/ })
})

function credentials(
  folder: string,
  name: string,
  { publicKey, privateKey }: KeyPair,
  signer?: KeyPair,
): string[] {
  const der = bake({ key: { publicKey, privateKey }, subject: commonName(name), ...(signer && { signer }) })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  const [key, certificate] = [path.join(folder, `${name}.key`), path.join(folder, `${name}.crt`)]
  writeFileSync(key, pem)
  writeFileSync(certificate, der)
  return ['--key', key, '--certificate', certificate]
}

t.test('sign and verify', async (t) => {
  const folder = t.testdir()
  const pairOf = (privateKey: KeyObject): KeyPair => ({ privateKey, publicKey: createPublicKey(privateKey) })
  const issuer = newKey()
  const [p256, rsa] = [newKey(), newKey(2_048)]
  const own = credentials(folder, 'own', p256)
  const other = credentials(folder, 'other', pairOf(A), issuer)
  const verify = (given: string, which: string[], ...more: string[]) =>
    event(['verify', ...which.slice(2), ...more], given)

  for (const which of [own, other, credentials(folder, 'rsa', rsa)]) {
    const signed = await event(['sign', ...which], JSON.stringify(WAGES))
    t.equal(signed.code, 0)
    t.match(await verify(signed.out, which), { code: 0, out: /^ {2}signed by +.*SHA-256 [0-9a-f]{64}/m })
  }
  const timed = { ...WAGES, time: '2030-01-01T00:00:00.5Z', region: 'north' }
  const signed = await event(['sign', ...own, '--extension', 'partitionkey'], `[${JSON.stringify(timed)}]`)
  for (const said of [
    /^ {2}covered +specversion, id, source, type, datacontenttype, time \(whole seconds\), data \(9 bytes\)$/m,
    /^ {2}covered as absent +dataschema, subject$/m,
    /^ {2}extensions covered +partitionkey$/m,
    /^ {2}NOT covered +hop, region$/m,
  ])
    t.match(signed.errors, said)
  const [event1] = JSON.parse(signed.out) as [Record<string, unknown>]
  const changed = (members: object): string => JSON.stringify({ ...event1, ...members })
  t.match(await verify(changed({ hop: 9 }), own), { code: 0, out: /1 verified, 0 not/ }, 'it was not covered')
  t.match(await verify(changed({}), own, '--extension', 'partitionkey'), { code: 0 })
  t.match(await verify(changed({}), own, '--extension', 'region=String'), {
    code: 1,
    errors: /the extension region is not covered/,
  })
  for (const [members, said] of [
    [{ data: { sum: 2 } }, /the event was changed/],
    [{ subject: 'added' }, /the event was changed/],
    [{ partitionkey: 'P2' }, /a signed extension was changed/],
    [{ dssematerial: undefined }, /the event is not signed/],
    [{ dssematerial: Buffer.from('{}').toString('base64') }, /payloadType is no text/],
  ] as const)
    t.match(await verify(changed(members), own), { code: 1, out: /0 verified, 1 not/, errors: said })
  t.match(await verify(changed({}), other), { code: 1, errors: /not enough trusted keys/ })
  t.match(await verify('[]', own), { code: 1 }, 'nothing is no signed event')
  const json: HeaderList = [['content-type', 'application/cloudevents+json']]
  const { headers, body } = writeBinary(readEvents(json, Buffer.from(changed({})))[0]!)
  const back = writeStructured(readEvents(headers, body)[0]!).body
  t.match(await verify(`${back}`, own), { code: 0 }, 'it holds in binary mode, too, where data have a type')

  const typed = await event(['sign', ...own, '--extension', 'region=String'], JSON.stringify(timed))
  t.match(await verify(typed.out, own), {
    code: 0,
    out: /Extensions are signed, but the type of one is not known/,
  })
  t.match(await verify(typed.out, own, '--extension', 'region=String'), {
    code: 0,
    out: /extensions covered +region/,
  })
  const twice = await event(['sign', ...other, '--lines'], `${typed.out}${JSON.stringify(WAGES)}\n`)
  t.match(await verify(twice.out, other, '--lines'), { code: 0, out: /2 verified, 0 not/ })
  t.match(await verify(typed.out, own, '--at', '2032-01-01T00:00:00Z'), { code: 1, errors: /not on 2032/ })
})

t.test('it signs with nothing else than the strong key of a valid certificate', async (t) => {
  const folder = t.testdir({ no: 'no key: s3cret' })
  const own = credentials(folder, 'own', newKey())
  const [key = '', certificate = ''] = [own[1], own[3]]
  const sealed = path.join(folder, 'sealed.key')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(
    sealed,
    privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a' }),
  )
  const signing = (keyFile: string, certificateFile: string, clock = IN_YEAR) =>
    event(['sign', '--key', keyFile, '--certificate', certificateFile], JSON.stringify(WAGES), clock)
  const refused: [Promise<Said>, RegExp][] = [
    [signing(path.join(folder, 'no'), certificate), /no is no private key in PEM/],
    [signing(sealed, certificate), /without a passphrase/],
    [signing(certificate, certificate), /no private key in PEM/],
    [signing(credentials(folder, 'b', newKey())[1] ?? '', certificate), /not the key of the certificate/],
    [signing(key, key), /The certificate cannot be read/],
    [signing(key, certificate, Date.parse('2031-06-01T00:00:00Z')), /not on 2031-06-01/],
    [signing(path.join(folder, 'absent'), certificate), /There is no file [^ ]*absent/],
  ]
  const weak = credentials(folder, 'weak', newKey(1_024))
  refused.push([signing(weak[1] ?? '', weak[3] ?? ''), /is weak/])
  const k1 = credentials(folder, 'k1', newKey('secp256k1'))
  refused.push([signing(k1[1] ?? '', k1[3] ?? ''), /of a kind that signs no events/])
  for (const [said, why] of refused) {
    t.match(await said, { code: 1, out: '', errors: why })
    t.notMatch((await said).errors, 's3cret')
  }
  t.match(await event(['sign', ...own, '--extension', 'region'], JSON.stringify({ ...WAGES, region: 'a' })), {
    code: 2,
    out: '',
    errors: /standard input: an extension whose type is not known is not signed, see --extension/,
  })
})

t.test('wrong usage ends with 2 and says what is missing, before anything is read', async (t) => {
  async function* unread(): AsyncGenerator<Uint8Array> {
    t.fail('it was read')
    yield Buffer.alloc(0)
  }
  for (const [args, said] of [
    [[], /the verb is missing/],
    [['__proto__'], /^concordat event: .*there is no __proto__.*--help/],
    [['check', '--nonsense'], /--nonsense/],
    [['check', 'a.json'], /a\.json is no option/],
    [['check', '--content-type', 'text/plain'], /--content-type is neither/],
    [['check', '--lines', '--content-type', 'application/cloudevents-batch+json'], /no batch/],
    [['convert'], /--to is missing/],
    [['convert', '--to', 'xml'], /--to is binary, structured, batch/],
    [['convert', '--to', 'binary', '--data-file', 'd'], /belong together/],
    [['convert', '--to', 'batch', '--data-file', 'd', '--headers-file', 'h'], /for --to binary/],
    [['filter'], /an expression or --filters/],
    [['filter', 'a', 'b'], /put it in quotes/],
    [['filter', 'a', '--filters', 'f'], /an expression or --filters/],
    [['sign'], /--key is missing/],
    [['sign', '--key', 'k'], /--certificate is missing/],
    [['sign', '--key', 'k', '--certificate', 'c', '--extension', 'a=Text'], /wants one of Boolean/],
    [['verify', '--certificate', 'c', '--at', 'now'], /--at wants a time/],
  ] as const) {
    const said2 = { errors: '' }
    const errors = { write: (text: string) => (said2.errors += text) }
    t.equal(await run([...args], { input: unread(), errors }), 2, args.join(' '))
    t.match(said2.errors, said)
  }
  const { out, code } = await event(['sign', '--help'])
  t.equal(code, 0)
  const document = readFileSync(new URL('../docs/command-line.md', import.meta.url), 'utf8')
  const verbs = new Set([...out.matchAll(/concordat event ([a-z]+)/g)].map(([, verb = '']) => verb))
  t.equal(verbs.size, 5)
  for (const verb of verbs) t.ok(document.includes(`concordat event ${verb} `), `the document shows ${verb}`)
})

t.test('as a process, in a pipe whose reader has enough', (t) => {
  const line = JSON.stringify({ ...WAGES, data: 'x'.repeat(1_000) })
  const command = '{ "$0" "$1" event filter --lines "hop = 3"; echo "$?" >&2; } | head -n 1'
  const program = path.join(import.meta.dirname, 'concordat.ts')
  const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, program], {
    input: `${line}\n`.repeat(4_000),
    encoding: 'utf8',
    timeout: 60_000,
  })
  t.equal(stdout, `${line}\n`)
  t.equal(stderr, '141\n', 'and no stack')
  t.end()
})
