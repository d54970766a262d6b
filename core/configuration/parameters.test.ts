import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import type { SecurityServerInfo, SharedParameters } from '#schemas/global-configuration.ts'
import { type ClientId, memberOf } from '#schemas/identifiers.ts'
import { samplePrivate, sampleShared } from '#test/fakes/configuration-sample.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { parseAnchor, writeAnchor } from './anchor.ts'
import { certificateDer } from './certificate-bytes.ts'
import { writeSharedParameters } from './configuration-fixture.ts'
import { indexConfiguration } from './configuration-index.ts'
import { parseDirectory } from './directory.ts'
import { parseMonitoringParameters, writeMonitoringParameters } from './monitoring-parameters.ts'
import { parsePrivateParameters, writePrivateParameters } from './private-parameters.ts'
import { parseSharedParameters } from './shared-parameters-read.ts'

const { certificate } = createConfigurationSigner('Sample CA')
const shared = sampleShared({ instance: 'DEV', certificate })
const xml = writeSharedParameters(shared, 6).toString()

async function verdict(act: Promise<unknown>): Promise<string> {
  try {
    await act
    return 'accepted'
  } catch (error) {
    return error instanceof Fault ? error.code : `not a fault: ${String(error)}`
  }
}

const read = (text: string | Buffer): Promise<string> => verdict(parseSharedParameters(Buffer.from(text)))

void t.test('what is written is read back as it was', async (t) => {
  t.same(await parseSharedParameters(Buffer.from(xml)), shared)
  const anchors = [
    {
      generatedAt: new Date('2026-01-01T00:00:00Z'),
      instance: 'FI',
      sources: [{ downloadUrl: 'https://fi/externalconf', verificationCerts: [certificate] }],
    },
  ]
  const parameters = samplePrivate({ instance: 'DEV', certificate, anchors })
  t.same(await parsePrivateParameters(writePrivateParameters(parameters)), parameters)
  t.same(await parseAnchor(writeAnchor(anchors[0]!)), anchors[0])
  const bare = { ...parameters, managementService: undefined, anchors: [] }
  t.same(await parsePrivateParameters(writePrivateParameters(bare)), bare)
})

void t.test('what may differ', async (t) => {
  t.equal(
    await read(xml.replace('</ns3:conf>', '<future><x/></future></ns3:conf>')),
    'accepted',
    'elements at the end',
  )
  t.equal(await read(xml.replace(/<source>[\s\S]*<\/source>/, '')), 'accepted', 'version 2 has no source')
  t.equal(await read(`\ufeff${xml}`), 'accepted', 'a byte order mark')
  t.equal(
    await read(xml.replaceAll('ns3:', 'tns:').replaceAll(':ns3=', ':tns=')),
    'accepted',
    'another prefix',
  )
  t.equal(
    await read(xml.replace('<globalSettings>', '<!-- a note --><globalSettings>')),
    'accepted',
    'a comment',
  )
  t.equal(await read(xml.replace('<name>Test TSA<', '<name><![CDATA[Test TSA]]><')), 'accepted', 'CDATA')
  const legacy = '<centralService><serviceCode>x</serviceCode></centralService><globalSettings>'
  t.equal(await read(xml.replace('<globalSettings>', legacy)), 'accepted', 'central services are passed over')
  t.equal(await read(xml.replace('>1234<', '>12/34:5<')), 'accepted', 'a code that X-Road only warns about')
  t.equal(
    await read(xml.replace(/(<authCertHash>)[^<]+/, `$1${Buffer.alloc(20).toString('base64')}`)),
    'accepted',
    'SHA-1',
  )
})

void t.test('texts of blanks cost no more than their length', (t) => {
  // Both are parsed before anything is verified. With a pattern that backtracks over every end these would
  // take hours and seconds.
  const certificate = Buffer.from(`-----BEGIN CERTIFICATE-----${' '.repeat(60_000)}!`)
  t.equal(certificateDer(certificate, 'malformed_anchor'), certificate, 'no PEM, and left as it is')
  const lines = Array.from({ length: 480 }, (_, number) => `A${number}: x${' '.repeat(1990)}x\r\n`)
  const head = 'Content-Type: multipart/related; boundary=OB\r\n\r\n'
  const directory = `${head}--OB\r\n${lines.join('')}\r\nx\r\n--OB\r\nA: b\r\n\r\nx\r\n--OB--`
  const begun = process.cpuUsage()
  t.throws(() => parseDirectory(Buffer.from(directory)), { code: 'malformed_global_conf' })
  t.ok(process.cpuUsage(begun).user < 1_000_000, 'a directory of long headers, in processor time')
  t.end()
})

void t.test('hostile or broken documents are refused', async (t) => {
  const cases: [string, string | Buffer][] = [
    ['nothing', ''],
    ['not XML', 'x'],
    ['cut', xml.slice(0, -20)],
    ['bytes after the end', `${xml}<x/>`],
    ['a document type', xml.replace('?>', '?><!DOCTYPE conf [<!ENTITY a "b">]>')],
    ['an entity', xml.replace('Test TSA', '&a;')],
    ['another encoding declared', xml.replace('UTF-8', 'ISO-8859-1')],
    ['UTF-16', Buffer.from(xml, 'utf16le')],
    ['bytes that are not UTF-8', Buffer.concat([Buffer.from(xml), Buffer.of(0xff)])],
    ['another root', xml.replaceAll('ns3:conf', 'ns3:configuration')],
    ['another namespace', xml.replace('xsd/xroad.xsd', 'xsd/other.xsd')],
    [
      'a child in a namespace',
      xml.replace('<serverCode>', '<ns3:serverCode>').replace('</serverCode>', '</ns3:serverCode>'),
    ],
    [
      'elements out of order',
      xml.replace(/(<owner>.*?<\/owner>)(\s*)(<serverCode>.*?<\/serverCode>)/, '$3$2$1'),
    ],
    ['an unknown element inside', xml.replace('<owner>', '<x/><owner>')],
    ['text between elements', xml.replace('<owner>', 'x<owner>')],
    ['an element in text', xml.replace('>1234<', '><b>1234</b><')],
    [
      'a member twice',
      xml.replace(/<memberCode>ÄÖ[^<]*/, '<memberCode>1234').replace('<code>COM', '<code>GOV'),
    ],
    ['a subsystem twice', xml.replace('>MANAGEMENT<', '>population<')],
    ['a server twice', twoServers(xml)],
    ['a group twice', xml.replace(/<globalGroup>[\s\S]*<\/globalGroup>/, '$&$&')],
    ['one id on two elements', xml.replace('id="id1"', 'id="id0"')],
    ['a reference to nothing', xml.replace('<owner>id0<', '<owner>id99<')],
    ['an owner that is a subsystem', xml.replace('<owner>id0<', '<owner>id1<')],
    ['an empty code', xml.replace('>1234<', '><')],
    ['a long code', xml.replace('>1234<', `>${'x'.repeat(256)}<`)],
    ['an invisible character in a code', xml.replace('>1234<', '>12\u200b34<')],
    ['a line break in a code', xml.replace('>1234<', '>12\n34<')],
    ['a step up as code', xml.replace('>1234<', '>..<')],
    ['base64 that is not', xml.replace(/(<authCertHash>)[^<]+/, '$1####')],
    [
      'a hash of an odd length',
      xml.replace(/(<authCertHash>)[^<]+/, `$1${Buffer.alloc(31).toString('base64')}`),
    ],
    ['an unknown cost type', xml.replace('>FREE<', '>CHEAP<')],
    ['freshness that is no number', xml.replace('>3600<', '>1h<')],
    ['freshness of nothing', xml.replace('>3600<', '>0<')],
    ['a boolean that is none', xml.replace('>false<', '>no<')],
    ['depth', `<a>${'<a>'.repeat(200)}${'</a>'.repeat(200)}</a>`],
    [
      'depth in an open place',
      xml.replace('</ns3:conf>', `${'<a>'.repeat(40)}${'</a>'.repeat(40)}</ns3:conf>`),
    ],
    ['size', Buffer.alloc(64 * 1024 * 1024 + 1, 0x20)],
  ]
  for (const [what, document] of cases) t.equal(await read(document), 'malformed_global_conf', what)
  t.equal(await verdict(parseAnchor(Buffer.from(xml))), 'malformed_anchor')
  t.equal(await verdict(parsePrivateParameters(Buffer.from(xml))), 'malformed_global_conf')
  const anchor = writeAnchor({
    generatedAt: new Date(0),
    instance: 'DEV',
    sources: [{ downloadUrl: 'http://a/b', verificationCerts: [certificate] }],
  }).toString()
  for (const [from, to] of [
    ['http://a/b', 'file:///etc/passwd'],
    ['http://a/b', 'http://u:p@a/b'],
    ['http://a/b', 'a/b'],
    [/<source>[\s\S]*<\/source>/, ''],
    [/<verificationCert>.*<\/verificationCert>/, ''],
    ['1970-01-01T00:00:00.000Z', 'once'],
  ] as const) {
    t.equal(await verdict(parseAnchor(Buffer.from(anchor.replace(from, to)))), 'malformed_anchor', to)
  }
})

void t.test('any damage is a fault, nothing else', async (t) => {
  const outcome = async (bytes: Buffer): Promise<void> => {
    const said = await verdict(parseSharedParameters(bytes))
    if (said.startsWith('not a fault')) throw new Error(said)
  }
  const edit = fc.record({
    at: fc.nat(xml.length),
    drop: fc.nat(40),
    put: fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom('<', '&', '</conf>', '<a b="c">', ']]>', '<!--'),
    ),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      let text = xml
      for (const { at, drop, put } of edits) text = text.slice(0, at) + put + text.slice(at + drop)
      await outcome(Buffer.from(text))
    }),
    { numRuns: 500 },
  )
  t.pass('500 damaged documents')
})

function twoServers(text: string): string {
  return text.replace(/<securityServer>[\s\S]*?<\/securityServer>/, '$&$&')
}

void t.test('what cannot be written is refused', async (t) => {
  const first = shared.members[0]!
  const wrong: SharedParameters[] = [
    { ...shared, members: [...shared.members, first] },
    { ...shared, members: shared.members.slice(1) },
    { ...shared, globalGroups: [{ groupCode: 'a\u0000b', description: '', members: [] }] },
  ]
  for (const parameters of wrong) {
    t.throws(() => writeSharedParameters(parameters, 6), { code: 'malformed_global_conf' })
  }
})

void t.test('look-ups', async (t) => {
  const index = indexConfiguration(shared, samplePrivate({ instance: 'DEV', certificate }))
  const gov = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234' }
  const com = { instance: 'DEV', memberClass: 'COM', memberCode: 'ÄÖ & <1>' }
  const population = { ...gov, subsystemCode: 'population' }
  const shop = { ...com, subsystemCode: 'shop "1"' }
  const ss1 = { ...gov, serverCode: 'ss1' }
  const ss2 = { ...com, serverCode: 'ss2' }
  t.ok(index.isRegistered(population))
  t.ok(index.isRegistered(gov))
  t.notOk(index.isRegistered({ ...gov, subsystemCode: 'Population' }), 'case counts')
  t.ok(
    index.isRegistered({ ...population, serviceCode: 'x' } as typeof population),
    'a service counts as its subsystem',
  )
  t.equal(index.memberName(population), 'Population Register')
  t.equal(index.memberName({ ...gov, memberCode: 'x' }), undefined)
  t.equal(index.subsystemName(population), 'Persons')
  for (const id of [gov, { ...gov, subsystemCode: 'MANAGEMENT' }, { ...gov, subsystemCode: 'x' }])
    t.equal(index.subsystemName(id), undefined, 'a member, one without a name, one that is unknown')
  t.same(
    index.serversOf(population).map((server) => server.id.serverCode),
    ['ss1', 'ss2'],
  )
  t.same(index.serversOf({ ...gov, subsystemCode: 'MANAGEMENT' }), [])
  t.same(
    index.serversOf(gov).map((server) => server.id.serverCode),
    ['ss1'],
    'an owner is served by its server',
  )
  t.same(index.serverByAuthCert(Buffer.alloc(32, 2))?.id, ss1)
  t.equal(index.serverByAuthCert(Buffer.alloc(32, 9)), undefined)
  t.equal(index.server(ss2)?.address, undefined)
  t.equal(index.server({ ...gov, serverCode: 'ss2' }), undefined)
  t.ok(index.isClientOf(ss1, population))
  t.ok(index.isClientOf(ss1, gov), 'the owner')
  t.notOk(index.isClientOf(ss1, shop))
  t.notOk(index.isClientOf(ss1, { ...gov, subsystemCode: 'MANAGEMENT' }))
  t.ok(index.isMemberOnServer(ss2, gov), 'its subsystem is a client there')
  t.notOk(index.isMemberOnServer(ss1, com))
  t.same(
    index.serversOfMember(gov).map((server) => server.id.serverCode),
    ['ss1', 'ss2'],
  )
  t.same(index.serversOfMember({ ...gov, memberCode: 'x' }), [])
  t.equal(index.server(ss1), index.serverByAuthCert(Buffer.alloc(32, 2)), 'one object as long as it serves')
  t.ok(index.isInGlobalGroup('owners', shop))
  t.notOk(index.isInGlobalGroup('owners', com), 'a subsystem in a group does not bring its member')
  t.notOk(index.isInGlobalGroup('owners', population), 'a member in a group does not bring its subsystems')
  t.notOk(index.isInGlobalGroup('none', shop))
  t.same(index.tsaUrls, [{ name: 'Test TSA', url: 'http://tsa' }])
  t.equal(index.tsaCertificates.length, 1)
  t.match(index.caOf(parseCertificate(certificate)), {
    approved: { name: 'Test CA' },
    ocspUrls: ['http://ocsp/a?b&c'],
  })
  t.equal(index.caOf(parseCertificate(createConfigurationSigner('Stranger').certificate)), undefined)
  t.equal(index.timeStampingIntervalSeconds, 60)
  t.same(index.warnings, [])

  const [first, second] = shared.securityServers as [SecurityServerInfo, SecurityServerInfo]
  const codes = ['ss1', 'ss2', 'ss3', 'ss4']
  const many = indexConfiguration({
    ...shared,
    securityServers: codes.map((serverCode, at) => ({
      ...(at === 0 ? first : second),
      id: { ...first.id, serverCode },
      clients: at === 0 ? [population, shop, population] : [population],
    })),
  })
  const serving = (client: ClientId): string[] => many.serversOf(client).map(({ id }) => id.serverCode)
  t.same(
    [serving(population), serving(shop), serving(gov)],
    [codes, ['ss1'], codes],
    'each client its own servers',
  )
  t.same(
    codes.map((serverCode) => many.isClientOf({ ...gov, serverCode }, shop)),
    [true, false, false, false],
  )
  t.same(
    codes.map((serverCode) => many.isMemberOnServer({ ...gov, serverCode }, com)),
    [true, false, false, false],
  )
  const unknown = { ...gov, serverCode: 'ss5' }
  t.notOk(many.isClientOf(unknown, gov) || many.isMemberOnServer(unknown, gov), 'a server that is not there')

  const twice = shared.securityServers.map((server) => ({ ...server, authCertHashes: [Buffer.alloc(32, 5)] }))
  const ambiguous = indexConfiguration({ ...shared, securityServers: twice })
  t.equal(
    ambiguous.serverByAuthCert(Buffer.alloc(32, 5)),
    undefined,
    'a certificate of two servers names neither',
  )

  const elsewhere = { ...gov, memberCode: 'elsewhere', subsystemCode: 'x' }
  const { id } = shared.securityServers[0]!
  const mentioned = indexConfiguration({
    ...shared,
    securityServers: [{ id, authCertHashes: [], clients: [elsewhere] }],
  })
  t.notOk(mentioned.isRegistered(elsewhere) || mentioned.isRegistered(memberOf(elsewhere)), 'mentioned only')
  t.ok(mentioned.isClientOf(id, elsewhere) && mentioned.isMemberOnServer(id, elsewhere))
  t.ok(isDeepStrictEqual(mentioned.shared.members, shared.members))

  const ca = shared.approvedCas[0]!
  const mixed = indexConfiguration({
    ...shared,
    approvedCas: [
      { ...ca, authenticationOnly: true },
      { ...ca, topCa: { cert: Buffer.from('junk'), ocsp: [] } },
    ],
  })
  t.equal(mixed.caCertificates().anchors.length, 1)
  t.equal(mixed.caCertificates({ forSigning: true }).anchors.length, 0)
  t.equal(mixed.caCertificates({ forSigning: true }).intermediates.length, 1)
  t.equal(mixed.warnings.length, 1)

  const original = createConfigurationSigner('Twin CA')
  const renewed = createConfigurationSigner('Twin CA')
  const twins = indexConfiguration({
    ...shared,
    approvedCas: [original, renewed].map((signer) => ({
      ...ca,
      topCa: { cert: signer.certificate, ocsp: [] },
    })),
  })
  t.ok(
    twins.caOf(parseCertificate(renewed.certificate))?.ca.der.equals(renewed.certificate),
    'namesakes by signature',
  )
})

void t.test('a large instance', async (t) => {
  const members = Array.from({ length: 2000 }, (_, number) => {
    const id = { instance: 'BIG', memberClass: 'GOV', memberCode: `m${number}` }
    const subsystems = Array.from({ length: 25 }, (_, s) => ({
      id: { ...id, subsystemCode: `s${s}` },
      name: undefined,
    }))
    return { id, memberClassDescription: '', name: `Member ${number}`, subsystems }
  })
  const securityServers = members.map(({ id, subsystems }) => ({
    id: { ...id, serverCode: 'ss' },
    authCertHashes: [],
    clients: subsystems.map((subsystem) => subsystem.id),
  }))
  const big = await parseSharedParameters(
    writeSharedParameters({ ...shared, instance: 'BIG', members, securityServers, globalGroups: [] }, 6),
  )
  const index = indexConfiguration(big)
  for (const { id, subsystems } of members) {
    const asked = [index.serversOf(id), ...subsystems.map((one) => index.serversOf(one.id))]
    if (!asked.every(([server, more]) => server?.id.memberCode === id.memberCode && more === undefined))
      t.fail(id.memberCode)
    if (!subsystems.every((one) => index.isRegistered(one.id))) t.fail(id.memberCode)
  }
  t.notOk(index.isRegistered({ ...members[0]!.id, subsystemCode: 's25' }))
  t.equal(index.shared.members.length, 2000)
})

void t.test('who may ask for monitoring data is read as X-Road writes it, or nobody may', async (t) => {
  const member = { instance: 'DEV', memberClass: 'GOV', memberCode: '1' }
  for (const client of [member, { ...member, subsystemCode: 'watch & ward' }])
    t.same(await parseMonitoringParameters(writeMonitoringParameters(client)), client)
  const [xroad, id] = ['http://x-road.eu/xsd/xroad.xsd', 'http://x-road.eu/xsd/identifiers']
  const conf = (content: string, namespace = xroad): Buffer =>
    Buffer.from(`<a:conf xmlns:a="${namespace}" xmlns:id="${id}">${content}</a:conf>`)
  const named = (type: string, more = ''): string =>
    `<monitoringClient><monitoringClientId id:objectType="${type}"><id:xRoadInstance>DEV</id:xRoadInstance>` +
    `<id:memberClass>GOV</id:memberClass><id:memberCode>1</id:memberCode>${more}</monitoringClientId></monitoringClient>`
  t.same(await parseMonitoringParameters(conf(named('MEMBER'))), member)
  t.equal(await parseMonitoringParameters(conf('<monitoringClient>\n</monitoringClient>')), undefined)
  for (const wrong of [
    ...[conf(''), conf(named('MEMBER').repeat(2)), conf(named('MEMBER'), 'urn:other'), Buffer.alloc(0)],
    ...[conf(named('SERVER')), conf(named('SUBSYSTEM')), conf(named('MEMBER', '<id:other>x</id:other>'))],
    ...[conf(`${named('MEMBER')}<x/>`), conf(named('MEMBER').replace('>1<', '>\u200b<'))],
    Buffer.from(`${conf(named('MEMBER')).toString()}${' '.repeat(65_536)}`),
    Buffer.from(`<!DOCTYPE a>${conf(named('MEMBER')).toString()}`),
  ])
    t.equal(
      await verdict(parseMonitoringParameters(wrong)),
      'malformed_global_conf',
      String(wrong).slice(0, 80),
    )
})
