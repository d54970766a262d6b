import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { certificationRequest, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { CommandError } from './command-error.ts'
import { readCommands } from './commands.ts'
import { planOf } from './declared/plan.ts'
import { readDeclared } from './declared/read-file.ts'
import type { Present } from './declared/read-present.ts'
import { readableAnswer } from './print.ts'
import { readCall } from './read-call.ts'

const CONCORDAT = path.join(import.meta.dirname, '../concordat')
const OWN = ['why', 'body', 'json', 'all', 'output', 'help']
const PROFILE = 'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider'
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

type Ran = { code: number; out: string; errors: string }

/** The real program, beside a registry in this process. */
function concordat(args: string[], environment: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      CONCORDAT,
      args,
      { timeout: 60_000, env: { ...process.env, ...environment } },
      (error, out, errors) => resolve({ code: error === null ? 0 : Number(error.code), out, errors }),
    )
    child.stdin?.end()
  })
}

function at(node: Node, keyFile = node.settings.admin.initialApiKeyFile!): Record<string, string> {
  const { address, port } = node.settings.admin
  return { CONCORDAT_REGISTRY_URL: `http://${address}:${port}`, CONCORDAT_REGISTRY_KEY_FILE: keyFile }
}

/** Undefined when it throws nothing, or something else. */
async function exitCodeOf(of: Promise<unknown>): Promise<number | undefined> {
  try {
    await of
    return undefined
  } catch (error) {
    return error instanceof CommandError ? error.exitCode : undefined
  }
}

void t.test('every operation of both APIs is a command whose words do not clash', async (t) => {
  for (const file of ['central-registry-api.yaml', 'security-server-api.yaml']) {
    const commands = await readCommands(file)
    const names = commands.map(({ name }) => name)
    t.equal(new Set(names).size, names.length, file)
    for (const { name, options, summary } of commands) {
      t.match(name, /^[a-z]+(-[a-z0-9]+)*$/)
      t.not(summary, '', name)
      t.same(
        options.filter((one) => OWN.includes(one.name)).map((one) => one.name),
        [],
        `${name} has no field of the name of one of our options`,
      )
      t.equal(new Set(options.map((one) => one.name)).size, options.length, name)
    }
  }
})

void t.test('words become the call that the API wants', async (t) => {
  const commands = await readCommands('central-registry-api.yaml')
  const call = async (name: string, ...args: string[]) =>
    (
      await readCall(commands.find((one) => one.name === name)!, args, (file) =>
        Promise.resolve(Buffer.from(`<${file}>`)),
      )
    ).call
  const jsonOf = async (name: string, ...args: string[]): Promise<unknown> =>
    JSON.parse(String((await call(name, ...args)).body))

  t.match(await call('get-members', '--q', 'a b&c', '--limit', '3'), {
    method: 'GET',
    url: '/api/v1/members?q=a+b%26c&limit=3',
    body: undefined,
  })
  t.match(await call('delete-member', 'DEV:GOV:a%2Fb/..', '--why', 'über'), {
    method: 'DELETE',
    url: '/api/v1/members/DEV%3AGOV%3Aa%252Fb%2F..',
    headers: { 'x-reason': '%C3%BCber' },
  })
  t.match(await call('activate-signing-key', 'k', '--force'), { url: /\?force=true$/ })
  t.match(await call('activate-signing-key', 'k', '--no-force'), { url: /\?force=false$/ })
  t.match(await call('add-authentication-certificate', 'DEV:GOV:1:S', 'file.der'), {
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from('<file.der>'),
  })
  t.same(
    await jsonOf(
      'add-certification-service',
      '--name',
      '1',
      '--certificateProfileInfo',
      'P',
      '--certificate',
      '@ca',
      '--ocspResponders',
      '{"url":"u"}',
      '--ocspResponders',
      '[{"url":"v"}]',
      '--authenticationOnly',
    ),
    {
      name: '1',
      certificateProfileInfo: 'P',
      certificate: '<ca>',
      ocspResponders: [{ url: 'u' }, { url: 'v' }],
      authenticationOnly: true,
    },
  )
  t.same(await jsonOf('add-api-key', '--name', 'n', '--roles', 'A', '--roles', 'B'), {
    name: 'n',
    roles: ['A', 'B'],
  })
  for (const [name, ...args] of [
    ['get-members', 'more'],
    ['get-members', '--nonsense', '1'],
    ['get-members', '--q'],
    ['delete-member'],
    ['add-member', '--name', 'n'],
    ['add-certification-service', '--ocspResponders', '{', '--name', 'n'],
    ['publish-configuration', '--body', 'x'],
  ] as [string, ...string[]][])
    t.equal(await exitCodeOf(call(name, ...args)), 2, `${name} ${args.join(' ')}`)
})

void t.test('what an API answers cannot steer a terminal', (t) => {
  const shown = readableAnswer(
    [{ id: 'a\u001b[2Jb', name: 'x\u202ey', roles: ['p', 'q'], more: { deep: 1 } }, { id: 'c' }],
    9,
  )
  t.equal(shown, 'id      name  roles\na\ufffd[2Jb  x\ufffdy   p q\nc\n2 of 9\n')
  t.equal(
    readableAnswer({ id: 'a\nb', list: [{ of: 1 }], none: [], gone: null }, undefined),
    'id: a\ufffdb\nlist:\n  0:\n    of: 1\nnone: []\ngone: null\n',
  )
  t.equal(readableAnswer([], 0), 'Nothing.\n')
  t.equal(readableAnswer(['a', 'b'], undefined), 'a\n\nb\n')
  t.end()
})

/** A declared registry as an administrator would write it, with its certificates beside it. */
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
    { url: 'http://ocsp.example/', certificate: certificate('ocsp.pem', pem(authority.ocspResponder.der)) },
  ]
  const file = path.join(folder, 'registry.yaml')
  writeFileSync(
    file,
    JSON.stringify({
      managementServiceProvider: 'DEV:GOV:1:sub ä',
      memberClasses: [{ code: 'GOV', description: 'Government' }],
      certificationServices: [
        {
          name: 'CA',
          certificateProfileInfo: PROFILE,
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
        { name: 'TSA', url: 'http://tsa.example/', certificate: certificate('tsa.der', authority.tsa.der) },
      ],
      members: [{ id: 'DEV:GOV:1', name: 'One', subsystems: [{ code: 'sub ä', name: 'Sub' }] }],
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
      externalAnchors: [certificate('fi.xml', anchor)],
    }),
  )
  return file
}

void t.test('a registry is brought to what a file declares', async (t) => {
  const node = await registryWorld(t).start()
  const env = at(node)
  const registry = (...args: string[]): Promise<Ran> => concordat(['registry', ...args], env)
  t.match(await registry('initialize-system', '--instance', 'DEV'), { code: 0, out: 'instance: DEV\n' })
  const partner = await startConfigurationSource('FI')
  t.teardown(() => partner.close())
  partner.publish({ at: new Date(), expireDate: new Date(Date.now() + 600_000) })
  const file = declaredFile(t, partner.anchor())

  const before = await registry('plan', file)
  t.match(before, { code: 3, out: /^do {8}add the member class GOV\n/ })
  t.match(before.out, /^later {5}add the subsystem DEV:GOV:1:sub ä$/m)
  t.match(before.out, /\n15 to do, 0 different, 0 not named\n$/)
  const applied = await registry('apply', file)
  t.match(applied, { code: 0, errors: '' })
  t.match(applied.out, /\n15 done, 0 waiting\n$/)
  t.match(await registry('plan', file), { code: 0, out: '0 to do, 0 different, 0 not named\n' })
  t.match(await registry('apply', file), { code: 0, out: '0 done, 0 waiting\n' })
  t.match(await node.must('GET', '/security-servers/DEV:GOV:1:SS1'), {
    clients: 1,
    authenticationCertificates: [{ sha256: authentication.sha256 }],
  })

  await node
    .must('POST', '/members', { memberClass: 'GOV', memberCode: '2', name: 'Two\u202e' })
    .catch(() => undefined)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '2', name: 'Two' })
  await node.must('PATCH', '/members/DEV:GOV:1', { name: 'Changed' })
  await node.must('POST', '/global-groups/all/members', { client: 'DEV:GOV:2' })
  t.match((await registry('plan', file)).out.split('\n').toSorted(), [
    '',
    '1 to do, 0 different, 2 not named',
    'do        rename DEV:GOV:1 to One',
    'not named DEV:GOV:2 in the global group all',
    'not named member DEV:GOV:2',
  ])

  const members = await registry('get-members', '--all', '--json', '--sort=-id')
  t.same(
    (JSON.parse(members.out) as { id: string }[]).map(({ id }) => id),
    ['DEV:GOV:2', 'DEV:GOV:1'],
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
  t.match(await concordat(['registry', 'get-system']), { code: 2, errors: /CONCORDAT_REGISTRY_URL/ })
  t.match(
    await concordat([
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

void t.test('what a second person decides about is proposed once', async (t) => {
  const node = await registryWorld(t).start({ login: await startOpenIdProvider(t) })
  await setUp(node, authority)
  const { anna, ben } = await install(t, node)
  const ask = async (
    who: typeof anna,
    method: string,
    url: string,
    body?: unknown,
  ): Promise<Record<string, string>> =>
    (await who.api(baseOf(node), method, url, body, { 'x-reason': 'needed' })).body as Record<string, string>
  const roles = ['XROAD_REGISTRATION_OFFICER', 'XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR']
  const { id, contentSha256 } = await ask(anna, 'POST', '/api-keys', { name: 'line', roles })
  const { result } = await ask(ben, 'POST', `/approvals/${id}/approve`, { contentSha256 })
  const { id: keyId } = result as unknown as { id: string }
  const { secret } = await ask(anna, 'POST', `/api-keys/${keyId}/secret`)
  const folder = t.testdir({
    'line.key': `${secret}\n`,
    'more.yaml': 'members: [{ id: "DEV:GOV:7", name: Seven }]\n',
  })
  const file = path.join(folder, 'more.yaml')
  const registry = (...args: string[]): Promise<Ran> =>
    concordat(['registry', ...args], at(node, path.join(folder, 'line.key')))

  t.match(await registry('apply', file), { code: 2, errors: /--why is missing/ })
  const waits = { code: 3, out: 'waits for a second person: admit the member DEV:GOV:7\n0 done, 1 waiting\n' }
  t.match(await registry('apply', file, '--why', 'grünes Licht'), waits)
  t.match(await registry('apply', file, '--why', 'grünes Licht'), waits)
  t.match(await registry('plan', file), { code: 3, out: /^proposed {2}admit the member DEV:GOV:7$/m })
  const proposals = (await ask(ben, 'GET', '/approvals?view=waiting')) as unknown as Record<string, string>[]
  t.match(proposals, [{ operation: 'addMember', reason: 'grünes Licht' }], 'once')
  t.match(await registry('delete-member', 'DEV:GOV:1234', '--why', 'x'), {
    code: 0,
    out: /^Proposed\. A second person/,
  })
  await ask(ben, 'POST', `/approvals/${proposals[0]!['id']}/approve`, {
    contentSha256: proposals[0]!['contentSha256'],
  })
  t.match((await registry('plan', file)).out, /0 to do/)
})

void t.test('declared files that are none', async (t) => {
  const read = (content: string): Promise<unknown> =>
    readDeclared(path.join(t.testdir({ 'a.yaml': content }), 'a.yaml'))
  for (const content of [
    '[',
    '- a',
    'members: {}',
    'nonsense: 1',
    'members: [{ id: a }]',
    'members: [{ id: a, name: b, more: c }]',
    'certificationServices: [{ name: a, certificateProfileInfo: b, certificate: missing.pem }]',
    'a: &a [*a]',
  ])
    t.equal(await exitCodeOf(read(content)), 2, content)
  const none: Present = {
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
  t.same(
    planOf((await read('')) as never, none),
    { steps: [], differences: [], undeclared: [] },
    'an empty file wants nothing',
  )
})
