import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { type AuditVerdict, createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { AuditRow } from '#platform/audit-log/store.ts'
import type { Database } from '#platform/database/open-database.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { certificationRequest, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { openRegistryDatabase } from './registry.ts'

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })

void t.test('hostile input is refused with a fault, and nothing of it is published or kept', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start()
    const early = await node.call('POST', '/members', { memberClass: 'GOV', memberCode: '1', name: 'x' })
    t.match(early, { status: 409, body: { type: 'conflict' } }, 'before the system is initialised')
    await setUp(node, authority)
    const before = await everything(node)
    const huge = 'x'.repeat(40_000)
    const codes = ['', '.', '..', 'a/b', 'a:b', 'a%b', 'a\\b', 'a;b', 'a\0b', 'a\nb', '\u200b', ' a', 'a ']
    const marks = ['\ufffe', '\uffff', 'a\u202eb', '\u2066', 'a\u2060', 'a\u061cb', 'x'.repeat(256), huge]
    for (const memberCode of [...codes, ...marks]) {
      const body = { memberClass: 'GOV', memberCode, name: 'n' }
      t.equal(
        (await node.call('POST', '/members', body)).status,
        400,
        JSON.stringify(memberCode).slice(0, 20),
      )
    }
    for (const name of ['', ' ', 'a\0', 'a\nb', '\u009b', '\uffff', '\u202eevil', huge]) {
      const refused = await node.call('POST', '/members', { memberClass: 'GOV', memberCode: 'm', name })
      t.equal(refused.status, 400)
      t.equal((await node.call('POST', '/global-groups', { code: 'c', description: name })).status, 400)
      t.equal((await node.call('POST', '/api-keys', { name, roles: ['XROAD_OBSERVER'] })).status, 400)
    }
    const bad: [string, string, unknown][] = [
      ['POST', '/members', { memberClass: 'NONE', memberCode: 'm', name: 'n' }],
      ['POST', '/members', { memberClass: 'GOV', memberCode: 'm', name: 'n', admin: true }],
      ['POST', '/members', { memberClass: 'GOV', memberCode: { $ne: 1 }, name: 'n' }],
      ['POST', '/members', { memberClass: ['GOV'], memberCode: 'm', name: 'n' }],
      ['POST', '/members', []],
      ['POST', '/members', Buffer.from('{}')],
      ['POST', '/members', undefined],
      ['PATCH', '/members/DEV:GOV', { name: 'n' }],
      ['PATCH', '/members/DEV:GOV:1234:pop', { name: 'n' }],
      ['PATCH', '/members/OTHER:GOV:1234', { name: 'n' }],
      ['PATCH', '/members/DEV:GOV:%00', { name: 'n' }],
      ['DELETE', '/subsystems/DEV:GOV:1234', undefined],
      ['DELETE', '/subsystems/DEV:GOV:1234:a:b', undefined],
      ['DELETE', '/subsystems/DEV:GOV:1234:plain', undefined],
      ['PUT', '/system/management-service-provider', { client: 'DEV:GOV:1234:none' }],
      ['DELETE', '/member-classes/%00', undefined],
      ['DELETE', '/global-groups/a%00b', undefined],
      ['DELETE', `/member-classes/${'x'.repeat(300)}`, undefined],
      ['GET', '/members?q=%00', undefined],
      ['GET', '/members?limit=0', undefined],
      ['GET', '/members?limit=501', undefined],
      ['GET', '/members?offset=-1', undefined],
      ['GET', '/members?offset=1e9', undefined],
      ['GET', '/members?unknown=1', undefined],
      ['GET', '/members?limit=1&limit=2', undefined],
      ['GET', '/members?sort=created_at', undefined],
      ['GET', '/members?memberClass=', undefined],
      ['GET', '/members/DEV:GOV:none', undefined],
      ['GET', '/subsystems?sort=member', undefined],
      ['GET', '/subsystems/DEV:GOV:1234', undefined],
      ['GET', '/security-servers/DEV:GOV:1234:none', undefined],
      ['GET', '/security-servers/DEV:GOV:1234:none/clients', undefined],
      ['GET', '/global-groups/none', undefined],
      ['GET', '/global-groups/none/members', undefined],
      ['GET', '/audit-log?from=yesterday', undefined],
      ['GET', '/audit-log?until=2016-12-31T23:59:60Z', undefined],
      ['PUT', '/system', { instance: 'a/b' }],
      ['DELETE', '/certification-services/0', undefined],
      ['DELETE', '/certification-services/1e3', undefined],
      ['DELETE', '/configuration/signing-keys/..', undefined],
      ['DELETE', '/configuration/signing-keys/x', undefined],
      ['POST', '/configuration/signing-keys', { algorithm: 'P-521' }],
      ['POST', '/api-keys', { name: 'n', roles: [] }],
      ['POST', '/api-keys', { name: 'n', roles: ['ROOT'] }],
      ['POST', '/api-keys', { name: 'n', roles: ['XROAD_AUDITOR'], expiresAt: '2016-12-31T23:59:60Z' }],
      ['POST', '/api-keys', { name: 'n', roles: ['XROAD_AUDITOR'], expiresAt: 'soon' }],
    ]
    for (const address of [
      '',
      'A.example',
      'a..b',
      '-a',
      'http://a',
      'a:80',
      'a b',
      '999.1.1.1',
      'fe80::1%eth0',
      huge,
    ])
      bad.push(['PATCH', '/security-servers/DEV:GOV:1234:SS1', { address }])
    for (const at of [
      '',
      'ftp://a',
      'http://u:p@a/',
      'http://a/#x',
      'http://a\n/',
      ' http://a/',
      'javascript:1',
      'http://a/\uffff',
    ])
      bad.push([
        'POST',
        '/timestamping-services',
        { name: 'n', url: at, certificate: b64(authority.tsa.der) },
      ])
    for (const [method, at, body] of bad) {
      const reply = await node.call(method, at, body)
      t.ok(reply.status >= 400 && reply.status < 500, `${method} ${at.slice(0, 60)} ${reply.status}`)
      t.type((reply.body as { detail?: unknown }).detail, 'string')
    }
    t.equal(
      (await node.call('POST', '/members', { memberClass: 'GOV', memberCode: 'm', name: 'x'.repeat(60_000) }))
        .status,
      413,
    )
    t.match(
      await node.call('POST', '/security-servers/DEV:GOV:1234:SS1/clients', { client: 'DEV:GOV:1234' }),
      { status: 409 },
    )
    const address = await node.call('PATCH', '/security-servers/DEV:GOV:1234:SS1', { address: '2001:db8::1' })
    t.equal(address.status, 200)
    await node.must('PATCH', '/security-servers/DEV:GOV:1234:SS1', { address: 'ss1.example' })
    t.same(await everything(node), before)

    const audit = createAuditLog({ database: await openAgain(t, url), clock: Date.now })
    t.equal((await audit.verify()).brokenAt, undefined, 'every attempt is on record, unbroken')
    await node.must('POST', '/configuration/publish')
    await node.must('POST', '/global-groups', { code: 'later', description: 'After the last leaf' })
    const verdict = async () => (await node.must('GET', '/audit-log/verification')) as AuditVerdict
    const whole = await verdict()
    t.match(whole, { brokenAt: undefined, heads: /[1-9]/ }, 'and its ends stand in the transparency log')
    const exported = (await node.call('GET', '/audit-log/export')).bytes.toString()
    t.equal(exported.split('\n').length - 1, whole.records + 1)
    t.match(exported.trim().split('\n').at(-1), /"operation":"exportAuditLog"/, 'who took it is on record')
    await rewriteAuditLog(await openAgain(t, url))
    const { brokenAt, heads } = await verdict()
    t.ok(brokenAt !== undefined && (heads ?? 0) < (whole.heads ?? 0), 'a chain that was written anew shows')
    const entries = (await node.must('GET', '/audit-log?limit=500')) as {
      operation: string
      caller: object
    }[]
    t.ok(entries.some(({ operation }) => operation === 'changeSecurityServerAddress'))
    t.match(
      entries.at(-1),
      { operation: 'addApiKey', caller: { name: 'operator' } },
      'the first key is the first record',
    )
  })
})

const b64 = (der: Buffer): string => der.toString('base64')

async function openAgain(t: Test, url: string) {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  return database
}

/**
 * Changes the second record and makes the whole chain after it consistent, so that the table alone does not
 * reveal the change.
 */
async function rewriteAuditLog(database: Database): Promise<void> {
  const kysely = database.kysely as unknown as Kysely<{ audit_log: AuditRow }>
  let previous = ''
  for (const row of await kysely.selectFrom('audit_log').selectAll().orderBy('sequence').execute()) {
    const { sequence, at, caller_id, caller_name, operation, data } = row
    const target = sequence === 2 ? '/api/v1/nothing' : row.target
    const form = JSON.stringify([previous, sequence, at, caller_id, caller_name, operation, target, data])
    const digest = createHash('sha256').update(form).digest()
    previous = digest.toString('hex')
    await kysely.updateTable('audit_log').set({ target, digest }).where('sequence', '=', sequence).execute()
  }
  const { brokenAt } = await createAuditLog({ database, clock: Date.now }).verify()
  if (brokenAt !== undefined) throw new Error('the chain was not rewritten well')
}

async function everything(node: Node): Promise<unknown[]> {
  const lists = ['/members', '/members/DEV:GOV:1234/subsystems', '/security-servers', '/global-groups']
  const more = [
    '/member-classes',
    '/certification-services',
    '/timestamping-services',
    '/system',
    '/api-keys',
  ]
  return Promise.all([...lists, ...more].map((at) => node.must('GET', at)))
}

void t.test('certificates: what does not fit its place is refused', async (t) => {
  const world = registryWorld(t)
  const node = await world.start()
  await setUp(node, authority)
  const stranger = await createAuthority({ clock: Date.now, instance: 'DEV' })
  const ca = {
    name: 'CA',
    certificate: b64(stranger.root.der),
    certificateProfileInfo: 'x.Y',
    ocspResponders: [],
  }
  const responder = { url: 'http://ocsp/', costType: 'CHEAP' }
  const inClear = { acmeServer: { directoryUrl: 'http://acme.example/directory' } }
  const wrongs = [{ defaultCsrFormat: 'XML' }, { costType: 'FREE' }, { ocspResponders: [responder] }, inClear]
  for (const wrong of wrongs)
    t.equal((await node.call('POST', '/certification-services', { ...ca, ...wrong })).status, 400)
  const pkcs10 = certificationRequest()
  const subject: [string, string][] = [
    ['C', 'FI'],
    ['CN', 'ss1.example'],
  ]
  const issue = (of: typeof authority, more: object = {}) =>
    of.issue({ request: pkcs10, profile: 'authentication', subject, ...more })
  const good = await issue(authority)
  const day = 86_400_000
  const now = world.clock.now
  const expired = await issue(authority, {
    notBefore: new Date(now - 2 * day),
    notAfter: new Date(now - day),
  })
  const future = await issue(authority, { notBefore: new Date(now + day), notAfter: new Date(now + 2 * day) })
  const signing = await issue(authority, { profile: 'signing' })
  const foreign = await issue(stranger)
  const flipped = Buffer.from(good.der)
  flipped[flipped.length - 5]! ^= 1
  const pem = (der: Buffer): string => `-----BEGIN CERTIFICATE-----\n${b64(der)}\n-----END CERTIFICATE-----\n`

  const malformed: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['a byte', Buffer.from([0x30])],
    ['text', Buffer.from('not a certificate')],
    ['cut', good.der.subarray(0, -1)],
    ['trailing', Buffer.concat([good.der, Buffer.from([0])])],
    ['two', Buffer.from(pem(good.der) + pem(signing.der))],
    ['not base64', Buffer.from('-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----')],
    [
      'deep',
      Buffer.concat([...Array.from({ length: 200 }, () => Buffer.from([0x30, 0x80])), Buffer.alloc(400)]),
    ],
    ['huge', Buffer.alloc(60_000, 0x30)],
    ['a request', pkcs10],
    ['a key', Buffer.from('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----')],
  ]
  const wrong: [string, Buffer][] = [
    ['expired', expired.der],
    ['not valid yet', future.der],
    ['for signing', signing.der],
    ['of a stranger', foreign.der],
    ['altered', flipped],
    ['of a CA', authority.intermediate.der],
  ]
  const at = '/security-servers/DEV:GOV:1234:SS1/authentication-certificates'
  for (const [what, bytes] of [...malformed, ...wrong]) {
    const { status, body } = await node.call('POST', at, bytes)
    t.ok(status >= 400 && status < 500, `${what}: ${status} ${(body as { type?: string }).type}`)
  }
  t.equal((await node.call('POST', at, Buffer.alloc(70_000))).status, 413)
  t.match(
    await node.call('POST', '/security-servers/DEV:GOV:1234:NO/authentication-certificates', good.der),
    { status: 404 },
  )
  t.match(await node.call('POST', at, Buffer.from(pem(good.der))), {
    status: 201,
    body: { sha256: good.sha256 },
  })
  t.match(await node.call('POST', at, good.der), { status: 409 })
  t.match(await node.must('GET', '/security-servers'), [{ certificates: [good.sha256] }])

  const service = (certificate: string, responder?: string) => ({
    name: 'n',
    certificateProfileInfo: 'BasicCertificateProfileInfoProvider',
    certificate,
    ocspResponders: [
      { url: 'http://a.example/', ...(responder === undefined ? {} : { certificate: responder }) },
    ],
  })
  const id = ((await node.must('GET', '/certification-services')) as { id: number }[])[0]!.id
  const root = b64(stranger.root.der)
  for (const [what, bytes] of [...malformed, ...wrong.slice(0, 5)]) {
    const text = bytes.toString(
      what.startsWith('a key') || what === 'text' || what === 'two' ? 'latin1' : 'base64',
    )
    for (const [place, body] of [
      ['/certification-services', service(text)],
      [`/certification-services/${id}/intermediate-cas`, { certificate: text, ocspResponders: [] }],
    ] as const) {
      const { status } = await node.call('POST', place, body)
      t.ok(status >= 400 && status < 500, `${place}, ${what}: ${status}`)
    }
  }
  for (const [what, bytes] of [...malformed, ...wrong.slice(0, 2)]) {
    const certificate = bytes.toString('base64')
    const tsa = { name: 'n', url: `http://tsa.example/${what.length}`, certificate }
    t.ok((await node.call('POST', '/timestamping-services', tsa)).status >= 400, `TSA, ${what}`)
    const responder = await node.call('POST', '/certification-services', service(root, certificate))
    t.ok(responder.status >= 400, `responder, ${what}`)
  }
  const otherIntermediate = { certificate: b64(stranger.intermediate.der), ocspResponders: [] }
  t.match(await node.call('POST', `/certification-services/${id}/intermediate-cas`, otherIntermediate), {
    body: { type: 'invalid_cert_path' },
  })
  t.match(await node.call('POST', '/certification-services', service(b64(authority.root.der))), {
    status: 409,
  })
  t.equal(((await node.must('GET', '/certification-services')) as unknown[]).length, 1)
  t.match(await node.call('POST', '/certification-services', service(pem(stranger.root.der))), {
    status: 201,
  })
  t.ok((await node.call('POST', at, foreign.der)).status >= 400, 'its intermediate CA is missing still')
  const services = (await node.must('GET', '/certification-services')) as { id: number }[]
  await node.must('POST', `/certification-services/${services[1]!.id}/intermediate-cas`, otherIntermediate)
  t.match(await node.call('POST', at, foreign.der), { status: 201 }, 'approved now, so is what it issued')
  const sha256 = authority.intermediate.sha256
  t.match(await node.call('DELETE', `/certification-services/${id}/intermediate-cas/${sha256}`), {
    status: 204,
  })
  t.match(await node.call('DELETE', `${at}/${good.sha256}`), { status: 204 })
  t.ok((await node.call('POST', at, good.der)).status >= 400, 'its issuer was withdrawn')
})
