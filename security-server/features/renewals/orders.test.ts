/** What an order carries, and to whom it goes, when something changed since the last one. */
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { PIN } from '../../keys/keys-fixture.ts'
import { fakeWorld } from './renewals-fixture.ts'

const SIGNED = { ...{ usage: 'SIGNING', memberId: 'DEV:GOV:1000', caName: 'Fake' }, dnsName: 'ss1.example' }
const HOUR = 3600_000
const params = { renewal: 'SIGNING:DEV:GOV:1000@n1' }

async function memory(t: Test): Promise<Database> {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  return database
}

void t.test('an order is for the name, the CA and the subject that are asked for now', async (t) => {
  const { fake, keys, call, view, goOn } = await fakeWorld(t, await memory(t), 'signing')
  fake.lie = 'refuses'
  await call('beginCertificateRenewal', { body: { ...SIGNED, dnsName: 'wrong.example' } })
  await goOn()
  t.match(await view(), { state: 'ORDERING', error: { code: 'acme_refused' } })
  await call('stopCertificateRenewal', { params })
  await call('beginCertificateRenewal', { body: SIGNED })
  await goOn()
  const requests = () => keys.tokens().flatMap((token) => token.keys.flatMap((key) => key.requests))
  const [, before] = requests()
  fake.lie = 'none'
  await call('renewCertificateNow', { params })
  await goOn()
  t.match(await view(), { state: 'RETIRING', error: undefined })
  t.match(fake.lastOrder, { identifiers: [{ value: 'ss1.example' }] })
  const [, after] = requests()
  t.ok(before !== undefined && after?.id !== before.id, 'a request of its own for each order')
})

void t.test('an order at an address that the CA has no more is placed anew', async (t) => {
  const { fake, store, call, view, goOn } = await fakeWorld(t, await memory(t), 'signing')
  fake.lie = 'refuses'
  await call('beginCertificateRenewal', { body: SIGNED })
  await goOn()
  fake.lie = 'none'
  await store.change((await store.find(params.renewal))!, { order_url: 'https://old.example/order/1' })
  await call('renewCertificateNow', { params })
  await goOn()
  t.match(await view(), { state: 'RETIRING', error: undefined })
})

void t.test('a certificate that is revoked or removed while it is in use is replaced at once', async (t) => {
  const { fake, world, keys, call, view, goOn } = await fakeWorld(t, await memory(t), 'signing')
  await call('beginCertificateRenewal', { body: SIGNED })
  await goOn()
  world.now += HOUR
  await keys.refreshOcsp()
  await goOn()
  t.match(await view(), { state: 'WAITING' })
  t.equal(fake.orders, 1)
  world.ocsp = { mode: 'revoked' }
  await t.rejects(keys.refreshOcsp({ force: true }))
  world.ocsp = {}
  await goOn()
  t.equal(fake.orders, 2)
  t.ok((await view()).steps.some(({ detail }) => detail === 'revoked'))
  world.now += HOUR
  await keys.refreshOcsp()
  await goOn()
  await goOn()
  const { state, certificateSha256 } = await view()
  t.equal(state, 'WAITING')
  await keys.deleteCertificate(certificateSha256!)
  await goOn()
  t.equal(fake.orders, 3)
})

void t.test('a new token gets an account of its own', async (t) => {
  const made = await fakeWorld(t, await memory(t), 'signing')
  const other = await fakeWorld(t, await memory(t), 'signing', { beside: made })
  const id = `n1 ${made.fake.directoryUrl} b`
  const kept = await made.store.account(id, other.keys.accountKeys.make)
  await made.call('beginCertificateRenewal', { body: SIGNED })
  await made.goOn()
  t.match(await made.view(), { state: 'RETIRING', error: undefined })
  t.not(await made.store.account(id, async () => ''), kept)
})

void t.test('an account is forgotten, or ended at the CA', async (t) => {
  const database = await memory(t)
  const first = await fakeWorld(t, database, 'signing')
  const { fake, store, call, goOn, keys } = first
  await call('beginCertificateRenewal', { body: SIGNED })
  await goOn()
  const accounts = async () =>
    (await call('getAcmeAccounts')) as { id: string; directoryUrl: string; name: string }[]
  const [account] = await accounts()
  t.match(account, { node: 'n1', directoryUrl: fake.directoryUrl, name: 'b' })
  const of = { params: { account: account!.id } }
  await t.rejects(call('forgetAcmeAccount', { params: { account: '0'.repeat(32) } }), { code: 'not_found' })
  const other = await fakeWorld(t, database, 'signing', { node: 'n2', beside: first })
  await t.rejects(other.call('deactivateAcmeAccount', of), { code: 'conflict', what: /n1/ })
  keys.logout()
  await t.rejects(call('deactivateAcmeAccount', of), { code: 'token_not_active' })
  await keys.login(PIN)
  fake.lie = 'throttled'
  await t.rejects(call('deactivateAcmeAccount', of), { code: 'acme_failed' })
  t.equal((await accounts()).length, 1, 'its key is here until the CA said it')
  fake.lie = 'none'
  await call('deactivateAcmeAccount', of)
  t.equal(fake.isDeactivated, true)
  t.same(await accounts(), [])

  await store.change((await store.find(params.renewal))!, {
    state: 'ORDERING',
    key_id: null,
    order_url: null,
  })
  await call('renewCertificateNow', { params })
  await goOn()
  const [again] = await accounts()
  t.not(again!.id, account!.id, 'the next order makes another key')
  await t.rejects(call('deactivateAcmeAccount', { params: { account: again!.id } }), { code: 'acme_refused' })
  await other.call('forgetAcmeAccount', { params: { account: again!.id } })
  t.same(await accounts(), [], 'what a node left behind is forgotten at any')
})

void t.test('a CA that cannot be asked when a certificate is to be renewed is noted', async (t) => {
  const { fake, world, keys, call, view, goOn } = await fakeWorld(t, await memory(t), 'signing')
  await call('beginCertificateRenewal', { body: SIGNED })
  await goOn()
  world.now += HOUR
  await keys.refreshOcsp()
  fake.lie = 'redirects'
  await goOn()
  const { state, steps, error } = await view()
  t.match([state, error], ['WAITING', undefined])
  t.match(steps[0]!.detail, /answered 302 where its directory/)
})

void t.test('of two CAs of one name nobody guesses', async (t) => {
  const { rooms, authority, call } = await fakeWorld(t, await memory(t), 'signing')
  const { index } = rooms.globalConfiguration.current()
  const [ca] = index.shared.approvedCas
  const other = { ...ca!, topCa: { ...ca!.topCa, cert: authority.tsa.der } }
  index.shared.approvedCas.push({ ...other, acmeServer: undefined } as never)
  t.match(await call('beginCertificateRenewal', { body: SIGNED }), { caName: 'Fake' })
  index.shared.approvedCas.push(other)
  await t.rejects(call('beginCertificateRenewal', { body: { ...SIGNED, usage: 'AUTHENTICATION' } }), {
    ...{ code: 'conflict', message: /are called Fake/ },
  })
})
