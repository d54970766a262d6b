import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { readEvent } from '#core/events/read-event.ts'
import { writeBinary, writeStructured } from '#core/events/write-event.ts'
import { Fault } from '#schemas/fault.ts'
import { type Envelope, readEnvelope, signedBytes, writeEnvelope } from './envelope.ts'
import type { ExtensionType } from './event-digests.ts'
import { signatureValue } from './key-method.ts'
import { PAYLOAD_TYPE, signEvent } from './sign-event.ts'
import { verifyEnvelope } from './verify-envelope.ts'
import { verifyEvent } from './verify-event.ts'

const STRUCTURED: [string, string][] = [['content-type', 'application/cloudevents+json']]

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_event_signature') return String(thrown.what)
    throw thrown
  }
  return 'accepted'
}

/** A private key of RFC 8032 (PKCS #8, RFC 8410). */
function ed25519(seed: string): KeyObject {
  const pkcs8 = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}

// RFC 8032, section 7.1, TEST 1 and TEST 2.
const A = ed25519('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
const B = ed25519('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
const KEYS = {
  A: { key: createPublicKey(A), keyid: 'A' },
  B: { key: createPublicKey(B), keyid: 'B' },
}

async function envelopeOf(
  payloadType: string,
  payload: string,
  signers: [KeyObject, string?][],
): Promise<Envelope> {
  const body = Buffer.from(payload)
  const data = signedBytes({ payloadType, payload: body })
  const signatures = await Promise.all(
    signers.map(async ([key, keyid]) => ({
      ...(keyid === undefined ? {} : { keyid }),
      value: await signatureValue(key, data),
    })),
  )
  return { payloadType, payload: body, signatures }
}

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
    [{ ...good, payload: '-/==' }, /payload is not base64/],
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

type Golden = {
  keyid: string
  seed: string
  public: string
  payloadType: string
  cases: {
    name: string
    event: string
    signed: string[]
    types: Record<string, ExtensionType>
    payload: string
    dssematerial: string
  }[]
}
const GOLDEN = JSON.parse(
  readFileSync(new URL('../../schemas/golden/events/signed-events.json', import.meta.url), 'utf8'),
) as Golden

void t.test('events that another program signed', async (t) => {
  const key = ed25519(GOLDEN.seed)
  const trusted = [{ key: createPublicKey(key), keyid: GOLDEN.keyid }]
  t.equal(GOLDEN.payloadType, PAYLOAD_TYPE)
  t.ok(GOLDEN.cases.length >= 7)
  for (const { name, event, signed, types: typed, payload, dssematerial } of GOLDEN.cases) {
    const types = new Map(Object.entries(typed))
    const unsigned = readEvent(STRUCTURED, Buffer.from(event))
    const made = await signEvent(unsigned, [{ key, keyid: GOLDEN.keyid }], signed, types)
    t.equal(made.extensions.get('dssematerial'), dssematerial, name)
    t.equal(readEnvelope(Buffer.from(dssematerial, 'base64')).payload.toString(), payload)
    const document = writeStructured(made)
    const found = verifyEvent(readEvent(document.headers, document.body), trusted, { types })
    t.equal(found.extensions, signed.length === 0 ? 'none' : 'verified')
    t.strictSame(
      [...found.event.extensions.keys()].sort(),
      signed.filter((one) => unsigned.extensions.has(one)).sort(),
    )
    t.strictSame(found.unverified.size, 0)
    if (made.isJsonImplied) continue
    const { headers, body } = writeBinary(made)
    t.equal(
      verifyEvent(readEvent(headers, body), trusted, { types }).extensions,
      found.extensions,
      'in headers, too',
    )
  }
})

void t.test('what a signature covers, and what not', async (t) => {
  const event = readEvent(
    STRUCTURED,
    Buffer.from(
      JSON.stringify({
        specversion: '1.0',
        id: '1',
        source: '/a',
        type: 't',
        datacontenttype: 'application/json',
        dataschema: 'urn:x',
        subject: 's',
        time: '2026-05-13T10:49:12Z',
        data: { a: 1 },
        sequence: '1',
        own: 'x',
        other: 'y',
      }),
    ),
  )
  const types = new Map([['own', 'String' as const]])
  const signed = await signEvent(event, [{ key: A, keyid: 'A' }], ['sequence', 'own', 'partitionkey'], types)
  const verify = (changes: Partial<CloudEvent> = {}): string =>
    refusal(() => verifyEvent({ ...signed, ...changes }, [KEYS.A], { types }))
  const withExtension = (name: string, value?: string | number): Partial<CloudEvent> => {
    const extensions = new Map(signed.extensions)
    if (value === undefined) extensions.delete(name)
    else extensions.set(name, value)
    return { extensions }
  }
  const found = verifyEvent(signed, [KEYS.A], { types })
  t.strictSame(
    [...found.event.extensions],
    [
      ['sequence', '1'],
      ['own', 'x'],
    ],
  )
  t.strictSame([...found.unverified], [['other', 'y']])
  const changed: Partial<CloudEvent>[] = [
    ...[
      { id: '2' },
      { source: '/b' },
      { type: 'u' },
      { datacontenttype: 'text/json' },
      { dataschema: 'urn:y' },
      { subject: 'S' },
    ],
    ...[{ time: '2026-05-13T10:49:13Z' }, { data: Buffer.from('{"a": 1}') }],
    ...[withExtension('sequence', '2'), withExtension('own'), withExtension('partitionkey', 'k')],
  ]
  for (const change of changed) t.match(verify(change), /changed/)
  for (const change of [
    { time: '2026-05-13T12:49:12.5+02:00' },
    withExtension('other', 'z'),
    withExtension('more', 'x'),
    withExtension('other'),
  ])
    t.equal(verify(change), 'accepted')
  t.match(verify(withExtension('dssematerial')), /not signed/)
  t.match(verify(withExtension('dssematerial', '')), /not signed/)
  const skipped = verifyEvent(signed, [KEYS.A])
  t.strictSame(
    [skipped.extensions, skipped.event.extensions.size, skipped.unverified.size],
    ['skipped', 0, 3],
  )
  t.match(
    refusal(() => verifyEvent(signed, [KEYS.B])),
    /not enough/,
  )
  t.match(
    refusal(() => verifyEvent(signed, [KEYS.A, KEYS.B], { threshold: 2 })),
    /not enough/,
  )

  const refuse = async (extensions: string[], of: CloudEvent = event): Promise<string | undefined> =>
    signEvent(of, [{ key: A, keyid: 'A' }], extensions, types).then(
      () => 'accepted',
      (fault: Fault) => fault.what,
    )
  t.match(await refuse(['other']), /type is not known/)
  t.match(await refuse(['own', 'own']), /twice/)
  t.match(await refuse(['own'], { ...event, extensions: new Map([['own', '']]) }), /empty/)
  for (const name of ['id', 'specversion', 'time', 'dssematerial'])
    t.match(await refuse([name]), /no extension/)
  for (const name of ['data', 'Own', '']) t.match(await refuse([name]), /not allowed/)
  const wrongly: [ExtensionType, string | number][] = [
    ...([
      ['Integer', '05'],
      ['Integer', '-0'],
      ['Integer', ''],
      ['Boolean', 'TRUE'],
      ['Timestamp', 'now'],
      ['Binary', 'A'],
    ] as [ExtensionType, string][]),
  ]
  for (const [type, value] of wrongly) {
    const of = { ...event, extensions: new Map([['x', value]]) }
    const what = await signEvent(of, [{ key: A, keyid: 'A' }], ['x'], new Map([['x', type]])).catch(
      ({ what }: Fault) => what,
    )
    t.match(what, value === '' ? /empty/ : /not of its type/, `${type} ${value}`)
  }
})

void t.test('payloads that a trusted key signed and that are refused', async (t) => {
  const event = readEvent(STRUCTURED, Buffer.from('{"specversion":"1.0","id":"1","source":"/a","type":"t"}'))
  const right = JSON.parse(
    readEnvelope(
      Buffer.from(
        String((await signEvent(event, [{ key: A, keyid: 'A' }])).extensions.get('dssematerial')),
        'base64',
      ),
    ).payload.toString(),
  ) as { core: string }
  const { core } = right
  const verify = async (payload: unknown): Promise<string> => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
    const material = Buffer.from(writeEnvelope(await envelopeOf(PAYLOAD_TYPE, text, [[A, 'A']]))).toString(
      'base64',
    )
    return refusal(() =>
      verifyEvent({ ...event, extensions: new Map([['dssematerial', material]]) }, [KEYS.A]),
    )
  }
  const other = { ...right, more: 1 }
  t.equal(await verify(other), 'accepted')
  const wrong: [unknown, RegExp][] = [
    [{ core: core.slice(4) }, /core is not/],
    [{}, /core is not/],
    [{ core, ext: core }, /go together/],
    [{ core, signedextattrs: ['a'] }, /go together/],
    [{ core, ext: core, signedextattrs: [] }, /list of names/],
    [{ core, ext: core, signedextattrs: 'a' }, /list of names/],
    [{ core, ext: core, signedextattrs: [1] }, /list of names/],
    [{ core, ext: core, signedextattrs: ['a', 'a'] }, /twice/],
    [{ core, ext: core, signedextattrs: ['a', 'id'] }, /no extension/],
    [{ core, ext: core, signedextattrs: ['dssematerial'] }, /no extension/],
    [{ core, ext: core, signedextattrs: ['A'] }, /not allowed/],
    [{ core, ext: 'AA==', signedextattrs: ['a'] }, /ext is not/],
    [{ core, ext: core, signedextattrs: ['a'] }, /extension was changed/],
    [`{"core":"${core}","core":"${core}"}`, /not JSON/],
    ['"x"', /not an object/],
    ['', /not JSON/],
  ]
  for (const [payload, what] of wrong)
    t.match(await verify(payload), what, JSON.stringify(payload).slice(0, 60))
})
