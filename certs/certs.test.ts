/** The trust services: openssl and the code of our servers judge their certificates and answers. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { Certificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { verifyOcspResponse } from '#core/certificate/ocsp-response.ts'
import {
  memberOfSigningCertificate,
  serverOfAuthenticationCertificate,
} from '#core/certificate/subject-profile.ts'
import { isAuthenticationCertificate, isSigningCertificate } from '#core/certificate/usage.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { type Authority, createAuthority, SUBJECT_PROFILE_CLASS } from './authority.ts'
import { pemOf } from './pem.ts'

const openssl = findProgram(['openssl'])
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-certs-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const clock = (): number => Date.now()
const now = (): Date => new Date(clock())

const SIGNING = '/C=FI/O=Tax agency/serialNumber=DEV\\/SS1\\/GOV/CN=1234'
const SERVER = '/C=FI/O=Tax agency/serialNumber=DEV\\/SS1\\/GOV/CN=ss1.example.org'
const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']

/** A request made by openssl, PEM. */
function request(subject: string, key: string[] = P256, ...more: string[]): Buffer {
  const keyFile = path.join(folder, 'request.key')
  return execFileSync(
    openssl!,
    ['req', '-new', ...key, '-nodes', '-keyout', keyFile, '-subj', subject, ...more],
    {
      stdio: 'pipe',
    },
  )
}

function file(name: string, content: string | Buffer): string {
  writeFileSync(path.join(folder, name), content)
  return path.join(folder, name)
}

function status(
  authority: Authority,
  certificate: Certificate,
  more: Parameters<Authority['ocspAnswer']>[1] = {},
): string {
  const issuer = certificate === authority.intermediate ? authority.root : authority.intermediate
  const response = authority.ocspAnswer(buildOcspRequest(certificate, issuer), more)
  try {
    verifyOcspResponse({ response, certificate, issuer, responders: [], at: now(), freshnessSeconds: 3600 })
    return 'good'
  } catch (thrown) {
    return (thrown as Error).message
  }
}

t.test('certificates', async (t) => {
  if (openssl === undefined) return skipFor(t, 'no openssl')
  const authority = await createAuthority({ clock, instance: 'DEV', ocspUrl: 'http://127.0.0.1:1/' })
  const { root, intermediate } = authority
  const trust = [
    '-CAfile',
    file('root.pem', pemOf(root)),
    '-untrusted',
    file('intermediate.pem', pemOf(intermediate)),
  ]
  const opensslSays = (certificate: Certificate, ...more: string[]): string =>
    execFileSync(
      openssl,
      ['verify', '-x509_strict', ...trust, ...more, file('leaf.pem', pemOf(certificate))],
      {
        encoding: 'utf8',
      },
    )
  const pathOf = (
    certificate: Certificate,
    purpose: 'authentication' | 'signing' | 'time-stamping',
  ): number =>
    validatePath({ certificate, intermediates: [intermediate], anchors: [root], at: now(), purpose }).length

  for (const key of [P256, ['-newkey', 'rsa:2048'], ['-newkey', 'rsa:3072']]) {
    const signing = await authority.issue({ request: request(SIGNING, key), profile: 'signing' })
    t.match(opensslSays(signing), /: OK/)
    t.equal(pathOf(signing, 'signing'), 3)
    t.ok(isSigningCertificate(signing) && !isAuthenticationCertificate(signing))
    const member = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234' }
    t.same(memberOfSigningCertificate(signing, SUBJECT_PROFILE_CLASS, 'DEV'), member)
    const server = await authority.issue({ request: request(SERVER, key), profile: 'authentication' })
    for (const purpose of ['sslclient', 'sslserver'])
      t.match(opensslSays(server, '-purpose', purpose), /: OK/)
    t.equal(pathOf(server, 'authentication'), 3)
    t.ok(isAuthenticationCertificate(server) && !isSigningCertificate(server))
    t.match(serverOfAuthenticationCertificate(server, SUBJECT_PROFILE_CLASS), { serverCode: 'SS1' })
    t.same(server.extensions.ocspUrls, ['http://127.0.0.1:1/'])
    t.match(server.extensions.subjectAltNames, [{ text: 'ss1.example.org' }])
  }
  t.match(opensslSays(authority.tsa, '-purpose', 'timestampsign'), /: OK/)
  t.equal(pathOf(authority.tsa, 'time-stamping'), 3)
  t.match(opensslSays(authority.ocspResponder, '-purpose', 'ocsphelper'), /: OK/)

  const san = ['-addext', 'subjectAltName=DNS:a.example.org,IP:127.0.1.1']
  const client = await authority.issue({ request: request('/CN=x', P256, ...san), profile: 'client-system' })
  t.equal(client.extensions.subjectAltNames?.length, 2, 'the names that were asked for')
  const late = new Date(clock() - 86_400_000)
  const dates = { notBefore: new Date(late.getTime() - 1000), notAfter: late }
  const der = Buffer.from(
    /-----([A-Za-z0-9+/=\s]+)-----/.exec(request(SIGNING).toString('latin1').slice(20))![1]!,
    'base64',
  )
  const expired = await authority.issue({
    request: der,
    profile: 'signing',
    subject: [['CN', 'x']],
    ...dates,
  })
  t.ok(expired.notAfter <= late && expired.subject.rdns.length === 1, 'wrong on purpose')
})

t.test('requests that must not become certificates', async (t) => {
  if (openssl === undefined) return skipFor(t, 'no openssl')
  const authority = await createAuthority({ clock, instance: 'DEV' })
  const refused = async (
    what: string,
    bytes: Buffer,
    reason: RegExp,
    profile: 'signing' | 'authentication' = 'signing',
  ) => {
    await t.rejects(authority.issue({ request: bytes, profile }), { code: 'invalid_request' }, what)
    await t.rejects(authority.issue({ request: bytes, profile }), reason, what)
  }
  await refused('another instance', request(SIGNING.replace('DEV', 'TEST')), /instance/)
  await refused('no serialNumber', request('/C=FI/O=x/CN=1'), /serialNumber/)
  await refused('no country', request(SIGNING.replace('/C=FI', '')), /C=FI/)
  await refused('no organisation', request(SERVER.replace('/O=Tax agency', '')), /O,/, 'authentication')
  await refused('no common name', request(SERVER.replace('/CN=ss1.example.org', '')), /CN/, 'authentication')
  await refused('a short RSA key', request(SIGNING, ['-newkey', 'rsa:1024']), /weak/)
  const koblitz = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1']
  await refused('another curve', request(SIGNING, koblitz), /weak/)
  await refused('signed with SHA-1', request(SIGNING, P256, '-sha1'), /SHA-256/)
  const good = request(SIGNING, P256, '-outform', 'DER')
  const tampered = Buffer.from(good)
  tampered[tampered.indexOf('1234')]! ^= 1
  await refused('altered', tampered, /signature/)
  await refused('nothing', Buffer.alloc(0), /PEM/)
  await refused('huge', Buffer.alloc(20_000, 0x30), /longer/)
  for (let length = 1; length < good.length; length += 7) {
    await t.rejects(authority.issue({ request: good.subarray(0, length), profile: 'signing' }), {
      code: 'invalid_request',
    })
  }
})

t.test('status', async (t) => {
  if (openssl === undefined) return skipFor(t, 'no openssl')
  for (const curveOrRsa of ['P-256', 'RSA-2048'] as const) {
    const authority = await createAuthority({ clock, instance: 'DEV', curveOrRsa })
    const leaf = await authority.issue({ request: request(SIGNING), profile: 'signing' })
    const { intermediate, tsa, ocspResponder } = authority
    for (const one of [leaf, intermediate, tsa, ocspResponder]) t.equal(status(authority, one), 'good')
    t.match(status(authority, leaf, { mode: 'revoked' }), /revoked/)
    t.match(status(authority, leaf, { mode: 'unknown' }), /unknown/)
    t.match(status(authority, leaf, { mode: 'stale' }), /too old/)
    t.match(status(authority, leaf, { mode: 'malformed' }), /malformed/)
    t.match(status(authority, leaf, { mode: 'wrong-signer' }), /not authorised/)
    t.match(status(authority, leaf, { at: new Date(clock() + 120_000) }), /ahead/)
    authority.revoke(leaf.serialNumber, 1)
    authority.revoke(leaf.serialNumber)
    t.match(status(authority, leaf), /revoked/)
    t.equal(status(authority, leaf, { at: new Date(clock() - 60_000) }), 'good', 'a minute before it')
    t.throws(() => authority.revoke(1n), { code: 'not_found' })
    const other = await createAuthority({ clock, instance: 'DEV' })
    const foreign = await other.issue({ request: request(SIGNING), profile: 'signing' })
    t.match(status(authority, foreign), /unknown/)
    t.same(authority.ocspAnswer(Buffer.of(1)), Buffer.of(0x30, 3, 0x0a, 1, 1), 'malformedRequest')
  }
})

t.test('time-stamps', async (t) => {
  const authority = await createAuthority({ clock, instance: 'DEV' })
  const data = Buffer.from('data')
  const imprint = createHash('sha512').update(data).digest()
  const query = buildTimeStampRequest({ imprint, nonce: 3n })
  const stamp = (more?: Parameters<Authority['timeStamp']>[1]): ReturnType<typeof verifyTimeStampToken> => {
    const token = readTimeStampResponse(authority.timeStamp(query, more))
    return verifyTimeStampToken({ token, data, nonce: 3n, tsaCertificates: [authority.tsa] })
  }
  t.not(stamp().serialNumber, stamp().serialNumber)
  t.ok(stamp({ mode: 'stale' }).time.getTime() < clock() - 6 * 86_400_000)
  t.throws(() => stamp({ mode: 'malformed' }), { code: 'malformed_timestamp' })
  t.throws(() => stamp({ mode: 'revoked' }), { code: 'timestamping_failed' })
  t.throws(() => stamp({ mode: 'wrong-signer' }), { code: 'timestamp_invalid' })
  const refused = (bytes: Buffer): void => {
    t.throws(() => readTimeStampResponse(authority.timeStamp(bytes)), { code: 'timestamping_failed' })
  }
  refused(buildTimeStampRequest({ imprint, policy: '1.2.3' }))
  refused(query.subarray(0, 20))
})

t.test('an authority is kept in a directory', async (t) => {
  const directory = path.join(folder, 'kept')
  const open = (instance = 'DEV'): Promise<Authority> => createAuthority({ directory, clock, instance })
  const first = await open()
  first.revoke(first.tsa.serialNumber)
  const second = await open()
  for (const role of ['root', 'intermediate', 'ocspResponder', 'tsa'] as const) {
    t.equal(second[role].sha256, first[role].sha256, role)
  }
  t.match(status(second, second.tsa), /revoked/)
  t.equal(status(second, second.ocspResponder), 'good')
  const keyFile = path.join(directory, 'root.key.pem')
  t.equal(statSync(keyFile).mode & 0o777, 0o600)
  t.equal(statSync(directory).mode & 0o777, 0o700)

  const ledger = path.join(directory, 'issued.jsonl')
  const size = statSync(ledger).size
  appendFileSync(ledger, '{"act":"issued","serialNu')
  t.match(status(await open(), first.tsa), /revoked/, 'half a line is dropped')
  t.equal(statSync(ledger).size, size)
  appendFileSync(ledger, 'not JSON\n')
  await t.rejects(open(), { code: 'io_error' })

  await t.rejects(open('TEST'), { code: 'invalid_configuration' })
  chmodSync(keyFile, 0o640)
  await t.rejects(open(), /chmod 600/)
  rmSync(keyFile)
  await t.rejects(open(), /damaged/)
  rmSync(path.join(directory, 'authority.json'))
  await t.rejects(open(), /not an authority/)
  const orphan = path.join(folder, 'no/such/place')
  await t.rejects(createAuthority({ directory: orphan, clock, instance: 'DEV' }), /cannot be written/)
  const empty = path.join(folder, 'empty')
  mkdirSync(empty)
  t.ok(await createAuthority({ directory: empty, clock, instance: 'DEV' }))
})
