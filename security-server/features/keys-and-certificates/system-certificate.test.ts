/**
 * The internal TLS certificate in the management API: shown, exported, renewed, requested, imported, and
 * recorded in the audit log.
 */
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import t from 'tap'
import { readCertificateRequest } from '#certs/ca/read-request.ts'
import { auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { certificatePem, tlsCredentials } from '../../keys/pem.ts'
import { createDocumentClient } from '../clients-and-services/client.ts'

const SUBJECT = [
  { type: 'C', value: 'FI' },
  { type: 'CN', value: '10.0.0.20' },
]
const DAY = 86_400_000
const IMPORT = '/system/certificate/import'

t.test('from the first certificate to an issued one', async (t) => {
  const { ask, world, keys } = await createAdminWorld(t)
  const first = (await ask('GET', '/system/certificate')).body
  t.match(first, { selfSigned: true, algorithm: 'P-256', subject: 'CN=localhost' })
  const pem = await ask('GET', '/system/certificate/export')
  t.equal(pem.raw.toString(), first['pem'])
  const der = await ask('GET', '/system/certificate/export?format=DER')
  t.equal(new X509Certificate(der.raw).fingerprint256.replaceAll(':', '').toLowerCase(), first['sha256'])

  const renewed = await ask('POST', '/system/certificate')
  t.equal(renewed.status, 201)
  t.not(renewed.body['sha256'], first['sha256'])
  t.equal(keys.internalTls.info().sha256, renewed.body['sha256'])

  const names = { dnsNames: ['ss1.example'], ipAddresses: ['10.0.0.20'] }
  const made = await ask('POST', '/system/certificate/csr', { subject: SUBJECT, ...names })
  t.equal(made.status, 201)
  const request = Buffer.from(made.body['pem'] as string)
  t.ok(readCertificateRequest(request).subjectAltName, 'the names stand in the request')
  const at = new Date(world.now)
  const certificate = await world.authority.issue({ request, profile: 'client-system', at })
  const imported = await ask('POST', IMPORT, certificate.der)
  t.match(imported, { status: 200, body: { sha256: certificate.sha256, selfSigned: false } })
  t.match((await ask('POST', IMPORT, certificate.der)).body, { type: 'conflict' })

  const acts = (await auditOf(ask)).filter(({ target }) => target.startsWith('/api/v1/system/certificate'))
  t.strictSame(acts.map(({ operation }) => operation).reverse(), [
    'generateSystemTlsKeyAndCertificate',
    'generateSystemCertificateRequest',
    'importSystemCertificate',
    'importSystemCertificate',
  ])
  t.match(JSON.stringify(acts), /ss1\.example/)
  const diagnosis = async (): Promise<unknown> => {
    const { items } = (await ask('GET', '/diagnostics')).body as { items: { name: string }[] }
    return items.find(({ name }) => name === 'system-certificate')
  }
  const { now } = world
  t.match(await diagnosis(), { state: 'OK', message: 'days left: 730' })
  world.now += 701 * DAY
  t.match(await diagnosis(), { state: 'WARNING', remedy: /Import/ })
  world.now += 30 * DAY
  t.match(await diagnosis(), { state: 'ERROR', message: 'expired' })
  world.now = now
  keys.logout()
  t.match((await ask('POST', '/system/certificate')).body, { type: 'token_not_active' })
  t.match((await ask('POST', '/system/certificate/csr', { subject: SUBJECT })).body, {
    type: 'token_not_active',
  })
  t.equal((await ask('GET', '/system/certificate')).status, 200, 'looking needs no token')
})

t.test('hostile input is refused by name, and what was shown stays', async (t) => {
  const { ask, keys, world } = await createAdminWorld(t)
  const before = keys.internalTls.info()
  const foreign = await world.authority.issue({
    request: keys.internalTls.request({ subject: SUBJECT }),
    profile: 'client-system',
    notBefore: new Date(world.now - 9e8),
    notAfter: new Date(world.now - 1e8),
  })
  const many = Array.from({ length: 21 }, (_, i) => `n${i}.example`)
  const refusals: [string, string, object | Buffer | undefined, number, string][] = [
    ['no subject', '/system/certificate/csr', {}, 400, 'invalid_input'],
    ['an empty subject', '/system/certificate/csr', { subject: [] }, 400, 'invalid_input'],
    ['a text', '/system/certificate/csr', { subject: 'CN=x' }, 400, 'invalid_input'],
    ['more', '/system/certificate/csr', { subject: SUBJECT, more: 1 }, 400, 'invalid_input'],
    [
      'an unknown field',
      '/system/certificate/csr',
      { subject: [{ type: 'X', value: 'y' }] },
      400,
      'invalid_input',
    ],
    ['many names', '/system/certificate/csr', { subject: SUBJECT, dnsNames: many }, 400, 'invalid_input'],
    [
      'no address',
      '/system/certificate/csr',
      { subject: SUBJECT, ipAddresses: ['localhost'] },
      400,
      'invalid_input',
    ],
    ['nothing', IMPORT, undefined, 400, 'invalid_input'],
    ['an empty file', IMPORT, Buffer.alloc(0), 400, 'invalid_input'],
    ['garbage', IMPORT, Buffer.from('rubbish'), 400, 'malformed_certificate'],
    ['large', IMPORT, Buffer.alloc(300_000, 'x'), 400, 'malformed_certificate'],
    ['huge', IMPORT, Buffer.alloc(11_000_000), 413, 'body_too_large'],
    ['an expired one', IMPORT, foreign.der, 400, 'cert_validation'],
    ["another key's", IMPORT, world.authority.intermediate.der, 404, 'key_not_found'],
    ['JSON', IMPORT, { certificate: 'x' }, 400, 'invalid_content_type'],
  ]
  for (const [what, url, body, status, type] of refusals) {
    const reply = await ask('POST', url, body)
    t.strictSame([reply.status, reply.body['type']], [status, type], what)
  }
  t.equal((await ask('GET', '/system/certificate/export?format=ZIP')).status, 400)
  t.strictSame(keys.internalTls.info(), before)
  const empty = await createAdminWorld(t, { initialized: false })
  t.match((await empty.ask('GET', '/system/certificate')).body, { type: 'cert_not_found' })
})

t.test('a server of OpenAPI documents that asks who calls sees it too', async (t) => {
  const { world, keys } = await createAdminWorld(t)
  world.now = Date.now()
  await keys.internalTls.generate()
  // The document's server needs any certificate with its key: this one is from another test world.
  const other = await createAdminWorld(t)
  other.world.now = Date.now()
  await other.keys.internalTls.generate()
  const theirs = other.keys.internalTls.identity()!
  const ca = certificatePem(keys.internalTls.certificate())
  const options = { ...tlsCredentials(theirs), ca, requestCert: true, rejectUnauthorized: true }
  const source = createServer(options, (_request, response) => response.end('openapi: 3.1.0'))
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
  t.teardown(() => source.close())
  const url = `https://localhost:${(source.address() as AddressInfo).port}/`
  await t.rejects(
    createDocumentClient([], keys.internalTls)(url),
    { code: 'description_not_fetched', message: /its certificate/ },
    'a certificate that nobody vouches for is not a server that is down',
  )
  setDefaultCACertificates([...getCACertificates(), certificatePem(theirs.certificate)])
  t.equal(await createDocumentClient([], keys.internalTls)(url), 'openapi: 3.1.0')
  await t.rejects(createDocumentClient([])(url), { code: 'description_not_fetched' }, 'nobody is not served')
})
