/** Places of people's identifiers, and what is read from them, also from malicious messages. */
import t from 'tap'
import { writeSoap } from '../transport/write-soap.ts'
import { MAX_IDENTIFIER, normaliseIdentifier } from './identifier.ts'
import { checkPlace, matchTemplate, type SubjectPlace, templateOf } from './place.ts'
import { MAX_SUBJECTS, placesOf, readReplySubjects, readRequestSubjects } from './read-subjects.ts'
import { soapBodyJson, soapHeaders } from './soap-body.ts'

const TYPE = 'personal-code'
const PARTY = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', subsystemCode: 's' }
const place = (changes: Partial<SubjectPlace>): SubjectPlace => ({
  method: '*',
  path: '**',
  in: 'body',
  name: '/code',
  type: TYPE,
  ...changes,
})
const message = (changes: object) => ({
  method: 'GET',
  path: '',
  query: undefined,
  headers: [] as [string, string][],
  body: undefined,
  ...changes,
})
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const idsOf = (places: SubjectPlace[], changes: object) => {
  const { subjects, fault } = readRequestSubjects(places, message(changes))
  return [subjects.map(({ identifier }) => identifier), fault]
}

t.test('an identifier has one form', (t) => {
  for (const text of ['131052-308T', '131052\u2013308t', ' 131052 308T\n', '１３１０５２-３０８Ｔ'])
    t.equal(normaliseIdentifier(text), '131052308T', JSON.stringify(text))
  t.not(normaliseIdentifier('131052-308T'), normaliseIdentifier('131052+308T'))
  // The holder of the keys normalises identifiers that are already normalised; this must not change them.
  const letters = Array.from({ length: 0x11000 }, (_, i) => String.fromCodePoint(i))
  const marks = ['', '\u0301', '\u0345', '-\u0301', ' \u0308\u0301']
  for (const text of [
    'e-\u0301',
    '\u0390',
    ...marks.flatMap((mark) => letters.map((one) => `7${one}${mark}`)),
  ]) {
    const one = normaliseIdentifier(text)
    if (one !== undefined && normaliseIdentifier(one) !== one) t.fail(JSON.stringify(text))
  }
  t.equal(normaliseIdentifier('e-\u0301'), '\u00c9')
  for (const none of [
    '',
    ' - ',
    'a\u0000b',
    'a\u200bb',
    'x'.repeat(MAX_IDENTIFIER + 1),
    'x'.repeat(1_000_000),
  ])
    t.equal(normaliseIdentifier(none), undefined, JSON.stringify(none.slice(0, 9)))
  t.end()
})

t.test('a prefix that stands before identifiers is no part of them', async (t) => {
  const prefixed = place({ in: 'query', name: 'userCode', prefix: 'EE' })
  for (const code of ['EE6000', 'ee%2060-00', '6000'])
    t.same(idsOf([prefixed], { query: `userCode=${code}` }), [['6000'], undefined], code)
  t.same(idsOf([prefixed], { query: 'userCode=EE' }), [[], 'unreadable'])
  const fields = { client: PARTY, service: { ...PARTY, serviceCode: 'findUsage' }, id: 'q', userId: 'EE6000' }
  const headers = await soapHeaders(Buffer.from(writeSoap(fields, '<findUsage/>')))
  t.same(idsOf([{ ...prefixed, in: 'header', name: 'X-Road-UserId' }], { headers }), [['6000'], undefined])
  const { userId: _, ...nobody } = fields
  t.same(await soapHeaders(Buffer.from(writeSoap(nobody, '<findUsage/>'))), [])
  await t.rejects(soapHeaders(Buffer.from('<a><b></a>')), { code: 'invalid_soap' })
})

t.test('places are checked', (t) => {
  const good: Partial<SubjectPlace>[] = [
    { in: 'path', path: '/persons/{code}/relatives', name: 'code' },
    { in: 'path', path: '/persons/{code}/**', name: 'code' },
    { in: 'query', name: 'personal_code', method: 'GET' },
    { in: 'header', name: 'X-Person' },
    { in: 'body', name: '/persons/a~1b/code' },
    { in: 'none', name: '' },
  ]
  for (const one of good) t.same(checkPlace(place(one)), place(one))
  const bad: Partial<SubjectPlace>[] = [
    { method: 'FETCH' },
    { path: 'persons' },
    { path: '/a b' },
    { path: '/**/b' },
    { path: `/${'a'.repeat(1024)}` },
    { in: 'path', path: '/persons/{other}', name: 'code' },
    { in: 'path', path: '/{code}/{code}', name: 'code' },
    { in: 'body', name: 'code' },
    { in: 'body', name: '/a~2' },
    { in: 'query', name: 'a b' },
    { in: 'none', name: 'x' },
    { type: 'Personal Code' },
  ]
  for (const one of bad)
    t.throws(() => checkPlace(place(one)), { code: 'invalid_input' }, JSON.stringify(one))
  t.end()
})

t.test('templates fit whole paths', (t) => {
  const fits = (template: string, path: string) => {
    const found = matchTemplate(template, path)
    return found && Object.fromEntries(found)
  }
  t.same(fits('/persons/{code}', '/persons/1%2F2%25'), { code: '1/2%' })
  t.same(fits('/persons/{code}/**', '/persons/1/a/b'), { code: '1' })
  t.same(fits('/*/{code}', '/x/1'), { code: '1' })
  for (const path of ['', '/persons', '/persons/', '/persons/1/2', '/person/1'])
    t.equal(fits('/persons/{code}', path), undefined, path)
  t.equal(templateOf('/persons/*', 'code'), '/persons/{code}')
  for (const pattern of ['/persons/*/*', '/persons/**', '**', '/persons', '/a*/b'])
    t.equal(templateOf(pattern, 'code'), undefined, pattern)
  t.same(
    placesOf([place({ method: 'POST' }), place({ path: '/a/{b}' }), place({ name: '/x' })], {
      method: 'GET',
      path: '/a/1',
    }).map(({ name, path }) => [name, path]),
    [
      ['/code', '/a/{b}'],
      ['/x', '**'],
    ],
  )
  t.end()
})

t.test('all people of a message are found, up to a bound; what is not found is told apart', (t) => {
  const path = place({ in: 'path', path: '/persons/{code}', name: 'code' })
  t.same(idsOf([path], { path: '/persons/131052-308T' }), [['131052308T'], undefined])
  const query = place({ in: 'query', name: 'code' })
  t.same(idsOf([query], { query: 'code=1-2&code=%33&other=4&code=12' }), [['12', '3'], undefined])
  t.same(idsOf([query], { query: 'x=1' }), [[], 'absent'])
  t.same(idsOf([query], { query: 'code=' }), [[], 'absent'])
  t.same(idsOf([query], { query: `code=${'9'.repeat(200)}` }), [[], 'unreadable'])
  t.same(idsOf([place({ in: 'header', name: 'X-Person' })], { headers: [['x-person', '7']] }), [
    ['7'],
    undefined,
  ])
  const persons = place({ name: '/persons/code' })
  const body = json({ persons: [{ code: '1' }, { code: 22 }, {}, { code: null }, { code: ['3', '4'] }] })
  t.same(idsOf([persons], { body }), [['1', '22', '3', '4'], undefined])
  t.same(idsOf([place({ name: '/persons/1/code' })], { body }), [['22'], undefined])
  t.same(
    idsOf([persons, query], { body, query: 'code=9' }),
    [['1', '22', '3', '4', '9'], undefined],
    'two places',
  )
  t.same(idsOf([persons], {}), [[], 'absent'])
  for (const bad of [Buffer.from('<xml/>'), Buffer.from([0xff]), json({ persons: { code: { a: 1 } } })])
    t.same(idsOf([persons], { body: bad }), [[], 'unreadable'])
  t.same(
    idsOf([place({})], { body: json({ code: 2 ** 60 }) }),
    [[], 'unreadable'],
    'a number that is not exact',
  )
  t.same(idsOf([place({})], { body: json({ code: true }) }), [[], 'unreadable'])
  t.same(idsOf([place({ name: '/__proto__' })], { body: json({}) }), [[], 'absent'])
  const many = json({ persons: Array.from({ length: 100_000 }, (_, i) => ({ code: i })) })
  const [found, fault] = idsOf([persons], { body: many })
  t.equal(found?.length, MAX_SUBJECTS)
  t.equal(fault, 'too_many')
  // A body is parsed once; fifty is the maximum number of places of one service.
  const fifty = Array.from({ length: 50 }, (_, i) => place({ name: `/code${i}` }))
  const { parse } = JSON
  let times = 0
  t.teardown(() => Object.assign(JSON, { parse }))
  JSON.parse = (...given) => {
    times++
    return parse(...given)
  }
  t.same(idsOf(fifty, { body: json({ code7: '7' }) }), [['7'], undefined])
  t.same(readReplySubjects(fifty, json({ code7: '7' })).subjects, [{ type: TYPE, identifier: '7' }])
  JSON.parse = parse
  t.equal(times, 2)
  const deep = Buffer.from(`{"code":${'['.repeat(5000)}${']'.repeat(5000)}}`)
  t.same(idsOf([place({})], { body: deep }), [[], 'unreadable'])
  const reply = [place({ in: 'reply', name: '/code' })]
  t.same(readReplySubjects(reply, json({ code: 'a-1' })).subjects, [{ type: TYPE, identifier: 'A1' }])
  t.same(readReplySubjects(reply, undefined), { subjects: [] })
  t.same(readReplySubjects(reply, json([])), { subjects: [] })
  t.equal(readReplySubjects(reply, Buffer.from('x')).fault, 'unreadable')
  t.end()
})

t.test('identifiers in SOAP bodies', async (t) => {
  const soap = (body: string): Buffer =>
    Buffer.from(
      `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`,
    )
  const at = async (body: string, name: string): Promise<string[] | string> => {
    const place = { method: '*', path: '**', in: 'body', name, type: 'personal-code' } as const
    const bytes = await soapBodyJson(soap(body))
    const message = { method: 'POST', path: '', query: undefined, headers: [], body: bytes }
    const { subjects, fault } = readRequestSubjects([place], message)
    return fault ?? subjects.map(({ identifier }) => identifier)
  }
  t.strictSame(await at('<p:get xmlns:p="urn:p"><code>1 2</code></p:get>', '/get/code'), ['12'])
  t.strictSame(await at('<get><p><code>1</code></p><p><code>2</code></p></get>', '/get/p/code'), ['1', '2'])
  t.strictSame(await at('<get><__proto__>1</__proto__></get>', '/get/__proto__'), ['1'])
  t.equal(await at('<get/>', '/get/code'), 'absent')
  t.equal(await at('<get><code><a>1</a></code></get>', '/get/code'), 'unreadable')
  await t.rejects(soapBodyJson(soap('<a>'.repeat(100) + '</a>'.repeat(100))), { code: 'invalid_soap' })
  await t.rejects(soapBodyJson(soap('text<a>b</a><c>')), { code: 'invalid_soap' })
})
