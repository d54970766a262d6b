/**
 * The internal TLS key: made once, stored sealed, certified by any CA, and never presented with a certificate
 * that does not fit it.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type Certificate, publicKeyOf } from '#core/certificate/certificate.ts'
import type { FaultCode } from '#schemas/fault.ts'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { requestPem } from './certification-request.ts'
import { generateKey } from './generate-key.ts'
import type { Keys } from './keys.ts'
import { createWorld, PIN, START, signingCertificate, type World } from './keys-fixture.ts'
import { certificatePem } from './pem.ts'
import { selfSignedCertificate } from './self-signed.ts'
import { quickToken } from './token-fixture.ts'
import { writeDurably } from './write-durably.ts'

const DAY = 86_400_000
const SUBJECT = [
  { type: 'C', value: 'FI' },
  { type: 'CN', value: 'ss1.agency.example' },
]

async function unlocked(world: World): Promise<Keys> {
  await quickToken(world.directory, PIN)
  const keys = await world.open({ hostNames: { hostName: 'ss1.example', ipAddresses: ['10.0.0.20'] } })
  await keys.login(PIN)
  return keys
}

/** A certificate of the world's CA for the current key. */
async function certified(world: World, keys: Keys, more: object = {}): Promise<Certificate> {
  const request = keys.internalTls.request({ subject: SUBJECT, dnsNames: ['ss1.agency.example'] })
  const at = new Date(world.now)
  return world.authority.issue({ request, profile: 'client-system', at, ...more })
}

function openssl(t: Test, args: string[], input: string | Buffer): string | undefined {
  if (findProgram(['openssl']) === undefined) {
    skipFor(t, 'openssl is not installed')
    return undefined
  }
  return execFileSync('openssl', args, { input }).toString()
}

t.test('the first unlocking makes a key with a certificate, later ones keep it', async (t) => {
  const world = await createWorld(t)
  const keys = await world.open({ hostNames: { hostName: 'ss1.example', ipAddresses: ['10.0.0.20', '::1'] } })
  t.equal(keys.internalTls.identity(), undefined)
  t.throws(() => keys.internalTls.info(), { code: 'cert_not_found' })
  t.throws(() => keys.internalTls.request({ subject: SUBJECT }), { code: 'token_not_active' })
  await t.rejects(keys.internalTls.generate(), { code: 'token_not_active' })
  await keys.initialize(PIN)
  const info = keys.internalTls.info()
  t.match(info, {
    subject: 'CN=ss1.example',
    issuer: 'CN=ss1.example',
    selfSigned: true,
    algorithm: 'P-256',
    notBefore: new Date(START).toISOString(),
  })
  const file = path.join(world.directory, 'internal-tls.json')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const identity = keys.internalTls.identity()!
  const secret = identity.privateKey.export({ format: 'jwk' })['d'] as string
  t.notOk(
    readFileSync(file, 'latin1').includes(Buffer.from(secret, 'base64url').toString('base64').slice(0, 40)),
  )

  const again = await world.open()
  t.equal(again.internalTls.info().sha256, info.sha256, 'shown while locked')
  t.equal(again.internalTls.identity(), undefined, 'not used while locked')
  await again.login(PIN)
  t.equal(again.internalTls.identity()?.certificate.sha256, info.sha256)
  again.logout()
  t.equal(again.internalTls.identity(), undefined)
  await again.login(PIN)
  await again.changePin(PIN, 'another horse 8')
  const renewed = await world.open()
  await renewed.login('another horse 8')
  t.ok(renewed.internalTls.identity(), 'a new PIN opens it')

  const pem = info.pem
  const text = openssl(t, ['x509', '-noout', '-text'], pem)
  if (text === undefined) return
  t.match(text, /DNS:ss1\.example, IP Address:10\.0\.0\.20, IP Address:0:0:0:0:0:0:0:1/)
  t.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/)
  t.match(text, /Version: 3[\s\S]*CA:FALSE[\s\S]*Digital Signature/)
  writeFileSync(path.join(world.directory, 'own.pem'), pem)
  const own = path.join(world.directory, 'own.pem')
  for (const purpose of ['sslserver', 'sslclient']) {
    const args = ['verify', '-x509_strict', '-attime', `${START / 1000 + 60}`, '-purpose', purpose]
    t.match(openssl(t, [...args, '-CAfile', own, own], ''), /OK/, purpose)
  }
})

t.test('a certificate of its own lives for 20 years, whatever the host is called', async (t) => {
  const privateKey = await generateKey('RSA-2048')
  const world = await createWorld(t)
  for (const [hostName, at, expected] of [
    ['x'.repeat(64), START, /CN ?= ?x{64}\b/],
    ['x'.repeat(65), START, /CN ?= ?security-server/],
    ['', START, /CN ?= ?security-server/],
    ['Ünix host', Date.parse('2031-06-01T00:00:00Z'), /notAfter=May 27 00:00:00 2051 GMT/],
  ] as const) {
    const bytes = selfSignedCertificate({
      privateKey,
      names: { hostName, ipAddresses: ['::ffff:10.0.0.1', 'fe80::1:2', '1:2:3:4:5:6:7:8'] },
      at: new Date(at),
    })
    const text = openssl(
      t,
      ['x509', '-inform', 'DER', '-noout', '-subject', '-dates', '-ext', 'subjectAltName'],
      bytes,
    )
    if (text === undefined) return
    t.match(text, expected)
    t.match(text, /0:0:0:0:0:FFFF:A00:1, IP Address:FE80:0:0:0:0:0:1:2, IP Address:1:2:3:4:5:6:7:8/)
  }
  t.ok(world)
})

t.test('a request carries the names that were asked for', async (t) => {
  const world = await createWorld(t)
  const keys = await unlocked(world)
  const q = { subject: SUBJECT, dnsNames: ['ss1.agency.example', 'b.example'], ipAddresses: ['10.0.0.20'] }
  const request = keys.internalTls.request(q)
  const text = openssl(t, ['req', '-noout', '-verify', '-text', '-subject'], requestPem(request))
  if (text !== undefined) {
    t.match(text, /DNS:ss1\.agency\.example, DNS:b\.example, IP Address:10\.0\.0\.20/)
    t.match(text, /subject=C ?= ?FI, CN ?= ?ss1\.agency\.example/)
  }
  const wrong = [
    { ...q, subject: [] },
    { ...q, subject: [{ type: 'colour', value: 'red' }] },
    { ...q, dnsNames: ['not a name'] },
    { ...q, dnsNames: Array.from({ length: 21 }, (_, i) => `n${i}.example`) },
    ...['10.0.0', '10.0.0.256', 'fe80::1%eth0', '::1::', '[::1]', '1:2:3:4:5:6:7:8:9', 'ss1.example', ''].map(
      (address) => ({ ...q, ipAddresses: [address] }),
    ),
  ]
  for (const one of wrong) {
    t.throws(() => keys.internalTls.request(one), { code: 'invalid_input' }, JSON.stringify(one).slice(-60))
  }
})

t.test('an issued certificate is shown with its issuers, and a new key takes both away', async (t) => {
  const world = await createWorld(t)
  const keys = await unlocked(world)
  let changes = 0
  keys.onChange(() => {
    changes += 1
  })
  const first = keys.internalTls.info()
  const certificate = await certified(world, keys)
  const { intermediate, root } = world.authority
  const chain = [certificate, intermediate, root].map(certificatePem).join('subject=some text\n')
  const info = await keys.internalTls.importCertificate(Buffer.from(chain))
  t.equal(changes, 1)
  t.match(info, { sha256: certificate.sha256, selfSigned: false, subject: /ss1\.agency\.example/ })
  const identity = keys.internalTls.identity()!
  t.strictSame(
    identity.intermediates.map(({ sha256 }) => sha256),
    [intermediate.sha256, root.sha256],
  )
  t.ok(identity.privateKey.equals(keys.internalTls.identity()!.privateKey))
  await t.rejects(keys.internalTls.importCertificate(Buffer.from(chain)), { code: 'conflict' })
  await keys.internalTls.importCertificate(certificate.der)
  t.equal(keys.internalTls.identity()?.intermediates.length, 0, 'DER, without issuers')

  const again = await world.open()
  await again.login(PIN)
  t.equal(again.internalTls.info().sha256, certificate.sha256, 'kept')
  const third = await again.internalTls.generate()
  t.not(third.sha256, first.sha256)
  t.ok(third.selfSigned)
  const pair = again.internalTls.identity()!
  t.ok(pair.certificate.spki.equals(publicKeyOf(pair.certificate).export({ format: 'der', type: 'spki' })))
  await t.rejects(
    again.internalTls.importCertificate(certificate.der),
    { code: 'key_not_found' },
    'the old key is gone',
  )
})

t.test('what does not fit is refused, and what was shown stays', async (t) => {
  const world = await createWorld(t)
  const keys = await unlocked(world)
  const before = keys.internalTls.info()
  const good = await certified(world, keys)
  const { intermediate, root } = world.authority
  const stranger = await (await createWorld(t)).authority.issue({
    request: keys.internalTls.request({ subject: SUBJECT }),
    profile: 'client-system',
    at: new Date(world.now),
  })
  const signing = await signingCertificate(world, keys)
  const pem = (...all: Certificate[]): Buffer => Buffer.from(all.map(certificatePem).join(''))
  const past = { notBefore: new Date(START - 2 * DAY), notAfter: new Date(START - DAY) }
  const future = { notBefore: new Date(START + DAY), notAfter: new Date(START + 2 * DAY) }
  const cases: [string, Buffer, FaultCode][] = [
    ['nothing', Buffer.alloc(0), 'malformed_certificate'],
    ['garbage', Buffer.from('rubbish'), 'malformed_certificate'],
    ['a cut certificate', good.der.subarray(0, 200), 'malformed_certificate'],
    ['trailing bytes', Buffer.concat([good.der, Buffer.of(0)]), 'malformed_certificate'],
    ['a cut chain', pem(good, intermediate).subarray(0, -60), 'malformed_certificate'],
    ['PEM of garbage', Buffer.from(pem(good).toString().replace('MII', 'AAA')), 'malformed_certificate'],
    ['a huge text', Buffer.alloc(300_000, 'x'), 'malformed_certificate'],
    [
      'a huge DER',
      Buffer.concat([Buffer.of(0x30, 0x83, 0x04, 0, 0), Buffer.alloc(0x40000)]),
      'malformed_certificate',
    ],
    ['eleven certificates', pem(...Array.from({ length: 11 }, () => good)), 'malformed_certificate'],
    ['a request', keys.internalTls.request({ subject: SUBJECT }), 'malformed_certificate'],
    ["another key's certificate", Buffer.from(signing.pem), 'key_not_found'],
    ['the issuer first', pem(intermediate, good), 'key_not_found'],
    ['an expired one', pem(await certified(world, keys, past), intermediate), 'cert_validation'],
    ['one of tomorrow', pem(await certified(world, keys, future)), 'cert_validation'],
    ['a gap in the chain', pem(good, root), 'invalid_cert_path'],
    ['the chain upside down', pem(good, root, intermediate), 'invalid_cert_path'],
    ['twice the same', pem(good, good), 'invalid_cert_path'],
    ["a foreign CA's under our intermediate", pem(stranger, intermediate), 'invalid_cert_path'],
    [
      'one for signing only',
      pem(await certified(world, keys, { profile: 'signing', subject: [['CN', 'x']] })),
      'incorrect_certificate',
    ],
    [
      'one for OCSP responders',
      pem(await certified(world, keys, { profile: 'ocsp-responder' })),
      'incorrect_certificate',
    ],
  ]
  for (const [what, bytes, code] of cases) {
    await t.rejects(keys.internalTls.importCertificate(bytes), { code }, what)
  }
  t.strictSame(keys.internalTls.info(), before)
  const kept = (await keys.internalTls.importCertificate(pem(stranger))).sha256
  t.equal(kept, stranger.sha256, 'whose CA it is is the affair of the systems')
})

t.test('a disk that fails and files that were altered', async (t) => {
  const world = await createWorld(t)
  let full = false
  const write: typeof writeDurably = async (file, bytes) => {
    if (full) return writeDurably(path.join(world.directory, 'none', 'x'), bytes)
    return writeDurably(file, bytes)
  }
  const keys = await world.open({ write })
  await keys.initialize(PIN)
  const before = keys.internalTls.identity()!
  const certificate = await certified(world, keys)
  full = true
  await t.rejects(keys.internalTls.generate(), { code: 'io_error' })
  await t.rejects(keys.internalTls.importCertificate(certificate.der), { code: 'io_error' })
  const after = keys.internalTls.identity()!
  t.equal(after.certificate.sha256, before.certificate.sha256)
  t.ok(after.privateKey.equals(before.privateKey), 'key and certificate still fit')
  full = false
  await Promise.all([keys.internalTls.generate(), keys.internalTls.generate()])

  const file = path.join(world.directory, 'internal-tls.json')
  const text = readFileSync(file, 'utf8')
  const value = JSON.parse(text) as { sealed: { tag: string }; certificates: string[]; spki: string }
  const other = await (await createWorld(t)).open()
  await other.initialize(PIN)
  const foreign = other.internalTls.certificate()
  const damaged: [string, string][] = [
    ['cut', text.slice(0, 100)],
    ['another version', text.replace('"version": 1', '"version": 2')],
    ['no certificate', JSON.stringify({ ...value, certificates: [] })],
    [
      "another key's certificate",
      JSON.stringify({ ...value, certificates: [foreign.der.toString('base64')] }),
    ],
    ['nothing sealed', JSON.stringify({ ...value, sealed: {} })],
  ]
  for (const [what, content] of damaged) {
    writeFileSync(file, content)
    const opened = await world.open()
    await opened.login(PIN)
    t.throws(() => opened.internalTls.info(), { code: 'io_error' }, what)
    t.equal(opened.internalTls.identity(), undefined)
    t.equal(opened.tokens()[0]?.loggedIn, true, 'signing does not depend on it')
    t.equal(readFileSync(file, 'utf8'), content, 'left for somebody to mend')
  }
  const swapped = { ...value, sealed: { ...value.sealed, tag: Buffer.alloc(16).toString('base64') } }
  writeFileSync(file, JSON.stringify(swapped))
  const altered = await world.open()
  await altered.login(PIN)
  t.throws(() => altered.internalTls.info(), { code: 'io_error' }, 'an altered key does not open')
  t.equal(altered.internalTls.identity(), undefined)
  const mended = await altered.internalTls.generate()
  t.equal(altered.internalTls.identity()?.certificate.sha256, mended.sha256, 'a new key is the way out')
  writeFileSync(file, text)
  chmodSync(file, 0o644)
  await t.rejects(world.open(), { code: 'io_error' }, 'others could have read it')
})
