import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { DECLARED_ACTS } from '#central-registry/features/revisions/declared-acts.ts'
import { createAuthority } from '#certs/authority.ts'
import { builtInProfile } from '#core/certificate/built-in-profiles.ts'
import { startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { certificationRequest } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { readCommands } from '../commands.ts'
import { at, exitCodeOf, inThread, type Ran } from '../program-fixture.ts'
import { planOf } from './plan.ts'
import { readDeclared } from './read-file.ts'
import type { Present } from './read-present.ts'

const OWN_PROFILE = {
  ...builtInProfile('FiVRKCertificateProfileInfoProvider')!,
  name: 'org.example.Own',
  title: 'Own',
}
const UNTIL = new Date(Date.now() + 300 * 86_400_000).toISOString()
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const authentication = await authority.issue({
  profile: 'authentication',
  request: certificationRequest(),
  subject: [
    ['C', 'FI'],
    ['O', 'One'],
    ['CN', 'ss1.example'],
    ['serialNumber', 'DEV/SS1/GOV'],
  ],
})

/** A declared registry as an administrator would write it, with its certificates in the same folder. */
function declaredFile(t: Test, anchor: Buffer): string {
  const folder = t.testdir({})
  mkdirSync(path.join(folder, 'certificates'))
  const certificate = (name: string, der: Buffer): string => {
    writeFileSync(path.join(folder, 'certificates', name), der)
    return `certificates/${name}`
  }
  const pem = (der: Buffer): Buffer =>
    Buffer.from(
      `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    )
  const responders = [
    {
      ...{ url: 'http://ocsp.example/', costType: 'FREE' },
      certificate: certificate('ocsp.pem', pem(authority.ocspResponder.der)),
    },
  ]
  writeFileSync(path.join(folder, 'own.json'), JSON.stringify(OWN_PROFILE))
  const file = path.join(folder, 'registry.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      managementServiceProvider: 'DEV:GOV:1:sub ä',
      memberClasses: [{ code: 'GOV', description: 'Government' }],
      certificateProfiles: ['own.json'],
      certificationServices: [
        {
          name: 'CA',
          certificateProfileInfo: OWN_PROFILE.name,
          defaultCsrFormat: 'PEM',
          certificate: certificate('root.der', authority.root.der),
          ocspResponders: responders,
          intermediateCas: [
            {
              certificate: certificate('ca.pem', pem(authority.intermediate.der)),
              ocspResponders: responders,
            },
          ],
        },
      ],
      timestampingServices: [
        {
          ...{ name: 'TSA', url: 'http://tsa.example/', costType: 'PAID' },
          certificate: certificate('tsa.der', authority.tsa.der),
        },
      ],
      members: [
        {
          id: 'DEV:GOV:1',
          name: 'One',
          subsystems: [{ code: 'sub ä', name: 'Sub' }],
          webhook: 'https://one.example/decisions',
          mailAddresses: ['b@one.example', 'a@one.example'],
        },
        { id: 'DEV:GOV:3', name: 'Three', mailAddresses: [] },
      ],
      securityServers: [
        {
          id: 'DEV:GOV:1:SS1',
          address: 'ss1.example',
          authenticationCertificates: [certificate('auth.der', authentication.der)],
          clients: ['DEV:GOV:1:sub ä'],
        },
      ],
      globalGroups: [{ code: 'all', description: 'All', members: ['DEV:GOV:1'] }],
      automaticApprovals: [{ kind: 'clientReg', memberClass: 'GOV' }],
      hostingMandates: [
        { host: 'DEV:GOV:3', client: 'DEV:GOV:1', validUntil: UNTIL },
        { host: 'DEV:GOV:3', client: 'DEV:GOV:1:sub ä', validUntil: '2020-01-01T00:00:00Z' },
      ],
      contractPolicy: { contractRequired: true, approveAll: false },
      hostingPolicy: { mandateRequired: true },
      suspensionPolicy: { perDay: 7 },
      externalAnchors: [certificate('fi.xml', anchor)],
    }),
  )
  return file
}

void t.test('a registry is brought to what a file declares', async (t) => {
  const node = await registryWorld(t).start()
  const env = at(node)
  const registry = (...args: string[]): Promise<Ran> => inThread(['registry', ...args], env)
  t.match(await registry('initialize-system', '--instance', 'DEV'), { code: 0, out: 'instance: DEV\n' })
  const partner = await startConfigurationSource('FI')
  t.teardown(() => partner.close())
  partner.publish({ at: new Date(), expireDate: new Date(Date.now() + 600_000) })
  const file = declaredFile(t, partner.anchor())

  const before = await registry('plan', file)
  t.match(before, { code: 3, out: /^SHA-256 of .*\nSHA-256 with .*\ndo {8}add the member class GOV\n/ })
  t.match(before.out, /^later {5}add the subsystem DEV:GOV:1:sub ä$/m)
  t.match(
    before.out,
    /^do {8}add the certificate profile org\.example\.Own\nlater {5}approve the certification service CA$/m,
  )
  t.match(before.out, /^do {8}set the policy on contracts: contractRequired true$/m)
  t.notMatch(before.out, 'a@one.example', "a plan holds nobody's mail address")
  t.match(before.out, /\n23 to do, 0 different, 0 not named\n$/)
  t.match(await registry('apply', file), { code: 2, errors: /--why is missing/ })
  const applied = await registry('apply', file, '--why', 'grünes Licht')
  t.match(applied, { code: 0, errors: '' })
  t.match(applied.out, /\n23 done, 0 waiting, revision 1\n$/)
  t.match(await registry('plan', file), { code: 0, out: /^0 to do, 0 different, 0 not named\n$/m })
  t.match(await registry('apply', file, '--why', 'again'), { code: 0, out: '0 done, 0 waiting\n' })
  const group = { code: 'security-server-owners', description: 'x', members: ['DEV:GOV:1'] }
  const ownersFile = path.join(path.dirname(file), 'owners.json')
  writeFileSync(ownersFile, JSON.stringify({ globalGroups: [group] }))
  t.match(
    (await registry('plan', ownersFile)).out,
    /^differs {3}the registry keeps the global group security-server-owners by itself: leave it out of the file$/m,
  )
  t.match(await node.must('GET', '/security-servers/DEV:GOV:1:SS1'), {
    clients: 1,
    authenticationCertificates: [{ sha256: authentication.sha256 }],
  })
  t.match(await node.must('GET', '/contract-policy'), {
    ...{ contractRequired: true, approveAll: false, confirmedContacts: 'none' },
  })
  t.match(await node.must('GET', '/timestamping-services'), [{ costType: 'PAID' }])
  const [ca] = (await node.must('GET', '/certification-services')) as { authorities: object[] }[]
  t.match(ca, { defaultCsrFormat: 'PEM' })
  for (const one of ca!.authorities) t.match(one, { ocspResponders: [{ costType: 'FREE' }] })
  const other = path.join(path.dirname(file), 'other.json')
  writeFileSync(other, readFileSync(file, 'utf8').replace('"PEM"', '"DER"').replaceAll('"FREE"', '"PAID"'))
  t.match(
    (await registry('plan', other)).out,
    /^differs {3}certification service CA has another .* request format$/m,
  )
  t.match((await registry('plan', other)).out, /^differs {3}CA has the OCSP responders http:.* \(FREE\)$/m)
  t.match(await node.must('GET', '/suspension-policy'), { perDay: 7 })
  t.match(await node.must('GET', '/hosting-policy'), { mandateRequired: true })
  t.same(await node.must('GET', '/members/DEV:GOV:1/mail-addresses'), {
    addresses: ['a@one.example', 'b@one.example'],
  })

  await node
    .must('POST', '/members', { memberClass: 'GOV', memberCode: '2', name: 'Two\u202e' })
    .catch(() => undefined)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '2', name: 'Two' })
  await node.must('PATCH', '/members/DEV:GOV:1', { name: 'Changed' })
  await node.must('POST', '/global-groups/all/members', { client: 'DEV:GOV:2' })
  // A file that was written from a registry leaves nothing to do.
  const folder = path.join(path.dirname(file), 'declared')
  t.match(await registry('declare', folder), { code: 0, out: /^\d+ files in .*registry\.yaml\n$/ })
  const written = path.join(folder, 'registry.yaml')
  t.match(await registry('plan', written), { code: 0, out: /^0 to do, 0 different, 0 not named\n$/m })
  t.match(readFileSync(written, 'utf8'), /certificateProfiles:\n {2}- org\.example\.Own\.json\n/)
  t.notMatch(readFileSync(written, 'utf8'), 'a@one.example')
  t.match(await registry('declare', folder), { code: 2, errors: /is there already/ }, 'a new folder')
  const at404 = await node.call('GET', `/certificates/${'0'.repeat(64)}`)
  t.match(at404, { status: 404, body: { type: 'not_found' } })

  const changed = { ...OWN_PROFILE, title: 'Another' }
  await node.must('PUT', `/certificate-profiles/${changed.name}`, changed)
  await node.must('PUT', '/certificate-profiles/org.example.More', { ...changed, name: 'org.example.More' })
  await node.must('PUT', '/suspension-policy', { perDay: 8 })
  await node.must('DELETE', '/members/DEV:GOV:1/webhook')
  const [mandate] = (await node.must('GET', '/hosting-mandates')) as { id: number }[]
  await node.must('DELETE', `/hosting-mandates/${mandate!.id}`)
  const later = new Date(Date.now() + 400 * 86_400_000).toISOString()
  const given = { host: 'DEV:GOV:2', client: 'DEV:GOV:1:sub ä', validUntil: later }
  await node.must('POST', '/hosting-mandates', given)
  t.same((await registry('plan', file)).out.split('\n').slice(2).toSorted(), [
    '',
    '4 to do, 1 different, 4 not named',
    'differs   hosting mandate of DEV:GOV:3 for DEV:GOV:1 was ended before its time',
    'do        change the certificate profile org.example.Own',
    'do        rename DEV:GOV:1 to One',
    'do        set the policy on suspensions: perDay 7',
    'do        tell DEV:GOV:1 of decisions at https://one.example/decisions',
    'not named DEV:GOV:2 in the global group all',
    'not named certificate profile org.example.More',
    'not named hosting mandate of DEV:GOV:2 for DEV:GOV:1:sub ä',
    'not named member DEV:GOV:2',
  ])

  const members = await registry('get-members', '--all', '--json', '--sort=-id')
  t.same(
    (JSON.parse(members.out) as { id: string }[]).map(({ id }) => id),
    ['DEV:GOV:3', 'DEV:GOV:2', 'DEV:GOV:1'],
  )
  t.match(await registry('add-member-class', '--code', 'GOV', '--description', 'again'), {
    code: 1,
    errors: /^concordat registry: refused with 409: .*\[[0-9a-f-]{36}\]\n$/,
  })
  for (const args of [
    ['nonsense'],
    ['get-members', '--nonsense'],
    ['get-system', '--all'],
    ['plan'],
    ['apply', '/nowhere'],
  ])
    t.match(
      await registry(...args),
      { code: 2, out: '', errors: /^concordat registry: [^\n]+\n$/ },
      args.join(' '),
    )
  const anchor = path.join(t.testdir({}), 'anchor.xml')
  await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
  t.match(await registry('get-anchor', 'internal', '--output', anchor), { code: 0, out: '' })
  t.match(readFileSync(anchor, 'utf8'), /<configurationSource|<ns\d*:configurationAnchor|configurationAnchor/)
  t.equal(statSync(anchor).mode & 0o777, 0o600)
  t.match(await registry('get-anchor', 'internal', '--output', anchor), { code: 2 }, 'no file is overwritten')
  t.match(await inThread(['registry', 'get-system']), { code: 2, errors: /CONCORDAT_REGISTRY_URL/ })
  t.match(
    await inThread([
      'registry',
      '--url',
      env['CONCORDAT_REGISTRY_URL']!,
      '--key-file',
      env['CONCORDAT_REGISTRY_KEY_FILE']!,
      'get-system',
    ]),
    { code: 0, out: /^initialized: true\n/ },
  )
})

void t.test('declared files that are none', async (t) => {
  const folder = t.testdir({ 'secret.key': 'secret', own: {} })
  const file = path.join(folder, 'own/a.yaml')
  symlinkSync('../secret.key', path.join(folder, 'own/linked'))
  writeFileSync(path.join(folder, 'own/latin.yaml'), Buffer.from('title: \u00e4', 'latin1'))
  const read = (content: string): Promise<unknown> => {
    writeFileSync(file, content)
    return readDeclared(file)
  }
  for (const content of [
    '[',
    '- a',
    'members: {}',
    'nonsense: 1',
    'members: [{ id: a }]',
    'members: [{ id: a, name: b, more: c }]',
    'certificationServices: [{ name: a, certificateProfileInfo: b, certificate: missing.pem }]',
    'certificateProfiles: [missing.json]',
    'timestampingServices: [{ name: a, url: b, certificate: c, costType: CHEAP }]',
    'certificateProfiles: [a.yaml]',
    'contractPolicy: { contractRequired: true }',
    'hostingMandates: [{ host: a, client: b, validUntil: tomorrow }]',
    'a: &a [*a]',
    'certificateProfiles: [../secret.key]',
    'externalAnchors: [../secret.key]',
    'externalAnchors: [linked]',
  ])
    t.equal(await exitCodeOf(read(content)), 2, content)
  const none: Present = {
    readAt: new Date().toISOString(),
    certificateProfiles: [],
    hostingMandates: [],
    ...{ contractPolicy: {}, hostingPolicy: {}, suspensionPolicy: {} },
    notifications: new Map(),
    memberClasses: [],
    members: [],
    subsystems: [],
    securityServers: [],
    certificationServices: [],
    timestampingServices: [],
    globalGroups: [],
    automaticApprovals: [],
    externalAnchors: [],
    proposed: new Set(),
  }
  const empty = (await read('')) as object
  t.same(
    planOf(empty as never, none),
    { steps: [], differences: [], undeclared: [] },
    'an empty file wants nothing',
  )

  // What is to be none is told where it is, and not taken away.
  const nobody = (await read(
    'monitoringClient: null\nmembers: [{ id: "DEV:GOV:1", name: One, webhook: null }]',
  )) as Parameters<typeof planOf>[0]
  const one = { ...none, members: [{ id: 'DEV:GOV:1', name: 'One' }] }
  t.same(planOf(nobody, one).differences, [])
  const told = new Map([['DEV:GOV:1', { webhook: 'https://one.example/' }]])
  t.same(planOf(nobody, { ...one, monitoringClient: 'DEV:GOV:1:a', notifications: told }), {
    ...{ steps: [], undeclared: [] },
    differences: [
      'DEV:GOV:1 is told of decisions at https://one.example/',
      'the monitoring client is DEV:GOV:1:a',
    ],
  })

  // A file that is silent about ACME takes nothing away.
  const root = authority.root.der.toString('base64')
  const kept = { name: 'CA', certificateProfileInfo: 'b', authenticationOnly: false, defaultCsrFormat: 'DER' }
  const there = (directoryUrl: string) => ({
    ...none,
    certificationServices: [
      {
        ...{ ...kept, id: 1, acmeServer: { directoryUrl } },
        authorities: [{ top: true, sha256: authority.root.sha256, ocspResponders: [] }],
      },
    ],
  })
  const service = { ...kept, certificate: root, ocspResponders: [], intermediateCas: [] }
  const wanted = (acmeServer?: object) =>
    planOf(
      {
        ...empty,
        certificationServices: [{ ...service, ...(acmeServer === undefined ? {} : { acmeServer }) }],
      } as never,
      there('https://acme.example/directory') as never,
    )
  t.same(wanted(), { steps: [], differences: [], undeclared: ['ACME server of CA'] })
  t.same(wanted({ directoryUrl: 'https://acme.example/directory' }).steps, [])
  t.match(wanted({ directoryUrl: 'https://other.example/directory' }).steps, [
    {
      call: {
        operation: 'setAcmeServer',
        body: { acmeServer: { directoryUrl: 'https://other.example/directory' } },
      },
    },
  ])
})

void t.test(
  'each operation that changes a registry is in a declared file, or it is said why not',
  async (t) => {
    const plans = readdirSync(import.meta.dirname).filter((name) => name.startsWith('plan'))
    const sources = plans.map((name) => readFileSync(path.join(import.meta.dirname, name), 'utf8')).join('')
    const document = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8')
    const outside = document.split('### What stays outside').at(-1)!
    for (const { operation } of await readCommands('central-registry-api.yaml')) {
      if (operation.method === 'GET') continue
      const isPlanned = sources.includes(`'${operation.id}'`)
      t.not(isPlanned, outside.includes(`\`${operation.id}\``), operation.id)
      if (isPlanned) t.ok(DECLARED_ACTS.includes(operation.id), `${operation.id} counts as drift`)
    }
  },
)
