/**
 * The catalogue at a real registry, on both databases: it asks providers over real TLS, stores what they
 * offer, and drafts contracts for access.
 */
import t, { type Test } from 'tap'
import { readContent } from '#core/contract/read-content.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { inputValidatorsOf } from '#platform/http-service/openapi-validator.ts'
import { createLog } from '#platform/logging/create-log.ts'
import type { ContractTerms } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { contractDocument } from '#test/fakes/contracts.ts'
import { eachRegistryDatabase, onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { authority, OWNER, owner } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { createChange } from '../../changes/store.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { at, CLIENT, collect, ID, list, method, one, openApi, POP, start } from './catalogue-fixture.ts'
import { createCollecting } from './collect.ts'
import { MAX_DOCUMENT_BYTES, readMethods } from './read-answers.ts'
import { readDescription } from './read-description.ts'
import { checkMayRequest } from './rules.ts'
import { createCatalogueStore } from './store.ts'

onEachRegistryDatabase('a service that changed more often than its page lists', async (t, url) => {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  const store = createCatalogueStore(
    database,
    createChange(database, async () => undefined),
  )
  const provider = 'DEV/GOV/1234/pop'
  const offer = async (version: number) => {
    const description = { title: 'Persons', version: String(version), description: '', contact: {} }
    const service = { serviceCode: 'persons', type: 'REST' as const, endpoints: [] }
    const at = new Date(Date.UTC(2026, 0, 1, 0, version)).toISOString()
    const asked = { begunAt: at, at, nextAt: '2999-01-01T00:00:00.000Z' }
    await store.keepAnswer(
      provider,
      [{ ...service, description: { ...description, access: 'everybody' } }],
      asked,
    )
    return store.service(`${provider}/persons`)
  }
  for (let version = 0; version < 200; version++) await offer(version)
  t.match(await offer(200), { changes: { length: 200 }, hasOlderChanges: false })
  const { changes, hasOlderChanges } = await offer(201)
  t.equal(hasOlderChanges, true)
  t.match([changes.length, changes[0], changes.at(-1)], [200, { after: '201' }, { after: '2' }])
})

void t.test('collected, changed, withdrawn', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node, provider } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    t.same(await list(node), [])
    await collect(node)
    t.same(
      provider.asked.map((line) => line.split('/').at(-1)),
      ['listMethods', 'getOpenAPI?serviceCode=persons', 'listMethods'],
    )
    t.ok(
      provider.asked.every((line) => line.startsWith(`${CLIENT} false `)),
      'as our subsystem',
    )
    t.match(await list(node), [
      { id: ID, provider: 'DEV:GOV:1234:pop ä', status: 'offered', title: 'Persons', access: 'everybody' },
    ])
    t.match(await one(node), {
      ...{ member: 'DEV:GOV:1234', providerName: 'Persons', version: '1.0', failure: null, changes: [] },
      endpoints: [{ method: 'GET', path: '/persons/*' }],
    })
    const document = await node.call('GET', `${at}/document`)
    t.equal(document.bytes.toString(), provider.documents['persons'], 'as it came')
    t.match(document.headers, {
      'content-type': 'application/octet-stream',
      'content-disposition': /^attachment; filename="openapi-[0-9a-f]{16}\.txt"$/,
      'x-content-type-options': 'nosniff',
      'x-sha256': (await one(node)).documentSha256,
    })

    provider.methods = {
      service: [method('persons', 'OPENAPI', [{ method: 'POST', path: '/x' }]), method('raw', 'REST', [])],
    }
    provider.documents['persons'] =
      'openapi: 3.1.0\ninfo:\n  title: "Residents <b>"\n  version: "2"\n  description: "Line\\nline"\n' +
      '  contact: {name: Desk, email: desk@pop.example, url: "javascript:alert(1)"}\n' +
      '  x-access-requests: {memberClasses: [GOV]}\npaths: {}\n'
    world.clock.now += 1000
    await collect(node)
    const { changes, ...changed } = await one(node)
    t.match(changed, {
      ...{ title: 'Residents <b>', version: '2', description: 'Line\nline' },
      contact: { name: 'Desk', email: 'desk@pop.example' },
      access: { memberClasses: ['GOV'], globalGroups: [] },
    })
    t.same((changes as { what: string }[]).map(({ what }) => what).sort(), [
      'access',
      'contact',
      'description',
      'document',
      'endpoints',
      'title',
      'version',
    ])
    t.match(
      (changes as { what: string }[]).find(({ what }) => what === 'endpoints'),
      { before: 'GET /persons/*', after: 'POST /x' },
    )
    t.equal((await list(node, '?q=residents')).length, 1)
    t.equal((await list(node, '?q=RAW&status=offered&memberClass=GOV&sort=-changedAt')).length, 1)
    t.equal((await list(node, '?memberClass=COM')).length, 0)
    t.equal((await list(node, `?provider=${encodeURIComponent('DEV:GOV:1234:pop ä')}`)).length, 2)
    t.equal(
      (await node.call('GET', `/catalogue/${encodeURIComponent('DEV:GOV:1234:pop ä:raw')}/document`)).status,
      404,
    )

    provider.status = 503
    world.clock.now += 1000
    await collect(node)
    t.match(await one(node), { status: 'offered', failure: /HTTP 503/ }, 'what was known is kept')
    provider.status = 200
    provider.methods = { service: [] }
    world.clock.now += 5 * 60_000
    // Without a request, five minutes after a failure.
    await until('two that are withdrawn', async (saw) => {
      world.clock.now += 1000
      return saw((await list(node, '?status=withdrawn')).length) === 2
    })
    provider.methods = { service: [method('persons')] }
    await collect(node)
    t.match(await one(node), { status: 'offered', changes: [{}, {}, {}] }, 'and offered again')
    await node.must(
      'DELETE',
      `/security-servers/DEV:GOV:1234:SS1/clients/${encodeURIComponent('DEV:GOV:1234:pop ä')}`,
    )
    await collect(node)
    t.match(await one(node), { status: 'withdrawn' }, 'nobody reaches it')
    t.equal((await node.call('GET', '/catalogue/DEV:GOV:1234:none:x')).status, 404)
    t.equal((await node.call('GET', '/catalogue/DEV:GOV:1234:none')).status, 400)
    t.equal((await node.call('GET', '/catalogue/OTHER:GOV:1234:a:b')).status, 400)
  })
})

void t.test('what was asked earlier and comes later replaces nothing', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node, provider } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    await collect(node)
    world.clock.now += 1000
    const answers = Promise.withResolvers<void>()
    provider.held = answers.promise
    provider.asked.length = 0
    const slow = collect(node)
    await until('the first question', (saw) => saw(provider.asked.length) === 1)
    provider.held = undefined
    provider.methods = { service: [method('persons'), method('raw', 'REST', [])] }
    world.clock.now += 1000
    await collect(node)
    t.equal((await list(node, '?status=offered')).length, 2)
    world.clock.now += 1000
    answers.resolve()
    await slow
    t.equal((await list(node, '?status=offered')).length, 2)
  })
})

void t.test('a clock that was ahead and is put right delays no question', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node } = await start(t, url)
    await node.stop()
    let { now } = world.clock
    const asked: number[] = []
    const collecting = createCollecting({
      store: createCatalogueStore(
        database,
        createChange(database, async () => undefined),
      ),
      collector: {
        listMethods: async () => {
          asked.push(now)
          throw new Fault('network_error')
        },
      } as never,
      ...{ everyMinutes: 60, clock: () => now, log: createLog({ name: 'test', level: 'silent' }) },
    })
    const right = now
    now += 86_400_000
    await collecting()
    now = right
    await collecting()
    await collecting()
    t.same(asked, [right + 86_400_000, right], 'and once')
  })
})

void t.test('access is asked for with terms that a security server takes', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const { world, node, provider } = await start(t, database.dialect === 'sqlite' ? undefined : url)
    await collect(node)
    const asked = {
      client: 'DEV:GOV:1234:plain',
      purpose: 'Assessment of income tax',
      legalBasis: 'Tax Procedure Act, section 18',
      personalData: true,
      contactName: 'Contract desk',
      contactEmail: 'desk@tax.example',
    }
    const draft = (more: object = {}) => node.call('POST', `${at}/contract-terms`, { ...asked, ...more })
    const { terms, member } = (await draft()).body as { terms: ContractTerms; member: string }
    t.equal(member, 'DEV:GOV:1234')
    t.match(terms, {
      ...{ title: 'Persons', provider: POP, consumers: { subsystems: [CLIENT] }, personalData: true },
      services: [{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] }],
    })
    const contract = '00000000-0000-4000-8000-000000000000'
    const content = readContent({ ...terms, contract, version: 1 })
    t.ok(content, 'whole as it is')
    const api = await securityServerApi()
    const operation = readOperations(api).find(({ id }) => id === 'proposeContract')!
    const check = await inputValidatorsOf(api)(operation)
    t.ok(
      check({ params: {}, query: {}, body: { terms, member } }),
      "as the consumer's security server takes it",
    )
    const proposal = contractDocument(
      'proposal',
      { content },
      { by: owner, signer: OWNER, at: world.clock.now },
    )
    const proposed = await node.register('/registration/v1/contracts', proposal)
    t.match(proposed.body, { contract, state: 'PROPOSED' }, 'and the registry then')
    const validUntil = new Date(world.clock.now + 10 * 86_400_000).toISOString()
    t.match((await draft({ validUntil, retentionDays: 30 })).body, {
      terms: { validUntil, retentionDays: 30 },
    })
    for (const [more, status] of [
      [{ client: 'DEV:GOV:1234:pop ä' }, 400],
      [{ client: 'DEV:GOV:1234:none' }, 404],
      [{ client: 'DEV:GOV:1234' }, 400],
      [{ purpose: ' ' }, 400],
      [{ purpose: 'a\u202e' }, 400],
      [{ contactEmail: 'nobody' }, 400],
      [{ validUntil: '2000-01-01T00:00:00Z' }, 400],
      [{ endpoints: [{ method: 'DELETE', path: '/persons/*' }] }, 409],
      [{ more: 1 }, 400],
    ] as const)
      t.equal((await draft(more)).status, status, JSON.stringify(more))
    provider.documents['persons'] = openApi({ 'x-access-requests': 'nobody' })
    await collect(node)
    t.equal((await draft()).status, 409)
    provider.documents['persons'] = openApi({ 'x-access-requests': { globalGroups: ['owners'] } })
    await collect(node)
    t.equal((await draft()).status, 409)
    await node.must('POST', '/global-groups/owners/members', { client: 'DEV:GOV:1234:plain' })
    t.equal((await draft()).status, 200)
    provider.methods = { service: [] }
    await collect(node)
    t.equal((await draft()).status, 409, 'no longer offered')
  })
})

void t.test('without a security server nothing is asked', async (t) => {
  const node = await registryWorld(t).start()
  await setUp(node, authority)
  t.equal((await node.call('POST', '/catalogue/collect')).status, 409)
  t.same(await list(node), [])
})

void t.test('hostile answers', async (t: Test) => {
  const methods = (service: unknown): number => readMethods(Buffer.from(JSON.stringify({ service }))).length
  t.equal(methods([method('a'), method('a'), method('b', 'SOAP'), 1, null, { service_code: 1 }]), 1)
  t.same(
    readMethods(
      Buffer.from(
        JSON.stringify({
          service: [
            method('a', 'REST', [{ method: 'GET\u0000', path: '/' }, { method: 'GET', path: '/ok' }, 7]),
          ],
        }),
      ),
    )[0]!.endpoints,
    [{ method: 'GET', path: '/ok' }],
  )
  for (const bad of ['', '[]', '{}', '{"service":{}}', '{"service":[],"service":[]}', '['.repeat(9999)])
    t.throws(() => readMethods(Buffer.from(bad)), bad.slice(0, 30))
  t.throws(() => methods(Array.from({ length: 501 }, (_, i) => method(`s${i}`))))
  t.throws(() => methods([method('../x/..\u0000')]))
  t.throws(() => methods([method('..')]))
  const none = { ...(await readDescription(undefined)), access: 'nobody' }
  for (const bad of [
    '{"info": 1}',
    '[1',
    '\u0000',
    'a: &a [x, *a]',
    `{"info":${'['.repeat(500)}${']'.repeat(500)}}`,
    `a: &a [${'x,'.repeat(50)}]\nb: &b [${'*a,'.repeat(50)}]\nc: &c [${'*b,'.repeat(50)}]\nd: [${'*c,'.repeat(50)}]`,
    'x'.repeat(MAX_DOCUMENT_BYTES + 1),
    openApi({ title: 'x'.repeat(MAX_DOCUMENT_BYTES), 'x-access-requests': 'nobody' }),
  ])
    t.same(await readDescription(Buffer.from(bad)), none, bad.slice(0, 30))
  t.same(await readDescription(Buffer.from([0x7b, 0xff, 0xfe])), none)
  await t.test('a description that takes long holds up nobody, and is given up', async (t) => {
    const keys = `info: {title: a}\nx:\n${Array.from({ length: 30_000 }, (_, i) => `  k${i}: 1\n`).join('')}`
    for (const [name, text] of Object.entries({
      keys,
      nested: `info: {title: a}\nx: \n ${'? '.repeat(20_000)}y`,
    })) {
      let isRead = false
      const read = readDescription(Buffer.from(text), { timeMs: 1, oldGenerationMb: 256 }).finally(() => {
        isRead = true
      })
      await new Promise((resolve) => setImmediate(resolve))
      t.notOk(isRead, `${name}: others have their turn`)
      t.same(await read, none, name)
    }
    t.match(await readDescription(Buffer.from('info: {title: a}')), { title: 'a' }, 'the next one is read')
  })
  const { title, description, contact, access } = await readDescription(
    Buffer.from(
      openApi({
        title: 'a\u202eb\nc'.padEnd(999, 'x'),
        description: 7,
        contact: { name: ['x'], email: 'e' },
        'x-access-requests': { memberClasses: ['GOV'], more: 1 },
      }),
    ),
  )
  t.equal(title.length, 255)
  t.match(title, /^a b c/)
  t.equal(description, '')
  t.same(contact, { email: 'e' })
  t.equal(access, 'nobody', 'what is not understood opens nothing')
  t.throws(() => checkMayRequest('nobody', CLIENT, ['owners']), { code: 'contract_not_possible' })
  checkMayRequest({ memberClasses: ['GOV'], globalGroups: [] }, CLIENT, [])
  t.throws(() => checkMayRequest({ memberClasses: [], globalGroups: ['x'] }, CLIENT, ['y']))
})
