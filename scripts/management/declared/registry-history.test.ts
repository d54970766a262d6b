/**
 * What a registry keeps of the files that were applied, with the real program: history, drift and the way
 * back.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import type { AuditEntry } from '#platform/audit-log/create-audit-log.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { at, inThread, type Ran } from '../program-fixture.ts'

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const { tsa } = authority

void t.test(
  'a registry keeps what was applied, tells what was changed beside it, and goes back',
  async (t) => {
    const node = await registryWorld(t).start()
    const env = at(node)
    const registry = (...args: string[]): Promise<Ran> => inThread(['registry', ...args], env)
    await node.must('PUT', '/system', { instance: 'DEV' })
    t.match(await registry('drift'), { code: 1, errors: /no file was ever applied to this registry/ })
    const folder = t.testdir({})
    const fileOf = (name: string, content: object): string => {
      writeFileSync(path.join(folder, name), JSON.stringify(content))
      return path.join(folder, name)
    }
    writeFileSync(path.join(folder, 'tsa.der'), tsa.der)
    const whole = {
      memberClasses: [{ code: 'GOV', description: 'Government' }],
      members: [
        { id: 'DEV:GOV:1', name: 'One', subsystems: [{ code: 'a' }], mailAddresses: ['a@one.example'] },
        { id: 'DEV:GOV:2', name: 'Two' },
      ],
      timestampingServices: [{ name: 'TSA', url: 'http://tsa.example/', certificate: 'tsa.der' }],
      suspensionPolicy: { perDay: 7 },
    }
    const file = fileOf('registry.yaml', whole)
    const planned = (await registry('plan', file)).out
    const digest = /^SHA-256 of the content: ([0-9a-f]{64})$/m.exec(planned)![1]!
    const whole256 = /^SHA-256 with its mail addresses, .*: ([0-9a-f]{64})$/m.exec(planned)![1]!
    const another = /has another SHA-256 than the one that was planned/
    for (const other of [digest.replace(/^./, 'x'), digest])
      t.match(await registry('apply', file, '--why', 'x', '--sha256', other), { code: 2, errors: another })
    t.match(await registry('apply', file, '--why', 'x', '--remove'), { code: 2 }, 'nothing is taken away')
    const applied = await registry('apply', file, '--why', 'grünes Licht', '--sha256', whole256)
    t.match(applied, { code: 0, errors: '', out: /\n7 done, 0 waiting, revision 1\n$/ })
    t.match(await registry('drift'), {
      ...{ code: 0, errors: '' },
      out: /^revision 1, .*, declared by .*: grünes Licht\napplied, SHA-256 /,
    })

    // It is on record before its first step; its text is whole, and holds nobody's mail address.
    const content = (await node.call('GET', '/revisions/1/content')).bytes
    t.equal(createHash('sha256').update(content).digest('hex'), digest)
    t.match(content.toString(), tsa.der.toString('base64'))
    t.notMatch(content.toString(), 'one.example')
    const acts = (await node.must('GET', '/audit-log?limit=500')) as AuditEntry[]
    const first = acts.findIndex(({ operation }) => operation === 'addRevision')
    t.equal(acts[first - 1]!.operation, 'addMemberClass', 'the act after it')
    t.match(acts[first]!.data, { body: { sha256: digest, reason: 'grünes Licht' } })
    t.match(await node.must('GET', '/revisions'), [
      { state: 'applied', auditSequence: acts[first]!.sequence },
    ])
    const { body: verdict } = await node.call('GET', '/audit-log/verification')
    t.match(verdict, { records: acts.length, brokenAt: undefined })

    // Drift, behind a small file that hides nothing of the whole one.
    await node.must('PATCH', '/members/DEV:GOV:1', { name: 'Changed' })
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '3', name: 'Three' })
    const small = fileOf('small.yaml', { members: [{ id: 'DEV:GOV:2', name: 'Two' }] })
    t.match(await registry('apply', small, '--why', 'nothing'), { code: 0, out: /revision 2\n$/ })
    const { secret } = (await node.must('POST', '/api-keys', {
      ...{ name: 'timer', roles: ['XROAD_AUDITOR'] },
    })) as { secret: string }
    const key = path.join(folder, 'timer.key')
    writeFileSync(key, secret)
    const drifted = await inThread(['registry', 'drift'], at(node, key))
    t.match(drifted, { code: 3, out: /^revision 2, .*\n.*\nrevision 1, / })
    t.match(drifted.out, /^since {5}\S+ .*: renameMember \/api\/v1\/members\/DEV:GOV:1 \(audit log \d+\)$/m)
    t.match(drifted.out, /^do {8}rename DEV:GOV:1 to One\nnot named member DEV:GOV:3\n1 to do, /m)

    // What is taken away by hand and left out of the next whole file is no drift any more.
    await node.must('DELETE', '/members/DEV:GOV:3')
    await node.must('DELETE', '/members/DEV:GOV:2')
    t.match((await registry('drift')).out, /^do {8}admit the member DEV:GOV:2$/m)
    const next = fileOf('next.yaml', {
      ...whole,
      members: [{ id: 'DEV:GOV:1', name: 'Changed', subsystems: [{ code: 'a' }] }],
    })
    t.match(await registry('apply', next, '--why', 'less'), {
      code: 0,
      out: /^0 done, 0 waiting, revision 3$/m,
    })
    t.match(await registry('drift'), { code: 0, out: /^0 to do, 0 different, 0 not named\n$/m })

    // Back to the first: what went comes again, and its mail addresses stay as they are.
    await node.must('PUT', '/members/DEV:GOV:1/mail-addresses', { addresses: ['b@one.example'] })
    const back = ['restore', '1', '--why', 'as it was']
    t.match(await registry('plan', '--revision', '1'), {
      code: 3,
      out: /^revision 1, .*, declared by .*: grünes Licht\napplied, SHA-256 .*\ndo {8}rename DEV:GOV:1 to One\n/,
    })
    t.match(await registry(...back), { code: 2, errors: /--sha256 is missing: plan --revision 1/ })
    t.match(await registry(...back, '--sha256', digest.replace(/^./, 'x')), { code: 2, errors: another })
    t.match(await registry(...back, '--sha256', digest), {
      ...{ code: 0, errors: '' },
      out: /^revision 1, .*\napplied, .*\ndone: rename DEV:GOV:1 to One\ndone: admit the member DEV:GOV:2\n2 done, 0 waiting, revision 4\n$/,
    })
    t.match(await node.must('GET', '/revisions?limit=1'), [{ number: 4, restores: 1, sha256: digest }])
    t.same(await node.must('GET', '/members/DEV:GOV:1/mail-addresses'), { addresses: ['b@one.example'] })
    t.match(await registry('restore', '99', '--why', 'x'), { code: 1, errors: /refused with 404/ })

    // A refusal names its step; the revision says how it ended.
    const refused = fileOf('refused.yaml', { members: [{ id: 'DEV:COM:1', name: 'No class' }] })
    t.match(await registry('apply', refused, '--why', 'try'), {
      code: 1,
      errors: /^concordat registry: admit the member DEV:COM:1: refused with 4/,
    })
    t.match(await node.must('GET', '/revisions?limit=1'), [
      { number: 5, state: 'refused', failure: /^admit the member DEV:COM:1/, done: null },
    ])
    const again = ['restore', '5', '--why', 'x', '--sha256', digest]
    t.match(await registry(...again), { code: 1, errors: /revision 5 is refused: only what was applied/ })
    for (const args of [
      ['plan', file, '--revision', '1'],
      ['restore', 'x', '--why', 'y'],
      ['drift', 'x'],
      ['plan', file, '--why', 'x'],
    ])
      t.equal((await registry(...args)).code, 2, args.join(' '))
  },
)

onEachRegistryDatabase('revisions that a registry takes, and others', async (t, url) => {
  const node = await registryWorld(t, url).start()
  await node.must('PUT', '/system', { instance: 'DEV' })
  const good = { content: '{}', sha256: createHash('sha256').update('{}').digest('hex'), reason: 'why' }
  for (const [body, status] of [
    [{ ...good, sha256: 'a'.repeat(64) }, 400],
    [{ ...good, reason: 'a\u202eb' }, 400],
    [{ ...good, restores: 7 }, 404],
    [{ ...good, more: 1 }, 400],
    [{ ...good, removes: true }, 400],
    [{ ...good, content: '' }, 400],
    ...['[]', '{"members":[{"id":"a","name":"b","mailAddresses":[]}]}'].map((content): [object, number] => [
      { ...good, content, sha256: createHash('sha256').update(content).digest('hex') },
      400,
    ]),
    [{ ...good, content: 'x'.repeat(8_388_609) }, 400],
    [{ ...good, content: 'x'.repeat(13_000_000) }, 413],
  ] as [object, number][])
    t.equal((await node.call('POST', '/revisions', body)).status, status, JSON.stringify(body).slice(0, 100))
  t.match(await node.must('POST', '/revisions', good), { number: 1, state: 'begun' })
  t.equal((await node.call('POST', '/revisions', good)).status, 409, 'one at a time')
  for (const body of [{}, { done: 1 }, { waiting: -1, done: 0 }, { failure: 'a\u0000' }])
    t.equal((await node.call('PUT', '/revisions/1/end', body)).status, 400, JSON.stringify(body))
  t.match(await node.must('PUT', '/revisions/1/end', { done: 0, waiting: 2 }), { state: 'waiting' })
  t.equal((await node.call('GET', '/revisions/1/content')).bytes.toString(), '{}')
  t.match(await node.must('GET', '/revisions?q=WHY'), [{ number: 1, waiting: 2 }])
  t.same(await node.must('GET', '/revisions?q=nothing'), [])
  await node.must('POST', '/member-classes', { code: 'GOV', description: 'Government' })
  t.match(await node.must('GET', '/drift'), {
    ...{ revision: { number: 1 }, more: false },
    acts: [{ operation: 'addMemberClass' }],
  })
  for (const [method, url] of [
    ['GET', '/revisions/0'],
    ['GET', '/revisions/1e3'],
    ['GET', '/drift?since=x'],
  ] as const)
    t.equal((await node.call(method, url)).status, 400, url)
  for (const url of ['/revisions/9', '/revisions/9/content', '/drift?since=9'])
    t.equal((await node.call('GET', url)).status, 404, url)
  t.equal((await node.call('GET', '/revisions', undefined, '')).status, 401)
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
    'more.yaml':
      'members: [{ id: "DEV:GOV:7", name: Seven }]\ncontractPolicy: { contractRequired: true, approveAll: true }\n',
  })
  const file = path.join(folder, 'more.yaml')
  const registry = (...args: string[]): Promise<Ran> =>
    inThread(['registry', ...args], at(node, path.join(folder, 'line.key')))

  t.match(await registry('apply', file), { code: 2, errors: /--why is missing/ })
  const waits = {
    code: 3,
    out: 'waits for a second person: admit the member DEV:GOV:7\nwaits for a second person: set the policy on contracts: contractRequired true, approveAll true\n0 done, 2 waiting, revision 1\n',
  }
  t.match(await registry('apply', file, '--why', 'grünes Licht'), waits)
  t.match(await registry('apply', file, '--why', 'grünes Licht'), {
    code: 3,
    out: /^proposed {2}admit the member DEV:GOV:7\nproposed .*\n0 done, 2 waiting\n$/,
  })
  t.match(await registry('plan', file), { code: 3, out: /^proposed {2}admit the member DEV:GOV:7$/m })
  const proposals = (await ask(ben, 'GET', '/approvals?view=waiting')) as unknown as Record<string, string>[]
  t.match(
    proposals.toSorted((a, b) => a['operation']!.localeCompare(b['operation']!)),
    ['addMember', 'setContractPolicy'].map((operation) => ({ operation, reason: 'grünes Licht' })),
    'once',
  )
  t.equal(proposals.length, 2)
  t.match(await registry('delete-member', 'DEV:GOV:1234', '--why', 'x'), {
    code: 0,
    out: /^Proposed\. A second person/,
  })
  for (const { id, contentSha256 } of proposals)
    await ask(ben, 'POST', `/approvals/${id}/approve`, { contentSha256 })
  t.match((await registry('plan', file)).out, /0 to do/)

  // What they agreed to is a step of the revision that proposed it; the same by hand is not, nor is a request
  // that they approve.
  const drift = async () => {
    const { acts } = (await ask(anna, 'GET', '/drift')) as unknown as { acts: AuditEntry[] }
    return acts.map(({ operation }) => operation)
  }
  t.same(await drift(), [])
  const agree = async (proposed: Record<string, string>): Promise<unknown> =>
    ask(ben, 'POST', `/approvals/${proposed['id']}/approve`, { contentSha256: proposed['contentSha256'] })
  const policy = { contractRequired: true, approveAll: true }
  await agree(await ask(anna, 'PUT', '/contract-policy', policy))
  t.same(await drift(), ['setContractPolicy'])
  const member = { memberClass: 'GOV', memberCode: '8', name: 'Eight' }
  const proposed = await ask(anna, 'POST', '/members', member)
  t.same(await drift(), ['setContractPolicy'], 'a proposal changes nothing')
  await agree(proposed)
  t.same(await drift(), ['addMember', 'setContractPolicy'])
})
