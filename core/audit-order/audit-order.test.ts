/**
 * Audit orders: malicious orders are refused, the seed decides the sample, only the authority can open a
 * sealed answer; HPKE as in RFC 9180.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { open, seal } from '#core/hpke/hpke.ts'
import { newRecipient } from '#core/hpke/recipient-key.ts'
import { addCosignature, addSignature, signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { AUDIT_DOCUMENT, type AuditAnswer, type AuditOrder, type AuditPayload } from '#schemas/audit-order.ts'
import type { Fault } from '#schemas/fault.ts'
import { type Party, signingParty } from '#test/fakes/management-requests.ts'
import { authority as ca } from '#test/fakes/request-world.ts'
import { drawSample } from './draw-sample.ts'
import { type InScope, inScope } from './in-scope.ts'
import { makeSeed, readSeed } from './make-seed.ts'
import { checkAnswer } from './read-answer.ts'
import { checkInTime, orderHash, readHead, readOrder } from './read-order.ts'
import { openAnswer, sealPayload } from './seal-answer.ts'

const NOW = Date.parse('2026-12-01T12:00:00.000Z')
const authority = await signingParty(ca, 'DEV/GOV/1234')
const stranger = await signingParty(ca, 'DEV/GOV/5678')
const recipient = newRecipient()
const authorities = [
  { name: 'Data protection', certificateSha256: authority.certificate.sha256.toUpperCase() },
]
const SERVER = 'DEV/GOV/1001/SS1'
const good: AuditOrder = {
  id: '7b1c9d6e-0000-4000-8000-000000000001',
  createdAt: '2026-12-01T11:59:00.000Z',
  instance: 'DEV',
  authority: 'Data protection',
  case: 'DP-17/2026',
  legalBasis: 'Data Protection Act, section 40',
  deadline: '2026-12-15T00:00:00.000Z',
  servers: [SERVER, 'DEV/GOV/1002/SS1'],
  scope: { parties: ['DEV/GOV/1002'], from: '2026-11-01T00:00:00.000Z', to: '2026-12-01T00:00:00.000Z' },
  sample: 3,
  recipient: recipient.publicKey.toString('base64'),
}
const root = Buffer.from(Array.from({ length: 32 }, (_, at) => at))
const WITNESS = 'registry.example/w1'
const seedAt = (size: number, origin = SERVER): string =>
  addSignature(writeCheckpoint({ origin, size, root }), {
    name: WITNESS,
    keyId: Buffer.alloc(4, 7),
    signature: Buffer.alloc(72, 7),
  })
const signed = (document: unknown, by: Party[] = [authority], type: string = AUDIT_DOCUMENT.order): Buffer =>
  Buffer.from(
    writeSignedJson(
      document,
      type,
      by.map(({ certificate, key }) => ({ certificates: [certificate], ocspResponses: [], key })),
    ),
  )
const read = (bytes: Buffer) => readOrder(bytes, { authorities, instance: 'DEV' })
const privateKeyFrom = (octets: Buffer, publicOctets: Buffer): KeyObject => {
  const [d, x] = [octets.toString('base64url'), publicOctets.toString('base64url')]
  return createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', d, x }, format: 'jwk' })
}
const codeOf = (act: () => unknown): string => {
  try {
    act()
    return 'taken'
  } catch (thrown) {
    return (thrown as Fault).code
  }
}

t.test('RFC 9180, appendix A.1.1: base mode, X25519, HKDF-SHA256, AES-128-GCM', (t) => {
  const hex = (text: string): Buffer => Buffer.from(text, 'hex')
  const enc = hex('37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431')
  const publicKey = hex('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d')
  const privateKey = privateKeyFrom(
    hex('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8'),
    publicKey,
  )
  const info = hex('4f6465206f6e2061204772656369616e2055726e')
  const plaintext = hex('4265617574792069732074727574682c20747275746820626561757479')
  const common = { info, aad: hex('436f756e742d30'), aead: 1 } as const
  const ciphertext = hex(
    'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
  )
  t.same(open({ ...common, enc, ciphertext, privateKey }), plaintext)
  const sealed = seal({ ...common, publicKey, plaintext })
  t.notSame(sealed.enc, enc, 'each with a key of its own')
  t.same(open({ ...common, ...sealed, privateKey }), plaintext)
  for (const other of [Buffer.alloc(32), Buffer.of(1, ...Buffer.alloc(31)), publicKey.subarray(1)]) {
    t.throws(() => seal({ ...common, publicKey: other, plaintext }), { code: 'invalid_input' })
    t.throws(() => open({ ...common, ...sealed, enc: other, privateKey }), { code: 'decryption_failed' })
  }
  t.end()
})

t.test('what is sealed opens with its key, its info and every bit in place', (t) => {
  const [info, plaintext] = [Buffer.from('info'), Buffer.from('secret'.repeat(1000))]
  const sealed = seal({ publicKey: recipient.publicKey, plaintext, info })
  const { privateKey } = recipient
  t.same(open({ ...sealed, info, privateKey }), plaintext)
  t.notSame(seal({ publicKey: recipient.publicKey, plaintext, info }).ciphertext, sealed.ciphertext)
  const flipped = Buffer.from(sealed.ciphertext)
  flipped[7]! ^= 1
  for (const [what, change] of [
    ['another info', { info: Buffer.from('other') }],
    ['a bit', { ciphertext: flipped }],
    ['cut off', { ciphertext: sealed.ciphertext.subarray(0, 9) }],
    ['another enc', { enc: newRecipient().publicKey }],
    ['a point of low order', { enc: Buffer.alloc(32) }],
    ['an enc of odd length', { enc: Buffer.alloc(31) }],
    ['another key', { privateKey: newRecipient().privateKey }],
  ] as const)
    t.equal(
      codeOf(() => open({ ...sealed, info, privateKey, ...change })),
      'decryption_failed',
      what,
    )
  for (const publicKey of [Buffer.alloc(32), Buffer.alloc(31)])
    t.equal(
      codeOf(() => seal({ publicKey, plaintext, info })),
      'invalid_input',
    )
  t.end()
})

t.test('orders: what is wrong is refused', (t) => {
  const { order, sha256 } = read(signed(good))
  t.same(order, good)
  t.equal(sha256, orderHash(good))
  t.equal(read(signed(good)).sha256, sha256, 'a signature made anew is the same order')
  const narrowed: AuditOrder = {
    ...{ ...good, version: 2 },
    scope: { ...good.scope, contract: `${good.id}/2`, purposes: ['Tax'], endpoints: ['GET /persons/*'] },
  }
  t.same(read(signed(narrowed)).order, narrowed)
  t.match(readHead({ ...narrowed, version: 3, scope: 'of another form' }), { id: good.id, case: good.case })
  for (const none of [{ ...good, id: 'x' }, { ...good, deadline: 'soon' }, [], null])
    t.equal(
      codeOf(() => readHead(none)),
      'audit_order_refused',
    )
  const days = (more: number): string => new Date(NOW + more * 86_400_000).toISOString()
  const scoped = (scope: object): object => ({ ...good, scope: { ...good.scope, ...scope } })
  const many = (of: (at: number) => string): string[] => Array.from({ length: 300 }, (_, at) => of(at))
  const wrong: [string, object][] = [
    ['another instance', { ...good, instance: 'EE' }],
    ['an authority nobody knows', { ...good, authority: 'Somebody' }],
    ['a field too many', { ...good, more: 1 }],
    ['no case', { ...good, case: undefined }],
    ['a case of two lines', { ...good, case: 'a\u0000b' }],
    ['no server', { ...good, servers: [] }],
    ['a server twice', { ...good, servers: [SERVER, SERVER] }],
    ['too many servers', { ...good, servers: many((at) => `DEV/GOV/${at}/s`) }],
    ['too many parties', scoped({ parties: many((at) => `DEV/GOV/${at}`) })],
    ['no parties, but a list of them', scoped({ parties: [] })],
    ['a party that is none', scoped({ parties: ['x'] })],
    ['a service that is none', scoped({ services: ['DEV/GOV/1'] })],
    ['a contract that is none', scoped({ contract: '1' })],
    ['a version of a contract in the first form', scoped({ contract: `${good.id}/2` })],
    ['a version of no contract', { ...scoped({ contract: `${good.id}/0` }), version: 2 }],
    ['purposes in the first form', scoped({ purposes: ['Tax'] })],
    ['endpoints in the first form', scoped({ endpoints: ['GET /persons/*'] })],
    ['no purposes, but a list of them', { ...scoped({ purposes: [] }), version: 2 }],
    ['a purpose twice', { ...scoped({ purposes: ['a', 'a'] }), version: 2 }],
    ['a purpose that hides', { ...scoped({ purposes: ['a\u202eb'] }), version: 2 }],
    ['too many purposes', { ...scoped({ purposes: many((at) => `${at}`) }), version: 2 }],
    ['an endpoint that is no text', { ...scoped({ endpoints: [1] }), version: 2 }],
    ['a form that nobody knows', { ...good, version: 3 }],
    ['a form that is none', { ...good, version: '2' }],
    ['the first form by its number', { ...good, version: 1 }],
    ['all times', scoped({ from: '2020-01-01T00:00:00.000Z' })],
    ['a time before itself', scoped({ from: good.scope.to })],
    ['a sample of everything', { ...good, sample: 10_000 }],
    ['half a record', { ...good, sample: 0.5 }],
    ['less than nothing', { ...good, sample: -1 }],
    ['a deadline before it was made', { ...good, deadline: days(-2) }],
    ['a deadline in a year', { ...good, deadline: days(365) }],
    ['no key', { ...good, recipient: '' }],
    ['a key that is no base64', { ...good, recipient: `${'/'.repeat(42)}x=` }],
  ]
  for (const [what, document] of wrong)
    t.equal(
      codeOf(() => read(signed(document))),
      'audit_order_refused',
      what,
    )
  for (const [what, bytes, code] of [
    ['a stranger', signed(good, [stranger]), 'audit_order_refused'],
    ['two signers', signed(good, [authority, stranger]), 'audit_order_refused'],
    ['another kind of document', signed(good, [authority], AUDIT_DOCUMENT.answer), 'malformed_signature'],
    ['nothing', Buffer.alloc(0), 'malformed_json'],
    ['too large', Buffer.alloc(100_000, 0x20), 'malformed_json'],
    ['deep', Buffer.from('['.repeat(2000)), 'malformed_json'],
    ['no document', Buffer.from('{"payload":1,"signatures":[]}'), 'malformed_signature'],
  ] as const)
    t.equal(
      codeOf(() => read(bytes)),
      code,
      what,
    )
  const jws = JSON.parse(signed(good).toString()) as { payload: string }
  const forged = {
    ...jws,
    payload: Buffer.from(JSON.stringify({ ...good, sample: 20 })).toString('base64url'),
  }
  t.not(
    codeOf(() => read(Buffer.from(JSON.stringify(forged)))),
    'taken',
    'altered after it was signed',
  )
  checkInTime(good, NOW)
  for (const at of [Date.parse(good.deadline), NOW - 86_400_000])
    t.equal(
      codeOf(() => checkInTime(good, at)),
      'audit_order_refused',
    )
  t.end()
})

t.test('the scope: what lies in it, what may, and what does not', (t) => {
  const id = good.id
  const row = {
    ...{ index: 1, time: '2026-11-02T00:00:00.000Z', kind: 'request', direction: 'in', outcome: '' },
    ...{ queryId: 'q', requestId: 'r', clientId: 'DEV:GOV:1002:tax', peer: null, answers: null },
    serviceId: 'DEV:GOV:1001:register:persons',
    ...{ contract: `${id}/2`, purpose: 'Tax', endpoint: 'GET /persons/*' },
  }
  const cases: [string, object, object, InScope][] = [
    ['everything', {}, {}, 'in'],
    ['too early', { time: '2026-10-31T23:59:59.999Z' }, {}, 'out'],
    ['too late', { time: good.scope.to }, {}, 'out'],
    ['a member that asks', {}, { parties: ['DEV/GOV/1002'] }, 'in'],
    ['a subsystem that is asked', {}, { parties: ['DEV/GOV/1001/register'] }, 'in'],
    ['a code that only begins alike', {}, { parties: ['DEV/GOV/100'] }, 'out'],
    ['a service', {}, { services: ['DEV/GOV/1001/register/persons'] }, 'in'],
    ['another service', {}, { services: ['DEV/GOV/1001/register/person'] }, 'out'],
    ['a contract', {}, { contract: id }, 'in'],
    ['its version', {}, { contract: `${id}/2` }, 'in'],
    ['another version', {}, { contract: `${id}/1` }, 'out'],
    ['a purpose of several', {}, { purposes: ['Health', 'Tax'] }, 'in'],
    ['a purpose that only begins alike', {}, { purposes: ['Ta'] }, 'out'],
    ['no purpose under a contract', { purpose: null }, { purposes: ['Tax'] }, 'unsaid'],
    ['an older row', { purpose: undefined }, { purposes: ['Tax'] }, 'unsaid'],
    ['under no contract', { purpose: null, contract: null }, { purposes: ['Tax'] }, 'out'],
    ['an endpoint', {}, { endpoints: ['GET /persons/*'] }, 'in'],
    ['another endpoint', {}, { endpoints: ['GET /persons'] }, 'out'],
    ['no endpoint', { endpoint: null }, { endpoints: ['GET /persons/*'] }, 'unsaid'],
    ['no endpoint, another purpose', { endpoint: null }, { endpoints: ['x'], purposes: ['Health'] }, 'out'],
    ['no endpoint, another party', { endpoint: null }, { endpoints: ['x'], parties: ['DEV/GOV/1'] }, 'out'],
  ]
  const { from, to } = good.scope
  for (const [what, change, scope, expected] of cases)
    t.equal(inScope({ ...row, ...change }, { from, to, ...scope }), expected, what)
  t.end()
})

t.test('the sample: by order, server and seed, and by nothing else', (t) => {
  const indexes = Array.from({ length: 500 }, (_, at) => at * 3)
  const q = { order: 'ab'.repeat(32), server: SERVER, seed: seedAt(5, 'log'), indexes, count: 10 }
  const drawn = drawSample(q)
  t.equal(new Set(drawn).size, 10)
  t.same(drawSample({ ...q, indexes: indexes.toReversed() }), drawn, 'in whatever order they are listed')
  t.same(
    drawn,
    [24, 96, 192, 351, 582, 801, 858, 882, 1059, 1389],
    'as a program without code of ours drew it',
  )
  for (const change of [
    { seed: seedAt(6, 'log') },
    { server: 'x' },
    { order: orderHash({ ...good, sample: 4 }) },
  ])
    t.notSame(drawSample({ ...q, ...change }), drawn)
  t.same(drawSample({ ...q, indexes: [4, 2], count: 5 }), [2, 4])
  t.end()
})

t.test('a seed: the text and the cosignature of one witness, whoever else signed', (t) => {
  const [log, witness, other] = ['a', 'b', 'c'].map(() => generateKeyPairSync('ed25519').privateKey)
  const note = signNote(writeCheckpoint({ origin: SERVER, size: 9, root }), 'log', log!)
  const at = new Date(NOW)
  const seed = makeSeed(addCosignature(note, WITNESS, witness!, at))
  t.equal(seed.split('\n').length, 6, 'three lines of text, one of a signature')
  t.equal(makeSeed(addCosignature(addCosignature(note, 'c', other!, at), WITNESS, witness!, at)), seed)
  t.equal(makeSeed(seed), seed)
  t.equal(readSeed(seed).size, 9)
  for (const [what, text] of [
    ['the line of the log alone', note],
    ['a line more', addCosignature(seed, 'c', other!, at)],
    ['none', writeCheckpoint({ origin: SERVER, size: 9, root })],
    ['nothing', ''],
    ['a line of odd length', seed.replace(/.{4}\n$/, '\n')],
    ['an empty line more', `${seed}\n`],
    ['a control character', seed.replace('9', '9\u0000')],
  ] as const)
    t.equal(
      codeOf(() => readSeed(text)),
      'malformed_checkpoint',
      what,
    )
  t.end()
})

t.test('an answer: sealed, opened, compared', (t) => {
  const seed = seedAt(9)
  const records = Array.from({ length: 9 }, (_, index) => ({
    ...{
      index,
      time: '2026-11-02T00:00:00.000Z',
      kind: 'request',
      direction: 'in',
      outcome: '',
      answers: null,
    },
    ...{ queryId: 'q', requestId: 'r', clientId: 'DEV:GOV:1002:tax', serviceId: null, peer: null },
  }))
  const order = orderHash(good)
  const of = { order, server: SERVER, seed, indexes: records.map(({ index }) => index), count: good.sample }
  const sample = drawSample(of)
  const bundles = sample.map((index) => ({ index, bundle: 'UEs=' }))
  const payload: AuditPayload = { version: 1, order, server: SERVER, seed, records, bundles }
  const answerOf = (more: Partial<AuditPayload> = {}, change: Partial<AuditAnswer> = {}): AuditAnswer => ({
    ...{
      id: good.id,
      createdAt: good.createdAt,
      signer: 'DEV/GOV/1001',
      server: SERVER,
      order,
      seed,
      sample,
    },
    ...{ outcome: 'answered', matched: records.length, sealed: sealPayload({ ...payload, ...more }, good) },
    ...change,
  })
  const key = { order: good, privateKey: recipient.privateKey }
  t.same(openAnswer(checkAnswer(answerOf()), key), payload)
  const coverage = { inPeriod: 10, unsaid: 1, firstUnsaid: 4, lastUnsaid: 4 }
  t.same(openAnswer(checkAnswer(answerOf({ coverage })), key).coverage, coverage)
  const padded = addSignature(seed, { name: 'a', keyId: Buffer.alloc(4), signature: Buffer.alloc(72) })
  // The sample is the one that this seed draws, and the answer is right in everything else.
  const honest = (its: string): AuditAnswer => {
    const drawn = drawSample({ ...of, seed: its })
    const bundles = drawn.map((index) => ({ index, bundle: 'UEs=' }))
    return answerOf({ seed: its, bundles }, { seed: its, sample: drawn })
  }
  t.equal(openAnswer(honest(seedAt(8)), key).seed, seedAt(8))
  // Each run makes an order with a fresh key, so the seed may draw any three records.
  const chosen = of.indexes.filter((index) => !sample.includes(index)).slice(0, good.sample)
  const others = chosen.map((index) => ({ index, bundle: 'UEs=' }))
  const { reason: _, ...fewer } = { ...good, sample: 2, reason: '' }
  const wrong: [string, AuditAnswer, string, AuditOrder?][] = [
    ['another order', answerOf(), 'audit_answer_wrong', fewer],
    ['a server that was not asked', answerOf({}, { server: 'DEV/GOV/9/s' }), 'audit_answer_wrong'],
    ['an altered seed', answerOf({}, { seed: seedAt(8) }), 'decryption_failed'],
    ['another seed throughout', answerOf({ seed: 'x' }, { seed: 'x' }), 'audit_answer_wrong'],
    ['a seed with a line that suits', honest(padded), 'audit_answer_wrong'],
    ['a record left out', answerOf({ records: records.slice(1) }), 'audit_answer_wrong'],
    ['a record twice', answerOf({ records: [...records.slice(1), records[1]!] }), 'audit_answer_wrong'],
    ['a chosen sample', answerOf({ bundles: others }, { sample: chosen }), 'audit_answer_wrong'],
    ['evidence of others', answerOf({ bundles: others }), 'audit_answer_wrong'],
    ['evidence left out', answerOf({ bundles: bundles.slice(1) }), 'audit_answer_wrong'],
    ['the form of another order', answerOf({ version: 2 }), 'audit_answer_wrong'],
    [
      'more than was looked through',
      answerOf({ coverage: { inPeriod: 9, unsaid: 1 } }),
      'audit_answer_wrong',
    ],
    ['figures that are none', answerOf({ coverage: 'all' as never }), 'audit_answer_wrong'],
    ['no payload', answerOf({ records: undefined as never }), 'audit_answer_wrong'],
  ]
  for (const [what, answer, code, asked = good] of wrong)
    t.equal(
      codeOf(() => openAnswer(answer, { ...key, order: asked })),
      code,
      what,
    )
  const refused = { outcome: 'refused', reason: 'no', sealed: undefined, matched: 0, sample: [] } as const
  t.equal(checkAnswer(answerOf({}, refused as never)).reason, 'no')
  for (const change of [
    { outcome: 'refused' },
    { reason: 'both' },
    { sealed: undefined },
    { sealed: { enc: '!', ciphertext: '' } },
    { matched: -1 },
    { sample: [1, 1] },
    { seed: '' },
    { outcome: 'perhaps' },
  ])
    t.equal(
      codeOf(() => checkAnswer({ ...answerOf(), ...change })),
      'audit_answer_wrong',
      JSON.stringify(change),
    )
  t.end()
})
