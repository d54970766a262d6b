/** What an act would do, at a real registry on both databases: told as it then happens, and nothing changed by telling. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { contentAt, contractDocument, sealOf } from '#test/fakes/contracts.ts'
import { authenticationParty } from '#test/fakes/management-requests.ts'
import { newestOf, publish, setUp, until } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { authority, GUEST, guest, OWNER, owner } from '#test/fakes/request-world.ts'
import { compare, type Snapshot } from './rules.ts'

type Named<T = string> = { total: number; first: T[] }
type Consequences = {
  possible: boolean
  refusal?: { type: string; message: string }
  notKnown: string[]
  certificates: Named<{ sha256: string; server: string }>
  contracts: Named<{ contract: string; title: string }>
  services: Named<{ provider: string; serviceCode: string }>
} & Record<'members' | 'clients' | 'withoutServer' | 'securityServers' | 'signers', Named>

const [first, second] = [await authenticationParty(authority), await authenticationParty(authority)]
const foresee = async (node: Node, query: string): Promise<Consequences> =>
  (await node.must('GET', `/consequences?operation=${query}`)) as Consequences

void t.test('each act, before it is done', async (t) => {
  await eachDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, database.dialect === 'sqlite' ? undefined : url)
    const node = await world.start({ registration: true })
    await setUp(node, authority)
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
    await node.must('POST', '/members/DEV:GOV:5678/subsystems', { subsystemCode: 'tax' })
    await node.must('POST', '/security-servers', { id: 'DEV:GOV:1234:SS2', address: 'ss2.example' })
    for (const [server, client, party] of [
      ['SS1', 'DEV:GOV:1234:plain', first],
      ['SS2', 'DEV:GOV:1234:plain', second],
      ['SS1', 'DEV:GOV:5678:tax', undefined],
    ] as const) {
      const at = `/security-servers/DEV:GOV:1234:${server}`
      await node.must('POST', `${at}/clients`, { client })
      if (party !== undefined)
        await node.must('POST', `${at}/authentication-certificates`, party.certificate.der)
    }
    const content = contentAt(world.clock.now)
    for (const [path, bytes] of [
      ['', contractDocument('proposal', { content }, { by: guest, signer: GUEST, at: world.clock.now })],
      ['/seals', sealOf(content, { by: guest, signer: GUEST, at: world.clock.now })],
      ['/seals', sealOf(content, { by: owner, signer: OWNER, at: world.clock.now })],
    ] as const)
      t.equal((await node.register(`/registration/v1/contracts${path}`, bytes)).status, 200)
    await publish(node)
    const newest = await newestOf(node)

    const server = await foresee(node, 'deleteSecurityServer&id=DEV:GOV:1234:SS1')
    t.match(server, {
      possible: true,
      securityServers: { total: 1, first: ['DEV:GOV:1234:SS1'] },
      certificates: { total: 1, first: [{ sha256: first.certificate.sha256, server: 'DEV:GOV:1234:SS1' }] },
      withoutServer: { total: 2, first: ['DEV:GOV:1234:pop ä', 'DEV:GOV:5678:tax'] },
      members: { total: 2, first: ['DEV:GOV:1234', 'DEV:GOV:5678'] },
      contracts: { total: 1, first: [{ contract: content.contract, title: content.title, state: 'ACTIVE' }] },
      services: { total: 1, first: [{ provider: 'DEV:GOV:1234:plain', serviceCode: 'persons' }] },
    })
    t.ok(server.clients.first.includes('DEV:GOV:1234:plain'), 'loses one of two ways')
    t.match(server.notKnown[0], /message logs/, 'calls are not invented')
    t.notMatch(JSON.stringify(server.contracts), /purpose/)

    const { id } = ((await node.must('GET', '/certification-services')) as { id: number }[])[0]!
    const top = await foresee(node, `deleteCertificationService&id=${id}`)
    const below = await foresee(node, `deleteIntermediateCa&id=${id}&sha256=${authority.intermediate.sha256}`)
    for (const ca of [top, below])
      t.match(ca, {
        securityServers: { total: 2 },
        certificates: { total: 2 },
        withoutServer: { total: 4 },
        signers: { total: 2, first: ['DEV:GOV:1234', 'DEV:GOV:5678'] },
      })
    const member = await foresee(node, 'addSuspension&kind=member&id=DEV:GOV:5678')
    t.match(member, {
      withoutServer: { total: 1, first: ['DEV:GOV:5678:tax'] },
      securityServers: { total: 0 },
    })
    t.equal(member.contracts.total, 1)
    const certificate = `addSuspension&kind=certificate&id=${second.certificate.sha256}`
    t.match(await foresee(node, certificate), {
      securityServers: { first: ['DEV:GOV:1234:SS2'] },
      certificates: { total: 1 },
      withoutServer: { total: 0 },
    })
    for (const act of ['terminateContract', 'suspendContract'])
      t.match(await foresee(node, `${act}&id=${content.contract}`), {
        contracts: { total: 1 },
        services: { total: 1 },
        members: { total: 2 },
        withoutServer: { total: 0 },
      })
    t.match(await foresee(node, 'deleteClient&id=DEV:GOV:1234:SS1&client=DEV:GOV:5678:tax'), {
      withoutServer: { first: ['DEV:GOV:5678:tax'] },
    })
    const tsa = ((await node.must('GET', '/timestamping-services')) as { id: number }[])[0]!
    t.match(await foresee(node, `deleteTimestampingService&id=${tsa.id}`), {
      possible: true,
      members: { total: 0 },
    })

    for (const [query, type] of [
      ['deleteMember&id=DEV:GOV:5678', 'conflict'],
      ['deleteSubsystem&id=DEV:GOV:5678:tax', 'conflict'],
      ['deleteMember&id=DEV:GOV:9', 'not_found'],
      ['deleteSecurityServer&id=DEV:GOV:1234:SS9', 'not_found'],
      ['deleteCertificationService&id=999', 'not_found'],
      ['deleteCertificationService&id=DEV:GOV:9', 'invalid_input'],
      ['deleteIntermediateCa&id=1', 'invalid_input'],
      ['addSuspension&id=DEV:GOV:1234', 'invalid_input'],
      ['addSuspension&kind=member&id=OTHER:GOV:1234', 'invalid_input'],
      [`terminateContract&id=${randomUUID()}`, 'not_found'],
    ])
      t.match(await foresee(node, query!), { possible: false, refusal: { type } }, query!)
    for (const query of [
      '',
      '?operation=addMember&id=1',
      '?operation=deleteMember',
      '?operation=deleteMember&id=',
    ])
      t.equal((await node.call('GET', `/consequences${query}`)).status, 400, query)

    t.same(await node.must('GET', '/suspensions'), [], 'nothing was done')
    t.equal(((await node.must('GET', '/security-servers')) as unknown[]).length, 2)
    t.same((await newestOf(node))?.index, newest?.index, 'and nothing published')
    // As it was told, so it is.
    await node.must('POST', '/suspensions', { kind: 'member', subject: 'DEV:GOV:5678', reason: 'stolen' })
    t.match(await foresee(node, 'addSuspension&kind=member&id=DEV:GOV:5678'), { possible: false })
    t.equal(
      (await foresee(node, 'deleteClient&id=DEV:GOV:1234:SS1&client=DEV:GOV:5678:tax')).withoutServer.total,
      0,
    )
    await until(async () => (await newestOf(node)) !== null)
    await node.stop()
  })
})

t.test('owners exchange by their own servers; what was suspended before is not lost again', (t) => {
  const before: Snapshot = {
    servers: [{ id: 'A/B/C/S', owner: 'A/B/C' }],
    certificates: [{ sha256: 'a', server: 'A/B/C/S', notAfter: '' }],
    clients: [{ server: 'A/B/C/S', client: 'A/B/D/x' }],
    suspended: [],
  }
  const gone = compare(before, { ...before, certificates: [] })
  t.match(gone, { withoutServer: ['A/B/C', 'A/B/D/x'], servers: ['A/B/C/S'], members: ['A/B/C', 'A/B/D'] })
  const suspended = { ...before, suspended: [{ kind: 'certificate' as const, subject: 'a' }] }
  t.same(compare(before, suspended).certificates.length, 1)
  t.same(compare(suspended, suspended).certificates, [])
  const owner = { ...before, suspended: [{ kind: 'member' as const, subject: 'A/B/C' }] }
  t.same(compare(before, owner).withoutServer, ['A/B/C'], "others stay clients of a suspended owner's server")
  t.same(
    compare(before, { ...before, clients: [...before.clients, { server: 'A/B/C/S', client: 'A/B/E/y' }] }),
    {
      ...{ members: [], clients: [], withoutServer: [], servers: [], certificates: [] },
    },
  )
  t.end()
})
