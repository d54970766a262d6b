import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import type { ApprovedCa } from '#schemas/global-configuration.ts'
import { eachDatabase } from '#test/databases.ts'
import type { AcmeLie } from '#test/fakes/acme-server.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPebble, type Pebble, startPebble } from '#test/pebble.ts'
import { until } from '#test/until.ts'
import { member } from '../../keys/keys-fixture.ts'
import { createAcmeHttp } from './acme/client.ts'
import { dnsProof } from './proofs.ts'
import { fakeWorld, renewalWorld } from './renewals-fixture.ts'
import { checkOrdered, nextTry, overdueOf, renewAt } from './rules.ts'
import { createRenewalStore } from './store.ts'

const PROFILE = 'ee.ria.xroad.common.certificateprofile.impl.BasicACMECertificateProfileInfoProvider'
const HOUR = 3600_000

function pebbleCa(pebble: Pebble): ApprovedCa {
  return {
    ...{ name: 'Pebble', authenticationOnly: true, certificateProfileInfo: PROFILE },
    topCa: { cert: pebble.root, ocsp: [] },
    intermediateCas: [{ cert: pebble.intermediate, ocsp: [] }],
    acmeServer: { directoryUrl: pebble.directoryUrl },
  }
}

void t.test('an authentication certificate renews itself at a CA that others wrote', async (t) => {
  if (!hasPebble()) return skipFor(t, 'pebble is not built')
  await eachDatabase(t, async (database, t) => {
    // As many in a row as end an order are not to be expected in the life of this test.
    const pebble = await startPebble(t, { rejected: 30, validitySeconds: 30 * 24 * 3600 })
    const { world, keys, store, filed, approve, call, view, goOn, address } = await renewalWorld(
      t,
      database,
      {
        ...{ tlsCa: pebble.tlsCa, port: pebble.httpPort },
        account: () => ({ name: 'a', binding: pebble.binding, contact: 'keys@agency.example' }),
      },
    )
    approve(pebbleCa(pebble))
    pebble.names.set('ss1.example', address)

    await call('beginCertificateRenewal', { body: { usage: 'AUTHENTICATION', caName: 'Pebble' } })
    await t.rejects(
      call('beginCertificateRenewal', { body: { usage: 'AUTHENTICATION', caName: 'Pebble' } }),
      { code: 'conflict' },
      'not twice',
    )
    await goOn()
    const ordered = await view()
    t.equal(ordered.error, undefined, ordered.error?.message ?? 'no error')
    t.match(ordered, { state: 'REGISTERING', tries: 0 })
    t.same(filed, [ordered.nextCertificateSha256])
    t.equal(keys.certificate(filed[0]!).active, false, 'nothing is shown to peers before they know it')
    world.now += 61_000
    await goOn()
    t.match(await view(), { state: 'RETIRING', nextCertificateSha256: filed[0]! })
    t.equal(keys.authenticationIdentity().certificate.sha256, filed[0])
    world.now += HOUR
    await keys.refreshOcsp()
    await goOn()
    const waiting = await view()
    t.match(waiting, { state: 'WAITING', certificateSha256: filed[0]!, removable: [] })
    const first = parseCertificate(keys.certificateDer(filed[0]!))
    t.ok(Date.parse(waiting.nextAt) < first.notAfter.getTime())
    await goOn()
    t.equal(filed.length, 1, 'nothing is ordered before its time')

    // Its time comes: by the CA's own window, whose last moment lies before the end.
    world.now = first.notAfter.getTime() - HOUR
    await keys.refreshOcsp()
    await goOn()
    t.equal((await view()).error, undefined, (await view()).error?.message ?? 'no error')
    t.equal(filed.length, 2)
    t.equal(keys.authenticationIdentity().certificate.sha256, filed[0], 'the old one stays in use')
    t.ok(
      (await view()).steps.some(({ detail }) => detail === 'the CA says so'),
      'pebble knows ARI',
    )
    t.not(keys.certificate(filed[1]!).keyId, keys.certificate(filed[0]!).keyId, 'a new key')

    const [account] = (await call('getAcmeAccounts')) as { id: string }[]
    const kept = (await store.accounts())[0]!.kept
    await call('deactivateAcmeAccount', { params: { account: account!.id } })
    const place = `n1 ${pebble.directoryUrl} a`
    await store.account(place, async () => kept)
    const [same] = (await call('getAcmeAccounts')) as { id: string }[]
    await t.rejects(
      call('deactivateAcmeAccount', { params: { account: same!.id } }),
      { code: 'acme_refused' },
      'pebble takes nothing more by its key',
    )
  })
})

const SIGNED = { ...{ usage: 'SIGNING', memberId: 'DEV:GOV:1000', caName: 'Fake' }, dnsName: 'ss1.example' }

void t.test('a signing certificate: profile, window of the CA, the old one retired', async (t) => {
  await eachDatabase(t, async (database, t) => {
    const { fake, world, keys, store, call, view, goOn, filed } = await fakeWorld(t, database, 'signing')
    await call('beginCertificateRenewal', { body: SIGNED, roles: ['XROAD_REGISTRATION_OFFICER'] })
    await goOn()
    const first = await view()
    t.equal(first.error, undefined, first.error?.message ?? 'no error')
    t.match(first, { id: 'SIGNING:DEV:GOV:1000@n1', state: 'RETIRING' })
    t.match(fake.lastOrder, { profile: 'signing-2', identifiers: [{ type: 'dns', value: 'ss1.example' }] })
    t.match(fake.lastAgent, /^profile_id=signing-2 /, "as X-Road's servers say it")
    t.type(fake.lastAccount['externalAccountBinding'], 'object')
    t.equal(keys.signingIdentity(member).certificate.sha256, first.nextCertificateSha256)
    world.now += HOUR
    await keys.refreshOcsp()
    await goOn()
    const old = (await view()).certificateSha256!

    // The CA says when; what lies has already begun is not believed more often than once a day.
    const at = (ms: number): string => new Date(world.now + ms).toISOString()
    fake.window = { start: at(-2 * HOUR), end: at(-HOUR) }
    world.now += 6 * HOUR
    await keys.refreshOcsp()
    await goOn()
    t.equal(fake.orders, 1, 'a new certificate is not renewed at once')
    world.now += 20 * HOUR
    await keys.refreshOcsp()
    await goOn()
    const renewed = await view()
    t.match(renewed, { state: 'RETIRING', certificateSha256: old })
    t.ok(renewed.steps.some(({ detail }) => detail === 'the CA says so'))
    t.type(fake.lastOrder['replaces'], 'string')
    world.now += HOUR
    await keys.refreshOcsp()
    await goOn()
    const next = renewed.nextCertificateSha256!
    t.match(await view(), { state: 'WAITING', certificateSha256: next, removable: [old] })
    t.equal(keys.certificate(old).active, false)
    t.equal(keys.signingIdentity(member).certificate.sha256, next)
    t.same(filed, [], 'signing certificates are not registered')

    for (let step = 0; step < 60; step++)
      await store.note('SIGNING:DEV:GOV:1000@n1', { at: at(0), step: 'HURRIED', detail: 'officer' })
    t.match(await view(), { removable: [old] }, 'however much happened since')

    // Somebody stops it: nothing more is ordered; begun again it goes on.
    const params = { renewal: 'SIGNING:DEV:GOV:1000@n1' }
    await call('stopCertificateRenewal', { params })
    world.now += 800 * 24 * HOUR
    await goOn()
    t.match([fake.orders, (await view()).stopped], [2, true])
    await t.rejects(call('stopCertificateRenewal', { params: { renewal: 'SIGNING:x' } }), {
      code: 'not_found',
    })
  })
})

void t.test('an ACME server that lies, throttles, is silent or never ends', async (t) => {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const { fake, world, keys, rooms, call, view, goOn } = await fakeWorld(t, database, 'signing')
  await call('beginCertificateRenewal', { body: SIGNED })
  const tried = async (lie: AcmeLie): Promise<{ code: string; message: string; nextAt: string }> => {
    fake.lie = lie
    await call('renewCertificateNow', { params: { renewal: 'SIGNING:DEV:GOV:1000@n1' } })
    await goOn()
    const { error, nextAt, state } = await view()
    t.equal(state, 'ORDERING', lie)
    t.ok(nextAt > new Date(world.now).toISOString(), `${lie}: tried again later`)
    return { ...error!, nextAt }
  }
  t.match(await tried('elsewhere'), { code: 'acme_failed', message: /not its own/ })
  t.match(await tried('refuses'), { code: 'acme_refused', message: /rejectedIdentifier/ })
  t.match(await tried('other-key'), { code: 'incorrect_certificate', message: /another key/ })
  t.match(await tried('other-subject'), { code: 'incorrect_certificate', message: /not asked for/ })
  t.match(await tried('no-certificate'), { code: 'incorrect_certificate', message: /no certificate/ })
  const before = fake.orders
  rooms.lookMs = 1500
  t.match(await tried('never-ends'), { code: 'acme_failed', message: /not ended/ })
  t.match(await tried('never-ends'), { code: 'acme_failed', message: /not ended/ })
  t.match(await tried('cannot-look'), {
    ...{ code: 'acme_failed', message: /proof yet: connection error doing http GET: no such host/ },
  })
  t.equal(fake.orders, before + 1, 'the same order is looked at again')
  rooms.lookMs = 60_000
  const throttled = await tried('throttled')
  t.match(throttled, { code: 'acme_failed', message: /429 rateLimited/ })
  t.ok(Date.parse(throttled.nextAt) >= world.now + 2 * HOUR, 'as long as it says')
  const patient = rooms.http
  rooms.http = createAcmeHttp({ ca: fake.tlsCa, clock: () => world.now, totalMs: 1500 })
  t.match(await tried('silent'), { code: 'acme_failed', message: /did not answer/ })
  t.match(await tried('trickles'), { code: 'acme_failed', message: /did not answer/ })
  await rooms.http.close()
  rooms.http = patient
  t.match(await tried('endless'), { code: 'acme_failed', message: /more than is read/ })
  t.match(await tried('redirects'), { code: 'acme_failed', message: /302/ })
  t.match(await tried('not-json'), { code: 'acme_failed' })
  t.match(await tried('no-nonce'), { code: 'acme_failed', message: /nonce/ })
  t.match(await tried('bad-nonces'), { code: 'acme_failed', message: /badNonce/ })
  t.equal(keys.tokens().flatMap((token) => token.keys).length, 1, 'one key, however often it was tried')
  t.same(
    keys.tokens().flatMap((token) => token.keys.flatMap((key) => key.certificates)),
    [],
  )
  fake.lie = 'none'
  await call('renewCertificateNow', { params: { renewal: 'SIGNING:DEV:GOV:1000@n1' } })
  await goOn()
  t.match(await view(), { state: 'RETIRING', tries: 0, error: undefined })
  t.ok((await view()).steps.length <= 50)
})

void t.test('an authentication certificate that is declined, or names another server', async (t) => {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const { world, keys, filed, registry, call, view, goOn } = await fakeWorld(t, database, 'authentication')
  registry.isAutomatic = false
  const body = { usage: 'AUTHENTICATION', caName: 'Fake' }
  await t.rejects(call('beginCertificateRenewal', { body, roles: ['XROAD_REGISTRATION_OFFICER'] }), {
    code: 'forbidden',
  })
  await t.rejects(call('beginCertificateRenewal', { body: { ...body, caName: 'No' } }), {
    code: 'not_found',
  })
  for (const dnsName of ['127.0.0.1', 'a b', '-', 'x'.repeat(64), 'a..b'])
    await t.rejects(call('beginCertificateRenewal', { body: { ...body, dnsName } }), {
      code: 'invalid_input',
    })
  await call('beginCertificateRenewal', { body })
  await goOn()
  t.match(await view(), { state: 'REGISTERING', error: undefined })
  t.equal(filed.length, 1)
  const given = parseCertificate(keys.certificateDer(filed[0]!))
  const ordered = {
    usage: 'AUTHENTICATION',
    keyId: keys.certificate(filed[0]!).keyId,
    ca: Buffer.of(1),
  } as const
  const asked = { ...ordered, dnsName: 'ss1.example', issuer: Buffer.of(1) }
  checkOrdered(given, asked)
  for (const [other, message] of [
    [{ dnsName: 'ss2.example' }, /does not name ss2/],
    [{ issuer: Buffer.of(2) }, /another CA/],
    [{ issuer: undefined }, /another CA/],
    [{ keyId: 'x' }, /another key/],
  ] as const)
    t.throws(() => checkOrdered(given, { ...asked, ...other }), { code: 'incorrect_certificate', message })
  world.now += 61_000
  await goOn()
  t.match(await view(), { state: 'REGISTERING', error: undefined })
  t.equal(filed.length, 1, 'asked once')
  registry.states = [
    {
      ...{ request: 1, kind: 'authCertReg', state: 'DECLINED', server: 'DEV/GOV/1000/ss1' },
      filedAt: new Date(world.now).toISOString(),
    },
  ]
  world.now += 61_000
  await goOn()
  t.match(await view(), { state: 'REGISTERING', error: { code: 'conflict', message: /did not take/ } })
  world.now += 7 * HOUR
  await goOn()
  t.equal(filed.length, 1, 'nobody asks again for what was declined')
  t.equal(keys.certificate(filed[0]!).active, false)
})

void t.test('a name that is proved by a TXT record', async (t) => {
  if (!hasPebble()) return skipFor(t, 'pebble is not built')
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const folder = mkdtempSync(path.join(tmpdir(), 'hook-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [program, calls] = [path.join(folder, 'hook'), path.join(folder, 'calls')]
  const present = `if [ "$1" = present ]; then echo "$2 $3" >${folder}/record; fi`
  writeFileSync(program, `#!/bin/sh\n${present}\necho "$@" >>${calls}\n`)
  chmodSync(program, 0o700)
  const textOf = (asked: string): string | undefined => {
    const [name, value] = readFileSync(path.join(folder, 'record'), 'utf8').trim().split(' ')
    return name === asked ? value : undefined
  }
  const pebble = await startPebble(t, { rejected: 5, validitySeconds: 30 * 24 * 3600, textOf })
  const { rooms, approve, call, view, goOn } = await renewalWorld(t, database, {
    ...{ tlsCa: pebble.tlsCa, port: pebble.httpPort },
    account: () => ({ name: 'a', binding: pebble.binding, contact: undefined }),
  })
  approve(pebbleCa(pebble))
  rooms.proof = dnsProof(program)
  await call('beginCertificateRenewal', { body: { usage: 'AUTHENTICATION', caName: 'Pebble' } })
  await goOn()
  const done = await view()
  t.match(done, { state: 'REGISTERING', error: undefined }, done.error?.message ?? 'proved')
  const [shown, removed] = readFileSync(calls, 'utf8').trim().split('\n')
  t.match(shown, /^present _acme-challenge\.ss1\.example [A-Za-z0-9_-]{43}$/)
  t.equal(removed, shown!.replace('present', 'remove'))
  rooms.proof = dnsProof(path.join(folder, 'missing'))
  const q = { name: 'a.example', token: 't', authorization: 'a' }
  await t.rejects(rooms.proof.show(q), { code: 'acme_failed' })
  const failing = 'echo first >&2\necho the zone is locked >&2\nexit 3'
  writeFileSync(program, `#!/bin/sh\necho "$@" >>${calls}\n${failing}\n`)
  await t.rejects(dnsProof(program).show(q), {
    code: 'acme_failed',
    message: /a\.example: the zone is locked/,
  })
  t.match(readFileSync(calls, 'utf8'), /remove _acme-challenge\.a\.example/, 'it may have set the record')
})

void t.test('challenges are answered to who knows the token', async (t) => {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const { store, address, world } = await renewalWorld(t, database, { port: 5003 })
  const now = new Date(world.now).toISOString()
  await store.putChallenge('a-token', 'a-token.thumbprint', {
    now,
    endsAt: new Date(world.now + HOUR).toISOString(),
  })
  const get = async (at: string) => {
    const { statusCode, body } = await request(`http://${address}:5003${at}`)
    return [statusCode, await body.text()]
  }
  t.same(await get('/.well-known/acme-challenge/a-token'), [200, 'a-token.thumbprint'])
  for (const at of [
    'other',
    '',
    'a-token/',
    '%00',
    "'; drop table acme_challenge",
    'x'.repeat(3000),
    '../../etc/passwd',
  ])
    t.match(String((await get(`/.well-known/acme-challenge/${at}`))[0]), /^4\d\d$/)
  t.same((await get('/api/v1/tokens'))[0], 404)
  const long = 'x'.repeat(200)
  await createRenewalStore(database).putChallenge(long, 'long', { now, endsAt: '9999' })
  t.same((await get('/.well-known/acme-challenge/%zz'))[1], '', 'nothing of the framework')

  // However many ask: the database is asked once, a connection serves one request, an address has a bound.
  let reads = 0
  const read = store.challenges
  store.challenges = (at) => {
    reads += 1
    return read(at)
  }
  await until(
    'what waits is read anew',
    async () => (await get(`/.well-known/acme-challenge/${long}`))[1] === 'long',
  )
  const [before, began] = [reads, performance.now()]
  const replies = await Promise.all(
    Array.from({ length: 60 }, () => request(`http://${address}:5003/.well-known/acme-challenge/a-token`)),
  )
  for (const { body, headers } of replies) {
    await body.dump()
    t.equal(headers.connection, 'close')
  }
  const seconds = Math.ceil((performance.now() - began) / 1000)
  t.ok(reads - before <= seconds + 1, `${reads - before} reads in ${seconds} s`)
  const refused = replies.filter(({ statusCode }) => statusCode === 429)
  t.ok(refused.length > 0)
  t.type(refused[0]!.headers['retry-after'], 'string')
  world.now += 2 * HOUR
  await until('it ends', async () => (await get('/.well-known/acme-challenge/a-token'))[0] === 404)
})

void t.test('when a certificate is renewed, and what fails is tried again', (t) => {
  const life = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2026-04-11T00:00:00Z') }
  const days = (at: Date): number => (at.getTime() - life.notBefore.getTime()) / (24 * HOUR)
  const window = (start: string, end: string) => ({
    ...{ start: new Date(start), end: new Date(end) },
    askAgainSeconds: 60,
  })
  t.equal(days(renewAt(life, { share: 0.67, chance: 0 })), 67)
  const told = window('2026-03-01T00:00:00Z', '2026-03-03T00:00:00Z')
  t.equal(days(renewAt(life, { share: 0.67, window: told, chance: 0 })), 59)
  t.equal(days(renewAt(life, { share: 0.67, window: told, chance: 0.5 })), 60)
  const past = window('1999-01-01T00:00:00Z', '1999-01-02T00:00:00Z')
  t.equal(days(renewAt(life, { share: 0.67, window: past, chance: 0.5 })), 1, 'not before a day')
  const never = window('2099-01-01T00:00:00Z', '2099-01-02T00:00:00Z')
  t.equal(days(renewAt(life, { share: 0.67, window: never, chance: 0.5 })), 95, 'before the end')
  const rest = (tries: number, asked?: number): number => nextTry(0, tries, asked).getTime() / 1000
  t.same([rest(0), rest(1), rest(5), rest(30), rest(0, 7200)], [60, 120, 1920, 6 * 3600, 7200])
  const now = Date.parse('2026-03-01T00:00:00Z')
  const row = { state: 'ORDERING', next_at: new Date(now).toISOString(), error_code: null, error_text: null }
  t.equal(overdueOf({ ...row, tries: 0 }, now + 23 * HOUR), undefined)
  t.match(overdueOf({ ...row, tries: 0 }, now + 25 * HOUR), /^ORDERING: next_at/, 'its node does not go on')
  const failing = { ...row, error_code: 'acme_failed', error_text: 'the CA does not answer' }
  t.equal(overdueOf({ ...failing, tries: 2 }, now), undefined, 'a CA may be away for minutes')
  for (const tries of [0, 3])
    t.equal(overdueOf({ ...failing, tries }, now), 'ORDERING: the CA does not answer')
  t.end()
})
