/** What goes wrong between the steps of a renewal, and how it goes on from there. */
import { chmodSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { RequestKind, RequestState } from '#schemas/management-request.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import { member } from '../../keys/keys-fixture.ts'
import { createAcmeHttp } from './acme/client.ts'
import { goOnWithAll } from './go-on.ts'
import { fakeWorld } from './renewals-fixture.ts'
import { overdueOf } from './rules.ts'
import { readAccounts } from './settings.ts'
import { createRenewalStore } from './store.ts'

const HOUR = 3600_000
const SIGNED = { ...{ usage: 'SIGNING', memberId: 'DEV:GOV:1000', caName: 'Fake' }, dnsName: 'ss1.example' }

async function memory(t: Test): Promise<Database> {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  return database
}

void t.test('each node renews the certificates of its own keys', async (t) => {
  await eachDatabase(t, async (database, t) => {
    const one = await fakeWorld(t, database, 'signing')
    const two = await fakeWorld(t, database, 'signing', { node: 'n2', beside: one })
    await one.call('beginCertificateRenewal', { body: SIGNED })
    await two.call('beginCertificateRenewal', { body: SIGNED })
    one.fake.lie = 'refuses'
    await one.goOn()
    one.fake.lie = 'none'
    await two.goOn()
    await one.call('renewCertificateNow', { params: { renewal: 'SIGNING:DEV:GOV:1000@n2' } })
    one.world.now += HOUR
    two.world.now += HOUR
    await Promise.all([one.goOn(), two.goOn()])
    const views = [await one.view(), await two.view()]
    t.equal(views[0]!.error, undefined, views[0]!.error?.message ?? 'no error')
    t.match(views, [{ node: 'n1' }, { node: 'n2' }])
    for (let round = 0; round < 3; round++) {
      for (const { world, keys, goOn } of [one, two]) {
        world.now += HOUR
        await keys.refreshOcsp()
        await goOn()
      }
    }
    t.match(await one.view(), { state: 'WAITING', error: undefined })
    t.match(await two.view(), { state: 'WAITING', error: undefined })
    t.equal(one.fake.orders, 2, 'one order of each node')
    for (const { keys, view } of [one, two]) {
      t.equal(keys.tokens().flatMap((token) => token.keys).length, 1)
      t.equal(keys.signingIdentity(member).certificate.sha256, (await view()).certificateSha256)
    }
  })
})

void t.test('a next certificate that is revoked, removed or declined leads to another one', async (t) => {
  const made = await fakeWorld(t, await memory(t), 'authentication')
  const { fake, world, keys, registry, filed, call, view, goOn } = made
  const renewal = 'AUTHENTICATION@n1'
  const body = { usage: 'AUTHENTICATION', caName: 'Fake' }
  const later = async (): Promise<void> => {
    world.now += HOUR
    await keys.refreshOcsp({ force: true }).catch(() => undefined)
    await goOn()
  }
  await call('beginCertificateRenewal', { body })
  world.ocsp = { mode: 'revoked' }
  await goOn()
  await later()
  t.match(await view(), { state: 'ORDERING', nextCertificateSha256: undefined, error: undefined })
  t.ok((await view()).steps.some(({ detail }) => detail === 'revoked'))
  t.equal(keys.certificate(filed[0]!).active, false, 'it is put out of use')
  t.same((await view()).removable, [filed[0]])
  const orders = fake.orders
  await goOn()
  t.equal(fake.orders, orders, 'not without end')
  world.ocsp = {}
  registry.isAutomatic = false
  await later()
  t.match(await view(), { state: 'REGISTERING' })
  const removed = (await view()).nextCertificateSha256!
  await keys.deleteCertificate(removed)
  await later()
  t.match(await view(), { state: 'ORDERING' })
  await later()
  const declined = (await view()).nextCertificateSha256!
  t.not(declined, removed)
  t.not(keys.certificate(declined).keyId, keys.certificate(filed[0]!).keyId, 'another key')

  // Stopped and begun again, it starts afresh.
  await call('stopCertificateRenewal', { params: { renewal } })
  await call('beginCertificateRenewal', { body })
  t.match(await view(), { state: 'WAITING', nextCertificateSha256: undefined })
  registry.isAutomatic = true
  await goOn()
  t.not((await view()).nextCertificateSha256, declined)
  world.now += 61_000
  await goOn()
  t.match(await view(), { state: 'RETIRING', error: undefined })
})

void t.test('what others have to do is waited for, and said when it lasts', async (t) => {
  const made = await fakeWorld(t, await memory(t), 'authentication')
  const { world, keys, registry, call, view, goOn } = made
  const later = async (hours: number): Promise<void> => {
    world.now += hours * HOUR
    await keys.refreshOcsp({ force: true }).catch(() => undefined)
    await goOn()
  }
  await call('beginCertificateRenewal', { body: { usage: 'AUTHENTICATION', caName: 'Fake' } })
  registry.isAutomatic = false
  await goOn()
  await later(1)
  t.match(await view(), { state: 'REGISTERING', error: undefined })
  await later(25)
  t.match(await view(), { error: { code: 'conflict', message: /has not listed/ } })
  t.ok(Date.parse((await view()).nextAt) <= world.now + 60_000, 'looked at as often as before')
  const { length } = (await view()).steps
  await later(1)
  t.equal((await view()).steps.length, length, 'said once')
  world.ocsp = { mode: 'unknown' }
  made.list((await view()).nextCertificateSha256!)
  await later(1)
  t.match(await view(), { state: 'ACTIVATING', error: undefined })
  await later(25)
  t.match(await view(), { error: { code: 'incorrect_validation_info', message: /does not say yet/ } })
  world.ocsp = {}
  await later(1)
  await keys.setActive((await view()).nextCertificateSha256!, false)
  await later(1)
  await later(25)
  t.match(await view(), { state: 'RETIRING', error: { message: /out of use/ } })
  await keys.setActive((await view()).nextCertificateSha256!, true)
  await later(1)
  t.match(await view(), { state: 'WAITING', error: undefined })
})

void t.test('the certificate before stays in use until the new one surely serves', async (t) => {
  const made = await fakeWorld(t, await memory(t), 'authentication')
  const { world, keys, call, view, goOn } = made
  const now = () => call('renewCertificateNow', { params: { renewal: 'AUTHENTICATION@n1' } })
  const later = async (ms: number): Promise<void> => {
    world.now += ms
    await keys.refreshOcsp({ force: true })
    await goOn()
  }
  await call('beginCertificateRenewal', { body: { usage: 'AUTHENTICATION', caName: 'Fake' } })
  await goOn()
  await later(61_000)
  await later(HOUR)
  const old = (await view()).certificateSha256!
  await now()
  await goOn()
  await later(61_000)
  t.match(await view(), { state: 'RETIRING', certificateSha256: old })
  await now()
  await goOn()
  t.match(await view(), { state: 'RETIRING', certificateSha256: old }, 'ten minutes are ten minutes')
  t.ok(keys.certificate(old).active)
  made.unlistAll()
  made.list(old)
  await later(HOUR)
  t.match(await view(), { state: 'RETIRING', error: undefined })
  t.ok(keys.certificate(old).active, 'peers do not know the new one')
  made.list((await view()).nextCertificateSha256!)
  await later(61_000)
  t.ok(keys.certificate(old).active, 'this server does not show the new one yet')
  await later(HOUR)
  t.match(await view(), { state: 'WAITING', error: undefined, removable: [old] })
  t.equal(keys.certificate(old).active, false)
})

void t.test('a registration is known by its number, also when the answer was lost', async (t) => {
  const made = await fakeWorld(t, await memory(t), 'authentication')
  const { world, registry, filed, call, view, goOn } = made
  const later = async (): Promise<void> => {
    world.now += HOUR
    await goOn()
  }
  const status = (request: number, state: RequestState, kind: RequestKind = 'authCertReg') => ({
    ...{ request, kind, state, server: 'DEV/GOV/1000/ss1' },
    filedAt: new Date(world.now).toISOString(),
  })
  const refusal = (what: string) => new Fault('registration_refused', { what })
  await call('beginCertificateRenewal', { body: { usage: 'AUTHENTICATION', caName: 'Fake' } })
  registry.isAutomatic = false
  registry.answer = () => new Fault('registration_unavailable')
  await goOn()
  t.match(await view(), { error: { code: 'registration_unavailable' } })
  // What the registry says otherwise of a conflict is no sign that it has the request.
  for (const what of [
    'conflict: 100 requests of this server wait for a decision',
    'conflict: request 9 says the same',
  ]) {
    registry.answer = () => refusal(what)
    registry.states = [status(9, 'SUBMITTED_FOR_APPROVAL', 'clientReg')]
    await later()
    t.match(await view(), { state: 'REGISTERING', error: { code: 'registration_refused' } }, what)
  }
  registry.answer = () => refusal('conflict: request 1 says the same and is not decided yet')
  registry.states = [status(1, 'SUBMITTED_FOR_APPROVAL')]
  await later()
  t.match(await view(), { state: 'REGISTERING', error: undefined })
  t.ok((await view()).steps.some(({ detail }) => detail === 'filed 1'))
  const { length } = filed
  registry.states = [status(7, 'DECLINED'), status(1, 'SUBMITTED_FOR_APPROVAL')]
  await later()
  t.match(await view(), { error: undefined }, 'another certificate was declined')
  registry.states = [status(7, 'APPROVED'), status(1, 'DECLINED')]
  await later()
  t.match(await view(), { error: { code: 'conflict', message: /did not take/ } })
  t.equal(filed.length, length, 'nothing was filed again')
  registry.states = []
  world.now += 26 * HOUR
  await goOn()
  const [row] = await made.rooms.store.list()
  t.match(overdueOf(row!, world.now), /^REGISTERING: .*has not listed/, 'the failure before hides nothing')
})

void t.test('signing certificates are for members that are here, each with its own account', async (t) => {
  const kid = { kid: 'owner-1', macKeyFile: path.join(t.testdir({ mac: 'A'.repeat(43) }), 'mac') }
  chmodSync(kid.macKeyFile, 0o600)
  const guest = { ca: 'CA', member: 'DEV:COM:4000', contact: 'guest@example' }
  const { find } = await readAccounts({ renewAfterShare: 0.67, accounts: [{ ca: 'CA', ...kid }, guest] })
  const q = { ca: 'CA', usage: 'SIGNING' as const }
  t.match(find({ ...q, member: 'DEV/GOV/1000', isOwner: true }), { name: 'owner-1' })
  t.match(find({ ...q, member: 'DEV/COM/4000', isOwner: false }), {
    ...{ name: 'DEV/COM/4000', binding: undefined, contact: 'guest@example' },
  })
  t.match(find({ ...q, member: 'DEV/COM/1', isOwner: false }), { name: 'DEV/COM/1', binding: undefined })

  const body = { ...SIGNED, memberId: 'DEV:COM:4000' }
  const without = await fakeWorld(t, await memory(t), 'signing')
  await t.rejects(without.call('beginCertificateRenewal', { body }), {
    ...{ code: 'not_found', message: /DEV:COM:4000/ },
  })
  const here = await fakeWorld(t, await memory(t), 'signing', { isGuestHere: true, beside: without })
  t.match(await here.call('beginCertificateRenewal', { body }), { memberId: 'DEV:COM:4000' })
})

void t.test(
  'the cause of a failure is in its words and in the log; the end of the process is none',
  async (t) => {
    const { fake, rooms, call, view, goOn } = await fakeWorld(t, await memory(t), 'signing')
    const lines: string[] = []
    rooms.log = createLog({ name: 'test', destination: { write: (line) => void lines.push(line) } })
    const patient = rooms.http
    await call('beginCertificateRenewal', { body: SIGNED })
    rooms.http = createAcmeHttp({ ca: undefined, clock: rooms.clock })
    await goOn()
    await rooms.http.close()
    rooms.http = patient
    t.match(await view(), {
      error: { code: 'acme_failed', message: /TLS certificate of .*: see acme.caFile/ },
    })
    t.ok(lines.some((line) => line.includes('"err"') && line.includes('SELF_SIGNED')))
    await t.rejects(patient.send('https://no.invalid/', { method: 'GET' }), {
      message: /no address is found/,
    })

    fake.lie = 'never-ends'
    const { tries } = await view()
    await call('renewCertificateNow', { params: { renewal: 'SIGNING:DEV:GOV:1000@n1' } })
    const ends = new AbortController()
    const running = goOnWithAll(rooms, ends.signal)
    await until('an order is placed', () => fake.orders === 1)
    ends.abort(new Fault('service_unavailable'))
    await running
    t.equal((await view()).tries, tries)
    fake.lie = 'none'
    await goOn()
    t.match(await view(), { state: 'RETIRING', error: undefined })
  },
)

void t.test('a node takes over what was begun before nodes had renewals of their own', async (t) => {
  await eachDatabase(t, async (database, t) => {
    const { call, view, goOn, fake } = await fakeWorld(t, database, 'signing')
    const store = createRenewalStore(database)
    await call('beginCertificateRenewal', { body: SIGNED })
    const now = (await store.list())[0]!
    await store.change(now, { node: '' })
    await goOn()
    t.equal(fake.orders, 0, 'it is not of this node yet')
    await store.account('https://ca.example/ b', async () => 'kept')
    await store.takeOver('n1')
    await store.takeOver('n2')
    t.equal((await view()).id, `${now.id}@n1`)
    t.equal((await view()).steps.length, 1)
    t.equal(await store.account('n1 https://ca.example/ b', async () => 'other'), 'kept')
  })
})

void t.test('a clock that was ahead for a while keeps nothing waiting until then', async (t) => {
  const made = await fakeWorld(t, await memory(t), 'signing')
  const { world, keys, call, view, goOn, fake, store } = made
  const overdue = async () => overdueOf((await store.list())[0]!, world.now)
  const later = async (ms: number): Promise<void> => {
    world.now += ms
    await keys.refreshOcsp({ force: true })
    await goOn()
  }
  const days = async (act: () => Promise<void>): Promise<void> => {
    const real = world.now
    world.now += 800 * 24 * HOUR
    await act()
    world.now = real
  }
  await call('beginCertificateRenewal', {
    body: { usage: 'SIGNING', memberId: 'DEV:GOV:1000', caName: 'Fake', dnsName: 'ss1.example' },
  })
  await goOn()
  for (let i = 0; i < 3; i++) await later(HOUR)
  t.match(await view(), { state: 'WAITING' })
  const before = fake.orders
  await days(async () => {
    fake.lie = 'refuses'
    await goOn()
    fake.lie = 'none'
  })
  t.ok(
    Date.parse((await view()).nextAt!) > world.now + 700 * 24 * HOUR,
    'it failed while the clock was ahead',
  )
  t.match(await overdue(), /next_at/)
  await later(60_000)
  t.ok(Date.parse((await view()).nextAt!) <= world.now + 24 * HOUR, 'it goes on at once')
  t.equal(await overdue(), undefined)
  for (let i = 0; i < 3; i++) await later(HOUR)
  t.ok(fake.orders > before)
  t.match(await view(), { state: 'WAITING', error: undefined })
})

void t.test('a CA whose certificates end before the present one', async (t) => {
  for (const usage of ['signing', 'authentication'] as const) {
    const { fake, world, keys, call, view, goOn } = await fakeWorld(t, await memory(t), usage)
    const settled = async (): Promise<string> => {
      for (let looks = 0; looks < 5 && (await view()).state !== 'WAITING'; looks++) {
        world.now += HOUR / 4
        await keys.refreshOcsp()
        await goOn()
      }
      const { state, certificateSha256, error } = await view()
      t.match([state, error], ['WAITING', undefined], usage)
      return certificateSha256!
    }
    const body = { usage: usage.toUpperCase(), caName: 'Fake', dnsName: 'ss1.example' }
    await call('beginCertificateRenewal', { body })
    await goOn()
    const before = await settled()
    fake.notAfter = new Date(world.now + 6 * HOUR)
    await call('renewCertificateNow', { params: { renewal: (await view()).id } })
    await goOn()
    const shorter = await settled()
    t.not(shorter, before)
    const used = usage === 'signing' ? keys.signingIdentity(member) : keys.authenticationIdentity()
    t.equal(used.certificate.sha256, shorter, 'it is used')
    t.equal(keys.certificate(before).active, false, 'and the one before is put out of use')
  }
})
