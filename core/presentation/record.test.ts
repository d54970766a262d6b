/** The record of a verdict, years later; and queries, with the library dcql as the second opinion. */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { DcqlQuery } from 'dcql'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { run } from '#scripts/verify.ts'
import { authorityOf, NOON, PERSON, statusListOf } from '#test/fakes/wallet/authority.ts'
import { sdJwtOfLibrary } from '#test/fakes/wallet/sd-jwt-of-library.ts'
import { readAsked } from './asked.ts'
import { attributesOf } from './dcql/attributes.ts'
import { makeQuery, type Source } from './dcql/make-query.ts'
import { matchClaims, matchSets } from './dcql/match-query.ts'
import { type CredentialQuery, LINK, type Query, readQuery } from './dcql/query.ts'
import type { JsonObject } from './json.ts'
import type { Verifier } from './make-request.ts'
import { judge, READER, reasonOf, testRequest, testVerifier, unseen } from './presentation-fixture.ts'
import { verifyRecord, writeRecord } from './record.ts'
import { readTrustedIssuers } from './trusted-issuers.ts'

const URI = 'https://issuer.example/status/1'
const state = authorityOf('State')
const QUERY: Query = {
  credentials: [
    {
      id: 'person',
      format: 'dc+sd-jwt',
      meta: { vct_values: [PERSON] },
      claims: [{ path: ['family_name'] }],
    },
  ],
}
const schema = new URL('../../schemas/presentation-record.schema.json', import.meta.url)
const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true })
addFormats.default(ajv)
const isInForm = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')) as object)

async function recorded(q: { idx?: number; prefix?: Verifier['prefix'] } = {}) {
  const holder = newKey()
  const request = await testRequest(testVerifier(q.prefix), QUERY, NOON)
  const status = { idx: q.idx ?? 4, uri: URI }
  const attributes = { family_name: 'Mets', given_name: 'Mari' }
  const held = await sdJwtOfLibrary.issue({ authority: state, holder, attributes, status })
  const recipe = { request: request.claims, disclose: ['family_name'], holder, signedAt: NOON }
  const presentations = { person: [await sdJwtOfLibrary.present(held, recipe)] }
  const lists = { [URI]: await statusListOf(state, URI, { 5: 1 }) }
  const question = { presentations, lists, at: NOON, maxStatusAgeSeconds: 86_400 }
  const { verdict } = judge({ ...question, asked: readAsked(request.claims), issuers: [state.trusted] })
  return { verdict, text: writeRecord({ ...question, request: request.token, verdict }) }
}

void t.test('a record verifies from itself and anchors alone, accepted or refused', async (t) => {
  for (const q of [{}, { idx: 5 }, { prefix: { dnsName: 'verifier.example' } }]) {
    const { text, verdict } = await recorded(q)
    t.equal(verdict.outcome, q.idx === 5 ? 'refused' : 'accepted')
    t.ok(isInForm(JSON.parse(text)), JSON.stringify(isInForm.errors))
    t.strictSame(verifyRecord(text, [state.trusted], READER).verdict, verdict)
  }
})

void t.test('a record that says otherwise than what it holds is none', async (t) => {
  const { text } = await recorded()
  const another = await recorded({ idx: 5 })
  const change = (what: (record: JsonObject) => void): string => {
    const record = JSON.parse(text) as JsonObject
    what(record)
    return reasonOf(() => verifyRecord(JSON.stringify(record), [state.trusted], READER))
  }
  const other = JSON.parse(another.text) as JsonObject
  t.equal(
    change(() => {}),
    'accepted',
  )
  t.equal(
    change((one) => Object.assign(one, { verdict: other.verdict })),
    'record_differs',
  )
  t.equal(
    change((one) => Object.assign(one, { presentations: other.presentations })),
    'record_differs',
  )
  t.equal(
    change((one) => Object.assign(one, { request: other.request })),
    'record_differs',
  )
  t.equal(
    change((one) => Object.assign(one, { statusLists: {} })),
    'record_differs',
  )
  t.equal(
    change((one) => Object.assign(one, { maxStatusAgeSeconds: 1 })),
    'record_differs',
  )
  t.equal(
    change((one) => Object.assign(one, { judgedAt: '2030-06-01T13:00:00.000Z' })),
    'record_differs',
  )
  t.equal(
    change((one) => Object.assign(one, { judgedAt: 'noon' })),
    'record_malformed',
  )
  t.equal(
    change((one) => Object.assign(one, { form: 'x' })),
    'record_malformed',
  )
  t.equal(
    change((one) => Object.assign(one, { request: 'a.b.c' })),
    'record_malformed',
  )
  t.equal(
    change((one) => Object.assign(one, { statusLists: { [URI]: 1 } })),
    'record_malformed',
  )
  const value = (record: JsonObject): { values: unknown[] } =>
    (record.verdict as { credentials: { claims: { values: unknown[] }[] }[] }).credentials[0]!.claims[0]!
  t.equal(
    change((one) => Object.assign(value(one), { values: ['Kask'] })),
    'record_differs',
  )
  t.equal(
    change((one) => Object.assign(one, { request: `${String(one.request).slice(0, -4)}AAAA` })),
    'request_signature_invalid',
  )
  const [head, , mark] = String((JSON.parse(text) as JsonObject).request).split('.')
  const stolen = `${head}.${String(other.request).split('.')[1]}.${mark}`
  t.equal(
    change((one) => Object.assign(one, { request: stolen })),
    'request_signature_invalid',
  )
  t.equal(
    reasonOf(() => verifyRecord(text, [authorityOf('State').trusted], READER)),
    'record_differs',
    'other anchors',
  )
  t.equal(
    reasonOf(() => verifyRecord('{', [], READER)),
    'record_malformed',
  )
  t.equal(
    reasonOf(() => verifyRecord('{"form":1,"form":2}', [], READER)),
    'record_malformed',
  )
})

void t.test('concordat verify judges a record', async (t) => {
  const { text } = await recorded()
  const refused = await recorded({ idx: 5 })
  const anchors = [state.anchorDer.toString('base64')]
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-record-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const files = {
    'record.json': text,
    'refused.json': refused.text,
    'issuers.json': JSON.stringify([{ name: 'State', types: [PERSON], anchors }]),
    'wrong.json': '[{"name":"State"}]',
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content)
  const verify = async (record: string, issuers: string, ...more: string[]) => {
    let out = ''
    const sink = { write: (one: string) => (out += one) }
    const code = await run([`${folder}/${record}`, '--issuers', `${folder}/${issuers}`, ...more], {
      out: sink,
      errors: sink,
    })
    return { code, out }
  }
  t.match(await verify('record.json', 'issuers.json'), {
    code: 0,
    out: /TOTAL-PASSED\nurn:example:person:1, issued by State/,
  })
  t.match(await verify('record.json', 'issuers.json', '--json'), { code: 0, out: /"holderKey"/ })
  t.match(await verify('refused.json', 'issuers.json'), {
    code: 1,
    out: /TOTAL-FAILED\nThe credential is revoked/,
  })
  t.match(await verify('issuers.json', 'issuers.json'), { code: 1, out: /TOTAL-FAILED/ })
  t.match(await verify('record.json', 'wrong.json'), { code: 1, out: /types of State/ })
  t.match(await verify('record.json', 'none.json'), { code: 1, out: /There is no file/ })
})

void t.test('a request object is as others read it', async (t) => {
  const verifier = testVerifier()
  const { token, claims } = await testRequest(verifier, QUERY, NOON, { walletNonce: 'w' })
  const { x5c = [], ...header } = decodeProtectedHeader(token) as { x5c?: string[] }
  t.strictSame(header, { alg: 'ES256', typ: 'oauth-authz-req+jwt' })
  t.strictSame(x5c, [verifier.chain[0]!.toString('base64')], 'without the anchor')
  const key = createPublicKey(
    new X509Certificate(Buffer.from(x5c[0]!, 'base64')).publicKey.export({ format: 'pem', type: 'spki' }),
  )
  const options = { audience: 'https://self-issued.me/v2', currentDate: NOON, typ: 'oauth-authz-req+jwt' }
  const { payload } = await jwtVerify(token, key, options)
  t.strictSame(payload, { ...claims, wallet_nonce: 'w' })
  t.strictSame(Object.keys(payload).sort(), [
    ...['aud', 'client_id', 'client_metadata', 'dcql_query', 'exp', 'iat', 'nonce', 'response_mode'],
    ...['response_type', 'response_uri', 'state', 'wallet_nonce'],
  ])
})

void t.test('trusted issuers are read as data, or refused', async (t) => {
  const anchors = [state.anchorDer.toString('base64')]
  const good = { name: 'State', types: [PERSON], anchors, requiresStatus: true }
  t.match(readTrustedIssuers([good]), [{ name: 'State', requiresStatus: true, statusHosts: [] }])
  const wrong = [
    {},
    [{}],
    [{ ...good, types: [] }],
    [{ ...good, anchors: [] }],
    [{ ...good, anchors: ['AA=='] }],
    [{ ...good, statusHosts: ['https://a.example'] }],
    [{ ...good, statusHosts: 'a.example' }],
  ]
  for (const one of [...wrong, Array(1001).fill(good)]) t.throws(() => readTrustedIssuers(one))
})

const SOURCES: Source[] = [
  {
    id: 'a',
    format: 'dc+sd-jwt',
    types: ['urn:a'],
    places: { code: ['code'], name: ['name', 'first'], all: ['list', null] },
  },
  { id: 'b', format: 'mso_mdoc', types: ['doc'], places: { code: ['ns', 'code'], age: ['ns', 'age'] } },
]

void t.test('queries: no more than is needed, in a form that others read', async (t) => {
  const linked = (linkedBy: string | undefined, ...attributes: string[]): Query => {
    const needed = attributes.map((attribute) => ({ attribute }))
    const links = linkedBy === undefined ? {} : { linkedBy }
    const authorities = [Buffer.alloc(20, 1), Buffer.alloc(20, 1)]
    const sources = SOURCES.map((source, at) => (at === 0 ? { ...source, authorities } : source))
    const query = makeQuery({ needed, sources, isKept: true, ...links })
    DcqlQuery.validate(DcqlQuery.parse(query as never))
    t.strictSame(readQuery(JSON.parse(JSON.stringify(query))), query)
    return query
  }
  const make = (...attributes: string[]): Query => linked(undefined, ...attributes)
  const pathsOf = ({ credentials }: Query) =>
    credentials.map(({ id, claims }) => [id, claims?.map(({ path }) => path)])
  t.strictSame(pathsOf(make('name')), [['a', [['name', 'first']]]])
  t.strictSame(make('code').credential_sets, [{ options: [['a'], ['b']] }])
  // Two people's credentials must not become one person: both are asked who it is.
  t.throws(() => make('name', 'age'), TypeError, 'nothing links them')
  t.throws(() => linked('name', 'name', 'age'), TypeError, 'one of them cannot say who it is')
  const both = linked('code', 'name', 'age')
  t.strictSame(pathsOf(both), [
    ['a', [['code'], ['name', 'first']]],
    [
      'b',
      [
        ['ns', 'code'],
        ['ns', 'age'],
      ],
    ],
  ])
  t.match(both.credentials, [{ claims: [{ id: LINK }] }, { claims: [{ id: LINK }] }])
  t.strictSame(
    both.credentials.map(({ trusted_authorities }) => trusted_authorities),
    [[{ type: 'aki', values: ['AQEBAQEBAQEBAQEBAQEBAQEBAQE'] }], undefined],
    'each has its own authorities alone, each once',
  )
  t.equal(both.credential_sets, undefined, 'both are needed')
  const shifting = { ...SOURCES[0]!, places: { code: ['codes', 0] } }
  t.throws(
    () => makeQuery({ needed: [{ attribute: 'code' }], sources: [shifting], isKept: true }),
    TypeError,
    'a wallet can shift places in lists',
  )
  t.match(make('age').credentials, [{ claims: [{ intent_to_retain: true }], trusted_authorities: undefined }])
  t.match(make('name').credentials, [{ trusted_authorities: [{ type: 'aki' }] }])
  t.throws(() => make('shoe size'), TypeError)
})

void t.test('queries that nobody here would make are refused', async (t) => {
  const one = { id: 'a', format: 'dc+sd-jwt', meta: { vct_values: ['x'] } }
  const wrong: unknown[] = [
    ...[
      undefined,
      {},
      { credentials: [] },
      { credentials: [one, one] },
      { credentials: Array(33).fill(one) },
    ],
    ...[
      { id: 'a b' },
      { format: 'ldp_vc' },
      { meta: {} },
      { multiple: 1 },
      { claims: [] },
      { claims: [{}] },
    ].map((change) => ({ credentials: [{ ...one, ...change }] })),
    ...[
      { path: [-1] },
      { path: [1.5] },
      { path: ['a'], values: [] },
      { path: ['a'], values: [{}] },
      { path: ['a'], id: '' },
    ].map((claim) => ({ credentials: [{ ...one, claims: [claim] }] })),
    { credentials: [{ ...one, require_cryptographic_holder_binding: false }] },
    { credentials: [{ ...one, claims: [{ path: ['a'] }], claim_sets: [['a']] }] },
    { credentials: [one], credential_sets: [{ options: [['b']] }] },
    { credentials: [one], credential_sets: [{ options: [] }] },
  ]
  for (const query of wrong)
    t.equal(
      reasonOf(() => readQuery(query)),
      'record_malformed',
      JSON.stringify(query),
    )
})

void t.test('claims are matched again: paths, values, sets', async (t) => {
  const claims = { name: 'x', age: 20, list: [{ n: 1 }, { n: 2 }, {}], flags: ['a', 'b'] }
  const base: CredentialQuery = { id: 'a', format: 'dc+sd-jwt', meta: { vct_values: ['x'] } }
  const match = (query: Partial<CredentialQuery>): unknown => {
    let found: unknown
    const reason = reasonOf(
      () => (found = matchClaims({ ...base, ...query }, claims).map(({ values }) => values)),
    )
    return reason === 'accepted' ? found : reason
  }
  t.strictSame(match({}), [])
  t.strictSame(match({ claims: [{ path: ['list', null, 'n'] }] }), [[1, 2]])
  t.strictSame(match({ claims: [{ path: ['list', 1, 'n'] }] }), [[2]])
  t.strictSame(match({ claims: [{ path: ['flags', null], values: ['b'] }] }), [['a', 'b']])
  t.equal(match({ claims: [{ path: ['list', 7] }] }), 'claim_missing')
  t.equal(match({ claims: [{ path: ['name', 'x'] }] }), 'claim_missing')
  t.equal(match({ claims: [{ path: ['name', null] }] }), 'claim_missing')
  t.equal(match({ claims: [{ path: ['toString'] }] }), 'claim_missing')
  t.equal(match({ claims: [{ path: ['age'], values: ['20'] }] }), 'claim_value_mismatch', 'the type counts')
  t.strictSame(match({ claims: [{ path: ['age'], values: [18, 20] }] }), [[20]])
  const both = [
    { id: 'n', path: ['nothing'] },
    { id: 'a', path: ['age'] },
  ]
  t.strictSame(match({ claims: both, claim_sets: [['n'], ['a']] }), [[20]])
  t.equal(match({ claims: both, claim_sets: [['n'], ['n', 'a']] }), 'claim_missing')
  const [a, b] = [base, { ...base, id: 'b' }]
  const sets = (answered: string[], more: Partial<Query>): string =>
    reasonOf(() => matchSets({ credentials: [a, b], ...more }, new Set(answered)))
  t.equal(sets(['a', 'b'], {}), 'accepted')
  t.equal(sets(['a'], {}), 'presentation_missing')
  t.equal(sets(['a'], { credential_sets: [{ options: [['a'], ['b']] }] }), 'accepted')
  t.equal(sets([], { credential_sets: [{ options: [['a'], ['b']] }] }), 'presentation_missing')
  t.equal(sets(['a', 'b'], { credential_sets: [{ options: [['a'], ['b']] }] }), 'presentation_unasked')
  t.equal(sets(['a', 'b'], { credential_sets: [{ options: [['a']] }] }), 'presentation_unasked')
  t.equal(sets(['a'], { credential_sets: [{ options: [['a', 'b']] }] }), 'presentation_missing')
  t.equal(sets([], { credential_sets: [{ options: [['a', 'b']], required: false }] }), 'accepted')
})

void t.test('back from claims to attributes', async (t) => {
  const judged = (id: string, ...found: [(string | number | null)[], unknown[]][]) =>
    ({ id, claims: found.map(([path, values]) => ({ path, values })) }) as never
  t.strictSame(
    attributesOf(
      [
        judged(
          'a',
          [['code'], ['1']],
          [
            ['list', null],
            [1, 2],
          ],
        ),
        judged('b', [['ns', 'code'], ['2']]),
      ],
      SOURCES,
    ),
    {
      code: '1',
      all: [1, 2],
    },
  )
})

void t.test('the reasons that this file answers for were thrown', async (t) => {
  t.strictSame(unseen('record'), [])
})
