/** Circumstances are sealed and read again: one text per value, and only members of version 1. */
import { hash } from 'node:crypto'
import t from 'tap'
import type { Circumstances } from '#schemas/circumstances.ts'
import { consentInWords, previewInWords } from './consent.ts'
import { graceSince } from './grace.ts'
import { MAX_CIRCUMSTANCES, readCircumstances } from './read.ts'
import { representationInWords } from './representation.ts'
import { sealCircumstances } from './seal.ts'

const ENDPOINT = { method: 'GET', path: '/persons/*' }
const DIGEST = hash('sha256', 'a description', 'base64')
const WHOLE: Circumstances = {
  version: 1,
  side: 'provider',
  authentication: 'SSLAUTH',
  contract: {
    id: '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11',
    version: 3,
    hash: hash('sha256', 'a contract'),
    title: 'Address checks',
    purpose: 'Tax assessment “at source”',
    legalBasis: 'Tax Act, section 7',
    endpoint: { method: '*', path: '/persons/**' },
    globalGroup: 'tax-agencies',
  },
  endpoint: ENDPOINT,
  right: {
    endpoint: ENDPOINT,
    grants: [{ subjectType: 'GLOBALGROUP', subject: 'tax-agencies', since: '2026-01-01T00:00:00.000Z' }],
  },
  service: { type: 'OPENAPI', description: { document: DIGEST, published: DIGEST, since: '2026-01-01' } },
}

const read = (text: string): Circumstances =>
  readCircumstances(Buffer.from(text), hash('sha256', text, 'base64'))

t.test('sealed and read again', (t) => {
  for (const one of [WHOLE, { version: 1, side: 'consumer' }] as Circumstances[]) {
    const { digest, document } = sealCircumstances(one)
    t.strictSame(readCircumstances(Buffer.from(document), digest), one)
  }
  const turned = Object.fromEntries(Object.entries(WHOLE).reverse()) as Circumstances
  t.equal(
    sealCircumstances(turned).digest,
    sealCircumstances(WHOLE).digest,
    'whatever the order of its members',
  )
  t.end()
})

t.test('anything else is refused', (t) => {
  const { digest, document } = sealCircumstances(WHOLE)
  const refused = { code: 'malformed_circumstances' }
  const bytes = Buffer.from(document)
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    t.throws(() => readCircumstances(changed, digest), refused, `octet ${at}`)
  }
  const wrong: Record<string, unknown> = {
    null: null,
    list: [WHOLE],
    'no side': { version: 1 },
    'another version': { ...WHOLE, version: 2 },
    'another member': { ...WHOLE, user: 'EE1' },
    'a member of a prototype': { ...WHOLE, constructor: 'x' },
    'another side': { ...WHOLE, side: 'both' },
    'a hash that is none': { ...WHOLE, contract: { ...WHOLE.contract, hash: DIGEST } },
    'a version that is none': { ...WHOLE, contract: { ...WHOLE.contract, version: 1.5 } },
    'a contract without purpose': { ...WHOLE, contract: { ...WHOLE.contract, purpose: undefined } },
    'an endpoint that is a text': { ...WHOLE, endpoint: 'GET /persons/*' },
    'a subject of another kind': {
      ...WHOLE,
      right: { endpoint: ENDPOINT, grants: [{ subjectType: 'PERSON', subject: 'x', since: 'y' }] },
    },
    'more grants than are kept': {
      ...WHOLE,
      right: { endpoint: ENDPOINT, grants: Array.from({ length: 257 }, () => WHOLE.right!.grants[0]) },
    },
    'a description without digest': { ...WHOLE, service: { type: 'REST', description: { since: 'x' } } },
  }
  for (const [name, value] of Object.entries(wrong))
    t.throws(() => read(sealCircumstances(value as Circumstances).document), refused, name)
  t.throws(() => read(JSON.stringify(WHOLE)), refused, 'not in its canonical form')
  t.throws(() => read(`${document} `), refused, 'a space behind it')
  t.throws(() => read(document.replace('"version":1', '"version":1,"version":1')), refused, 'a member twice')
  t.throws(() => read('{'), refused)
  t.throws(() => read('['.repeat(10_000)), refused)
  t.throws(() => read(`"${'x'.repeat(MAX_CIRCUMSTANCES)}"`), refused, 'too long')
  t.end()
})

t.test('a consent in words', (t) => {
  const number = '0f2f4f0e-2c1b-4b8e-9d1e-0b8f5a0f7a77'
  const words = (extra: unknown): string | undefined => consentInWords({ extra })
  for (const none of [undefined, null, 'x', [], {}, { consent: 1 }, { consent: '<b>' }])
    t.equal(words(none), undefined)
  t.equal(consentInWords(undefined), undefined)
  t.equal(words({ consent: number, consentDigest: 'x'.repeat(9999) }), number)
  t.equal(words({ consent: number, consentDigest: 'ab'.repeat(32) }), `${number}, SHA-256 ${'ab'.repeat(32)}`)
  t.end()
})

t.test('an outage grace', (t) => {
  const at = '2026-11-30T01:02:03.004Z'
  for (const none of [
    undefined,
    null,
    'x',
    [],
    {},
    { graceSince: 1 },
    { graceSince: '<b>' },
    { graceSince: `${at}\n` },
  ])
    t.equal(graceSince({ extra: none }), undefined)
  t.equal(graceSince(undefined), undefined)
  t.equal(graceSince({ extra: { graceSince: at } }), at)
  t.end()
})

t.test('a preview in words', (t) => {
  const preview = '0f2f4f0e-2c1b-4b8e-9d1e-0b8f5a0f7a77'
  const at = '2026-11-30T01:02:03.004Z'
  const words = (extra: unknown): string | undefined => previewInWords({ extra })
  for (const none of [undefined, null, 'x', [], {}, { preview: 1 }, { preview: '<b>' }])
    t.equal(words(none), undefined)
  t.equal(previewInWords(undefined), undefined)
  t.equal(words({ preview, previewDigest: '<b>', previewReleasedAt: '<b>', previewAt: 7 }), preview)
  const released = { preview, previewDigest: 'ab'.repeat(32), previewReleasedAt: at }
  t.equal(words(released), `${preview}, released ${at}, SHA-256 ${'ab'.repeat(32)}`)
  t.equal(words({ preview, previewAt: at }), `${preview}, stopped ${at}`)
  t.end()
})

t.test('a represented party in words', (t) => {
  const words = (extra: unknown): string | undefined => representationInWords({ extra })
  t.equal(words({ method: 'GET', representedParty: '/1' }), undefined)
  for (const none of [undefined, null, 'x', [], { representation: 1 }]) t.equal(words(none), undefined)
  t.equal(representationInWords(undefined), undefined)
  t.equal(words({ representation: 'asserted', representationBy: 'me' }), 'asserted by the client')
  const checked = { representation: 'checked', representationBy: 'EE/GOV/1/oracle', representationId: 'q-1' }
  t.equal(
    words({ ...checked, representationAt: '2026-11-29T05:00:00.000Z', representationAnswer: DIGEST }),
    `checked, by EE/GOV/1/oracle, as q-1, at 2026-11-29T05:00:00.000Z, answer SHA-256 ${DIGEST}`,
  )
  t.equal(words({ representation: 'sworn' }), '"sworn"', 'of a later version')
  t.ok(words({ ...checked, representationBy: 'x'.repeat(9999) })!.length < 400)
  t.end()
})
