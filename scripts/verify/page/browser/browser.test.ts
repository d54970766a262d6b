/**
 * The browser's counterparts give the same results as Node: on Wycheproof's vectors, on generated input, on
 * hostile input.
 */
import * as node from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { buffer as nodeBuffer } from 'node:stream/consumers'
import * as zlib from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { fromBufferPromise } from 'yauzl'
import { zipOf } from '#core/container/zip-fixture.ts'
import { isUtf8, Buffer as OwnBuffer } from './buffer.ts'
import * as own from './crypto.ts'
import { buffer as ownBuffer } from './stream-consumers.ts'
import * as ownZip from './zip.ts'
import { crc32, inflated } from './zlib.ts'

const vectors = new URL('../../../../test/vectors/wycheproof/', import.meta.url)
const bytes = fc.uint8Array({ maxLength: 300 })
const outcome = (act: () => unknown): unknown => {
  try {
    return act()
  } catch {
    return 'refused'
  }
}

t.test('Wycheproof: each signature gets the verdict of node:crypto', async (t) => {
  type Group = {
    publicKeyDer: string
    sha?: string
    sLen?: number
    tests: { msg: string; sig: string; tcId: number }[]
  }
  const counts = { judged: 0, accepted: 0 }
  for (const file of readdirSync(vectors).filter((name) =>
    /^(ecdsa_|rsa_(pss|signature)_|ed25519)/.test(name),
  )) {
    const { testGroups } = JSON.parse(readFileSync(new URL(file, vectors), 'utf8')) as { testGroups: Group[] }
    for (const group of testGroups) {
      const source = { key: Buffer.from(group.publicKeyDer, 'hex'), format: 'der', type: 'spki' } as const
      const [nodeKey, ownKey] = [node.createPublicKey(source), own.createPublicKey(source)]
      const digest = group.sha?.replace('-', '').toLowerCase() ?? null
      const options = file.startsWith('ecdsa')
        ? { dsaEncoding: file.includes('p1363') ? ('ieee-p1363' as const) : ('der' as const) }
        : file.startsWith('rsa_pss')
          ? { padding: node.constants.RSA_PKCS1_PSS_PADDING, saltLength: group.sLen ?? 0 }
          : {}
      for (const { msg, sig, tcId } of group.tests) {
        const [data, signature] = [Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex')]
        const wanted = outcome(() => node.verify(digest, data, { key: nodeKey, ...options }, signature))
        // All vectors that must be rejected, and a quarter of the thousands that must be accepted.
        if (wanted === true && tcId % 4 !== 0) continue
        const found = outcome(() => own.verify(digest, data, { key: ownKey, ...options }, signature))
        counts.judged += 1
        if (found === true) counts.accepted += 1
        if (found !== wanted) t.fail(`${file} ${tcId}: node ${String(wanted)}, here ${String(found)}`)
      }
    }
  }
  t.comment(`${counts.judged} signatures judged, ${counts.accepted} accepted`)
  t.ok(counts.judged > 5000 && counts.accepted > 700)
})

t.test('keys and what they sign, of every kind and size', async (t) => {
  type Pair = { publicKey: node.KeyObject; privateKey: node.KeyObject }
  const ec = (namedCurve: string): Pair => node.generateKeyPairSync('ec', { namedCurve })
  // Options that Node's types do not know.
  const restricted = {
    modulusLength: 2048,
    hashAlgorithm: 'sha512',
    mgf1HashAlgorithm: 'sha512',
    saltLength: 64,
  } as object
  const pss = (options: object): Pair =>
    node.generateKeyPairSync('rsa-pss' as 'rsa', options as { modulusLength: number })
  const pairs: Pair[] = [
    ec('prime256v1'),
    ec('secp384r1'),
    ec('secp521r1'),
    ...[1024, 2048, 2049, 3073].map(
      (modulusLength): Pair => node.generateKeyPairSync('rsa', { modulusLength }),
    ),
    pss(restricted),
    pss({ modulusLength: 2048 }),
    node.generateKeyPairSync('ed25519'),
  ]
  const data = Buffer.from('what is signed')
  for (const { publicKey, privateKey } of pairs) {
    const spki = publicKey.export({ format: 'der', type: 'spki' })
    const key = own.createPublicKey({ key: spki, format: 'der', type: 'spki' })
    const name = `${publicKey.asymmetricKeyType} ${publicKey.asymmetricKeyDetails?.modulusLength ?? ''}`
    t.equal(key.asymmetricKeyType, publicKey.asymmetricKeyType, name)
    t.same(key.export({ format: 'der' }), spki, 'the same octets, which key ids are made of')
    for (const detail of ['modulusLength', 'publicExponent', 'namedCurve'] as const)
      t.equal(key.asymmetricKeyDetails[detail], publicKey.asymmetricKeyDetails?.[detail], `${name} ${detail}`)
    const isPss = publicKey.asymmetricKeyType === 'rsa-pss'
    const plain = isPss ? [] : [{ dsaEncoding: 'ieee-p1363' as const }, { dsaEncoding: 'der' as const }]
    const salted = {
      padding: node.constants.RSA_PKCS1_PSS_PADDING,
      saltLength: node.constants.RSA_PSS_SALTLEN_DIGEST,
    }
    for (const options of name.startsWith('rsa') ? [...plain.slice(1), salted] : plain) {
      for (const digest of name.startsWith('ed25519') ? [null] : ['sha256', 'sha512']) {
        const made = outcome(() => node.sign(digest, data, { key: privateKey, ...options }))
        // An RSASSA-PSS key may be restricted to another digest; then neither signing nor verification
        // succeeds.
        const signature = made instanceof Buffer ? made : Buffer.alloc(256)
        const ask = (of: Buffer, message = data) => [
          outcome(() => node.verify(digest, message, { key: publicKey, ...options }, of)),
          outcome(() => own.verify(digest, message, { key, ...options }, of)),
        ]
        t.equal(...(ask(signature) as [unknown, unknown]), `${name} ${digest}`)
        t.equal(ask(signature)[1] === true, made instanceof Buffer, `${name} ${digest} verifies`)
        for (let at = 0; at < signature.length; at += 7) {
          const altered = Buffer.from(signature)
          altered[at]! ^= 1 << (at % 8)
          const [wanted, found] = ask(altered)
          if (wanted !== found || found === true) t.fail(`${name} ${digest}, octet ${at} altered`)
        }
        const [wanted, found] = ask(signature, Buffer.from('something else'))
        if (wanted !== found || found === true) t.fail(`${name} ${digest}, other data`)
      }
    }
  }
  for (const other of [
    node.generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    node.generateKeyPairSync('x25519'),
    node.generateKeyPairSync('ed448'),
  ]) {
    const source = {
      key: other.publicKey.export({ format: 'der', type: 'spki' }),
      format: 'der',
      type: 'spki',
    } as const
    const key = own.createPublicKey(source)
    t.equal(key.asymmetricKeyType, other.publicKey.asymmetricKeyType)
    t.throws(() => own.verify('sha256', data, key, Buffer.alloc(64)), 'verifies nothing')
  }
  const ed25519 = node.generateKeyPairSync('ed25519').publicKey
  const { x } = ed25519.export({ format: 'jwk' })
  const jwk = own.createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: x! }, format: 'jwk' })
  t.same(jwk.export({ format: 'der' }), ed25519.export({ format: 'der', type: 'spki' }))
  t.same(jwk.export({ format: 'jwk' }), ed25519.export({ format: 'jwk' }))
})

t.test('hostile keys are refused by both', async (t) => {
  const spki = node
    .generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .publicKey.export({ format: 'der', type: 'spki' })
  const source = (key: Buffer) => ({ key, format: 'der', type: 'spki' }) as const
  const offCurve = Buffer.from(spki)
  offCurve[spki.length - 1]! ^= 1
  const infinity = Buffer.concat([spki.subarray(0, -65), Buffer.alloc(65)])
  const cases = [
    offCurve,
    infinity,
    spki.subarray(0, 40),
    Buffer.concat([spki, Buffer.of(0)]),
    Buffer.alloc(0),
  ]
  for (const [at, key] of cases.entries()) {
    // node:crypto ignores octets after a key; core never passes it any.
    if (at !== 3) t.throws(() => node.createPublicKey(source(key)), `${at}`)
    t.throws(() => own.createPublicKey(source(key)), `${at}`)
  }
  fc.assert(
    fc.property(fc.nat(spki.length - 1), fc.nat(255), (at, octet) => {
      const altered = Buffer.from(spki)
      altered[at] = octet
      const wanted = outcome(() => node.createPublicKey(source(altered)).asymmetricKeyType)
      const found = outcome(() => {
        const key = own.createPublicKey(source(altered))
        // An unknown curve gives a key that is never accepted for a signature.
        return key.numbers.kind === 'other' ? 'refused' : key.asymmetricKeyType
      })
      return found === wanted || found === 'refused'
    }),
  )
})

t.test('digests and HMAC', async () => {
  fc.assert(
    fc.property(
      bytes,
      bytes,
      fc.constantFrom('sha1', 'sha224', 'sha256', 'sha384', 'sha512'),
      (one, other, name) => {
        const both = [node, own].map((from) => [
          from.hash(name, one, 'hex'),
          from.hash(name, 'täxt', 'base64'),
          from.hash(name, one, 'buffer').toString('hex'),
          from.createHash(name).update(one).update(other).digest('hex'),
          from.createHash(name).update('täxt').digest('base64url'),
          from.createHmac(name, one).update('label').update(other).digest('hex'),
        ])
        return JSON.stringify(both[0]) === JSON.stringify(both[1])
      },
    ),
  )
})

t.test('Buffer: encodings, comparison, search, numbers', async () => {
  const encodings = ['utf8', 'latin1', 'ascii', 'hex', 'base64', 'base64url', 'utf16le'] as const
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'0aF=-_+/ \ud800é') }),
  )
  fc.assert(
    fc.property(
      bytes,
      bytes,
      texts,
      fc.integer({ min: -5, max: 310 }),
      fc.integer({ min: 0, max: 310 }),
      (one, other, text, from, to) => {
        const results = [Buffer, OwnBuffer as unknown as typeof Buffer].map((Type) => {
          const made = Type.from(one)
          const given = ['utf8', 'latin1', 'hex', 'base64', 'base64url'] as const
          return [
            encodings.map((encoding) => made.toString(encoding)),
            made.toString('utf8', Math.max(0, from), to),
            given.map((encoding) => [...Type.from(text, encoding)]),
            Type.byteLength(text),
            [...Type.concat([made, Type.from(other)])],
            [...Type.concat([made, Type.from(other)], 40)],
            Type.compare(made, other),
            [made.equals(other), made.equals(one)],
            [...made.subarray(from, to)],
            [...made.slice(from)],
            made.indexOf(text.slice(0, 3)),
            made.includes(text.slice(0, 1)),
            made.indexOf(one.subarray(from, from + 2)),
            made.indexOf(other[0] ?? 0, 2),
            made.lastIndexOf(one.subarray(from, from + 2)),
            made.lastIndexOf(one[1] ?? 0),
            (['latin1', 'base64', 'hex'] as const).map((encoding) => {
              const target = Type.alloc(40, 1)
              return [target.write(text, 3, encoding), target.write(text, 20, 5, encoding), ...target]
            }),
            JSON.stringify(made),
            outcome(() => made.readUInt16LE(to)),
            outcome(() => made.readUInt32LE(to)),
            outcome(() => made.readUInt16BE(to)),
            outcome(() => made.readUInt32BE(to)),
            outcome(() => made.readInt32LE(to)),
            outcome(() => made.readUInt8(to)),
            outcome(() => String(made.readBigUInt64LE(to))),
            outcome(() => String(made.readBigUInt64BE(to))),
            outcome(() => made.readUIntBE(to, 3)),
            outcome(() => [...Type.from(one).swap16()]),
            outcome(() => {
              const target = Type.alloc(50, 7)
              return [made.copy(target, 3, 1), ...target]
            }),
            [...Type.alloc(9, 3), ...Type.of(1, 300, 4)],
          ]
        })
        return JSON.stringify(results[0]) === JSON.stringify(results[1])
      },
    ),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(
      bytes,
      (one) =>
        isUtf8(one) ===
        (() => {
          try {
            new TextDecoder('utf-8', { fatal: true }).decode(one)
            return true
          } catch {
            return false
          }
        })(),
    ),
  )
})

t.test('inflating: what zlib makes of it, within the size that was announced', async (t) => {
  const whole = (packed: Uint8Array, size: number): Buffer => Buffer.concat([...inflated(packed, size)])
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200_000 }), (data) => {
      const packed = zlib.deflateRawSync(data)
      return crc32(data) === zlib.crc32(data) && whole(packed, data.length).equals(data)
    }),
    { numRuns: 30 },
  )
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat(255), (data, at, octet) => {
      const packed = zlib.deflateRawSync(data)
      packed[at % packed.length] = octet
      const wanted = outcome(() =>
        zlib.inflateRawSync(packed, { finishFlush: zlib.constants.Z_FINISH }).toString('hex'),
      )
      const size = wanted === 'refused' ? data.length : String(wanted).length / 2
      return outcome(() => whole(packed, size).toString('hex')) === wanted
    }),
    { numRuns: 500 },
  )
  const packed = zlib.deflateRawSync(Buffer.alloc(1000, 'x'))
  t.throws(() => whole(packed, 999), /too many bytes/)
  t.throws(() => whole(packed, 1001), /not enough bytes/)
  t.throws(() => whole(packed.subarray(0, -2), 1000), /unexpected end/)
  let seen = 0
  const bomb = zlib.deflateRawSync(Buffer.alloc(64 * 1024 * 1024))
  t.throws(() => {
    for (const piece of inflated(bomb, 1000)) seen += piece.length
  })
  t.ok(seen <= 1000, 'a bomb is not handed on')
})

t.test('ZIP files: entries, contents and headers as with streams', async (t) => {
  const file = zipOf([
    { name: 'stored', data: 'as it is' },
    { name: 'packed', data: Buffer.alloc(200_000, 'packed '), deflate: true },
  ])
  const read = async (open: typeof ownZip.fromBufferPromise, all: typeof nodeBuffer) => {
    const zip = await open(file, { lazyEntries: true, strictFileNames: true, validateEntrySizes: true })
    const found: unknown[] = [zip.entryCount, zip.fileSize, zip.comment]
    const entries = []
    for await (const entry of zip.eachEntry()) entries.push(entry)
    for (const entry of entries) {
      found.push(entry.fileName, (await zip.readLocalFileHeaderPromise(entry)).fileDataStart)
      found.push((await all(await zip.openReadStreamPromise(entry))).toString('hex'))
    }
    return found
  }
  t.same(
    await read(ownZip.fromBufferPromise, ownBuffer as typeof nodeBuffer),
    await read(fromBufferPromise, nodeBuffer),
  )
})
