/**
 * Emergency suspension of a contract, on both databases: how it begins, which calls it blocks, who confirms
 * and lifts it, how it ends.
 */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { verifySuspensionList } from '#core/configuration/suspension-list.ts'
import type { ContractContent } from '#schemas/contract.ts'
import {
  act,
  agreed,
  type ContractWorld,
  code,
  decide,
  listFor,
  options,
  post,
  propose,
  REASON,
  seal,
  startContracts,
  stateOf,
} from '#test/fakes/contract-world.ts'
import { contentAt, contractDocument, hashOf, inDays } from '#test/fakes/contracts.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { GUEST, guest, OWNER } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { createChange } from '../../changes/store.ts'
import { createDistributionStore } from './distribution-store.ts'

type Suspension = { id: number; state: string; title: string; liftedBy: { name: string } | null }
type Whole = {
  suspension: Suspension | null
  versions: { state: string }[]
  events: { act: string; by: string }[]
}

const emergency = ({ contract }: ContractContent, reason = 'A leak is being looked into.') => ({
  ...{ kind: 'contract', subject: contract, reason },
})
const whole = async ({ node }: ContractWorld, { contract }: ContractContent): Promise<Whole> =>
  (await node.must('GET', `/contracts/${contract}`)) as Whole

/** The ids of contracts in the suspension list that every server reads. */
async function suspendedIn({ node }: ContractWorld): Promise<string[]> {
  const certificates = (await parseAnchor(await anchorOf(node))).sources[0]!.verificationCerts
  const { bytes } = await node.get('/internalconf-suspensions')
  const { suspended } = verifySuspensionList(bytes.toString(), certificates)
  return suspended.flatMap(({ kind, id }) => (kind === 'contract' ? [id] : []))
}

t.test('at once, in both lists, with all its versions; lifted as a whole', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const { node } = w
    await publish(node)
    const content = await agreed(w)
    for (const [subject, status] of [
      ['abc', 400],
      ['DEV:GOV:1234', 400],
      [randomUUID(), 404],
    ] as const)
      t.equal((await node.call('POST', '/suspensions', { ...emergency(content), subject })).status, status)
    const foreseen = (query: string) => node.must('GET', `/consequences?operation=${query}`)
    for (const query of [
      `addSuspension&kind=contract&id=${content.contract}`,
      `suspendContract&id=${content.contract}`,
    ])
      t.match(
        await foreseen(query),
        { possible: true, contracts: { total: 1 }, members: { total: 2 } },
        query,
      )
    t.equal(await stateOf(w, content), 'ACTIVE', 'nothing is done by asking')
    t.match(await node.must('GET', '/overview'), { contracts: { toApprove: 0, ending: 0, overdue: 0 } })
    for (const q of ['persons', 'DEV:GOV:5678:tax', content.contract.slice(0, 9), 'taxation'])
      t.equal(((await node.must('GET', `/contracts?q=${q}`)) as []).length, 1, q)
    t.same(await node.must('GET', '/contracts?q=horses'), [])

    const upper = { ...emergency(content), subject: content.contract.toUpperCase() }
    const made = (await node.must('POST', '/suspensions', upper)) as Suspension
    t.match(made, { kind: 'contract', subject: content.contract, title: content.title, state: 'unconfirmed' })
    await until('the contract on the list', async (saw) =>
      saw(await suspendedIn(w)).includes(content.contract),
    )
    t.match((await listFor(w, GUEST)).contracts, [{ state: 'SUSPENDED', reason: upper.reason }])
    t.match(await whole(w, content), {
      suspension: { id: made.id, state: 'unconfirmed', reason: upper.reason },
      versions: [{ state: 'SUSPENDED', reason: upper.reason }],
    })
    for (const again of [
      node.call('POST', '/suspensions', emergency(content)),
      decide(w, content, 'suspend', REASON),
    ])
      t.match(await again, code(409, 'contract_not_possible'))
    t.match(await foreseen(`suspendContract&id=${content.contract}`), { possible: false })

    const next = { ...content, version: 2, supersedes: hashOf(content), purpose: 'Another one' }
    t.match(await propose(w, next), code(409, 'contract_not_possible'), 'no way round it')
    const { secret } = (await node.must('POST', '/api-keys', {
      name: 'second',
      roles: ['XROAD_SECURITY_OFFICER'],
    })) as { secret: string }
    t.match((await node.call('POST', `/suspensions/${made.id}/confirm`)).body, { type: 'not_second_person' })
    t.match(await node.call('POST', `/suspensions/${made.id}/confirm`, undefined, secret), { status: 200 })
    t.equal((await node.call('DELETE', `/suspensions/${made.id}`)).status, 204)
    t.equal(await stateOf(w, content), 'ACTIVE')
    await until('an empty list', async (saw) => saw(await suspendedIn(w)).length === 0)
    const { events, suspension } = await whole(w, content)
    t.match(suspension, { state: 'lifted' })
    t.same(
      events.slice(-3).map((one) => one.act),
      ['suspend', 'confirm', 'resume'],
    )
    t.match(events.at(-2), { by: /^second \(key / })
    const audit = (await node.must('GET', '/audit-log?limit=500')) as { operation: string }[]
    for (const operation of ['addSuspension', 'confirmSuspension', 'liftSuspension'])
      t.ok(audit.some((one) => one.operation === operation))
    t.match(await decide(w, content, 'resume', REASON), code(409, 'contract_not_possible'), 'lifted once')

    // The same suspension through the operation on the contract, with the hash of the content that was read.
    const wrong = { contentHash: 'a'.repeat(64), ...REASON }
    const at = `/contracts/${content.contract}`
    t.match(await node.call('POST', `${at}/suspend`, wrong), code(409, 'contract_not_possible'))
    t.match(await decide(w, content, 'suspend', REASON), { status: 200, body: { state: 'SUSPENDED' } })
    t.match(await node.must('GET', '/suspensions'), [{ kind: 'contract', state: 'unconfirmed', ...REASON }])
    t.match(await node.call('POST', `${at}/resume`, wrong), code(409, 'contract_not_possible'))
    t.match(await decide(w, content, 'resume', REASON), { status: 200, body: { state: 'ACTIVE' } })
    t.same(await node.must('GET', '/suspensions'), [])
  }),
)

t.test('its end does not lift it, nor does a party that terminates it; the registry does', (t) =>
  eachRegistryDatabase(t, async (database, t, url) => {
    const w = await startContracts(t, url)
    const { node, world } = w
    const { now } = world.clock
    const soon = new Date(now + 600_000).toISOString()
    const content = await agreed(w, { validUntil: soon, reviewAt: soon })
    const { id } = (await node.must('POST', '/suspensions', emergency(content))) as Suspension
    world.clock.now = Date.parse(content.validUntil) + 1000
    await until('its end', async (saw) => {
      world.clock.now += 1000
      return saw(await stateOf(w, content)) === 'EXPIRED'
    })
    const renewal = contentAt(world.clock.now, {
      ...content,
      ...{ version: 2, supersedes: hashOf(content) },
      ...{ validUntil: inDays(world.clock.now, 100), reviewAt: inDays(world.clock.now, 90) },
    })
    t.match(await propose(w, renewal), { status: 409, body: { message: /ended while it was suspended/ } })
    t.match(await node.must('GET', '/suspensions'), [{ id, state: 'unconfirmed' }])
    t.equal((await node.call('DELETE', `/suspensions/${id}`)).status, 204)
    t.match(await whole(w, content), { versions: [{ state: 'EXPIRED' }], suspension: { state: 'lifted' } })
    t.match(await propose(w, renewal), { status: 200 }, 'two people let it go on')
    await decide(w, renewal, 'decline', REASON)

    const services = [{ serviceCode: 'horses', endpoints: [{ method: '*', path: '**' }] }]
    const stopped = await agreed(w, { services })
    await node.must('POST', '/suspensions', emergency(stopped))
    t.match(await act(w, stopped, OWNER, 'terminate'), { body: { state: 'TERMINATED' } })
    const [held] = (await node.must('GET', '/suspensions')) as Suspension[]
    t.match(held, { subject: stopped.contract, state: 'unconfirmed' }, 'one party alone lifts nothing')
    const other = await agreed(w, { services })
    await decide(w, other, 'suspend', REASON)
    t.match(await decide(w, other, 'terminate', REASON), { body: { state: 'TERMINATED' } })
    t.match(
      await node.must('GET', '/suspensions'),
      [{ id: held!.id }],
      'the registry ends it with the contract',
    )

    const store = createDistributionStore(
      database,
      createChange(database, async () => undefined),
      { asks: false, statesOf: async () => new Map() },
    )
    const shown = async () =>
      (await store.listFor('DEV/GOV/1234/SS1', world.clock.now + 31 * 86_400_000)).contracts.map(
        ({ contract }) => contract,
      )
    t.same(await shown(), [stopped.contract], 'servers know for as long what they must not let through')
    t.equal((await node.call('DELETE', `/suspensions/${held!.id}`)).status, 204)
    t.match(await whole(w, stopped), { versions: [{ state: 'TERMINATED' }], suspension: { state: 'lifted' } })
    t.same(await shown(), [])
  }),
)

t.test('who is suspended agrees to nothing and ends nothing', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const { node, world } = w
    const held = await agreed(w)
    const service = (serviceCode: string) => ({
      services: [{ serviceCode, endpoints: [{ method: '*', path: '**' }] }],
    })
    const sealed = contentAt(world.clock.now, service('horses'))
    for (const reply of [await propose(w, sealed), await seal(w, sealed, GUEST)]) t.equal(reply.status, 200)
    const open = contentAt(world.clock.now, service('cows'))
    t.equal((await propose(w, open, OWNER)).status, 200)
    const sent = (purpose: 'confirmation' | 'letter', path: string, more: object) => {
      const document = { contract: held.contract, email: 'desk@tax.example', ...more }
      return post(w, path, contractDocument(purpose, document, options(w, GUEST)))
    }
    for (const [kind, subject] of [
      ['member', 'DEV:GOV:5678'],
      ['server', 'DEV:GOV:5678:SS1'],
      ['certificate', guest.certificate.sha256],
    ] as const) {
      const suspension = { kind, subject, reason: 'Its key was stolen.' }
      const { id } = (await node.must('POST', '/suspensions', suspension)) as Suspension
      for (const [what, reply] of [
        ['propose', propose(w, contentAt(world.clock.now, service('sheep')))],
        ['seal', seal(w, open, GUEST)],
        ['decline', act(w, open, GUEST, 'decline')],
        ['terminate', act(w, held, GUEST, 'terminate')],
        ['confirm', sent('confirmation', '/contacts/confirmations', { code: 'abcd', person: 'anna' })],
        ['ask for a letter', sent('letter', '/contacts/letters', {})],
      ] as const)
        t.match(await reply, code(403, 'suspended'), `${kind}: ${what}`)
      t.match(
        await seal(w, sealed, OWNER),
        { status: 409, body: { type: 'contract_not_possible', message: /suspended/ } },
        `${kind}: what it sealed before does not come into force`,
      )
      const list = await post(w, '/lists', contractDocument('query', {}, options(w, GUEST)))
      const hashes = { hashes: [hashOf(held)] }
      const items = await post(w, '/items', contractDocument('fetch', hashes, options(w, GUEST)))
      // Clients of other members may be registered at a server whose owner is suspended.
      for (const reply of [list, items])
        t.equal(reply.status, kind === 'member' ? 200 : 403, `${kind}: reads`)
      t.equal((await listFor(w, OWNER)).contracts.length, 3, 'the others go on')
      t.equal(await stateOf(w, held), 'ACTIVE')
      t.equal((await node.call('DELETE', `/suspensions/${id}`)).status, 204)
    }
    t.match(await seal(w, sealed, OWNER), { status: 200, body: { state: 'ACTIVE' } }, 'lifted, it may')
    t.match(await act(w, held, GUEST, 'terminate'), { body: { state: 'TERMINATED' } })
  }),
)

t.test('one bound for all kinds, which two persons set; lifting is a proposal', async (t: Test) => {
  const issuer = await startOpenIdProvider(t)
  const w = await startContracts(t, undefined, { login: issuer })
  const { node } = w
  const content = await agreed(w)
  const { anna, ben } = await install(t, node)
  const api = (who: Browser, method: string, at: string, body?: unknown) =>
    who.api(baseOf(node), method, at, body, { 'x-reason': 'because' })
  const approve = async (who: Browser, proposed: { body: unknown }) => {
    const { id, contentSha256 } = proposed.body as { id: string; contentSha256: string }
    return api(who, 'POST', `/approvals/${id}/approve`, { contentSha256 })
  }
  t.same((await api(anna, 'GET', '/suspension-policy')).body, {
    ...{ perDay: 10, ownUnconfirmedToday: 0, inForce: 0, unconfirmed: 0, mostInForce: 1000 },
    leaveConfiguration: false,
  })
  for (const perDay of [0, 101, 1.5, '2'])
    t.equal((await api(anna, 'PUT', '/suspension-policy', { perDay })).status, 400)
  const policy = await api(anna, 'PUT', '/suspension-policy', { perDay: 2 })
  t.equal(policy.status, 202)
  t.match((await approve(anna, policy)).body, { type: 'not_second_person' })
  t.equal((await approve(ben, policy)).status, 200)
  await api(anna, 'POST', '/suspensions', { kind: 'member', subject: 'DEV:GOV:9', reason: 'r' })
  const at = `/contracts/${content.contract}`
  const body = { contentHash: hashOf(content), ...REASON }
  t.match(await api(anna, 'POST', `${at}/suspend`, body), { status: 200, body: { state: 'SUSPENDED' } })
  t.match((await node.call('POST', `${at}/suspend`, body)).body, { type: 'key_without_person' })
  t.match(await api(anna, 'GET', '/suspension-policy'), { body: { perDay: 2, ownUnconfirmedToday: 2 } })
  const third = { kind: 'certificate', subject: 'ab'.repeat(32), reason: 'r' }
  t.match((await api(anna, 'POST', '/suspensions', third)).body, { message: /2 suspensions of yours/ })

  const { suspension } = (await api(ben, 'GET', at)).body as Whole
  t.match(suspension, { mayConfirm: true, suspendedBy: { name: /.+/ } })
  t.match((await api(anna, 'POST', `/suspensions/${suspension!.id}/confirm`)).body, {
    type: 'not_second_person',
  })
  t.match((await api(ben, 'POST', `/suspensions/${suspension!.id}/confirm`)).body, { state: 'confirmed' })
  t.match((await api(anna, 'POST', '/suspensions', third)).status, 201, 'what is confirmed counts no more')

  for (const [method, path, said] of [
    ['POST', `${at}/resume`, body],
    ['DELETE', `/suspensions/${suspension!.id}`, undefined],
  ] as const) {
    const proposed = await api(anna, method, path, said)
    t.equal(proposed.status, 202)
    t.equal(await stateOf(w, content), 'SUSPENDED', 'not yet')
    if (method === 'POST') {
      const { id } = proposed.body as { id: string }
      t.equal((await api(anna, 'POST', `/approvals/${id}/withdraw`)).status, 200)
    } else t.equal((await approve(ben, proposed)).status, 200)
  }
  t.equal(await stateOf(w, content), 'ACTIVE')
  t.match((await whole(w, content)).suspension, {
    liftedBy: { name: /^Person anna, approved by Person ben$/ },
  })
  t.match((await whole(w, content)).events.at(-1), {
    act: 'resume',
    by: /\(person .*, approved by .*\(person /,
  })
})
