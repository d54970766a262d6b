import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { writeAnchor } from '#core/configuration/anchor.ts'
import { parseDirectory } from '#core/configuration/directory.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import type { SharedParameters } from '#schemas/global-configuration.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { type ConfigurationSource, startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { authenticationParty, type Party } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { publish } from '#test/fakes/registry-sample.ts'
import { type Node, type RegistryWorld, registryWorld } from '#test/fakes/registry-world.ts'

const VECTORS = new URL('../../../test/vectors/x-road/configuration/', import.meta.url)

type Shown = {
  id: number
  anchorHash: string
  carryOutBefore?: string
  contentHash: string
  takes: Record<string, number>
  counts: Record<string, number>
  notTaken: { what: string; why: string }[]
  differs: { what: string; why: string }[]
  missingCertificates: { server: string; sha256: string }[]
  announcement: string
}
const OWN = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234' }
const read = (name: string): string => readFileSync(new URL(name, VECTORS), 'utf8')
const show = async (node: Node, id: number): Promise<Shown> =>
  (await node.must('GET', `/imports/${id}`)) as Shown
const idOf = (reply: unknown): number => (reply as { id: number }).id
const carryOut = (node: Node, { id, contentHash }: Shown) =>
  node.call('POST', `/imports/${id}/carry-out`, { contentHash })

/** The shared parameters, sorted, without what an import cannot know or leaves to the registry. */
function comparable({ approvedCas, approvedTsas, securityServers, ...rest }: SharedParameters): object {
  const sorted = <T>(items: T[]): T[] =>
    items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return {
    ...rest,
    sources: [],
    members: sorted(rest.members.map((one) => ({ ...one, subsystems: sorted(one.subsystems) }))),
    memberClasses: sorted(rest.memberClasses),
    approvedCas: approvedCas.map(({ name, topCa, defaultCsrFormat = 'DER' }) => ({
      ...{ name, defaultCsrFormat, cert: topCa.cert },
      responders: topCa.ocsp.map(({ url, costType }) => ({ url, costType })),
    })),
    approvedTsas,
    securityServers: sorted(
      securityServers.map(({ authCertHashes, ...one }) => ({ ...one, clients: sorted(one.clients) })),
    ),
  }
}

void t.test('the configuration of an X-Road central server, from its files', async (t) => {
  const folder = 'V6/20251110170000548026000'
  const files = {
    anchor: read('configuration_anchor_CS_internal.xml'),
    directory: read('V6/internalconf'),
    sharedParameters: read(`${folder}/shared-params.xml`),
    privateParameters: read(`${folder}/private-params.xml`),
  }
  await eachRegistryDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start()
    const first = await show(node, idOf(await node.must('POST', '/imports', files)))
    t.match(first, {
      ...{ instance: 'DEV', state: 'OPEN', anchorHash: /^([0-9A-F]{2}:){27}[0-9A-F]{2}$/ },
      takes: {
        ...{ parameters: 2, classes: 3, members: 2, subsystems: 5, groups: 0, groupMembers: 0, servers: 2 },
        ...{ clients: 6, certificates: 0, services: 2, timestampingServices: 1 },
      },
      counts: { notTaken: 2, missingCertificates: 2 },
      missingCertificates: [{ server: 'DEV/COM/1234/SS0' }, { server: 'DEV/COM/4321/SS1' }],
    })
    t.same(await node.must('GET', '/members'), [], 'a dry run changes nothing')
    t.match(await node.must('GET', '/overview'), { imports: { open: 1, proposed: 0 } })
    t.ok(Date.parse(first.carryOutBefore!) > world.clock.now)
    const found = (query: string) => node.must('GET', `/imports/${first.id}/findings${query}`)
    t.match(await found('?limit=2'), [{ part: 'notTaken' }, { part: 'notTaken' }], 'what asks for attention')
    const second = [{ part: 'missingCertificates', what: 'DEV/COM/4321/SS1', why: /^[0-9a-f]{64}$/ }]
    for (const query of ['offset=1&limit=1', 'q=com:4321'])
      t.match(await found(`?part=missingCertificates&${query}`), second)
    const listed = (query: string) => node.must('GET', `/imports${query}`)
    t.match(await listed('?q=dev&state=OPEN'), [{ id: first.id }])
    t.match(await listed(`?q=${encodeURIComponent(first.anchorHash)}`), [{ id: first.id }])
    for (const query of ['?q=nobody', '?state=CARRIED_OUT']) t.same(await listed(query), [])
    const stale = { ...first, contentHash: '0'.repeat(64) }
    t.equal((await carryOut(node, stale)).status, 409)
    t.equal((await carryOut(node, first)).status, 200)
    t.equal((await carryOut(node, first)).status, 409, 'once')
    t.match(await node.must('GET', `/imports/${first.id}`), {
      ...{ state: 'CARRIED_OUT', contentHash: first.contentHash, takes: { members: 2 } },
      ...{ carriedOutBy: /initial/, counts: { missingCertificates: 2 } },
    })
    t.match(await node.must('GET', `/imports/${first.id}/report`), {
      taken: { members: [{ id: 'DEV/COM/1234' }, {}] },
    })
    t.match(await found('?part=members'), [{ what: 'DEV/COM/1234', why: 'Test member' }, {}])
    t.match(await listed('?state=CARRIED_OUT'), [{ id: first.id }])
    t.match(await node.must('GET', '/overview'), { imports: { open: 0 } })
    t.equal((await node.call('DELETE', `/imports/${first.id}`)).status, 409, 'what was carried out is kept')

    const again = await show(node, idOf(await node.must('POST', '/imports', files)))
    t.same(new Set(Object.values(again.takes)), new Set([0]), 'nothing is new')
    t.same(again.differs, [])
    // The registry then publishes what was read, also the group of owners, which it keeps by itself.
    await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
    await publish(node)
    const directory = parseDirectory((await node.get('/internalconf?version=6')).bytes)
    const part = directory.parts.find(({ identifier }) => identifier === 'SHARED-PARAMETERS')!
    const [old, ours] = await Promise.all(
      [Buffer.from(files.sharedParameters), (await node.get(part.location)).bytes].map(parseSharedParameters),
    )
    t.same(comparable(ours!), comparable(old!))

    await node.must('PATCH', '/members/DEV:COM:1234', { name: 'Renamed' })
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '9', name: 'Only here' })
    const differing = await show(node, again.id)
    t.same(differing.differs, [
      { what: 'name of the member DEV/COM/1234', why: 'here "Renamed", in the configuration "Test member"' },
      { what: 'member DEV/GOV/9', why: 'it is in the register, the configuration does not hold it' },
    ])

    const { announcement } = await show(node, again.id)
    const spliced = files.sharedParameters.replace('</source>', `</source>${announcement}`)
    const announced = await parseSharedParameters(Buffer.from(spliced))
    t.match(announced.sources, [{ address: 'cs' }, { address: new URL(node.settings.publicUrl).host }])
    t.equal(announced.sources[1]?.internalVerificationCerts.length, 1)
  })
})

void t.test('what is not verified is not kept', async (t) => {
  const world = registryWorld(t)
  const node = await world.start()
  const folder = 'V6/20251110170000548026000'
  const good = {
    anchor: read('configuration_anchor_CS_internal.xml'),
    directory: read('V6/internalconf'),
    sharedParameters: read(`${folder}/shared-params.xml`),
  }
  const refused: [string, string, object][] = [
    ['no anchor', 'malformed_anchor', { ...good, anchor: '<a/>' }],
    ['another anchor', 'configuration_not_verified', { ...good, directory: read('V5/internalconf') }],
    [
      'a directory changed',
      'configuration_not_verified',
      { ...good, directory: good.directory.replace('2035-', '2036-') },
    ],
    [
      'parameters changed',
      'configuration_not_verified',
      { ...good, sharedParameters: good.sharedParameters.replace('Test member', 'Test Member') },
    ],
    [
      'parameters of another part',
      'configuration_not_verified',
      { ...good, sharedParameters: read(`${folder}/private-params.xml`) },
    ],
    [
      'others as private ones',
      'configuration_not_verified',
      { ...good, privateParameters: good.sharedParameters },
    ],
    ['a directory alone', 'invalid_input', { anchor: good.anchor, directory: good.directory }],
    ['private parameters alone', 'invalid_input', { anchor: good.anchor, privateParameters: 'x' }],
    [
      'a document type',
      'malformed_anchor',
      { ...good, anchor: good.anchor.replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>') },
    ],
  ]
  for (const [what, type, body] of refused)
    t.match(await node.call('POST', '/imports', body), { status: 400, body: { type } }, what)
  t.same(await node.must('GET', '/imports'), [])
  for (let one = 0; one < 10; one++) await node.must('POST', '/imports', good)
  t.match((await node.call('POST', '/imports', good)).body, { type: 'conflict' }, 'few are open at once')
  await node.must('DELETE', '/imports/1')
  t.equal((await node.call('GET', '/imports/1')).status, 404)
  const shown = await show(node, idOf(await node.must('POST', '/imports', good)))
  t.match(shown.notTaken.slice(2), [{ what: 'private parameters' }], 'an external configuration has none')
  world.clock.now += 8 * 86_400_000
  t.match((await carryOut(node, shown)).body, { type: 'conflict', message: /week/ })
  world.clock.now -= 8 * 86_400_000
  await node.must('PUT', '/system', { instance: 'XX' })
  t.match((await carryOut(node, shown)).body, { type: 'conflict', message: /instance/ })
  t.match((await node.call('POST', '/imports', good)).body, { type: 'conflict' })
})

const address = (): string => `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`

/** Like a security server: demands a certificate, checks its owner later. X-Road's servers use TLS 1.2. */
async function shows(t: Test, host: string, { certificate, key }: Party, maxVersion: 'TLSv1.2' | 'TLSv1.3') {
  const tls = {
    ...{ cert: certificatePem(certificate.der), key: key.export({ type: 'pkcs8', format: 'pem' }) },
    ...{ requestCert: true, rejectUnauthorized: false, maxVersion },
  }
  const server = createServer(tls, (socket) => void socket.on('error', () => undefined))
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(5500, host, resolve))
  t.teardown(() => void server.close())
}

type Instance = { source: ConfigurationSource; world: RegistryWorld; node: Node; anchor: string }

async function instance(
  t: Test,
  url: string | undefined,
  shared: (honest: SharedParameters) => SharedParameters,
): Promise<Instance> {
  const world = registryWorld(t, url)
  const source = await startConfigurationSource('DEV')
  t.teardown(() => source.close())
  const at = new Date(world.clock.now)
  const expireDate = new Date(world.clock.now + 600_000)
  source.publish({ at, expireDate, versions: [5], shared, monitoringClient: OWN })
  return { source, world, node: await world.start(), anchor: source.anchor().toString() }
}

void t.test('a running instance from its anchor, with the certificates of its servers', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
    const stranger = await createAuthority({ clock: Date.now, instance: 'DEV' })
    const [one, two, given, foreign] = await Promise.all(
      [authority, authority, authority, stranger].map((by) => authenticationParty(by)),
    )
    const hash = (party: Party | undefined): Buffer => Buffer.from(party!.certificate.sha256, 'hex')
    const [a, b, c] = [address(), address(), address()]
    await shows(t, a, one!, 'TLSv1.2')
    await shows(t, b, foreign!, 'TLSv1.3')
    const { node, source, world, anchor } = await instance(t, url, (honest) => {
      const [gov, com] = honest.members
      return {
        ...honest,
        members: [gov!, { ...com!, name: 'A shop' }],
        approvedCas: [
          {
            ...{ ...honest.approvedCas[0]!, certificateProfileInfo: 'org.example.Unknown' },
            topCa: { cert: authority.root.der, ocsp: [{ url: 'ftp://ocsp/' }, { url: 'http://ocsp/' }] },
            intermediateCas: [
              {
                cert: authority.intermediate.der,
                ocsp: [{ url: 'http://ocsp/', cert: authority.ocspResponder.der }],
              },
              { cert: stranger.intermediate.der, ocsp: [] },
            ],
          },
          { ...honest.approvedCas[0]!, name: 'No CA', topCa: { cert: authority.tsa.der, ocsp: [] } },
        ],
        approvedTsas: [{ name: 'TSA', url: 'http://tsa/', cert: authority.tsa.der }],
        securityServers: [
          {
            id: { ...OWN, serverCode: 'A' },
            address: a,
            authCertHashes: [hash(one), hash(given)],
            clients: [],
          },
          { id: { ...OWN, serverCode: 'B' }, address: b, authCertHashes: [hash(two)], clients: [OWN] },
          { id: { ...OWN, serverCode: 'C' }, address: c, authCertHashes: [hash(foreign)], clients: [] },
          { id: { ...OWN, serverCode: 'D' }, address: undefined, authCertHashes: [hash(two)], clients: [] },
          { id: { ...OWN, serverCode: 'E' }, address: 'UPPER.Example', authCertHashes: [], clients: [] },
        ],
        globalGroups: [
          {
            groupCode: 'owners',
            description: 'Owners',
            members: [OWN, { ...OWN, instance: 'XX' }, { ...OWN, memberCode: '7' }],
          },
          { groupCode: 'mark', description: '\u202eevil', members: [OWN] },
        ],
      }
    })
    const id = idOf(await node.must('POST', '/imports', { anchor }))
    t.match(source.requests[0], '/internalconf?version=6', 'the newest first')
    const before = await show(node, id)
    const why = Object.fromEntries(before.notTaken.map((finding) => [finding.what, finding.why]))
    t.match(why, {
      'approved CA No CA': /not the certificate of a certification authority/,
      'OCSP responder ftp://ocsp/ of the approved CA Test CA': /http/,
      'security server DEV/GOV/1234/D': /address/,
      'XX/GOV/1234 in owners': /not a member/,
      'DEV/GOV/7 in owners': /not a member/,
      'global group mark': /direction marks/,
      'DEV/GOV/1234 in mark': /not taken/,
      'monitoring client': /name it here/,
    })
    t.ok(before.notTaken.some(({ what }) => /^intermediate CA .* of approved CA Test CA$/.test(what)))
    t.notOk('ACME server of the approved CA Test CA' in why, 'it is taken with its CA')
    t.match(
      before.differs.find(({ what }) => what === 'certificate profile of the approved CA Test CA'),
      { why: /nobody here knows org\.example\.Unknown: .* refused until the profile is added/ },
    )
    t.equal(before.counts['missingCertificates'], 4)

    const answered = (await node.must('POST', `/imports/${id}/collect`)) as {
      found: number
      failed: { what: string; why: string }[]
    }
    t.match(answered, { found: 1, left: 0 })
    const failed = Object.fromEntries(answered.failed.map((one) => [one.what, one.why]))
    t.match(failed, { 'DEV/GOV/1234/B': /not registered/, 'DEV/GOV/1234/C': /5500/ })
    t.notOk('DEV/GOV/1234/D' in failed, 'a server that is not taken is not asked')
    const file = (party: Party) => node.call('POST', `/imports/${id}/certificates`, party.certificate.der)
    t.match((await file(given!)).body, { server: 'DEV:GOV:1234:A' })
    t.match((await file(await authenticationParty(authority))).body, { type: 'incorrect_certificate' })
    t.equal((await file(foreign!)).status, 201)
    t.equal((await carryOut(node, before)).status, 409, 'it takes more than was read')

    const now = await show(node, id)
    t.match(
      now.notTaken.find(({ what }) => what.includes(foreign!.certificate.sha256)),
      { why: /certificate/ },
      'of a CA that is not taken',
    )
    t.match(now.missingCertificates, [{ server: 'DEV/GOV/1234/B', sha256: two!.certificate.sha256 }])
    t.equal((await carryOut(node, now)).status, 200)
    t.match(await node.must('GET', '/security-servers'), [
      { id: 'DEV:GOV:1234:A', certificates: { length: 2 } },
      { id: 'DEV:GOV:1234:B', address: b, certificates: [], clients: [] },
      { id: 'DEV:GOV:1234:C', certificates: [] },
      { id: 'DEV:GOV:1234:E', address: 'upper.example' },
    ])
    t.match(await node.must('GET', '/certification-services'), [
      { name: 'Test CA', certificateProfileKnown: false, authorities: { length: 2 } },
    ])
    t.match(await node.must('GET', '/system'), { managementServiceProvider: 'DEV:GOV:1234:MANAGEMENT' })

    // A second import adds what has changed at the old instance since, and nothing twice.
    source.publish({
      ...{ at: new Date(world.clock.now), expireDate: new Date(world.clock.now + 600_000), versions: [5] },
      shared: (honest) => ({
        ...honest,
        ...{ approvedCas: [], securityServers: [], globalGroups: [] },
        members: [
          ...honest.members,
          { ...honest.members[0]!, id: { ...honest.members[0]!.id, memberCode: 'new' }, subsystems: [] },
        ],
      }),
    })
    const later = await show(node, idOf(await node.must('POST', '/imports', { anchor })))
    t.match(later.takes, { members: 1, subsystems: 0, servers: 0, services: 0, parameters: 0 })
    t.ok(later.differs.some(({ what }) => what === 'security server DEV/GOV/1234/A'))
    t.ok(later.differs.some(({ what }) => /^approved CA [0-9a-f]{64}$/.test(what)))
    t.equal((await carryOut(node, later)).status, 200)
    t.equal(((await node.must('GET', '/members')) as object[]).length, 3)
  })
})

void t.test('sources that lie or do not answer', async (t) => {
  const { node, source, world, anchor } = await instance(t, undefined, (honest) => honest)
  const codeOf = async (given = anchor): Promise<unknown> =>
    ((await node.call('POST', '/imports', { anchor: given })).body as { type?: string }).type ?? 'accepted'
  t.equal(await codeOf(), 'accepted')
  const good = new Map(source.files)
  const shared = [...good.keys()].find((path) => path.endsWith('/shared-params.xml'))!
  source.files.set(shared, Buffer.from('<conf/>'))
  t.equal(await codeOf(), 'malformed_global_conf', 'parts that the directory does not name')
  source.files.delete(shared)
  t.equal(await codeOf(), 'configuration_not_fetched', 'a part that is not there')
  source.files.set(shared, good.get(shared)!)
  source.intercept = (path, _request, response) => {
    if (!path.startsWith('/internalconf')) return false
    response.writeHead(200).end(Buffer.alloc(2 * 1024 * 1024, 'a'))
    return true
  }
  t.equal(await codeOf(), 'configuration_not_fetched', 'a directory without end')
  source.intercept = (_path, _request, response) => {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
    return true
  }
  t.equal(await codeOf(), 'configuration_not_fetched', 'redirects are not followed')
  source.intercept = undefined
  const other = createConfigurationSigner('another')
  const url = `${source.url}/internalconf`
  const generatedAt = new Date()
  const anchored = (
    verificationCerts: Buffer[],
    downloadUrl = url,
  ): { downloadUrl: string; verificationCerts: Buffer[] } => ({ downloadUrl, verificationCerts })
  const anchorOf = (...sources: ReturnType<typeof anchored>[]): string =>
    writeAnchor({ generatedAt, instance: 'DEV', sources }).toString()
  t.equal(await codeOf(anchorOf(anchored([other.certificate]))), 'invalid_global_conf_signature')
  t.equal(
    await codeOf(
      anchorOf(
        anchored([source.signer.certificate], 'http://127.0.0.1:1/internalconf'),
        anchored([source.signer.certificate]),
      ),
    ),
    'accepted',
    'the second address when the first does not answer',
  )
  world.clock.now += 3_600_000
  t.equal(await codeOf(), 'global_conf_outdated')
})
