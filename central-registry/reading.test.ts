import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { certificationRequest, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { createChange } from './changes/store.ts'
import { createOverviewStore } from './features/overview/store.ts'
import { createGroupStore } from './groups/store.ts'
import { createRelationStore } from './members/relations-store.ts'
import { createMemberStore } from './members/store.ts'
import { openRegistryDatabase } from './registry.ts'
import { createServerStore } from './servers/store.ts'

const AT = '2026-03-01T12:00:00.000Z'
const member = (memberCode: string) => ({ instance: 'DEV', memberClass: 'GOV', memberCode })
const subsystem = (memberCode: string, subsystemCode: string) => ({ ...member(memberCode), subsystemCode })
const server = (memberCode: string, serverCode = 'SS1') => ({ ...member(memberCode), serverCode })
const page = { offset: 0, limit: 50 }
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })

void t.test('lists by page and search', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const database = await openRegistryDatabase(url)
    t.teardown(() => database.close())
    const change = createChange(database, async () => undefined)
    const members = createMemberStore(database, change)
    const groups = createGroupStore(database, change)
    const servers = createServerStore(database, change)
    const relations = createRelationStore(database)
    const overview = createOverviewStore(database)
    await members.addClass('GOV', 'Government')
    const names = ['100% owner', 'under_score', 'back\\slash', "O'Hara", 'Ärzte', 'plain']
    for (const [at, name] of names.entries()) {
      await members.addMember(member(`m${at}`), name, AT)
      await members.addSubsystem(subsystem('m0', `s${at}`), name, AT)
      await servers.addServer(server(`m${at}`), `host${at}.example`, AT)
      await groups.addGroup(`g${at}`, name)
    }
    await members.addMember(member('çedilla 1'), 'x', AT)
    const found = async (q: string): Promise<string[]> =>
      (await members.members({ ...page, q })).map(({ name }) => name)
    t.same(await found('%'), ['100% owner'])
    t.same(await found('_'), ['under_score'])
    t.same(await found('\\'), ['back\\slash'])
    t.same(await found("'"), ["O'Hara"])
    t.same(await found('PLAIN'), ['plain'], 'either case')
    t.same(await found('Ärz'), ['Ärzte'])
    t.same(await found('GOV:M3'), ["O'Hara"], 'an id with colons')
    t.same(await found('gov/m3'), ["O'Hara"], 'or with slashes')
    t.same(await found('çedilla 1'), ['x'], 'as it is read, not as it is stored')
    t.same(await found('no such'), [])
    t.equal((await found('')).length, 7)
    const ids = (rows: { id: string }[]): string[] => rows.map(({ id }) => id.split('/').at(-1)!)
    t.same(ids(await members.members({ offset: 3, limit: 2 })), ['m2', 'm3'])
    t.same(ids(await members.subsystems(member('m0'), { offset: 5, limit: 2 })), ['s5'])
    t.same(ids(await members.subsystems(member('m0'), { ...page, q: 'own' })), ['s0'])
    t.same(
      (await servers.servers({ offset: 1, limit: 2 })).map(({ address }) => address),
      ['host1.example', 'host2.example'],
    )
    t.equal((await servers.servers({ ...page, q: 'HOST3' })).length, 1)
    t.same(
      (await groups.groups({ offset: 0, limit: 50, q: '%' })).map(({ code }) => code),
      ['g0'],
    )
    t.equal((await groups.groups({ offset: 7, limit: 50 })).length, 0)

    // Every list has the total, whichever page is shown.
    await members.addClass('COM', 'Commerce')
    await members.addMember({ ...member('c'), memberClass: 'COM' }, 'AG', AT)
    await members.addSubsystem({ ...subsystem('c', 's'), memberClass: 'COM' }, 'Of AG', AT)
    t.equal(await members.countMembers({}), 8)
    t.equal(await members.countMembers({ q: 'o', memberClass: 'GOV' }), 7, 'GOV itself has an o')
    t.equal(await members.countMembers({ memberClass: 'COM' }), 1)
    t.equal(await members.countMembers({ memberClass: "'; --" }), 0)
    t.equal(await members.countSubsystemsOf(member('m0'), { q: '%' }), 1)
    t.equal(await members.countSubsystems({}), 7)
    t.equal(await members.countSubsystems({ q: 'own', memberClass: 'GOV' }), 1)
    t.match(await members.allSubsystems({ ...page, memberClass: 'COM' }), [
      { id: 'DEV/COM/c/s', name: 'Of AG', member_name: 'AG' },
    ])
    t.same([await servers.countServers({}), await servers.countServers({ q: 'host3' })], [6, 1])
    t.same([await groups.countGroups({}), await groups.countGroups({ q: '_' })], [7, 1])
    const firstOf = async (sort: string): Promise<string> =>
      (await members.members({ ...page, limit: 1, memberClass: 'GOV', sort }))[0]!.id
    t.same(
      [await firstOf('id'), await firstOf('-id'), await firstOf('name')],
      ['DEV/GOV/%C3%A7edilla%201', 'DEV/GOV/m5', 'DEV/GOV/m0'],
    )
    t.equal(ids(await servers.servers({ ...page, sort: '-address' }))[0], 'SS1')
    t.equal((await groups.groups({ ...page, sort: '-code' }))[1]!.code, 'g5')
    for (const sort of ['created_at', 'id desc', '', '--id', '__proto__'])
      t.equal(await codeOf(async () => members.members({ ...page, sort })), 'invalid_input', sort)

    // Single entries, with what refers to them.
    t.match(await members.member(member('m4')), { id: 'DEV/GOV/m4', name: 'Ärzte' })
    t.equal(await codeOf(members.member(member('none'))), 'not_found')
    t.match(await members.subsystem(subsystem('m0', 's3')), { name: "O'Hara", member_name: '100% owner' })
    t.equal(await codeOf(members.subsystem(subsystem('m0', 'none'))), 'not_found')
    t.match(await servers.server(server('m1')), { owner: 'DEV/GOV/m1', owner_name: 'under_score' })
    t.equal(await codeOf(servers.server(server('none'))), 'not_found')
    t.equal(await codeOf(groups.group('none')), 'not_found')
    for (const client of [subsystem('m0', 's3'), subsystem('m0', 's1'), member('m3')]) {
      await servers.addClient(server('m1'), client)
      await groups.addGroupMember('g2', client)
    }
    const clients = await servers.clients(server('m1'), page)
    t.same(
      clients.map(({ client, name }) => `${client} ${name}`),
      ['DEV/GOV/m0/s1 under_score', "DEV/GOV/m0/s3 O'Hara", "DEV/GOV/m3 O'Hara"],
    )
    t.equal((await servers.clients(server('m1'), { ...page, q: 'hara', limit: 1 })).length, 1)
    t.equal(await servers.countClients(server('m1'), { q: 'hara' }), 2)
    t.equal(await codeOf(servers.clients(server('none'), page)), 'not_found')
    t.same(await groups.groupMembers('g2', { ...page, q: 'm3' }), [{ client: 'DEV/GOV/m3', name: "O'Hara" }])
    t.equal(await groups.countGroupMembers('g2', {}), 3)
    t.same(await relations.ownedServers(member('m1')), ['DEV/GOV/m1/SS1'])
    t.same(await relations.registeredAt(subsystem('m0', 's3')), ['DEV/GOV/m1/SS1'])
    t.same(await relations.groupsOf(subsystem('m0', 's3')), [{ code: 'g2', description: 'back\\slash' }])
    t.match(await relations.groupsOf(member('m5')), [{ code: 'security-server-owners' }])

    const der = (byte: number) => ({ sha256: `${byte}`.repeat(64), der: Buffer.from([byte]) })
    await servers.addCertificate(server('m1'), { ...der(1), notAfter: new Date('2026-03-01') }, AT)
    await servers.addCertificate(server('m2'), { ...der(2), notAfter: new Date('2026-04-01') }, AT)
    t.same(await overview.counts(), { member: 8, subsystem: 7, security_server: 6, global_group: 7 })
    const withoutAt = '2026-03-02T00:00:00.000Z'
    t.equal(await servers.countServers({ withoutAt }), 5)
    t.notOk((await servers.servers({ ...page, withoutAt })).some(({ id }) => id === 'DEV/GOV/m2/SS1'))
    t.equal(await overview.countExpiring('2026-05-01T00:00:00.000Z'), 2)
    t.match(await overview.expiring('2026-05-01T00:00:00.000Z', 1), [{ server: 'DEV/GOV/m1/SS1' }])
  })
})

void t.test(
  'what a console shows: totals, one noun with what it belongs to, a searched audit log',
  async (t) => {
    const world = registryWorld(t)
    const node = await world.start()
    await setUp(node, authority)
    const certificate = await authority.issue({
      request: certificationRequest(),
      profile: 'authentication',
      subject: [['CN', 'ss1.example']],
      notBefore: new Date(world.clock.now - 1000),
      notAfter: new Date(world.clock.now + 10 * 86_400_000),
    })
    const server = '/security-servers/DEV:GOV:1234:SS1'
    await node.must('POST', `${server}/authentication-certificates`, certificate.der)
    const total = async (at: string): Promise<unknown> =>
      (await node.call('GET', at)).headers['x-total-count']
    for (const [at, expected] of [
      ['/members', '1'],
      ['/members?memberClass=COM', '0'],
      ['/members?offset=7', '1'],
      ['/subsystems?offset=1', '2'],
      ['/subsystems?limit=2', '2'],
      ['/members/DEV:GOV:1234/subsystems?limit=1', '2'],
      ['/subsystems?limit=1&q=pop', '1'],
      ['/security-servers?offset=1', '1'],
      [`${server}/clients?q=persons`, '1'],
      ['/global-groups', '2'],
      ['/global-groups/security-server-owners/members', '1'],
      ['/global-groups/owners/members', '1'],
      ['/security-servers?certificate=none', '0'],
      ['/audit-log?q=nobody%20did%20this', '0'],
      ['/audit-log?target=/api/v1/members/DEV:GOV:1234', '2'],
      ['/audit-log?target=/api/v1/members/DEV:GOV:123', '0'],
      ['/audit-log?target=/api/v1/global-groups', '2'],
      ['/audit-log?target=%25', '0'],
    ] as const)
      t.equal(await total(at), expected, at)
    const name = 'Ämter & "Söhne" <1>'
    t.match(await node.must('GET', '/members/DEV:GOV:1234'), {
      ...{ id: 'DEV:GOV:1234', name, subsystems: 2, ownedServers: ['DEV:GOV:1234:SS1'] },
      ...{
        registeredAt: [],
        groups: [{ code: 'owners', description: 'Owners' }, { code: 'security-server-owners' }],
      },
    })
    t.match(await node.must('GET', '/subsystems/DEV:GOV:1234:pop%20%C3%A4'), {
      ...{ name: 'Persons', memberName: name, registeredAt: ['DEV:GOV:1234:SS1'], groups: [] },
    })
    t.match(await node.must('GET', server), {
      ...{ owner: 'DEV:GOV:1234', ownerName: name, address: 'ss1.example', clients: 1 },
      authenticationCertificates: [{ sha256: certificate.sha256, subject: /ss1.example/ }],
    })
    t.match(await node.must('GET', `${server}/clients`), [{ id: 'DEV:GOV:1234:pop ä', name: 'Persons' }])
    t.same(await node.must('GET', '/global-groups/owners'), {
      ...{ code: 'owners', description: 'Owners', keptByRegistry: false, members: 1 },
    })
    t.match(await node.must('GET', '/global-groups/security-server-owners'), { keptByRegistry: true })
    t.match(await node.must('GET', '/search?q=1234&limit=1'), [
      { kind: 'member', total: 1, found: [{ id: 'DEV:GOV:1234', words: name }] },
      { kind: 'subsystem', total: 2, found: [{ id: 'DEV:GOV:1234:plain' }] },
      { kind: 'server', total: 1, found: [{ id: 'DEV:GOV:1234:SS1', words: 'ss1.example' }] },
    ])
    t.match(await node.must('GET', '/overview'), {
      counts: { members: 1, subsystems: 2, securityServers: 1, globalGroups: 2 },
      serversWithoutCertificate: 0,
      expiringCertificates: {
        total: 1,
        soonest: [{ server: 'DEV:GOV:1234:SS1' }],
        weeks: [{ certificates: 0 }, { certificates: 1 }, { certificates: 0 }],
      },
    })
    await node.must('POST', '/configuration/publish')
    const { parts } = (await node.must('GET', '/configuration')) as { parts: { path: string }[] }
    t.equal(parts.length, 6)
    t.match((await node.get(parts[0]!.path)).status, 200)
    type Entry = { operation: string; at: string }
    const added = (await node.must('GET', '/audit-log?q=ADDMEMBER&limit=1&offset=1')) as Entry[]
    t.match(added, [{ operation: 'addMember' }], 'newest first: the second is older than the class')
    const [first] = added
    const span = `from=${first!.at}&until=${new Date(Date.parse(first!.at) + 1).toISOString()}`
    t.ok(Number(await total(`/audit-log?${span}`)) >= 1)
    t.equal(await total('/audit-log?until=2000-01-01T00:00:00%2B02:00'), '0')
  },
)
