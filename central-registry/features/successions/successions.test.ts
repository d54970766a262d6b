/**
 * One agency succeeds another at a real registry, on both databases: as planned, without interruption,
 * without a forged seal.
 */
import t, { type Test } from 'tap'
import type { ContractContent } from '#schemas/contract.ts'
import { contentAt, contractDocument, hashOf, sealOf } from '#test/fakes/contracts.ts'
import { reportAt, signedReport } from '#test/fakes/fleet.ts'
import { authenticationParty, type Party, signingParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, type RegistryWorld, registryWorld } from '#test/fakes/registry-world.ts'
import { authority, GUEST, guest, OWNER, owner } from '#test/fakes/request-world.ts'
import { checkPair, succeeded } from './rules.ts'

const NEW = 'DEV/GOV/77'
const heir = await signingParty(authority, NEW)
const authentication = await authenticationParty(authority)
const BASE = '/registration/v1/contracts'
type Plan = Record<'subsystems' | 'servers' | 'registrations' | 'groups', object[]> & {
  contracts: { contract: string; version: number }[]
  byPeople: string[]
}
type Whole = { versions: { version: number; state: string; content: ContractContent; seals: object[] }[] }

async function start(t: Test, url: string | undefined): Promise<{ world: RegistryWorld; node: Node }> {
  const world = registryWorld(t, url)
  const node = await world.start({ registration: true })
  await setUp(node, authority)
  for (const memberCode of ['5678', '77'])
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode, name: 'A member' })
  await node.must('POST', '/members/DEV:GOV:5678/subsystems', { subsystemCode: 'tax', name: 'Taxes' })
  await node.must('POST', '/members/DEV:GOV:5678/subsystems', { subsystemCode: 'customs' })
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:5678:SS1', address: 'ss2.example' })
  await node.must(
    'POST',
    '/security-servers/DEV:GOV:5678:SS1/authentication-certificates',
    authentication.certificate.der,
  )
  for (const server of ['DEV:GOV:5678:SS1', 'DEV:GOV:1234:SS1'])
    await node.must('POST', `/security-servers/${server}/clients`, { client: 'DEV:GOV:5678:tax' })
  for (const client of ['DEV:GOV:5678:tax', 'DEV:GOV:5678'])
    await node.must('POST', '/global-groups/owners/members', { client })
  return { world, node }
}

void t.test('planned, begun, sealed by the successor, completed', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    const send = async (path: string, bytes: Buffer): Promise<void> => {
      const reply = await node.register(`${BASE}${path}`, bytes)
      if (reply.status !== 200) throw new Error(reply.bytes.toString())
    }
    const sealed = (content: ContractContent, by: Party, signer: string) =>
      send('/seals', sealOf(content, { by, signer, at: world.clock.now }))
    const propose = (content: ContractContent) =>
      send('', contractDocument('proposal', { content }, { by: guest, signer: GUEST, at: world.clock.now }))
    /**
     * What DEV/GOV/1234/SS1 reports: signing certificates of these members, which end in so many
     * milliseconds.
     */
    const reports = async (
      signers: string[],
      endsInMs = 86_400_000,
      ocsp: 'good' | 'revoked' = 'good',
    ): Promise<void> => {
      world.clock.now += 60_000
      const notAfter = new Date(world.clock.now + endsInMs).toISOString()
      const certificates = signers.map((member, i) => ({
        ...{ sha256: `${i}`.repeat(64), usage: 'SIGNING' as const, member, notAfter, ocsp },
      }))
      const document = signedReport(reportAt(OWNER, world.clock.now, { certificates }), owner)
      const reply = await node.register('/registration/v1/server-reports', document)
      if (reply.status !== 200) throw new Error(reply.bytes.toString())
    }
    const content = contentAt(world.clock.now)
    const services = [{ serviceCode: 'other', endpoints: [{ method: 'GET', path: '/**' }] }]
    const undecided = contentAt(world.clock.now, { services })
    await propose(content)
    await sealed(content, guest, GUEST)
    await sealed(content, owner, OWNER)
    await propose(undecided)

    const asked = { successor: 'DEV:GOV:77', subsystems: [{ subsystemCode: 'tax' }], servers: ['SS1'] }
    const plan = (await node.must('POST', '/members/DEV:GOV:5678/succession-plan', asked)) as Plan
    t.match(plan, {
      subsystems: [{ from: 'DEV:GOV:5678:tax', to: 'DEV:GOV:77:tax' }],
      servers: [{ from: 'DEV:GOV:5678:SS1', to: 'DEV:GOV:77:SS1' }],
      groups: [{ code: 'owners', client: 'DEV:GOV:77:tax' }],
      contracts: [{ contract: content.contract, version: 2 }],
    })
    t.equal(plan.registrations.length, 2)
    const people = plan.byPeople.join('\n')
    for (const said of [/access rights: .*5678\/tax gives it to DEV\/GOV\/77\/tax/, /signing key/, /restart/])
      t.match(people, said)
    t.match(people, new RegExp(`contract ${undecided.contract}: version 1 is being decided on`))
    t.same(await node.must('GET', '/successions'), [], 'a plan changes nothing')
    t.equal(((await node.must('GET', `/contracts/${content.contract}`)) as Whole).versions.length, 1)
    t.equal(((await node.must('GET', '/members/DEV:GOV:77/subsystems')) as object[]).length, 0)

    const begun = (await node.must('POST', '/members/DEV:GOV:5678/successions', asked)) as Plan & {
      id: number
    }
    t.same({ ...begun, id: undefined }, { ...plan, id: undefined }, 'as it was planned')
    t.match(await node.must('GET', '/members/DEV:GOV:5678'), {
      succeededBy: ['DEV:GOV:77'],
      ownedServers: [],
    })
    t.match(await node.must('GET', '/members/DEV:GOV:77'), {
      ...{ succeeds: ['DEV:GOV:5678'], ownedServers: ['DEV:GOV:77:SS1'] },
    })
    t.match(await node.must('GET', '/subsystems/DEV:GOV:77:tax'), {
      name: 'Taxes',
      registeredAt: ['DEV:GOV:1234:SS1', 'DEV:GOV:77:SS1'],
      groups: [{ code: 'owners' }],
    })
    t.match(await node.must('GET', '/subsystems/DEV:GOV:5678:tax'), {
      ...{ registeredAt: ['DEV:GOV:1234:SS1', 'DEV:GOV:77:SS1'], groups: [{ code: 'owners' }] },
    })
    const { versions } = (await node.must('GET', `/contracts/${content.contract}`)) as Whole
    const [first, second] = [versions[0]!, versions[1]!]
    t.match([first.state, second.state, second.seals], ['ACTIVE', 'PROPOSED', []], 'nobody has sealed it')
    t.match(second.content, {
      ...{
        consumers: { subsystems: ['DEV/GOV/77/tax'] },
        contacts: [{ member: NEW }],
        purpose: content.purpose,
      },
    })
    const complete = `/successions/${begun.id}/complete`
    t.match(await node.call('POST', complete), { status: 409, body: { message: /still name/ } })
    await sealed(second.content, heir, NEW)
    await t.rejects(sealed(second.content, guest, GUEST), 'the predecessor has no part in it')
    await sealed(second.content, owner, OWNER)
    const withdraw = { contract: undecided.contract, act: 'withdraw', reason: 'Taken over.' }
    await send(
      '/acts',
      contractDocument(
        'act',
        { ...withdraw, hash: hashOf(undecided) },
        { by: guest, signer: GUEST, at: world.clock.now },
      ),
    )
    world.clock.now += 1000
    // The server that the successor took over reports nothing, like X-Road's; the other one has to be able to
    // sign for it.
    await reports([OWNER])
    t.match(await node.call('POST', complete), {
      ...{ status: 409, body: { message: /1234\/SS1 reports no valid signing certificate of DEV\/GOV\/77/ } },
    })
    await reports([OWNER, NEW], -1000)
    t.equal((await node.call('POST', complete)).status, 409, 'one that has expired')
    await reports([OWNER, NEW], 86_400_000, 'revoked')
    t.equal((await node.call('POST', complete)).status, 409, 'one that is revoked')
    await reports([OWNER, NEW])
    t.equal((await node.call('POST', complete)).status, 204)
    t.equal((await node.call('POST', complete)).status, 409, 'once')
    t.match(
      await node.must('GET', '/subsystems/DEV:GOV:5678:tax'),
      { registeredAt: [], groups: [] },
      'still findable',
    )
    t.match(await node.must('GET', `/successions/${begun.id}`), {
      state: 'completed',
      completedBy: /initial/,
    })
    t.match(
      await node.must('GET', '/members/DEV:GOV:5678'),
      { groups: [{ code: 'owners' }] },
      'it goes on itself',
    )
    t.match(await node.must('GET', '/members/DEV:GOV:77'), { groups: [] })
    t.equal(((await node.must('GET', '/successions?member=DEV:GOV:77')) as object[]).length, 1)
    t.equal((await node.call('DELETE', '/members/DEV:GOV:5678')).status, 409, 'it stays in the register')

    // Another member takes over the other half: a split.
    const other = { successor: 'DEV:GOV:1234', subsystems: [{ subsystemCode: 'customs', as: 'duties' }] }
    t.equal((await node.call('POST', '/members/DEV:GOV:5678/successions', other)).status, 201)
    t.match(await node.must('GET', '/members/DEV:GOV:5678'), { succeededBy: ['DEV:GOV:1234', 'DEV:GOV:77'] })

    for (const [id, body, status] of [
      ['DEV:GOV:5678', other, 409],
      ['DEV:GOV:77', { successor: 'DEV:GOV:77' }, 400],
      ['DEV:GOV:77', { successor: 'DEV:GOV:5678' }, 409],
      ['DEV:GOV:9', { successor: 'DEV:GOV:77' }, 404],
      ['DEV:GOV:77', { successor: 'DEV:GOV:9' }, 404],
      ['DEV:GOV:1234', { successor: 'DEV:GOV:77', subsystems: [{ subsystemCode: 'none' }] }, 404],
      ['DEV:GOV:1234', { successor: 'DEV:GOV:77', subsystems: [{ subsystemCode: 'plain', as: 'tax' }] }, 409],
      ['DEV:GOV:1234', { successor: 'DEV:GOV:77', servers: ['SS1'] }, 409],
      ['DEV:GOV:1234', { successor: 'DEV:GOV:77', servers: ['SS9'] }, 404],
      ['DEV:GOV:1234', { successor: 'OTHER:GOV:77' }, 400],
      ['DEV:GOV:1234', { successor: 'DEV:GOV:77', subsystems: [{ subsystemCode: '..' }] }, 400],
      ['DEV:GOV:1234', { successor: 'DEV:GOV:77', subsystems: [{ subsystemCode: 'a', as: ' b' }] }, 400],
      ['DEV:GOV:1234', { successor: 'DEV:GOV:77', more: 1 }, 400],
      ['DEV:GOV:1234:plain', { successor: 'DEV:GOV:77' }, 400],
    ] as const) {
      const reply = await node.call('POST', `/members/${id}/successions`, body)
      t.equal(reply.status, status, `${id} ${JSON.stringify(body)}: ${reply.bytes.toString()}`)
    }
    t.equal((await node.call('POST', '/successions/99/complete')).status, 404)
    const provider = { successor: 'DEV:GOV:77', subsystems: [{ subsystemCode: 'plain' }] }
    await node.must('PUT', '/system/monitoring-client', { client: 'DEV:GOV:1234:plain' })
    const third = (await node.must('POST', '/members/DEV:GOV:1234/successions', provider)) as Plan & {
      id: number
    }
    t.match(third.byPeople.join('\n'), /name DEV\/GOV\/77\/plain as the provider of management services/)
    t.match(third.byPeople.join('\n'), /name DEV\/GOV\/77\/plain as the monitoring client/)
    t.match(await node.call('POST', `/successions/${third.id}/complete`), {
      ...{ status: 409, body: { message: /provider of management services|still name/ } },
    })
    await node.must('POST', '/suspensions', { kind: 'member', subject: 'DEV:GOV:77', reason: 'stolen' })
    const late = await node.call('POST', '/members/DEV:GOV:1234/succession-plan', { successor: 'DEV:GOV:77' })
    t.match(late, { status: 409, body: { message: /suspended/ } })
    await node.stop()
  })
})

void t.test('what is suspended is taken over by nobody, under no other name', async (t) => {
  const { node } = await start(t, undefined)
  for (const [kind, subject] of [
    ['server', 'DEV:GOV:5678:SS1'],
    ['subsystem', 'DEV:GOV:5678:tax'],
  ] as const)
    await node.must('POST', '/suspensions', { kind, subject, reason: 'It was taken over.' })
  const customs = { subsystems: [{ subsystemCode: 'customs' }] }
  for (const [taking, said] of [
    [{ ...customs, servers: ['SS1'] }, /the security server DEV\/GOV\/5678\/SS1 is suspended/],
    [{ subsystems: [{ subsystemCode: 'tax', as: 'other' }] }, /DEV\/GOV\/5678\/tax is suspended/],
    [{}, /DEV\/GOV\/5678\/tax is suspended/],
  ] as const)
    t.match(
      await node.call('POST', '/members/DEV:GOV:5678/successions', { successor: 'DEV:GOV:77', ...taking }),
      { status: 409, body: { message: said } },
    )
  t.match(await node.must('GET', '/members/DEV:GOV:77'), { ownedServers: [] })
  const rest = { successor: 'DEV:GOV:77', ...customs }
  t.equal((await node.call('POST', '/members/DEV:GOV:5678/successions', rest)).status, 201, 'the rest is')
  await node.stop()
})

t.test('pairs and names', (t) => {
  const pair = { predecessor: 'A', successor: 'B' }
  t.doesNotThrow(() => checkPair(pair, [{ ...pair, isCompleted: true }], []), 'more later')
  t.throws(() => checkPair(pair, [{ ...pair, isCompleted: false }], []), { code: 'conflict' })
  t.throws(() => checkPair(pair, [{ predecessor: 'B', successor: 'C', isCompleted: true }], []), {
    code: 'conflict',
  })
  const now = Date.now()
  const content = contentAt(now, { consumers: { subsystems: ['DEV/GOV/5678/tax', 'DEV/GOV/77/tax'] } })
  const q = { version: 2, supersedes: 'a'.repeat(64), now: new Date(now).toISOString() }
  const next = succeeded(content, [{ from: 'DEV/GOV/5678/tax', to: 'DEV/GOV/77/tax' }], q)
  t.same(next.consumers, { subsystems: ['DEV/GOV/77/tax'] }, 'merged, not doubled')
  t.equal(next.validUntil, content.validUntil, 'not extended')
  t.throws(() => succeeded(content, [{ from: 'DEV/GOV/5678/tax', to: 'DEV/GOV/1234/plain' }], q), {
    code: 'invalid_contract',
  })
  t.throws(() => succeeded({ ...content, validUntil: q.now }, [], q), { code: 'invalid_contract' })
  t.end()
})
