/** Which node goes on with a renewal, and what a renewal leaves behind. */
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { member } from '../../keys/keys-fixture.ts'
import { dueOf, goOnWithAll } from './go-on.ts'
import { renewalHandlers } from './handlers.ts'
import { fakeWorld } from './renewals-fixture.ts'

const HOUR = 3600_000
const SIGNED = { ...{ usage: 'SIGNING', memberId: 'DEV:GOV:1000', caName: 'Fake' }, dnsName: 'ss1.example' }
const OFFICER = { kind: 'key', id: '1', name: 'officer', roles: ['XROAD_SECURITY_OFFICER'] } as const
const ENDLESS = new AbortController().signal

async function memory(t: Test): Promise<Database> {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  return database
}

void t.test('a renewal of a node that is gone goes on where its certificate is', async (t) => {
  await eachDatabase(t, async (database, t) => {
    const { call, world, rooms, keys, goOn, fake, store } = await fakeWorld(t, database, 'signing')
    await call('beginCertificateRenewal', { body: SIGNED })
    for (let round = 0; round < 4; round++) {
      await goOn()
      world.now += HOUR
      await keys.refreshOcsp()
    }
    const begun = (await store.list())[0]!
    t.match(begun, { node: 'n1', state: 'WAITING' })
    t.equal(fake.orders, 1)
    world.now =
      keys.tokens()[0]!.keys.map(({ certificates }) => Date.parse(certificates[0]!.notAfter))[0]! - HOUR
    const restored = { ...rooms, node: 'n9', presentNodes: async () => new Set(['n1', 'n9']) }
    t.same(await dueOf(restored), [], 'its own node is there')
    restored.presentNodes = async () => new Set(['n8', 'n9'])
    const empty = { ...restored, keys: (await fakeWorld(t, database, 'signing', { node: 'n3' })).keys }
    t.same(await dueOf(empty), [], 'this one does not have the certificate')
    t.same(await dueOf(restored), [begun.id])
    await Promise.all([restored, { ...restored, node: 'n8' }].map((each) => goOnWithAll(each, ENDLESS)))
    t.equal(fake.orders, 2, 'one of two nodes takes it')
    t.match((await store.list())[0], { node: /^n[89]$/, current: begun.current })
    const steps = await store.steps(begun.id)
    t.equal(steps.filter(({ step }) => step === 'TAKEN_OVER').length, 1)
    const kept = new Set((await store.accounts()).map((row) => row.kept))
    t.equal(kept.size, 1, 'by the account that it had')
    t.same(await dueOf(rooms), [], 'the one that comes back leaves it there')
  })
})

void t.test('nodes that share their keys begin a renewal once', async (t) => {
  const database = await memory(t)
  const one = await fakeWorld(t, database, 'signing')
  await one.call('beginCertificateRenewal', { body: SIGNED })
  const begin = (more: object) =>
    renewalHandlers({ ...one.rooms, node: 'n2', isSet: true, isClient: () => false, ...more })[
      'beginCertificateRenewal'
    ]!({ params: {}, query: {}, body: SIGNED, caller: OFFICER } as never)
  await t.rejects(begin({ sharesKeys: true }), { code: 'conflict', what: /at the node n1/ })
  for (let round = 0; round < 4; round++) {
    await one.goOn()
    one.world.now += HOUR
    await one.keys.refreshOcsp()
  }
  await t.rejects(begin({}), { code: 'conflict', what: /at the node n1/ }, 'the certificate is here')
  await one.call('stopCertificateRenewal', { params: { renewal: 'SIGNING:DEV:GOV:1000@n1' } })
  t.match(await begin({ sharesKeys: true }), { node: 'n2' })
})

void t.test('two nodes that begin a renewal at the same moment begin one', async (t) => {
  await eachDatabase(t, async (database, t) => {
    const one = await fakeWorld(t, database, 'signing')
    const begin = (node: string) =>
      renewalHandlers({ ...one.rooms, node, sharesKeys: true, isSet: true, isClient: () => false })[
        'beginCertificateRenewal'
      ]!({ params: {}, query: {}, body: SIGNED, caller: OFFICER } as never)
    const begun = await Promise.allSettled(['n1', 'n2', 'n3'].map(begin))
    t.equal(begun.filter(({ status }) => status === 'fulfilled').length, 1)
    t.match(
      begun.find(({ status }) => status === 'rejected'),
      { reason: { code: 'conflict' } },
    )
    t.equal((await one.store.list()).length, 1)
  })
})

void t.test('what was put out of use goes a day after its end, with its key', async (t) => {
  const { call, world, keys, goOn, view } = await fakeWorld(t, await memory(t), 'signing')
  await call('beginCertificateRenewal', { body: SIGNED })
  const goOnFor = async (ms: number): Promise<void> => {
    world.now += ms
    for (let round = 0; round < 4; round++) {
      await keys.refreshOcsp()
      await goOn()
      world.now += HOUR
    }
  }
  await goOnFor(0)
  const first = (await view()).certificateSha256!
  const { notBefore, notAfter } = keys.certificate(first)
  await goOnFor(0.9 * (Date.parse(notAfter) - Date.parse(notBefore)))
  t.match(await view(), { state: 'WAITING', removable: [first] })
  world.now = Date.parse(notAfter) + 23 * HOUR
  await goOn()
  t.equal(keys.certificate(first).active, false, 'it is there')
  world.now += 2 * HOUR
  await goOn()
  t.match(await view(), { state: 'WAITING', removable: [], steps: [{ step: 'REMOVED', detail: first }] })
  t.throws(() => keys.certificate(first), { code: 'cert_not_found' })
  t.equal(keys.tokens().flatMap((token) => token.keys).length, 1, 'its key as well')
  await keys.refreshOcsp()
  t.ok(keys.signingIdentity(member))
})
