import t from 'tap'
import { type Database, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { createChange } from './changes/store.ts'
import { createSigningKeyStore } from './configuration/signing-keys/store.ts'
import { createPublicationStore } from './configuration/store.ts'
import { registryMigrations } from './features.ts'
import { createGroupStore } from './groups/store.ts'
import { createMemberStore } from './members/store.ts'
import type { RegisterTables } from './register/tables.ts'
import { openRegistryDatabase } from './registry.ts'
import { createServerStore } from './servers/store.ts'
import { createTrustStore } from './trust/store.ts'

const AT = '2026-03-01T12:00:00.000Z'
const member = (memberCode: string) => ({ instance: 'DEV', memberClass: 'GOV', memberCode })
const subsystem = (memberCode: string, subsystemCode: string) => ({ ...member(memberCode), subsystemCode })
const server = (memberCode: string, serverCode = 'SS1') => ({ ...member(memberCode), serverCode })
const page = { offset: 0, limit: 50 }

function storesOf(database: Database) {
  const announced: number[] = []
  const change = createChange(database, async () => {
    announced.push(1)
  })
  return {
    announced,
    change,
    members: createMemberStore(database, change),
    groups: createGroupStore(database, change),
    servers: createServerStore(database, change),
    trust: createTrustStore(database, change),
    keys: createSigningKeyStore(database, change),
    publications: createPublicationStore(database),
  }
}

/** The public text of the fault that an act throws. */
async function textOf(act: Promise<unknown>): Promise<string> {
  const thrown: unknown = await act.catch((fault: unknown) => fault)
  return thrown instanceof Fault ? `${thrown.code}: ${thrown.what}` : 'accepted'
}

/** Counts the outcomes by code. */
async function outcomes(acts: Promise<unknown>[]): Promise<Record<string, number>> {
  const codes = await Promise.all(acts.map((act) => codeOf(act)))
  return Object.fromEntries(
    [...Map.groupBy(codes, (code) => code)].map(([code, found]) => [code, found.length]),
  )
}

// Every existing database has these names in its table of migrations. A renamed migration would run again; a
// missing one prevents the start.
const MIGRATIONS = [
  ...['api-keys-001', 'api-keys-002', 'api-keys-003', 'api-keys-004-form'],
  ...['audit-log-001', 'audit-log-002-target', 'audit-log-003-stream'],
  'audit-log-004-caller',
  'idempotency-keys-001',
  ...['jobs-001', 'nodes-001', 'nodes-002-settings'],
  ...['passkeys-001', 'passkeys-002-codes', 'passkeys-003-lost'],
  'registry-001',
  'registry-002-certificate-expiry',
  'registry-003-revision',
  'registry-004-owners-group',
  'registry-004-signing-key-life',
  'registry-audit-orders-001',
  'registry-backups-001',
  'registry-catalogue-001',
  'registry-catalogue-002-audiences',
  'registry-contracts-001',
  'registry-contracts-002-review',
  'registry-contracts-003-services',
  'registry-contracts-004-contacts',
  'registry-contracts-005-known-contacts',
  'registry-contracts-006-grace',
  'registry-deadlines-001',
  'registry-federation-001',
  'registry-federation-002-contracts',
  ...['registry-fleet-001', 'registry-fleet-002'],
  'registry-identity-001',
  'registry-identity-002',
  'registry-identity-003-replaced-keys',
  'registry-imports-001',
  'registry-mail-001',
  'registry-mandates-001',
  ...['registry-people-001', 'registry-people-002', 'registry-people-003'],
  ...['registry-public-log-001', 'registry-public-log-002-origins', 'registry-public-log-003-servers'],
  'registry-public-log-004-lines-by-server',
  'registry-requests-001',
  'registry-restorations-001',
  'registry-successions-001',
  'registry-suspensions-001',
  'registry-transparency-log-002-kinds',
  ...['registry-trust-001', 'registry-trust-002-settings', 'registry-trust-003-acme'],
  'registry-trust-003-issuers',
  'revisions-001',
  ...['sessions-001', 'sessions-002-passkeys', 'shared-files-001', 'shared-files-002'],
  'witness-001',
]

void t.test('names of migrations stay as they are; new ones are added', (t) => {
  t.same(Object.keys(registryMigrations).sort(), MIGRATIONS)
  t.end()
})

void t.test('members, subsystems, servers and groups', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const database = await openRegistryDatabase(url)
    t.teardown(() => database.close())
    const { members, groups, servers, announced } = storesOf(database)
    t.equal(
      await textOf(members.addMember(member('1'), 'One', AT)),
      'invalid_input: there is no member class GOV',
    )
    await members.addClass('GOV', 'Government')
    t.equal(await codeOf(members.addClass('GOV', 'Again')), 'conflict')
    const { classes, countClasses, addClass, deleteClass } = members
    await addClass('COM', 'Companies')
    t.match(await classes({ offset: 0, limit: 10 }), [{ code: 'COM' }, { code: 'GOV' }])
    t.match(await classes({ offset: 1, limit: 1 }), [{ code: 'GOV' }])
    t.match(await classes({ q: 'compan', offset: 0, limit: 10 }), [{ code: 'COM' }])
    t.strictSame([await countClasses({}), await countClasses({ q: '%' })], [2, 0])
    await deleteClass('COM')
    t.equal(await textOf(members.deleteClass('COM')), 'not_found: the member class COM')
    await members.addMember(member('1'), 'One', AT)
    t.equal(
      await textOf(members.addMember(member('1'), 'Two', AT)),
      'conflict: the member DEV/GOV/1 exists already',
    )
    t.same(await members.members(page), [{ id: 'DEV/GOV/1', name: 'One', created_at: AT }])
    await members.renameMember(member('1'), 'New')
    t.equal(await codeOf(members.renameMember(member('2'), 'x')), 'not_found')
    t.equal(await codeOf(members.addSubsystem(subsystem('2', 'a'), '', AT)), 'not_found')
    await members.addSubsystem(subsystem('1', 'a'), 'A', AT)
    t.equal(await codeOf(members.addSubsystem(subsystem('1', 'a'), '', AT)), 'conflict')
    t.same(await members.subsystems(member('1'), page), [{ id: 'DEV/GOV/1/a', name: 'A', created_at: AT }])
    t.equal(await codeOf(members.subsystems(member('2'), page)), 'not_found')

    t.equal(await textOf(servers.addServer(server('2'), 'a.example', AT)), 'not_found: the member DEV/GOV/2')
    await servers.addServer(server('1'), 'a.example', AT)
    t.equal(await codeOf(servers.addServer(server('1'), 'b.example', AT)), 'conflict')
    await servers.changeAddress(server('1'), 'b.example')
    t.equal(await codeOf(servers.changeAddress(server('1', 'x'), 'b.example')), 'not_found')
    t.same(await servers.servers(page), [
      { id: 'DEV/GOV/1/SS1', address: 'b.example', created_at: AT, maintenance: null },
    ])
    const certificate = { sha256: 'ab'.repeat(32), der: Buffer.from([0, 1, 255]), notAfter: new Date(AT) }
    t.equal(await codeOf(servers.addCertificate(server('1', 'x'), certificate, AT)), 'not_found')
    await servers.addCertificate(server('1'), certificate, AT)
    t.equal(await codeOf(servers.addCertificate(server('1'), certificate, AT)), 'conflict')
    await servers.addClient(server('1'), subsystem('1', 'a'))
    t.equal(await codeOf(servers.addClient(server('1'), subsystem('1', 'a'))), 'conflict')
    t.equal(
      await textOf(servers.addClient(server('1'), subsystem('1', 'b'))),
      'not_found: the subsystem DEV/GOV/1/b',
    )
    t.equal(await codeOf(servers.addClient(server('1', 'x'), subsystem('1', 'a'))), 'not_found')
    t.match(await servers.belongings(['DEV/GOV/1/SS1']), {
      certificates: [{ sha256: certificate.sha256 }],
      clients: [{ client: 'DEV/GOV/1/a' }],
    })
    t.same(await servers.belongings([]), { certificates: [], clients: [] })

    await groups.addGroup('g', 'A group')
    t.equal(await codeOf(groups.addGroup('g', 'Again')), 'conflict')
    t.equal(await codeOf(groups.addGroupMember('x', member('1'))), 'not_found')
    t.equal(await codeOf(groups.addGroupMember('g', member('3'))), 'not_found')
    await groups.addGroupMember('g', member('1'))
    await groups.addGroupMember('g', subsystem('1', 'a'))
    t.equal(await codeOf(groups.addGroupMember('g', member('1'))), 'conflict')
    t.same(
      (await groups.membersOf(['g'])).map(({ client }) => client),
      ['DEV/GOV/1', 'DEV/GOV/1/a'],
    )
    t.same(await groups.membersOf([]), [])

    // What is referred to cannot be deleted, and the refusal says what refers to it.
    const before = announced.length
    t.match(await textOf(members.deleteClass('GOV')), /^conflict: .*referred to by 1 members/)
    t.match(
      await textOf(members.deleteMember(member('1'), AT)),
      /referred to by 1 subsystems, 1 security servers, 1 group memberships/,
    )
    t.match(
      await textOf(members.deleteSubsystem(subsystem('1', 'a'))),
      /referred to by 1 server registrations, 1 group memberships/,
    )
    t.match(await textOf(groups.deleteGroup('g')), /referred to by 2 members/)
    t.equal(announced.length, before, 'what failed is not announced')
    await servers.deleteClient(server('1'), subsystem('1', 'a'))
    t.equal(await codeOf(servers.deleteClient(server('1'), subsystem('1', 'a'))), 'not_found')
    await groups.deleteGroupMember('g', subsystem('1', 'a'))
    t.equal(await codeOf(groups.deleteGroupMember('g', subsystem('1', 'a'))), 'not_found')
    await groups.deleteGroupMember('g', member('1'))
    await groups.deleteGroup('g')
    t.equal(await codeOf(groups.deleteGroup('g')), 'not_found')
    await members.deleteSubsystem(subsystem('1', 'a'))
    t.equal(await codeOf(members.deleteSubsystem(subsystem('1', 'a'))), 'not_found')
    t.equal(await codeOf(servers.deleteCertificate(server('1'), 'cd'.repeat(32))), 'cert_not_found')
    await servers.deleteCertificate(server('1'), certificate.sha256.toUpperCase())
    await servers.addCertificate(server('1'), certificate, AT)
    await servers.deleteServer(server('1'), AT)
    t.equal(await codeOf(servers.deleteServer(server('1'), AT)), 'not_found')
    await members.deleteMember(member('1'), AT)
    t.equal(await codeOf(members.deleteMember(member('1'), AT)), 'not_found')
    await members.deleteClass('GOV')
    t.equal(announced.length, before + 10)
    await members.setOnce('instance', 'DEV')
    t.equal(await textOf(members.setOnce('instance', 'DEV')), 'conflict: the instance exists already')
    t.same(await members.parameters(), { instance: 'DEV' })
  })
})

void t.test('trust services and signing keys', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const database = await openRegistryDatabase(url)
    t.teardown(() => database.close())
    const { trust, keys, publications, announced } = storesOf(database)
    const authority = (byte: number) => ({
      certificate: { sha256: byte.toString(16).padStart(2, '0').repeat(32), der: Buffer.alloc(300, byte) },
      responders: [
        { url: 'http://a.example', certificate: Buffer.from([byte]), costType: 'PAID' as const },
        { url: 'http://b.example', certificate: undefined, costType: 'FREE' as const },
      ],
    })
    const csrFormat = 'PEM' as const
    const service = { name: 'CA', profile: 'x.Y', authenticationOnly: true, csrFormat, at: AT }
    const known = (): void => undefined
    const id = await trust.addService(service, authority(1), known)
    t.type(id, 'number')
    t.equal(
      await codeOf(trust.addService(service, authority(1), known)),
      'conflict',
      'one authority, one service',
    )
    t.same((await trust.services()).length, 1, 'and nothing of the second is left')
    const seen: Buffer[][] = []
    await trust.addIntermediate(id, authority(2), (own) => seen.push(own))
    t.same(seen, [[Buffer.alloc(300, 1)]])
    const refuse = (): void => {
      throw new Fault('invalid_cert_path')
    }
    t.equal(await codeOf(trust.addIntermediate(id, authority(3), refuse)), 'invalid_cert_path')
    t.equal(await codeOf(trust.addIntermediate(id + 1, authority(3), () => undefined)), 'not_found')
    t.equal(await codeOf(trust.addIntermediate(id, authority(2), () => undefined)), 'conflict')
    const approved = { id, name: 'CA', profile: 'x.Y', authentication_only: 1, csr_format: 'PEM' }
    for (const acme of [{ directoryUrl: 'https://acme.example/directory' }, undefined]) {
      await trust.setAcmeServer(id, acme)
      t.same(await trust.services(), [{ ...approved, acme_server: acme ? JSON.stringify(acme) : null }])
    }
    t.same(
      (await trust.authorities()).map((one) => [one.service, one.is_top, one.certificate.length]),
      [
        [id, 1, 300],
        [id, 0, 300],
      ],
    )
    t.same(
      (await trust.responders()).map(({ cost_type }) => cost_type),
      ['PAID', 'FREE', 'PAID', 'FREE'],
    )
    t.equal(
      await codeOf(trust.deleteIntermediate(id, '01'.repeat(32))),
      'conflict',
      'the top CA is the service',
    )
    t.equal((await trust.responders()).length, 4)
    await trust.deleteIntermediate(id, '02'.repeat(32))
    await trust.addIntermediate(id, authority(2), () => undefined)
    await trust.deleteService(id)
    t.equal(await codeOf(trust.deleteService(id)), 'not_found')
    t.same([await trust.authorities(), await trust.responders()], [[], []])
    const tsa = {
      name: 'TSA',
      url: 'http://tsa.example',
      certificate: Buffer.from([1, 2]),
      cost_type: 'FREE' as const,
    }
    const stamping = await trust.addTimestampingService(tsa)
    t.match(await textOf(trust.addTimestampingService(tsa)), /^conflict: .*http:\/\/tsa.example/)
    t.same(await trust.timestampingServices(), [{ id: stamping, ...tsa }])
    await trust.deleteTimestampingService(stamping)

    // What was approved before these settings keeps what was published of it.
    const tables = tablesOf<RegisterTables>(database)
    const old = { name: 'CA', profile: 'x.Y', authentication_only: 0, created_at: AT }
    await tables.insertInto('certification_service').values(old).execute()
    await tables
      .insertInto('timestamping_service')
      .values({ ...tsa, cost_type: undefined })
      .execute()
    t.match(
      [await trust.services(), await trust.timestampingServices()],
      [[{ csr_format: 'DER' }], [{ cost_type: 'UNDEFINED' }]],
    )
    for (const table of ['certification_service', 'timestamping_service'] as const)
      await tables.deleteFrom(table).execute()
    t.equal(await codeOf(trust.deleteTimestampingService(stamping)), 'not_found')

    const added = await Promise.all(
      ['a', 'b', 'c'].map((key) => keys.add({ id: key, certificate: Buffer.from(key), at: AT })),
    )
    t.equal(added.filter((key) => key.is_active === 1).length, 1, 'one is the first')
    const waiting = added.find((key) => key.is_active === 0)!.id
    const at = (ms: number) => ({ at: new Date(Date.parse(AT) + ms).toISOString(), force: false })
    const published = (index: number, ms: number) => {
      const publication = { index, generatedAt: at(ms).at, expiresAt: at(ms + 600_000).at }
      return publications.publish(async () => ({ publication, files: [], keptSince: AT }))
    }
    t.match(
      await textOf(keys.activate(waiting, at(1e9))),
      /no configuration that names this key was published/,
    )
    await published(1, 0)
    t.equal(await codeOf(keys.activate(waiting, at(0))), 'accepted', 'nobody had anything before')
    const late = (await keys.add({ id: 'd', certificate: Buffer.from('d'), at: AT })).id
    await published(2, 60_000)
    await published(3, 120_000)
    t.match(await textOf(keys.activate(late, at(599_999))), /wait until 2026-03-01T12:10:00.000Z/)
    await keys.activate(late, at(600_000))
    await Promise.all(added.map((key) => keys.activate(key.id, { ...at(0), force: true })))
    const listed = await keys.list()
    t.equal(listed.filter((key) => key.is_active === 1).length, 1)
    const active = listed.find((key) => key.is_active === 1)!.id
    t.equal(await codeOf(keys.remove(active)), 'conflict')
    t.equal(await codeOf(keys.remove('x')), 'key_not_found')
    t.equal(await codeOf(keys.activate('x', at(0))), 'key_not_found')
    for (const { id: key } of listed) if (key !== active) await keys.remove(key)
    t.same(
      (await keys.list()).map((key) => key.certificate),
      [Buffer.from(active)],
    )
    t.ok(announced.length > 0)
  })
})

void t.test('changes at the same time, from two nodes where the store has them', async (t) => {
  await eachRegistryDatabase(t, async (first, t, url) => {
    const database = await openRegistryDatabase(url)
    // SQLite belongs to one process with one connection.
    const second = first.dialect === 'sqlite' ? database : await openDatabase(url)
    t.teardown(() =>
      Promise.all(second === database ? [database.close()] : [database.close(), second.close()]),
    )
    const [a, b] = [storesOf(database), storesOf(second)]
    await a.members.addClass('GOV', 'Government')
    const either = (at: number) => (at % 2 === 0 ? a : b)
    const eight = [0, 1, 2, 3, 4, 5, 6, 7]
    t.same(await outcomes(eight.map((at) => either(at).members.addMember(member('1'), 'One', AT))), {
      accepted: 1,
      conflict: 7,
    })
    t.same(await outcomes(eight.map((at) => either(at).members.setOnce('instance', `DEV${at}`))), {
      accepted: 1,
      conflict: 7,
    })
    // Whichever act comes first, nothing is left that refers to a deleted row.
    for (let round = 0; round < 10; round++) {
      const id = member(`r${round}`)
      await a.members.addMember(id, 'Racing', AT)
      await Promise.allSettled([
        a.members.deleteMember(id, AT),
        b.members.addSubsystem({ ...id, subsystemCode: 's' }, '', AT),
        b.servers.addServer({ ...id, serverCode: 'SS' }, 'a.example', AT),
        a.groups.addGroup(`g${round}`, 'x').then(() => b.groups.addGroupMember(`g${round}`, id)),
        a.groups.deleteGroup(`g${round}`),
      ])
      const exists = (await a.members.members({ ...page, q: `r${round}` })).length === 1
      const refers = [
        ...(await a.servers.servers({ ...page, q: `r${round}` })),
        ...(await a.groups.membersOf([`g${round}`])),
        ...(exists ? await a.members.subsystems(id, page) : []),
      ]
      t.ok(exists || refers.length === 0, 'no reference into nothing')
      const groups = await a.groups.groups({ ...page, q: `g${round}` })
      t.ok(groups.length === 1 || (await a.groups.membersOf([`g${round}`])).length === 0)
    }
    // The database itself refuses too, in case a later version checks in the wrong order.
    const tables = tablesOf<{ subsystem: { id: string; member: string; name: string; created_at: string } }>(
      database,
    )
    const orphan = { id: 'DEV/GOV/none/s', member: 'DEV/GOV/none', name: '', created_at: AT }
    await t.rejects(tables.insertInto('subsystem').values(orphan).execute())
  })
})

void t.test('an act whose announcement fails did not happen', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const database = await openRegistryDatabase(url)
    t.teardown(() => database.close())
    const failing = createChange(database, async () => {
      throw new Fault('database_error')
    })
    const added = createMemberStore(database, failing).addClass('GOV', 'Government')
    t.equal(await codeOf(added), 'database_error')
    t.same(await storesOf(database).members.classes({ offset: 0, limit: 1 }), [])
  })
})
