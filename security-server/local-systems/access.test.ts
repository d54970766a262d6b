import { networkInterfaces } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { idText, parseClientId, parseSubsystemId } from '#schemas/identifiers.ts'
import { type EndpointRights, isAllowed } from './access.ts'
import { checkServiceUrl, isForbiddenAddress, isOwnListener } from './check-address.ts'

const provider = parseSubsystemId('DEV/GOV/1000/population')
const tax = parseSubsystemId('DEV/GOV/2000/tax')
const business = parseSubsystemId('DEV/COM/3000/business')

t.test('service addresses', (t) => {
  const own = [
    { host: '127.0.1.1', port: 4000 },
    { host: '0.0.0.0', port: 5500 },
  ]
  for (const good of [
    'http://10.0.0.5:9000/v1',
    'https://a.example/x/y',
    'http://[::1]:9000',
    'http://localhost:9000',
    'inbox:',
    'room:',
    'inbox:https://a.example/events',
  ]) {
    t.equal(checkServiceUrl(good, own), good)
  }
  t.equal(checkServiceUrl('HTTP://A.example/x//', own), 'http://a.example/x')
  const bad = [
    'ftp://a.example',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://',
    'http:/a.example',
    'http:\\\\a.example',
    'http://user:pw@a.example',
    'http://a.example?q=1',
    'http://a.example/#x',
    'http://a.example/ x',
    'http://a.example/\r\nx',
    'http://a.ex\u0000ample',
    'http://ａ.example',
    'http://a_.example.',
    'http://-a.example',
    'http://169.254.169.254/latest',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://[fe80::1]',
    'http://[::ffff:169.254.169.254]',
    'http://[::ffff:a9fe:a9fe]',
    'http://[64:ff9b::169.254.169.254]',
    'http://[64:ff9b:1::10.1.2.3]',
    'http://[64:ff9b:1:a9fe:a9:fe00::]',
    'http://[fec0::1]',
    'http://[2002:a9fe:a9fe::1]',
    'http://[::169.254.169.254]',
    'http://[ff02::1]',
    'http://[::]:80',
    'http://0.0.0.0:9000',
    'http://0:9000',
    'http://255.255.255.255',
    'http://224.0.0.1',
    'http://100.100.100.200',
    'http://[fd00:ec2::254]',
    'http://[fd20:ce::254]',
    'http://127.0.1.1:4000',
    'http://[::ffff:127.0.1.1]:4000/api',
    'http://0x7f.0.1.1:4000',
    'http://localhost:5500',
    'https://127.9.9.9:5500',
    'http://[::1]:5500',
    `http://a.example/${'x'.repeat(2100)}`,
  ]
  for (const url of [
    ...bad,
    'INBOX:',
    'inbox',
    'inbox:x',
    'room:x',
    'tracker:',
    'room:https://a.example/events',
    'ROOM:',
    'inbox:inbox:',
    ...bad.map((one) => `inbox:${one}`),
  ])
    t.throws(() => checkServiceUrl(url, own), { code: 'service_malformed_url' }, url.slice(0, 60))
  t.ok(isForbiddenAddress('not an address'), 'what is no address is not allowed')
  t.notOk(isForbiddenAddress('10.1.2.3'))
  t.ok(isOwnListener('::ffff:127.0.1.1', 4000, own))
  t.notOk(isOwnListener('127.0.1.2', 4000, own))
  const named = [{ host: 'localhost', port: 4000 }]
  for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost'])
    t.throws(() => checkServiceUrl(`http://${host}:4000`, named), { code: 'service_malformed_url' }, host)
  t.ok(checkServiceUrl('http://10.1.2.3:4000', named))
  for (const { address, family } of Object.values(networkInterfaces()).flatMap((all = []) => all)) {
    t.ok(isOwnListener(address, 5500, own), `a listener on every address listens on ${address}`)
    t.notOk(isOwnListener(address, 5501, own))
    const host = family === 'IPv6' ? `[${address}]` : address
    t.throws(() => checkServiceUrl(`http://${host}:5500`, own), { code: 'service_malformed_url' })
  }
  t.end()
})

t.test('edge tables of access', (t) => {
  const rights = (method: string, at: string, more: Partial<EndpointRights> = {}): EndpointRights => ({
    method,
    path: at,
    subsystems: new Set([idText(tax)]),
    globalGroups: [],
    localGroups: [],
    ...more,
  })
  const none = { subsystems: new Set<string>() }
  const member = parseClientId('DEV/GOV/2000')
  const rows: [string, EndpointRights[], Partial<Parameters<typeof isAllowed>[1]>, boolean][] = [
    ['no rule at all', [], {}, false],
    ['an endpoint without rights', [rights('*', '**', none)], {}, false],
    ['service level', [rights('*', '**')], { method: 'DELETE', path: '/a/b/c' }, true],
    ['service level, empty path', [rights('*', '**')], { path: '' }, true],
    [
      'another subsystem of the same member',
      [rights('*', '**')],
      { client: { ...tax, subsystemCode: 'other' } },
      false,
    ],
    ['the member itself', [rights('*', '**')], { client: member }, false],
    ['codes are case-sensitive', [rights('*', '**')], { client: { ...tax, subsystemCode: 'TAX' } }, false],
    [
      'a code that needs escaping is not another',
      [rights('*', '**')],
      { client: { ...tax, subsystemCode: 'tax ' } },
      false,
    ],
    ['methods are case-sensitive', [rights('GET', '**')], { method: 'get' }, false],
    ['HEAD is not GET', [rights('GET', '**')], { method: 'HEAD' }, false],
    ['one star stays in its segment', [rights('GET', '/a/*')], { path: '/a/b/c' }, false],
    ['one star matches an empty segment', [rights('GET', '/a/*')], { path: '/a/' }, true],
    ['a trailing slash is another path', [rights('GET', '/a')], { path: '/a/' }, false],
    ['an escaped slash stays in its segment', [rights('GET', '/a/*')], { path: '/a/b%2Fc' }, true],
    [
      'two rules do not mix',
      [rights('GET', '/a'), rights('POST', '/b')],
      { method: 'POST', path: '/a' },
      false,
    ],
    [
      'a global group',
      [rights('*', '**', { ...none, globalGroups: ['g'] })],
      { isInGlobalGroup: (group) => group === 'g' },
      true,
    ],
    [
      'another global group',
      [rights('*', '**', { ...none, globalGroups: ['g'] })],
      { isInGlobalGroup: (group) => group === 'G' },
      false,
    ],
    [
      'a member in a local group',
      [rights('*', '**', { ...none, localGroups: [new Set([idText(member)])] })],
      { client: member },
      true,
    ],
    [
      'a subsystem of a member in a local group',
      [rights('*', '**', { ...none, localGroups: [new Set([idText(member)])] })],
      {},
      false,
    ],
  ]
  for (const [name, endpoints, question, wanted] of rows) {
    const asked = { client: tax, method: 'GET', path: '/a', isInGlobalGroup: () => false, ...question }
    t.equal(isAllowed(endpoints, asked), wanted, name)
  }
  t.end()
})

/** The oracle: rules checked one by one, patterns matched by plain recursion. */
function oracleMatches(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern.startsWith('**')) {
    const rest = pattern.replace(/^\*+/, '')
    return Array.from({ length: text.length + 1 }, (_, i) => i).some((i) =>
      oracleMatches(rest, text.slice(i)),
    )
  }
  if (pattern.startsWith('*')) {
    const end = text.indexOf('/')
    return oracleMatches(pattern.slice(1), end < 0 ? '' : text.slice(end))
  }
  const escaped = pattern[0] === '\\' && (pattern[1] === '*' || pattern[1] === '\\')
  const letter = escaped ? pattern[1] : pattern[0]
  return text[0] === letter && oracleMatches(pattern.slice(escaped ? 2 : 1), text.slice(1))
}

t.test('random policies agree with the oracle', (t) => {
  const clients = [tax, business, provider, { ...tax, subsystemCode: 'other' }].map((id) => idText(id))
  const client = fc.constantFrom(...clients)
  const method = fc.constantFrom('GET', 'POST', 'HEAD')
  const piece = fc.constantFrom('/', 'a', 'b', '*', '**', '\\*', '\\\\')
  const pattern = fc.array(piece, { maxLength: 7 }).map((pieces) => `/${pieces.join('')}`)
  const endpoint = fc.record({
    method: fc.oneof(method, fc.constant('*')),
    path: fc.oneof(pattern, fc.constant('**')),
    subsystems: fc.uniqueArray(client, { maxLength: 2 }).map((ids) => new Set(ids)),
    globalGroups: fc.uniqueArray(fc.constantFrom('g1', 'g2'), { maxLength: 2 }),
    localGroups: fc.array(
      fc.uniqueArray(client, { maxLength: 2 }).map((ids) => new Set(ids)),
      { maxLength: 2 },
    ),
  })
  const question = fc.record({
    client,
    method,
    path: fc
      .array(fc.constantFrom('/', 'a', 'b', '*', '\\'), { maxLength: 8 })
      .map((pieces) => `/${pieces.join('')}`),
    groups: fc.uniqueArray(fc.constantFrom('g1', 'g2'), { maxLength: 2 }),
  })
  let allowed = 0
  fc.assert(
    fc.property(
      fc.array(endpoint, { maxLength: 4 }),
      fc.array(question, { minLength: 4, maxLength: 8 }),
      (endpoints, questions) => {
        for (const asked of questions) {
          const oracle = endpoints.some((rule) => {
            if (rule.method !== '*' && rule.method !== asked.method) return false
            if (!oracleMatches(rule.path, asked.path)) return false
            if (rule.subsystems.has(asked.client)) return true
            if (rule.globalGroups.some((group) => asked.groups.includes(group))) return true
            return rule.localGroups.some((group) => group.has(asked.client))
          })
          if (oracle) allowed += 1
          const isInGlobalGroup = (group: string) => asked.groups.some((each) => each === group)
          const answer = isAllowed(endpoints, {
            ...asked,
            client: parseClientId(asked.client),
            isInGlobalGroup,
          })
          if (answer !== oracle)
            throw new Fault('internal_error', { what: JSON.stringify([endpoints, asked]) })
        }
      },
    ),
    { numRuns: Number(process.env['POLICY_RUNS'] ?? 3000) },
  )
  t.ok(allowed > 100, 'the property met allowed calls too')
  t.end()
})
