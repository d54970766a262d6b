/**
 * What a content may promise the people whom its calls are about: their consent, and the sight of the answer
 * before it is sent.
 */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import type { ContractContent } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { readContent } from './read-content.ts'

const good = contentAt(Date.parse('2026-06-01T12:00:00.000Z'), {
  services: [
    {
      serviceCode: 'persons',
      endpoints: [{ method: '*', path: '**' }],
      responseFields: [],
      dataSubject: { in: 'body', name: '/person/id' },
      representation: {
        ...{ check: 'mandateService', service: 'EE/GOV/1/volitused/oraakel', delegate: 'user' },
        ...{ roles: ['EMTA:*', 'STAT:RESPONDENT'], answerSeconds: 60 },
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

t.test('a content may demand the consent of the person whom a call is about', async (t) => {
  const personal = { ...good, personalData: true }
  const [service] = good.services
  const { representation: _, ...plain } = service!
  const rule = {
    proof: 'login',
    kinds: ['once', 'standing'],
    maxDays: 365,
    dataLife: { unit: 'day', value: 30 },
  }
  const more = {
    frequency: { times: 2, per: 'day' },
    range: { unit: 'year', value: 1 },
    services: ['persons'],
  }
  const place = { format: 'dc+sd-jwt', type: 'urn:eudi:pid:1', claim: ['age_equal_or_over', '18'] }
  const ofAge = { name: 'Of age', values: [true], from: [{ ...place, issuers: ['State'] }] }
  const drives = {
    ...{ name: 'Drives', values: ['B', 7] },
    from: [
      { format: 'mso_mdoc', type: 'org.iso.18013.5.1.mDL', claim: ['org.iso.18013.5.1', 'category'] },
      { ...place, type: 'urn:licence', claim: ['categories', null] },
    ],
  }
  for (const consent of [
    rule,
    { ...rule, ...more },
    { ...rule, proof: 'wallet', kinds: ['once'], keptAt: 'DEV/GOV/1/s' },
    { ...rule, proof: 'wallet', attributes: [ofAge, drives] },
  ]) {
    const content = { ...personal, consent } as ContractContent
    t.same(readContent(content), content)
    t.ok(fits(content))
  }
  const inPath = {
    ...plain,
    endpoints: [{ method: 'GET', path: '/a/*' }],
    dataSubject: { in: 'path', name: 'id' },
  }
  t.ok(readContent({ ...personal, services: [inPath], consent: rule }))
  const bad: [string, object, boolean][] = [
    ['a word', { consent: 'login' }, true],
    ['no proof', { consent: { ...rule, proof: undefined } }, true],
    ['a proof that is none', { consent: { ...rule, proof: 'paper' } }, true],
    ['no kind', { consent: { ...rule, kinds: [] } }, true],
    ['a kind twice', { consent: { ...rule, kinds: ['once', 'once'] } }, true],
    ['for ever', { consent: { ...rule, maxDays: 3651 } }, true],
    ['kept for no time', { consent: { ...rule, dataLife: { unit: 'day', value: 0 } } }, true],
    ['kept for weeks', { consent: { ...rule, dataLife: { unit: 'week', value: 1 } } }, true],
    ['how often without a time', { consent: { ...rule, frequency: { times: 1 } } }, true],
    ['a field that is none', { consent: { ...rule, revocable: false } }, true],
    ['no services', { consent: { ...rule, services: [] } }, true],
    ['kept at no server', { consent: { ...rule, keptAt: 'DEV/GOV/1/../s' } }, false],
    ['kept nowhere', { consent: { ...rule, keptAt: '' } }, true],
    ['a service of another contract', { consent: { ...rule, services: ['cars'] } }, false],
    ['in secret', { consent: rule, secret: { visibleTo: [] } }, true],
    ['about nobody', { consent: rule, personalData: false }, false],
    ['of whom nobody knows', { consent: rule, services: [{ ...plain, dataSubject: undefined }] }, false],
    [
      'of whom a path does not tell',
      { consent: rule, services: [{ ...inPath, endpoints: [{ method: 'GET', path: '/a/**' }] }] },
      false,
    ],
  ]
  const attested = (...attributes: unknown[]) => ({ consent: { ...rule, proof: 'wallet', attributes } })
  const at = (more: object) => attested({ ...ofAge, from: [{ ...place, ...more }] })
  const mdoc = { format: 'mso_mdoc', type: 'org.iso.18013.5.1.mDL' }
  bad.push(
    ['attributes by a login', { consent: { ...rule, attributes: [ofAge] } }, false],
    ['no attributes', attested(), true],
    ['too many', attested(...Array.from({ length: 9 }, (_, n) => ({ ...ofAge, name: `${n}` }))), true],
    ['a name twice', attested(ofAge, { ...drives, name: ofAge.name }), false],
    ['without a name', attested({ ...ofAge, name: ' ' }), true],
    ['from nowhere', attested({ ...ofAge, from: [] }), true],
    ['of no value', attested({ ...ofAge, values: [] }), true],
    ['of a value twice', attested({ ...ofAge, values: [1, 1] }), true],
    ['of half a value', attested({ ...ofAge, values: [1.5] }), true],
    ['of an object', attested({ ...ofAge, values: [{}] }), true],
    ['two places in one kind', attested({ ...ofAge, from: [place, { ...place, claim: ['age'] }] }), false],
    ['another format', at({ format: 'jwt_vc_json' }), true],
    ['no type', at({ type: '' }), true],
    ['a type with a space', at({ type: 'urn:a b' }), true],
    ['a star', at({ claim: ['nationalities', '*'] }), true],
    ['no claim', at({ claim: [] }), true],
    ['a place in a list', at({ claim: ['nationalities', 0] }), true],
    ['any of nothing', at({ claim: [null] }), false],
    ['parts of any', at({ claim: ['addresses', null, 'country'] }), false],
    ['a name space alone', at({ ...mdoc, claim: ['org.iso.18013.5.1'] }), false],
    ['a list of a mobile document', at({ ...mdoc, claim: ['org.iso.18013.5.1', null] }), false],
    ['issued by nobody', at({ issuers: [] }), true],
    ...['Transport Authority', '-State', '', 'x'.repeat(101)].map((issuer): [string, object, boolean] => [
      `issued by what no registry can name: ${issuer}`,
      at({ issuers: [issuer] }),
      true,
    ]),
    ['a name on two lines', attested({ ...ofAge, name: 'Of\nage' }), true],
    ['a value on two lines', attested({ ...ofAge, values: ['a\nb'] }), true],
    ['a claim on two lines', at({ claim: ['a\nb'] }), true],
    ['a member of its own', at({ trusted: true }), true],
  )
  for (const [what, changes, seen] of bad) {
    const content: unknown = JSON.parse(JSON.stringify({ ...personal, ...changes }))
    t.equal(
      codeOf(() => readContent(content)),
      'invalid_contract',
      what,
    )
    if (seen) t.notOk(fits(content), `${what}, by the schema`)
  }
  t.doesNotThrow(
    () =>
      readContent({
        ...personal,
        consent: { ...rule, services: ['persons'] },
        services: [service, { ...inPath, serviceCode: 'cars', dataSubject: undefined }],
      }),
    'a service that needs none may be about nobody',
  )
})

t.test('a content may let the person whom a call is about see the answer first', async (t) => {
  const personal = { ...good, personalData: true }
  const { representation: _, ...plain } = good.services[0]!
  const read = {
    ...plain,
    endpoints: [{ method: 'GET', path: '/a/*' }],
    dataSubject: { in: 'path', name: 'id' },
  }
  const services = [read]
  for (const preview of [{ minutes: 5 }, { minutes: 1440, services: [read.serviceCode] }]) {
    const content = { ...personal, services, preview } as ContractContent
    t.same(readContent(content), content)
    t.ok(fits(content))
  }
  const preview = { minutes: 30 }
  const bad: [string, object, boolean][] = [
    ['a word', { preview: true }, true],
    ['no time', { preview: {} }, true],
    ['too little of it', { preview: { minutes: 4 } }, true],
    ['for ever', { preview: { minutes: 1441 } }, true],
    ['a field that is none', { preview: { minutes: 30, optional: true } }, true],
    ['no services', { preview: { minutes: 30, services: [] } }, true],
    ['a service of another contract', { preview: { minutes: 30, services: ['cars'] } }, false],
    ['in secret', { preview, secret: { visibleTo: [] } }, true],
    ['about nobody', { preview, personalData: false }, false],
    ['of whom nobody knows', { preview, services: [{ ...read, dataSubject: undefined }] }, false],
    ...['PUT', 'DELETE', '*'].map((method): [string, object, boolean] => [
      method,
      { preview, services: [{ ...read, endpoints: [{ method, path: '/a/*' }] }] },
      false,
    ]),
  ]
  for (const [what, changes, seen] of bad) {
    const content: unknown = JSON.parse(JSON.stringify({ ...personal, services, ...changes }))
    t.equal(
      codeOf(() => readContent(content)),
      'invalid_contract',
      what,
    )
    if (seen) t.notOk(fits(content), `${what}, by the schema`)
  }
})
