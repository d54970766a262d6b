import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { indexConfiguration } from '#core/configuration/configuration-index.ts'
import { matchPathGlob } from '#core/transport/path-glob.ts'
import type { ConsentRule, ContractContent } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { contentAt, contractDocument, hashOf, sealOf } from '#test/fakes/contracts.ts'
import { ocspFor, signingParty } from '#test/fakes/management-requests.ts'
import { covers, mayMeet } from './endpoints.ts'
import { graceHoursOf } from './grace-hours.ts'
import { contentHash, contentText, readContent } from './read-content.ts'
import { checkSealFits, readKeptSeal, verifySeal } from './verify-seal.ts'

const NOW = Date.parse('2026-06-01T12:00:00.000Z')
const good = contentAt(NOW, {
  quota: { perSecond: 5, burst: 10 },
  services: [
    {
      serviceCode: 'persons',
      endpoints: [
        { method: '*', path: '**' },
        { method: 'GET', path: '/a/\\*' },
      ],
      requestFields: ['/a/b~1c'],
      responseFields: [],
      dataSubject: { in: 'body', name: '/person/id' },
      representation: {
        check: 'mandateService',
        service: 'EE/GOV/1/volitused/oraakel',
        delegate: 'user',
        roles: ['EMTA:*', 'STAT:RESPONDENT'],
        answerSeconds: 60,
      },
    },
  ],
})
const schema = new URL('../../schemas/contract.schema.json', import.meta.url)
const fits = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(schema, 'utf8')) as object)

const codeOf = (act: () => unknown): string => {
  try {
    act()
    return 'taken'
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}

t.test('a content has one text and one hash', async (t) => {
  t.same(readContent(JSON.parse(JSON.stringify(good))), good)
  t.equal(contentHash(good), hashOf(good))
  t.equal(contentText(good), canonicalJson(good))
  t.ok(fits(good))
  t.equal(
    codeOf(() => readContent({ ...good, consumers: { globalGroup: 'all' } })),
    'taken',
  )
  for (const check of ['none', 'asserted', 'hostingMandate'] as const) {
    const [service] = good.services
    const content = { ...good, services: [{ ...service!, representation: { check } }] }
    t.same(readContent(content), content, check)
    t.ok(fits(content), check)
  }
})

t.test('hostile contents', async (t) => {
  const service = good.services[0]!
  const withService = (more: object): object => ({ ...good, services: [{ ...service, ...more }] })
  const withEndpoint = (method: unknown, path: unknown): object =>
    withService({ endpoints: [{ method, path }] })
  const withMandate = (more: object): object =>
    withService({ representation: { ...service.representation, ...more } })
  const many = <T>(count: number, one: (i: number) => T): T[] =>
    Array.from({ length: count }, (_, i) => one(i))
  /** [case, content, whether the published schema refuses it too] */
  const bad: [string, unknown, boolean][] = [
    ['nothing', undefined, true],
    ['a list', [], true],
    ['a text', 'x', true],
    ['an unknown field', { ...good, more: 1 }, true],
    ['a prototype', JSON.parse(`{"__proto__":1,${JSON.stringify(good).slice(1)}`), true],
    ...Object.keys(good)
      .filter((name) => name !== 'quota')
      .flatMap((name): [string, unknown, boolean][] => [
        [`no ${name}`, { ...good, [name]: undefined }, true],
        [`${name} null`, { ...good, [name]: null }, true],
        [`${name} an object`, { ...good, [name]: { a: 1 } }, true],
      ]),
    ['another id', { ...good, contract: good.contract.toUpperCase() }, true],
    ['version 0', { ...good, version: 0 }, true],
    ['half a version', { ...good, version: 1.5 }, true],
    ['no hash', { ...good, supersedes: 'abc' }, true],
    ['an empty title', { ...good, title: ' \n ' }, true],
    ['a long title', { ...good, title: 'x'.repeat(256) }, true],
    ['a control character', { ...good, purpose: 'a\u0007b' }, true],
    ['a direction mark', { ...good, purpose: 'a\u202eb' }, false],
    ['a lone surrogate', { ...good, purpose: 'a\ud800' }, false],
    ['a huge purpose', { ...good, purpose: 'x'.repeat(2001) }, true],
    ['a member that offers', { ...good, provider: 'DEV/GOV/1234' }, true],
    ['an id in another form', { ...good, provider: 'DEV/GOV/1234/%70lain' }, false],
    ['a dot segment', { ...good, provider: 'DEV/GOV/../plain' }, false],
    ['a consumer that is the provider', { ...good, consumers: { subsystems: [good.provider] } }, false],
    ['no consumers', { ...good, consumers: { subsystems: [] } }, true],
    ['one twice', { ...good, consumers: { subsystems: ['A/B/C/D', 'A/B/C/D'] } }, true],
    ['both', { ...good, consumers: { subsystems: ['A/B/C/D'], globalGroup: 'g' } }, true],
    ['too many', { ...good, consumers: { subsystems: many(51, (i) => `A/B/C/${i}`) } }, true],
    ['no services', { ...good, services: [] }, true],
    ['a service twice', { ...good, services: [service, service] }, false],
    ['no endpoints', withService({ endpoints: [] }), true],
    ['a lower-case method', withEndpoint('get', '/a'), true],
    ['CONNECT', withEndpoint('CONNECT', '/a'), true],
    ['a relative path', withEndpoint('GET', 'a'), true],
    ['a pattern that grants nothing', withEndpoint('GET', '/a/*.json'), false],
    ['a space in a path', withEndpoint('GET', '/a b'), true],
    ['a long path', withEndpoint('GET', `/${'a'.repeat(1024)}`), true],
    ['a path that is none', withEndpoint('GET', 7), true],
    ['no pointer', withService({ requestFields: ['a'] }), true],
    ['a bad escape', withService({ responseFields: ['/a~2'] }), true],
    ['a place that is none', withService({ dataSubject: { in: 'cookie', name: 'a' } }), true],
    ['a body place without pointer', withService({ dataSubject: { in: 'body', name: 'id' } }), false],
    ['a parameter of odd name', withService({ dataSubject: { in: 'path', name: 'a b' } }), false],
    ['representation as a word', withService({ representation: 'none' }), true],
    ['a check that is none', withService({ representation: { check: 'trusted' } }), true],
    ['a check with more', withService({ representation: { check: 'none', roles: ['A:B'] } }), true],
    ['a mandate service without name', withMandate({ service: undefined }), true],
    ['a mandate service of two words', withMandate({ service: 'a b' }), true],
    ['no roles', withMandate({ roles: [] }), true],
    ['a role twice', withMandate({ roles: ['A:B', 'A:B'] }), true],
    ['two roles in one', withMandate({ roles: ['A:B,A:C'] }), true],
    ['a delegate that is none', withMandate({ delegate: 'client' }), true],
    ['an answer for too long', withMandate({ answerSeconds: 301 }), true],
    ['an answer that is text', withMandate({ answerSeconds: '60' }), true],
    [
      'a hosting mandate of two instances',
      {
        ...withService({ representation: { check: 'hostingMandate' } }),
        consumers: { subsystems: ['FI/GOV/1/tax'] },
      },
      false,
    ],
    ['a log level', { ...good, logLevel: 'FULL' }, true],
    ['secret to everybody', { ...good, secret: { visibleTo: [] } }, true],
    ['secret from a stranger', { ...good, secret: { visibleTo: ['DEV/GOV/999'] } }, false],
    ['no retention', { ...good, retentionDays: 0 }, true],
    ['a quota of nothing', { ...good, quota: { perSecond: 0 } }, true],
    ['a time with an offset', { ...good, validFrom: '2026-01-01T00:00:00+00:00' }, true],
    ['a day that is none', { ...good, validFrom: '2026-02-30T00:00:00.000Z' }, false],
    ['an end before its beginning', { ...good, validUntil: good.validFrom }, false],
    ['eleven years', { ...good, validUntil: '2037-06-01T00:00:00.000Z' }, false],
    ['a review after the end', { ...good, reviewAt: '2028-01-01T00:00:00.000Z' }, false],
    ['25 hours of grace', { ...good, outageGraceHours: 25 }, true],
    ['a grace of minus an hour', { ...good, outageGraceHours: -1 }, true],
    [
      'grace for personal data that are none',
      { ...good, personalData: false, outageGraceHours: 1, outageGracePersonalData: true },
      false,
    ],
    [
      'no grace for personal data',
      { ...good, personalData: true, outageGraceHours: 0, outageGracePersonalData: true },
      false,
    ],
    [
      'a maybe for personal data',
      { ...good, personalData: true, outageGraceHours: 1, outageGracePersonalData: 'maybe' },
      true,
    ],
    ['nobody to ask', { ...good, contacts: [] }, true],
    ['an address that is none', { ...good, contacts: [{ ...good.contacts[0], email: 'a@b\n' }] }, true],
    [
      'more than a signed document holds',
      {
        ...good,
        services: many(50, (i) => ({
          ...service,
          serviceCode: `s${i}`,
          requestFields: many(200, (j) => `/${'x'.repeat(20)}${j}`),
        })),
      },
      false,
    ],
  ]
  for (const [what, content, seen] of bad) {
    t.equal(
      codeOf(() => readContent(content)),
      'invalid_contract',
      what,
    )
    if (seen)
      t.notOk(content !== undefined && fits(JSON.parse(JSON.stringify(content))), `${what}, by the schema`)
  }
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(good)), (value, name) => {
      const content = { ...good, [name]: value }
      const code = codeOf(() => readContent(content))
      return code === 'invalid_contract' || (code === 'taken' && fits(content))
    }),
  )
})

t.test('endpoints: what one path falls under may meet', async (t) => {
  t.ok(covers([{ method: 'GET', path: '/persons/*' }], 'GET', '/persons/P1'))
  t.notOk(covers([{ method: 'GET', path: '/persons/*' }], 'POST', '/persons/P1'))
  t.notOk(covers([{ method: '*', path: '/persons/*' }], 'GET', '/persons/P1/address'))
  const segment = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '**', '\\*', '')
  const pattern = fc.array(segment, { minLength: 1, maxLength: 3 }).map((all) => `/${all.join('/')}`)
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab', '*', 'abc', ''), { minLength: 1, maxLength: 4 })
    .map((all) => `/${all.join('/')}`)
  fc.assert(
    fc.property(pattern, pattern, path, (one, other, at) => {
      const both = matchPathGlob(one, at) && matchPathGlob(other, at)
      return !both || mayMeet({ method: 'GET', path: one }, { method: '*', path: other })
    }),
    { numRuns: 5000 },
  )
})

t.test('a seal holds for one content, by its own member, as of its time', async (t) => {
  const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
  const stranger = await createAuthority({ clock: Date.now, instance: 'DEV' })
  const signer = 'DEV/GOV/5678'
  const by = await signingParty(authority, signer)
  const at = Date.now()
  const responders = [{ url: 'http://ocsp.example/', cert: authority.ocspResponder.der }]
  const configuration = indexConfiguration({
    instance: 'DEV',
    approvedCas: [
      {
        name: 'CA',
        authenticationOnly: false,
        certificateProfileInfo:
          'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider',
        topCa: { cert: authority.root.der, ocsp: responders },
        intermediateCas: [{ cert: authority.intermediate.der, ocsp: responders }],
      },
    ],
    ocspFreshnessSeconds: 3600,
    ...{
      sources: [],
      approvedTsas: [],
      members: [],
      securityServers: [],
      globalGroups: [],
      memberClasses: [],
    },
  })
  const content = contentAt(at)
  const verify = (bytes: Buffer) => verifySeal(bytes, configuration)
  const bytes = sealOf(content, { by, signer, at })
  const { seal } = verify(bytes)
  t.match(seal, { signer, hash: hashOf(content) })
  t.same(readKeptSeal(bytes), seal)
  t.doesNotThrow(() => checkSealFits(seal, content, hashOf(content)))

  const changed: ContractContent = { ...content, purpose: 'Curiosity' }
  t.throws(() => checkSealFits(seal, changed, hashOf(changed)), { code: 'contract_seal_wrong' })
  t.throws(() => checkSealFits({ ...seal, signer: 'DEV/GOV/9' }, content, seal.hash), {
    code: 'contract_seal_wrong',
  })
  t.throws(() => checkSealFits({ ...seal, subsystems: ['DEV/GOV/5678/x'] }, content, seal.hash), {
    code: 'contract_seal_wrong',
  })
  const group = { ...content, consumers: { globalGroup: 'g' } }
  const joining = { ...seal, hash: hashOf(group) }
  t.throws(() => checkSealFits(joining, group, joining.hash), { code: 'contract_seal_wrong' }, 'for whom?')
  t.doesNotThrow(() => checkSealFits({ ...joining, subsystems: ['DEV/GOV/5678/x'] }, group, joining.hash))
  t.throws(() => checkSealFits({ ...joining, subsystems: ['DEV/GOV/1/x'] }, group, joining.hash), {
    code: 'contract_seal_wrong',
  })

  const forged = Buffer.from(bytes.toString().replace(/"signature":"..../, '"signature":"AAAA'))
  t.equal(
    codeOf(() => verify(forged)),
    'invalid_signature_value',
  )
  const foreign = await signingParty(authority, 'DEV/GOV/1')
  t.equal(
    codeOf(() => verify(sealOf(content, { by: foreign, signer, at }))),
    'incorrect_certificate',
  )
  const strange = await signingParty(stranger, signer)
  t.not(
    codeOf(() => verify(sealOf(content, { by: strange, signer, at }))),
    'taken',
    'of a CA that nobody approved',
  )
  t.equal(
    codeOf(() => verify(sealOf(content, { by, signer, at: at + 7_200_000 }))),
    'incorrect_validation_info',
    'its status is older than it',
  )
  const act = contractDocument('act', { contract: content.contract }, { by, signer, at })
  t.equal(
    codeOf(() => verify(act)),
    'malformed_signature',
    'another document cannot stand for it',
  )
  for (const more of [
    { mandated: ['Director'] },
    { mandated: ['Director', 'Director'] },
    { mandated: ['a', 'b', 'c'] },
    { version: '1' },
    { subsystems: [] },
    { more: 1 },
  ])
    t.equal(
      codeOf(() => verify(sealOf(content, { by, signer, at }, more))),
      'invalid_contract',
    )
  const old = ocspFor(by, { mode: 'stale' })
  t.not(
    codeOf(() => verify(sealOf(content, { by, signer, at, ocsp: old }))),
    'taken',
    'a status from before',
  )
  authority.revoke(by.certificate.serialNumber)
  t.equal(
    codeOf(() => verify(bytes)),
    'taken',
    'revoked later',
  )
  t.not(
    codeOf(() => verify(sealOf(content, { by, signer, at, ocsp: ocspFor(by, { at: new Date() }) }))),
    'taken',
    'revoked then',
  )
})

t.test('how long exchanges may go on without the registry', (t) => {
  const terms = { outageGraceHours: 5, personalData: false }
  t.equal(graceHoursOf(terms), 5)
  t.equal(graceHoursOf({ ...terms, personalData: true }), 0)
  const said = { ...terms, personalData: true, outageGracePersonalData: true }
  t.equal(graceHoursOf(said), 5)
  const consent = { proof: 'login', kinds: ['standing'], maxDays: 30, dataLife: { unit: 'day', value: 1 } }
  t.equal(graceHoursOf({ ...said, consent: consent as ConsentRule }), 0, 'people could not withdraw')
  t.equal(graceHoursOf({ ...said, preview: { minutes: 30 } }), 0, 'nor look first')
  t.end()
})
