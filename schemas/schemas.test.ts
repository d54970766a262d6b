import { deepStrictEqual, match, ok, strictEqual } from 'node:assert'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { errorsDocument } from '#scripts/errors-document.ts'
import { wordsIn, wordsSaid } from '#test/house/words-said.ts'
import type { FaultCode, FaultOrigin } from './fault.ts'
import { asFault, Fault, textOfCode, textOfOutcome, toldBy, wireFault } from './fault.ts'
import { catalogue } from './fault-catalogue.ts'
import { explainFault, inLanguage, jsonIn, LANGUAGES, languageOf } from './fault-languages.ts'
import {
  checkCode,
  checkNewCode,
  decodeSegment,
  encodeSegment,
  idText,
  memberOf,
  parseClientId,
  parseMemberId,
  parseServerId,
  parseServiceId,
  parseSubsystemId,
  subsystemOf,
} from './identifiers.ts'
import { listed, say } from './said.ts'

const isCode = (text: string): boolean => {
  try {
    checkCode(text)
    return true
  } catch {
    return false
  }
}
/** Headers, settings, paths and names of protocols within a text. */
const NAMES =
  /X-[A-Z][A-Za-z-]+|Retry-After|[a-z]+[A-Z]\w*|\/\w+\/\w+|--\w+|[A-Z]+_[A-Z_]+|\b(?:OCSP|TLS|OpenAPI|WSDL|JSON|XML|DER|UTC|ASiC-E|expirytime)\b/g
/** A word that says no, or only. */
const NOTHING: Record<string, RegExp> = {
  es: /\bnada\b|\bs[oó]lo\b/,
  et: /\bmitte\b|\bei\b|\bainult\b/,
  fi: /\bei\b|\beikä\b|\bvain\b/,
  uk: /нічого|лише|тільки/,
}
const code = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter(isCode)

t.test('every identifier reads back from its one text', (t) => {
  const ids = fc.record({ instance: code, memberClass: code, memberCode: code }, { noNullPrototype: true })
  fc.assert(
    fc.property(ids, code, code, (member, subsystemCode, last) => {
      const text = idText(member)
      deepStrictEqual(parseMemberId(text), member)
      deepStrictEqual(parseClientId(text), member)
      const subsystem = { ...member, subsystemCode }
      deepStrictEqual(parseSubsystemId(idText(subsystem)), subsystem)
      deepStrictEqual(parseClientId(idText(subsystem)), subsystem)
      const service = { ...subsystem, serviceCode: last }
      deepStrictEqual(parseServiceId(idText(service)), service)
      deepStrictEqual(subsystemOf(service), subsystem)
      deepStrictEqual(memberOf(service), member)
      const server = { ...member, serverCode: last }
      deepStrictEqual(parseServerId(idText(server)), server)
      match(text, /^[!$&-;=@A-Z_a-z~%]+$/, 'only what a header and a path may hold')
    }),
    { numRuns: 200 },
  )
  t.equal(idText({ instance: 'DEV', memberClass: 'GOV', memberCode: 'Öl 1' }), 'DEV/GOV/%C3%96l%201')
  t.equal(idText({ instance: 'DEV', memberClass: 'GOV', memberCode: '𠮷' }), 'DEV/GOV/%F0%A0%AE%B7')
  t.equal(checkNewCode('𠮷野'), '𠮷野', 'names of people and places are written beyond the BMP too')
  const unseen = ['\u00ad', '\u034f', '\u115f', '\u180e', '\u3164', '\uffa0', '\u{1bca0}', '\u{1d17a}']
  for (const unfit of ['a\u{e0041}', 'a\u{1fffe}', 'a\u202e', ' a', ...unseen.map((mark) => `a${mark}b`)])
    t.throws(() => checkNewCode(unfit), { code: 'invalid_client_identifier' }, JSON.stringify(unfit))
  t.equal(
    encodeSegment("a-._~!$&'()*+,=@"),
    "a-._~!$&'()*+,=@",
    'what RFC 3986 lets stand in a segment stands',
  )
  t.end()
})

t.test('two texts never mean one identifier, two identifiers never share a text', (t) => {
  fc.assert(
    fc.property(code, code, (a, b) => {
      strictEqual(encodeSegment(a) === encodeSegment(b), a === b)
    }),
  )
  const texts = ['a/b/c', 'a/b/c/d', 'a%2Db/b/c', 'a/b/%63']
  t.strictSame(
    texts.map((text) => idText(parseClientId(text))),
    ['a/b/c', 'a/b/c/d', 'a-b/b/c', 'a/b/c'],
  )
  t.end()
})

t.test('malformed identifiers are refused with a fault, never echoed at length', (t) => {
  const bad = [
    '',
    '.',
    '..',
    'a%',
    'a%2',
    'a%zz',
    '%00',
    '%2F',
    'a%5Cb',
    '%ff',
    '%C0%AF',
    'a b',
    'ä',
    'a%0a',
    '%25',
    '%3B',
  ]
  const worse = [
    '%E2%80%8B',
    '%EF%BB%BF',
    '%ED%A0%80',
    'a'.repeat(256),
    '\u0000',
    '\ud800',
    'a\ud842',
    '\udfb7\ud842',
    'a#b',
    'a?b',
    'a"b',
    '%3a',
  ]
  for (const half of ['\ud800', 'a\ud842', '\udfb7\ud842'])
    t.throws(() => checkCode(half), { code: 'invalid_client_identifier' })
  for (const segment of [...bad, ...worse]) {
    t.throws(
      () => decodeSegment(segment),
      { code: 'invalid_client_identifier' },
      JSON.stringify(segment.slice(0, 20)),
    )
  }
  for (const text of ['', 'a', 'a/b', 'a/b/c/d/e', '/a/b/c', 'a/b/c/', 'a//c', 'a/b/..']) {
    t.throws(() => parseClientId(text), { code: 'invalid_client_identifier' }, text)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      try {
        strictEqual(idText(parseServiceId(idText(parseServiceId(text)))), idText(parseServiceId(text)))
      } catch (thrown) {
        ok(thrown instanceof Fault && thrown.message.length < 400)
      }
    }),
  )
  t.end()
})

t.test('the catalogue can be read by people and sent by HTTP', (t) => {
  for (const [name, { status, text, remedy }] of Object.entries(catalogue)) {
    t.match(name, /^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)?$/)
    t.ok(status >= 400 && status < 600, name)
    for (const sentence of [text, remedy]) t.match(sentence, /^[A-Z].*[^.]$/, name)
  }
  t.end()
})

t.test('every fault is explained in every language of the consoles, and nothing else is', async (t) => {
  for (const language of LANGUAGES.filter((each) => each !== 'en')) {
    const file = new URL(`faults/texts/${language}.json`, import.meta.url)
    const rows = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { text: string; remedy: string }>
    t.same(Object.keys(rows), Object.keys(catalogue), language)
    for (const [code, { text, remedy }] of Object.entries(rows)) {
      const { text: english, remedy: englishRemedy } = catalogue[code as FaultCode]
      for (const sentence of [text, remedy]) t.match(sentence, /^[\p{Lu}].*[^.]$/u, `${language} ${code}`)
      // What is to be typed or looked up is not translated.
      for (const name of `${english} ${englishRemedy}`.match(NAMES) ?? [])
        t.ok(`${text} ${remedy}`.includes(name), `${language} ${code} names ${name}`)
    }
    const fault = new Fault('invalid_input', { what: 'name' })
    t.match(explainFault(fault, language), / \(name\)\. .*\.$/)
    t.not(explainFault(fault, language), fault.message)
  }
  t.equal(explainFault(new Fault('not_found'), 'constructor'), new Fault('not_found').message)
  t.end()
})

t.test(
  'every word that a server says is there in every language, with the same values, and nothing else is',
  async (t) => {
    const said = wordsSaid()
    const rows: Record<string, Record<string, string>> = {}
    for (const name of ['details', 'diagnosis', 'explanation', 'verdicts']) {
      const file = new URL(`said/${name}.json`, import.meta.url)
      for (const [english, row] of Object.entries(JSON.parse(readFileSync(file, 'utf8')) as typeof rows)) {
        t.notOk(Object.hasOwn(rows, english), `${english}: once only, since its place does not tell`)
        rows[english] = row
      }
    }
    const lacking = [...said].filter(([english]) => /\p{L}/u.test(english) && !Object.hasOwn(rows, english))
    t.strictSame(lacking, [], 'said, and not in schemas/said')
    t.strictSame(
      Object.keys(rows).filter((english) => !said.has(english)),
      [],
      'no longer said',
    )
    const holes = (of: string): string => (of.match(/\{\d+\}/g) ?? []).sort().join()
    const others = LANGUAGES.filter((each) => each !== 'en').toSorted()
    for (const [english, row] of Object.entries(rows)) {
      t.strictSame(Object.keys(row).toSorted(), others, english)
      for (const [language, text] of Object.entries(row)) {
        t.not(text.trim(), '', `${language}: ${english}`)
        t.equal(holes(text), holes(english), `${language}: ${english}`)
        if (english.includes('nothing else')) t.match(text, NOTHING[language]!, `${language}: ${english}`)
      }
    }
    const hole = '$' + '{'
    t.same(wordsIn(`return say\`a ${hole}b({})} c\` + \`we say\` + say\`\``), ['a {0} c'])
  },
)

t.test('words print themselves in English, and are said in a language where an answer leaves', (t) => {
  const port = say`port ${'{1}'} does not answer`
  const refused = new Fault('service_malformed_url', { what: say`it names a user` })
  const { text, remedy } = toldBy(refused)
  const answer = { items: [{ what: listed([port, text], '; '), remedy }], name: 'port' }
  t.equal(`${text} ${remedy}`, refused.message)
  t.equal(JSON.stringify(answer), jsonIn(answer, 'en'))
  t.match(jsonIn(answer, 'en'), /"port \{1\} does not answer; .* \(it names a user\)\."/, 'filled in once')
  t.match(JSON.parse(jsonIn(answer, 'et')), {
    items: [{ what: /^port \{1\} ei vasta; .* \(see nimetab kasutaja\)\.$/ }],
    name: 'port',
  })
  t.equal(`${inLanguage(text, 'fi')} ${inLanguage(remedy, 'fi')}`, explainFault(refused, 'fi'))
  t.equal(inLanguage(say`words of nobody`, 'fi'), 'words of nobody')
  const denied = textOfOutcome('access_denied')!
  for (const outcome of ['server.serverproxy.access_denied', 'Server.ServerProxy.AccessDenied'])
    t.same(textOfOutcome(outcome), denied, outcome)
  t.equal(inLanguage(textOfCode('access_denied')!, 'fi'), explainFault(new Fault('access_denied'), 'fi'))
  t.ok(explainFault(new Fault('access_denied'), 'fi').startsWith(`${inLanguage(denied, 'fi')}. `))
  for (const outcome of ['', 'ok', 'server.serverproxy.', 'constructor', 'their own'])
    t.equal(textOfOutcome(outcome), null, outcome)
  t.equal(inLanguage(port, 'constructor'), String(port))
  t.end()
})

t.test('the language of a reader', async (t) => {
  const wanted: [string | undefined, string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['et-EE', 'et'],
    ['de, FI;q=0.8, et;q=0.9', 'et'],
    ['en-GB,en;q=0.9,uk;q=0.8', 'en'],
    ['uk;q=0, es;q=0.001', 'es'],
    ['et;q=2, fi;q=x', 'en'],
    ['__proto__, constructor', 'en'],
    [`${'x,'.repeat(100_000)}et`, 'en'],
  ]
  for (const [header, language] of wanted) t.equal(languageOf(header), language, header?.slice(0, 40) ?? '')
  t.end()
})

t.test('docs/errors.md is what the catalogue says (concordat check --fix writes it)', (t) => {
  t.equal(readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8'), errorsDocument())
  t.end()
})

t.test('a fault on the wire: prefix by the half that speaks, id kept, cause private', (t) => {
  const fault = new Fault('access_denied', { what: 'DEV/GOV/1/a', cause: new Error('SECRET') })
  t.match(fault.message, /^The client has no right to call this service \(DEV\/GOV\/1\/a\)\. Ask .*\.$/)
  const type = (origin: FaultOrigin): string => wireFault(fault, origin).type
  t.equal(type('server.clientproxy'), 'client.access_denied')
  t.equal(type('server.serverproxy'), 'server.serverproxy.access_denied')
  t.equal(
    wireFault(new Fault('network_error'), 'server.clientproxy').type,
    'server.clientproxy.network_error',
  )
  t.notMatch(JSON.stringify(wireFault(fault, 'signer')), /SECRET/)
  t.equal(wireFault(fault, 'signer').detail, fault.detail)
  const received = { type: 'server.serverproxy.access_denied', message: 'no', detail: 'abc' }
  t.strictSame(wireFault(Fault.fromPeer(received), 'server.clientproxy'), received)
  t.equal(asFault(fault), fault)
  t.match(asFault('text'), { code: 'internal_error', status: 500 })
  t.end()
})

/** Statuses that any call can have. */
const ANY = ['400', '408', '413', '429', '431', '500', '503']
const KNOWN_CALLER = ['401', '403']
/** Management APIs name objects, which may not exist or be in another state. */
const MANAGED = ['404', '409']

type Declared = {
  operationId?: string
  responses: Record<string, object>
  'x-roles': string[]
  'x-four-eyes'?: true | string
  'x-passkey'?: true | 'if-any'
}

t.test('every operation of every API declares each status that it can answer', (t) => {
  const folder = new URL('./', import.meta.url)
  const files = readdirSync(folder).filter((name) => name.endsWith('-api.yaml'))
  t.equal(files.length, 4)
  const [fault, proposed] = ['Fault', 'Proposed'].map((name) => `{"$ref":"#/components/responses/${name}"}`)
  for (const file of files) {
    const { paths, components } = parse(readFileSync(new URL(file, folder), 'utf8'), { maxAliasCount: -1 })
    t.same(components.schemas.Fault.required, ['type', 'message', 'detail'], file)
    t.equal(components.responses.Fault.content['application/json'].schema.$ref, '#/components/schemas/Fault')
    const wrong: string[] = []
    const operations = Object.values<Record<string, Declared>>(paths).flatMap((item) => Object.values(item))
    for (const { operationId, responses, ...operation } of operations) {
      if (operationId === undefined) continue
      const isOpen = operation['x-roles'].includes('public')
      const isManaged = ['central-registry-api.yaml', 'security-server-api.yaml'].includes(file)
      const wanted = [...ANY, ...(isOpen ? [] : KNOWN_CALLER), ...(isManaged ? MANAGED : [])]
      const isFault = (status: string): boolean => JSON.stringify(responses[status]) === fault
      const others = Object.keys(responses).filter((status) => !/^2\d\d$/.test(status))
      for (const status of new Set([...wanted, ...others]))
        if (!isFault(status)) wrong.push(`${operationId}: ${status}`)
      if ((JSON.stringify(responses['202']) === proposed) !== (operation['x-four-eyes'] !== undefined))
        wrong.push(`${operationId}: a second person`)
      if (file === 'central-registry-api.yaml' && operation['x-four-eyes'] && !operation['x-passkey'])
        wrong.push(`${operationId}: two persons, and no passkey of either`)
      // What gives access to whoever does it.
      const needed = {
        ...{ addPasskey: 'if-any', addApiKey: true, issueApiKeySecret: true },
        givePasskeyCode: 'if-administrator',
      }[operationId]
      if (needed !== undefined && operation['x-passkey'] !== needed) wrong.push(`${operationId}: a passkey`)
    }
    t.same(wrong, [], file)
  }
  t.end()
})

t.test('no number that comes from outside is more than the databases keep', (t) => {
  const folder = new URL('./', import.meta.url)
  let numbers = 0
  for (const file of readdirSync(folder).filter((name) => name.endsWith('-api.yaml'))) {
    const document = parse(readFileSync(new URL(file, folder), 'utf8'), { maxAliasCount: -1 })
    const wrong: string[] = []
    const look = (part: unknown, place: string, within: unknown[]): void => {
      if (typeof part !== 'object' || part === null || within.includes(part)) return
      const { $ref, type, enum: values, maximum } = part as Record<string, unknown>
      if (typeof $ref === 'string') {
        const [, ...names] = $ref.split('/')
        const named = names.reduce(
          (from, name) => (from as Record<string, unknown>)[name],
          document as unknown,
        )
        look(named, $ref, [...within, part])
        return
      }
      if ((type === 'integer' || type === 'number') && values === undefined) {
        numbers += 1
        if (typeof maximum !== 'number') wrong.push(place)
      }
      for (const [name, inner] of Object.entries(part)) look(inner, `${place}/${name}`, [...within, part])
    }
    type Item = { parameters?: unknown; requestBody?: unknown }
    for (const [route, item] of Object.entries<Record<string, Item>>(document.paths)) {
      look(item['parameters'], route, [])
      for (const [method, { parameters, requestBody }] of Object.entries(item))
        look({ parameters, requestBody }, `${method} ${route}`, [])
    }
    t.same(wrong, [], file)
  }
  t.ok(numbers > 100, `${numbers} numbers`)
  t.end()
})
