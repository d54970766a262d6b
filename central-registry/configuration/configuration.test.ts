import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { anchorHash, parseAnchor } from '#core/configuration/anchor.ts'
import { parseDirectory } from '#core/configuration/directory.ts'
import { verifyDirectory } from '#core/configuration/directory-verify.ts'
import { parseMonitoringParameters } from '#core/configuration/monitoring-parameters.ts'
import { parsePrivateParameters } from '#core/configuration/private-parameters.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { parseClientId } from '#schemas/identifiers.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, newestOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { until } from '#test/until.ts'
import type { RegisterTables } from '../register/tables.ts'
import { VERSIONS } from './write-shared.ts'

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })

void t.test('what is published verifies, in every version and both kinds', async (t) => {
  const world = registryWorld(t)
  const node = await world.start()
  t.equal((await node.call('POST', '/configuration/publish')).status, 409, 'nothing to publish yet')
  t.equal((await node.call('GET', '/configuration/anchors/internal')).status, 409)
  t.equal((await node.get('/internalconf?version=6')).status, 404)
  await setUp(node, authority)
  const { index, expiresAt } = await publish(node)
  t.equal(Date.parse(expiresAt), world.clock.now + 600_000)
  const generatedAt = new Date(world.clock.now).toISOString()

  const anchors = { internal: await anchorOf(node), external: await anchorOf(node, 'external') }
  for (const kind of ['internal', 'external'] as const) {
    const { instance, sources } = await parseAnchor(anchors[kind])
    t.equal(instance, 'DEV')
    t.match(sources, [{ downloadUrl: `${node.settings.publicUrl}/${kind}conf` }])
    const certificates = sources[0]!.verificationCerts
    for (const version of VERSIONS) {
      const reply = await node.get(`/${kind}conf?version=${version}`)
      const directory = parseDirectory(reply.bytes)
      verifyDirectory(directory, certificates)
      t.equal(directory.version, version)
      const names = directory.parts.map((part) => part.identifier)
      t.same(names, kind === 'internal' ? ['SHARED-PARAMETERS', 'PRIVATE-PARAMETERS'] : ['SHARED-PARAMETERS'])
      const statementReply = await node.get(`/${kind}conf-statement?version=${version}`)
      const statement = verifyStatement(statementReply.bytes.toString(), certificates)
      t.match(statement, { instance: 'DEV', index, generatedAt, expireDate: expiresAt })
      t.same(
        statement.parts,
        Object.fromEntries(
          directory.parts.map((part) => [
            `V${version}/${part.identifier}`,
            { location: part.location, sha512: part.hash.toString('base64') },
          ]),
        ),
      )
      const shared = await parseSharedParameters((await node.get(directory.parts[0]!.location)).bytes)
      t.match(shared.members, [{ name: 'Ämter & "Söhne" <1>', memberClassDescription: 'Government' }])
      t.match(shared.sources, [{ address: new URL(node.settings.publicUrl).host }])
      t.equal(shared.securityServers[0]!.clients[0]!.subsystemCode, 'pop ä')
      t.match(shared.globalGroups, [
        { groupCode: 'owners', members: [{ memberCode: '1234' }] },
        {
          ...{ groupCode: 'security-server-owners', description: 'Security server owners' },
          members: [{ memberCode: '1234', subsystemCode: undefined }],
        },
      ])
      const [ca] = shared.approvedCas
      if (version === 6) {
        t.match(shared.approvedTsas, [{ costType: 'UNDEFINED' }])
        t.match(ca, { defaultCsrFormat: 'DER', topCa: { ocsp: [{ costType: 'UNDEFINED' }] } })
      }
      t.same(
        [ca!.topCa, ...ca!.intermediateCas].map(({ cert, ocsp }) => [cert, ocsp.map((one) => one.url)]),
        [
          [authority.root.der, ['http://ocsp.example/']],
          [authority.intermediate.der, ['http://ocsp.example/', 'http://ocsp2.example/']],
        ],
      )
      if (kind === 'internal') {
        const xml = (await node.get(directory.parts[1]!.location)).bytes
        t.match(await parsePrivateParameters(xml), {
          instance: 'DEV',
          timeStampingIntervalSeconds: 60,
          managementService: { providerId: { memberCode: '1234', subsystemCode: 'plain' } },
        })
      }
    }
  }
  const anchorReply = await node.call('GET', '/configuration/anchors/internal')
  t.equal(anchorReply.headers['x-anchor-hash'], anchorHash(anchors.internal))
  world.clock.now += 5000
  await publish(node)
  t.ok(
    (await anchorOf(node)).equals(anchors.internal),
    'its hash can be compared by people: it does not change',
  )

  for (const name of ['internalconf', 'externalconf', 'internalconf-statement', 'externalconf-statement']) {
    // The registry may publish between two answers.
    await until(`${name} is that of the oldest version`, async () => {
      const [unnamed, oldest] = [await node.get(`/${name}`), await node.get(`/${name}?version=4`)]
      return unnamed.bytes.equals(oldest.bytes)
    })
    const wrong = ['?version=2', '?version=3', '?version=7', '?version=06', '?version=6.0', '?version=']
    const hostile = ['?version=6&version=6', '?version=constructor', `?version=${'6'.repeat(5000)}`, '/']
    for (const query of [...wrong, ...hostile]) {
      t.equal((await node.get(`/${name}${query}`)).status, 404, `${name}${query.slice(0, 30)}`)
    }
  }
  const [part] = parseDirectory((await node.get('/internalconf?version=6')).bytes).parts
  const location = part!.location
  for (const at of [
    '/V6/internalconf',
    `${location}?a`,
    `${location}/`,
    `/V6/..%2F${location}`,
    '/',
    '/V6/x/y',
  ]) {
    t.equal((await node.get(at)).status, 404, at)
  }
})

void t.test(
  'the monitoring client stands in the internal configuration alone, for as long as it is named',
  async (t) => {
    const world = registryWorld(t)
    const node = await world.start()
    await setUp(node, authority)
    const parts = async (name: string) => {
      await publish(node)
      return parseDirectory((await node.get(name)).bytes).parts
    }
    const named = async (name: string) =>
      (await parts(name)).filter(({ identifier }) => identifier === 'MONITORING')
    t.same(await named('/internalconf?version=6'), [])
    const at = '/system/monitoring-client'
    t.equal((await node.call('PUT', at, { client: 'DEV:GOV:404' })).status, 404, 'nobody who is not there')
    t.equal((await node.call('DELETE', at)).status, 404)
    await node.must('PUT', at, { client: 'DEV:GOV:1234:plain' })
    await node.must('PUT', at, { client: 'DEV:GOV:1234' })
    t.match(await node.must('GET', '/system'), { monitoringClient: 'DEV:GOV:1234' })
    for (const version of VERSIONS) {
      const [part, ...more] = await named(`/internalconf?version=${version}`)
      t.same(more, [])
      t.equal(part!.fileName, 'monitoring-params.xml', 'as X-Road names its optional parts')
      const content = (await node.get(part!.location)).bytes
      t.same(await parseMonitoringParameters(content), parseClientId('DEV/GOV/1234'))
      t.same(await named(`/externalconf?version=${version}`), [], 'other instances are not told')
    }
    t.equal(
      (await node.call('DELETE', '/members/DEV:GOV:1234')).status,
      409,
      'who has its code would be asked',
    )
    await node.must('DELETE', at)
    t.same(await named('/internalconf?version=6'), [])
    t.notOk('monitoringClient' in ((await node.must('GET', '/system')) as object))
  },
)

void t.test('published by itself: after each change, before expiry, after a crash', async (t) => {
  const world = registryWorld(t)
  let node = await world.start()
  await setUp(node, authority)
  const file = await openDatabase(node.settings.database)
  t.teardown(() => file.close())
  const member = { memberClass: 'GOV', memberCode: '2', name: 'Second' }
  const serverSide = async (): Promise<string[]> => {
    const reply = await node.get('/internalconf?version=6')
    if (reply.status !== 200) return []
    const { parts } = parseDirectory(reply.bytes)
    const shared = await parseSharedParameters((await node.get(parts[0]!.location)).bytes)
    return shared.members.map(({ id }) => id.memberCode)
  }
  // The clock of the jobs stands still; moving it forward makes the enqueued jobs due.
  world.clock.now += 2000
  await until('publication 1', async (saw) => saw((await serverSide()).length) === 1)
  await node.must('POST', '/members', member)
  const jobs = tablesOf<{ job: { kind: string; run_at: string; dedup_key: string } }>(file)
  const due = await jobs
    .selectFrom('job')
    .select('run_at')
    .where('kind', '=', 'publish-configuration')
    .where('dedup_key', '=', 'change')
    .execute()
  t.equal(due.length, 1, 'recorded with the change')
  t.ok(Date.parse(due[0]!.run_at) - world.clock.now <= 1000, 'and due within a second')
  t.equal((await node.call('POST', '/members', member)).status, 409)
  await node.stop()
  node = await world.start()
  world.clock.now += 2000
  await until('publication 2', async (saw) => saw((await serverSide()).length) === 2)

  // Renewal: without any change, the next publication is made long before the last one expires.
  const before = (await newestOf(node))!
  world.clock.now += 60_000
  // One that had begun before the clock moved may come first.
  const after = await until('a publication that is valid for longer', async (saw) => {
    const newest = saw(await newestOf(node))!
    return Date.parse(newest.expiresAt) > Date.parse(before.expiresAt) && newest
  })
  t.ok(after.index > before.index)
  t.ok(world.clock.now < Date.parse(before.expiresAt), 'ten times sooner than needed')
})

void t.test('old files are kept ten minutes, then nothing of them', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start()
    await setUp(node, authority)
    const tables = tablesOf<RegisterTables>(database)
    const rows = async (table: 'publication' | 'published_file' | 'published_content'): Promise<number> => {
      const { found } = await tables
        .selectFrom(table)
        .select((e) => e.fn.countAll<number>().as('found'))
        .executeTakeFirstOrThrow()
      return found
    }
    const locations = async (): Promise<string[]> =>
      (
        await Promise.all(
          VERSIONS.map(async (version) =>
            parseDirectory((await node.get(`/internalconf?version=${version}`)).bytes),
          ),
        )
      ).flatMap(({ parts }) => parts.map((part) => part.location))
    const allThere = async (of: string[]): Promise<boolean> => {
      const replies = await Promise.all(of.map((at) => node.get(at)))
      return replies.every(({ status }) => status === 200)
    }
    await publish(node)
    const first = await locations()
    t.equal(first.length, 6)
    world.clock.now += 300_000
    await publish(node)
    const second = await locations()
    const stored = await tables
      .selectFrom('published_file')
      .select('digest')
      .distinct()
      .where('path', 'in', [...first, ...second])
      .execute()
    t.equal(stored.length, 4, 'equal parts are stored once: three versions of one, three times the other')
    world.clock.now += 599_000
    await publish(node)
    t.ok(await allThere([...first, ...second]), 'the first was superseded 599 s ago')
    world.clock.now += 1000
    await publish(node)
    t.notOk(await allThere(first.slice(0, 1)))
    t.ok(await allThere(second))
    for (let round = 0; round < 12; round++) {
      world.clock.now += 120_000
      await node.must('PATCH', '/members/DEV:GOV:1234', { name: `Name ${round}` })
      await publish(node)
    }
    t.ok((await rows('publication')) <= 20, 'three a round and what ten minutes hold')
    t.ok((await rows('published_file')) <= 20 * 6 + 12)
    t.ok((await rows('published_content')) <= 20 * 4 + 12)
    t.ok(await allThere(await locations()))
  })
})
