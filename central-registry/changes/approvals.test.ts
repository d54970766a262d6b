import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Answer, type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { certificationRequest, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'

const issuer = await startOpenIdProvider(t)
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const DAY = 86_400_000
const SYSTEM = 'XROAD_SYSTEM_ADMINISTRATOR'
const WHY = { 'x-reason': encodeURIComponent('weil es nötig ist') }

type Proposal = {
  id: string
  state: string
  content: string
  contentSha256: string
  result: { id?: string } | null
  failure: string | null
  mayDecide: boolean
}

type Explained = Proposal & { explained: object; summary: string }

/**
 * An installed registry with some data, two administrators, and a third person who is system administrator
 * only.
 */
async function installed(t: Test, url?: string) {
  const world = registryWorld(t, url)
  const node = await world.start({ login: issuer })
  await setUp(node, authority)
  const base = baseOf(node)
  const { anna, ben } = await install(t, node)
  const ask = (
    browser: Browser,
    method: string,
    at: string,
    body?: unknown,
    headers = WHY,
  ): Promise<Answer> => browser.api(base, method, at, body, headers)
  const propose = async (browser: Browser, method: string, at: string, body?: unknown): Promise<Proposal> => {
    // Lists are sorted by time.
    world.clock.now++
    const { status, body: proposed } = await ask(browser, method, at, body)
    if (status !== 202) throw new Error(`${method} ${at}: ${status} ${JSON.stringify(proposed)}`)
    return proposed as Proposal
  }
  const decide = (browser: Browser, { id, contentSha256 }: Proposal, how = 'approve', body?: object) =>
    ask(browser, 'POST', `/approvals/${id}/${how}`, how === 'approve' ? { contentSha256, ...body } : body)
  const list = async (browser: Browser, query: string): Promise<Proposal[]> =>
    (await ask(browser, 'GET', `/approvals?${query}`)).body as Proposal[]
  const carl = openBrowser(t)
  const invited = await propose(anna, 'POST', '/people', { subject: 'carl', roles: [SYSTEM] })
  const admitted = (await decide(ben, invited)).body as Proposal
  await carl.login(base, 'carl')
  return { world, node, base, anna, ben, carl, carlId: admitted.result!.id!, ask, propose, decide, list }
}

const member = (memberCode: string) => ({ memberClass: 'GOV', memberCode, name: 'New' })

void t.test('what trust hangs on takes two persons', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const { node, anna, ben, carl, ask, propose, decide, list } = await installed(t, url)
    t.match(await node.must('GET', '/system'), { fourEyes: true })
    const members = async (): Promise<number> => ((await node.must('GET', '/members')) as unknown[]).length
    const count = async (): Promise<number> => (await list(anna, 'limit=500')).length
    const before = await count()
    t.match(await ask(anna, 'POST', '/members', member('2'), {} as typeof WHY), {
      status: 400,
      body: { message: /X-Reason/ },
    })
    for (const odd of [
      '',
      '%20',
      '%',
      '%ff',
      'a%00b',
      'a%E2%80%AEb',
      'x'.repeat(501),
      encodeURIComponent('ä'.repeat(501)),
    ])
      t.equal(
        (await ask(anna, 'POST', '/members', member('2'), { 'x-reason': odd })).status,
        400,
        odd.slice(0, 9),
      )
    t.equal(
      (await ask(anna, 'POST', '/members', { ...member('2'), x: 1 })).status,
      400,
      'checked before it is kept',
    )
    t.equal((await ask(carl, 'POST', '/members', member('2'))).status, 403)
    t.equal(await count(), before)
    t.equal(
      (await ask(anna, 'POST', '/global-groups', { code: 'g', description: 'x' })).status,
      201,
      'not marked',
    )

    // The management security server, whose word about senders the registry believes: a change of trust like
    // the others.
    const provider = { client: 'DEV:GOV:1234' }
    const named = await propose(anna, 'PUT', '/system/management-service-provider', provider)
    t.match(await node.must('GET', '/system'), { managementServiceProvider: 'DEV:GOV:1234:plain' })
    t.match(await decide(ben, named), { body: { state: 'approved' } })
    t.match(await node.must('GET', '/system'), { managementServiceProvider: 'DEV:GOV:1234' })
    const proposed = await propose(anna, 'POST', '/members', member('2'))
    t.match(proposed, { state: 'proposed', id: /^[\w-]{36}$/, contentSha256: /^[0-9a-f]{64}$/ })
    t.equal(await members(), 1, 'nothing is done')
    const shown = (await ask(ben, 'GET', `/approvals/${proposed.id}`)).body as Proposal
    t.equal(
      shown.content,
      '{"body":{"json":{"memberClass":"GOV","memberCode":"2","name":"New"}},"operation":"addMember","params":{},"query":{}}',
    )
    t.equal(createHash('sha256').update(shown.content).digest('hex'), proposed.contentSha256)
    t.match(shown, {
      reason: 'weil es nötig ist',
      proposedBy: { kind: 'person', name: 'Person anna' },
      mayDecide: true,
    })
    t.same([(await list(ben, 'view=waiting')).length, (await list(anna, 'view=waiting')).length], [1, 0])
    t.same(await list(carl, 'view=waiting'), [], 'not with his role')
    t.equal((await list(anna, 'view=mine&q=ADDMEMBER'))[0]!.id, proposed.id)
    t.same(await list(ben, 'view=mine'), [])
    t.same(await list(ben, 'q=%25'), [])
    t.equal((await list(ben, 'limit=1&offset=1'))[0]!.state, 'approved')

    const byKey = await node.call('POST', `/approvals/${proposed.id}/approve`, {
      contentSha256: proposed.contentSha256,
    })
    t.match(byKey, { status: 403, body: { type: 'not_in_person' } })
    t.same(await node.must('GET', '/approvals?view=waiting'), [], 'nothing waits for a key')
    t.match(await decide(anna, proposed), { status: 403, body: { type: 'not_second_person' } })
    t.match(await decide(carl, proposed), { status: 403, body: { type: 'forbidden' } })
    t.match(await decide(ben, proposed, 'approve', { contentSha256: 'a'.repeat(64) }), { status: 409 })
    t.equal((await decide(ben, proposed, 'approve', { contentSha256: 'x' })).status, 400)
    t.equal((await decide(ben, proposed, 'withdraw')).status, 403)
    t.match(await decide(ben, { ...proposed, id: '00000000-0000-4000-8000-000000000000' }), { status: 404 })
    t.equal(await members(), 1)
    t.match(await decide(ben, proposed), {
      status: 200,
      body: {
        state: 'approved',
        result: { id: 'DEV:GOV:2' },
        decidedBy: { name: 'Person ben' },
        failure: null,
      },
    })
    t.equal(await members(), 2)
    t.match(await decide(ben, proposed), { status: 409, body: { message: /approved already/ } })
    const entries = (await node.must('GET', '/audit-log?limit=500')) as {
      operation: string
      caller: object
      data: object
    }[]
    t.match(
      entries.find(({ operation }) => operation === 'propose'),
      { caller: { name: 'Person anna' }, data: { operation: 'addMember', reason: 'weil es nötig ist' } },
    )
    t.match(
      entries.find(({ operation }) => operation === 'addMember'),
      {
        caller: { name: 'Person anna' },
        data: { proposal: proposed.id, approvedBy: { name: 'Person ben' } },
      },
    )
    t.match(
      entries.find(({ operation }) => operation === 'approveProposal'),
      { caller: { name: 'Person ben' } },
    )

    // The handler itself refuses, a person rejects, and the proposer withdraws.
    const twin = await propose(anna, 'POST', '/members', member('2'))
    t.match(await decide(ben, twin), {
      status: 200,
      body: { state: 'failed', failure: /DEV\/GOV\/2 exists already/ },
    })
    t.equal((await decide(ben, twin)).status, 409)
    const declined = await propose(anna, 'DELETE', '/members/DEV:GOV:2')
    t.equal((await decide(ben, declined, 'reject', { reason: ' ' })).status, 400)
    t.equal((await decide(ben, declined, 'reject', {})).status, 400)
    t.equal((await decide(anna, declined, 'reject', { reason: 'no' })).status, 403)
    t.match(await decide(ben, declined, 'reject', { reason: 'no' }), {
      body: { state: 'rejected', decisionReason: 'no' },
    })
    t.equal((await decide(ben, declined)).status, 409)
    const taken = await propose(anna, 'DELETE', '/members/DEV:GOV:2')
    t.match(await decide(anna, taken, 'withdraw'), { body: { state: 'withdrawn' } })
    t.equal((await decide(ben, taken)).status, 409)
    t.equal(await members(), 2)

    // The whole content of an upload.
    const subject: [string, string][] = [
      ['C', 'FI'],
      ['CN', 'ss1.example'],
    ]
    const { der, sha256 } = await authority.issue({
      request: certificationRequest(),
      profile: 'authentication',
      subject,
    })
    const at = '/security-servers/DEV:GOV:1234:SS1/authentication-certificates'
    t.equal((await node.call('POST', at, der)).status, 403, 'not by a key of the operator')
    const { csrfToken } = (await ask(anna, 'GET', '/session')).body as { csrfToken: string }
    const upload = await anna.visit(`${baseOf(node)}/api/v1${at}`, {
      method: 'POST',
      body: der,
      headers: { ...WHY, 'x-csrf-token': csrfToken, 'content-type': 'application/octet-stream' },
    })
    t.equal(upload.status, 202)
    t.match(await decide(ben, JSON.parse(upload.text) as Proposal), {
      body: { state: 'approved', result: { sha256 } },
    })
    t.match(await node.must('GET', '/security-servers'), [{ certificates: [sha256] }])
  })
})

void t.test('keys, people and those whom it is about', async (t) => {
  const { world, node, base, anna, ben, carl, carlId, ask, propose, decide, list } = await installed(t)
  const key = { name: 'robot', roles: ['XROAD_REGISTRATION_OFFICER', SYSTEM] }
  const made = (await decide(ben, await propose(anna, 'POST', '/api-keys', key))).body as Proposal
  const { id } = made.result as { id: string }
  t.same(made.result, { id }, 'no secret in it')
  t.match(await node.must('GET', '/api-keys'), [{}, { id, issued: false }])
  t.equal((await ask(ben, 'POST', `/api-keys/${id}/secret`)).status, 404)
  const issued = await ask(anna, 'POST', `/api-keys/${id}/secret`)
  t.equal(issued.status, 201)
  t.equal((await ask(anna, 'POST', `/api-keys/${id}/secret`)).status, 404, 'once')
  const { secret } = issued.body as { secret: string }
  const asKey = async (body: object, at = '/members', token = secret): Promise<Proposal> => {
    const headers = {
      ...WHY,
      authorization: `X-Road-ApiKey token=${token}`,
      'content-type': 'application/json',
    }
    const bytes = Buffer.from(JSON.stringify(body))
    return JSON.parse(
      (await openBrowser(t).visit(`${base}/api/v1${at}`, { method: 'POST', body: bytes, headers })).text,
    )
  }
  const byKey = await asKey(member('7'))
  t.match(await decide(anna, byKey), { status: 403, body: { message: /API key that you made/ } })
  t.same(await list(anna, 'view=waiting'), [])
  t.match(await decide(ben, byKey), { body: { state: 'approved' } })
  // A key that was made by a key counts as made by the person who made the first one.
  const second = (await decide(ben, await asKey({ ...key, name: 'second' }, '/api-keys'))).body as Proposal
  const secondSecret = (await asKey({}, `/api-keys/${second.result!.id}/secret`)) as unknown as {
    type: string
  }
  t.equal(secondSecret.type, 'invalid_content_type')
  const collected = await openBrowser(t).visit(`${base}/api/v1/api-keys/${second.result!.id}/secret`, {
    method: 'POST',
    headers: { authorization: `X-Road-ApiKey token=${secret}` },
  })
  const bySecond = await asKey(
    member('8'),
    '/members',
    (JSON.parse(collected.text) as { secret: string }).secret,
  )
  t.equal((await decide(anna, bySecond)).status, 403)
  t.equal(
    (await ask(anna, 'DELETE', `/api-keys/${second.result!.id}`)).status,
    204,
    'a key is taken away at once',
  )
  t.match(await decide(ben, bySecond), { status: 409, body: { message: /may not do it any more/ } })

  const other = { roles: [SYSTEM, 'XROAD_AUDITOR'] }
  const hidden = `%${carlId.charCodeAt(0).toString(16)}${carlId.slice(1)}`
  const written = await propose(anna, 'PUT', `/people/${hidden}/roles`, other)
  t.match(
    await decide(carl, written),
    { status: 403, body: { message: /about you/ } },
    'however it is written',
  )
  const about = await propose(anna, 'PUT', `/people/${carlId}/roles`, other)
  t.match(await decide(carl, about), { status: 403, body: { message: /about you/ } })
  t.same(await list(carl, 'view=waiting'), [])
  const seen = (await ask(ben, 'GET', `/approvals/${about.id}`)).body as Explained
  t.match(seen.explained, { certificates: [], person: { name: 'Person carl', roles: [SYSTEM] } })
  t.match(seen, { summary: new RegExp(`^${carlId}, XROAD_SYSTEM`) })
  const officer = openBrowser(t)
  const officers = { subject: 'officer', roles: ['XROAD_REGISTRATION_OFFICER'] }
  await decide(ben, await propose(anna, 'POST', '/people', officers))
  await officer.login(base, 'officer')
  const less = (await ask(officer, 'GET', `/approvals/${about.id}`)).body as Explained
  t.same(less.explained, { certificates: [] }, 'not for who may not read about people')
  const both = await Promise.all([decide(ben, about), decide(ben, about)])
  t.same(both.map(({ status }) => status).sort(), [200, 409], 'once, however often')
  t.equal((await ask(carl, 'GET', '/session')).status, 401, 'other roles, another session')
  await carl.login(base, 'carl')
  const own = await propose(carl, 'PUT', `/people/${carlId}/roles`, other)
  t.match(await decide(ben, own), { body: { state: 'failed', failure: /nobody changes their own roles/ } })
  const race = await propose(anna, 'POST', '/people', { subject: 'dora', roles: [SYSTEM] })
  const two = await Promise.all([decide(ben, race), decide(carl, race)])
  t.same(two.map(({ status }) => status).sort(), [200, 409], 'one of two second persons')

  const left = await propose(carl, 'POST', '/people', { subject: 'erik', roles: [SYSTEM] })
  t.equal((await ask(anna, 'PUT', `/people/${carlId}/lock`)).status, 204, 'locking is at once')
  t.equal((await ask(anna, 'PUT', `/people/${carlId}/unlock`)).status, 202, 'unlocking is not')
  t.match(await decide(ben, left), { status: 409, body: { message: /may not do it any more/ } })
  const late = await propose(anna, 'POST', '/members', member('9'))
  world.clock.now += 7 * DAY
  await ben.login(base, 'ben')
  t.match(await decide(ben, late), { status: 409, body: { message: /expired already/ } })
  t.equal(((await ask(ben, 'GET', `/approvals/${late.id}`)).body as Proposal).state, 'expired')
  t.same(await list(ben, 'view=waiting'), [])
})

void t.test('a key behind which no person stands proposes nothing and acts in no emergency', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start({ login: issuer })
    await setUp(node, authority)
    const roles = ['XROAD_REGISTRATION_OFFICER', SYSTEM]
    // Made by the operator's first key while that key still acts alone.
    const early = (await node.must('POST', '/api-keys', { name: 'early', roles })) as { secret: string }
    const { anna, ben } = await install(t, node)
    const base = baseOf(node)
    const people = (await node.must('GET', '/people')) as { id: string; name: string }[]
    const annaId = people.find(({ name }) => name === 'Person anna')!.id
    for (const key of [undefined, early.secret]) {
      for (const [method, at, body] of [
        ['POST', '/members', member('2')],
        ['POST', '/people', { subject: 'mallory', roles }],
        ['POST', '/api-keys', { name: 'more', roles }],
        ['PUT', `/people/${annaId}/lock`, undefined],
      ] as const)
        t.match(await node.call(method, at, body, key), { status: 403, body: { type: 'key_without_person' } })
      t.equal(
        (
          await node.call(
            'POST',
            '/global-groups',
            { code: `g${String(key).slice(0, 5)}`, description: 'x' },
            key,
          )
        ).status,
        201,
      )
    }
    t.same((await anna.api(base, 'GET', '/approvals')).body, [], 'nothing waits')

    const wanted = { name: 'robot', roles }
    const asked = (await anna.api(base, 'POST', '/api-keys', wanted, WHY)).body as Proposal
    const approve = (browser: Browser, { id, contentSha256 }: Proposal) =>
      browser.api(base, 'POST', `/approvals/${id}/approve`, { contentSha256 })
    const { result } = (await approve(ben, asked)).body as Proposal
    const { secret } = (await anna.api(base, 'POST', `/api-keys/${result!.id}/secret`)).body as {
      secret: string
    }
    const withReason = async (): Promise<Answer> => {
      const headers = { ...WHY, authorization: `X-Road-ApiKey token=${secret}` }
      return openBrowser(t).api(base, 'POST', '/members', member('3'), headers)
    }
    const proposed = await withReason()
    t.equal(proposed.status, 202, 'anna answers for it')
    t.equal((await ben.api(base, 'PUT', `/people/${annaId}/lock`)).status, 204)
    t.match(await withReason(), { status: 403, body: { type: 'key_without_person' } }, 'while she is active')
    t.match(await approve(ben, proposed.body as Proposal), {
      status: 409,
      body: { message: /may not do it any more/ },
    })
  })
})
