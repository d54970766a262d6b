import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { refusal } from '#core/events/event-fixture.ts'
import { A, B, envelopeOf, KEYS } from './dsse-fixture.ts'
import { type Envelope, readEnvelope, signedBytes, writeEnvelope } from './envelope.ts'
import { verifyEnvelope } from './verify-envelope.ts'

void t.test("the protocol's own example", async (t) => {
  // DSSE protocol 1.0.2, "Test Vectors": ECDSA over P-256 and SHA-256, r||s.
  const payloadType = 'http://example.com/HelloWorld'
  const pae = 'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
  t.equal(signedBytes({ payloadType, payload: Buffer.from('hello world') }).toString(), pae)
  const coordinate = (decimal: string): string =>
    Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url')
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: coordinate('46950820868899156662930047687818585632848591499744589407958293238635476079160'),
      y: coordinate('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
    },
  })
  const sig = 'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=='
  const json = { payload: 'aGVsbG8gd29ybGQ=', payloadType, signatures: [{ sig }] }
  const envelope = readEnvelope(Buffer.from(JSON.stringify(json)))
  t.equal(verifyEnvelope(envelope, payloadType, [{ key }]).length, 1)
  t.equal(signedBytes({ payloadType: 'ä', payload: Buffer.alloc(0) }).toString(), 'DSSEv1 2 ä 0 ')
})

void t.test('every kind of key signs and verifies, and no other', async (t) => {
  const pairs = [
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ]
  for (const { privateKey, publicKey } of pairs) {
    const envelope = await envelopeOf('a/b', 'x', [[privateKey]])
    const others = pairs
      .filter((pair) => pair.publicKey !== publicKey)
      .map(({ publicKey }) => ({ key: publicKey }))
    const [read] = [readEnvelope(Buffer.from(writeEnvelope(envelope)))]
    t.strictSame(read, envelope)
    t.equal(verifyEnvelope(read!, 'a/b', [...others, { key: publicKey }])[0], publicKey)
    t.match(
      refusal(() => verifyEnvelope(read!, 'a/b', others)),
      /not enough/,
    )
    const value = Buffer.from(envelope.signatures[0]!.value)
    value[5]! ^= 1
    t.match(
      refusal(() => verifyEnvelope({ ...envelope, signatures: [{ value }] }, 'a/b', [{ key: publicKey }])),
      /not enough/,
    )
  }
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const weakly = await envelopeOf('a/b', 'x', [[weak.privateKey]])
  t.match(
    refusal(() => verifyEnvelope(weakly, 'a/b', [{ key: weak.publicKey }])),
    /not enough/,
  )
  await t.rejects(
    envelopeOf('a/b', 'x', [[generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey]]),
    {
      code: 'cannot_sign',
    },
  )
  await t.rejects(envelopeOf('a/b', 'x', [[generateKeyPairSync('x25519').privateKey]]), {
    code: 'cannot_sign',
  })
})

void t.test('thresholds count keys, keyids are hints', async (t) => {
  const both = [KEYS.A, KEYS.B]
  const verified = async (
    signers: [KeyObject, string?][],
    threshold: number,
    keys = both,
  ): Promise<string> => {
    const envelope = await envelopeOf('a/b', 'x', signers)
    return refusal(() => verifyEnvelope(envelope, 'a/b', keys, threshold))
  }
  t.equal(await verified([[A, 'A']], 1), 'accepted')
  t.equal(
    await verified(
      [
        [A, 'A'],
        [B, 'B'],
      ],
      2,
    ),
    'accepted',
  )
  t.equal(await verified([[A], [B]], 2), 'accepted')
  t.equal(await verified([[A], [B]], 2, [{ key: KEYS.A.key, keyid: 'x' }, KEYS.B]), 'accepted')
  t.match(
    await verified(
      [
        [A, 'A'],
        [A, 'A'],
      ],
      2,
    ),
    /not enough/,
  )
  t.match(
    await verified([[A], [A]], 2, [KEYS.A, { key: createPublicKey(A), keyid: 'again' }]),
    /not enough/,
    'one key under two names',
  )
  t.match(await verified([[A, 'B']], 1), /not enough/, 'the hint leads to another key')
  t.match(await verified([[A, 'A']], 1, []), /not enough/)
  t.equal(
    await verified(
      [
        [generateKeyPairSync('ed25519').privateKey, 'A'],
        [B, 'B'],
      ],
      1,
    ),
    'accepted',
  )
  const envelope = await envelopeOf('a/b', 'x', [[A, 'A']])
  t.match(
    refusal(() => verifyEnvelope(envelope, 'a/c', both)),
    /payloadType/,
  )
  t.match(
    refusal(() => verifyEnvelope({ ...envelope, payloadType: 'a/c' }, 'a/c', both)),
    /not enough/,
  )
  t.throws(() => verifyEnvelope(envelope, 'a/b', both, 0), RangeError)
  t.throws(() => verifyEnvelope(envelope, 'a/b', Array(17).fill(KEYS.A)), RangeError)
})

void t.test('malformed envelopes', async (t) => {
  const good = {
    payload: '-_-_Pj8=',
    payloadType: 'a/b',
    signatures: [{ sig: 'AA==', keyid: '', more: 1 }],
    more: {},
  }
  const read = (json: unknown): Envelope =>
    readEnvelope(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)))
  t.strictSame(read(good), {
    payload: Buffer.from('fbffbf3e3f', 'hex'),
    payloadType: 'a/b',
    signatures: [{ value: Buffer.of(0) }],
  })
  t.equal(read({ ...good, payload: '' }).payload.length, 0)
  const wrong: [unknown, RegExp][] = [
    ['', /not JSON/],
    ['[]', /not an object/],
    ['{"payload":"","payload":"","payloadType":"a","signatures":[{"sig":""}]}', /not JSON/],
    [{ ...good, payload: undefined }, /payload is not base64/],
    [{ ...good, payload: 'AA' }, /payload is not base64/],
    [{ ...good, payload: 'AB==' }, /payload is not base64/],
    [{ ...good, payload: '-/8=' }, /payload is not base64/],
    [{ ...good, payload: 'A A=' }, /payload is not base64/],
    [{ ...good, payloadType: undefined }, /payloadType/],
    [{ ...good, payloadType: 'a'.repeat(1_025) }, /payloadType/],
    [{ ...good, signatures: [] }, /1 to 8/],
    [{ ...good, signatures: Array(9).fill({ sig: 'AA==' }) }, /1 to 8/],
    [{ ...good, signatures: {} }, /1 to 8/],
    [{ ...good, signatures: [1] }, /not an object/],
    [{ ...good, signatures: [{}] }, /sig is not base64/],
    [{ ...good, signatures: [{ sig: 'AA==', keyid: 1 }] }, /keyid/],
    [{ ...good, more: 'x'.repeat(65_536) }, /not JSON/],
    [`{"more":${'['.repeat(9)}${']'.repeat(9)}}`, /not JSON/],
  ]
  for (const [json, what] of wrong)
    t.match(
      refusal(() => read(json)),
      what,
      JSON.stringify(json).slice(0, 60),
    )
  t.match(
    refusal(() => readEnvelope(Buffer.from('ff', 'hex'))),
    /not JSON/,
  )
  fc.assert(
    fc.property(fc.json(), (json) => refusal(() => read(json)) !== 'accepted'),
    { numRuns: 300 },
  )
})
