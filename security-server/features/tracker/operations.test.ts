/** Trackers for those who run them: on and off, and what may be withheld. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { bodyOf } from '#platform/http-service/answer.ts'
import { PERSON_CALLS } from '#schemas/find-usage.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { SERVICE } from '../../message-log/fixture.ts'
import { withhold } from './exceptions.ts'
import { trackerHandlers } from './handlers.ts'
import { createTrackerWorld, SUBSYSTEM, TRACKER } from './tracker-fixture.ts'

const DAY = 86_400_000
/** Demands the consent of people for `persons`, and not for `cars`. */
const consented = (at: number) => {
  const services = ['persons', 'cars'].map((serviceCode) => ({ serviceCode, endpoints: [] }))
  const consent = { proof: 'login', kinds: ['once'], maxDays: 1, services: ['persons'] }
  return contentAt(at, { provider: SUBSYSTEM, personalData: true, services, consent: consent as never })
}

await t.test('operators switch it on and off, and two people withhold', async (t) => {
  const { ask, localSystems } = await createAdminWorld(t)
  const clientId = 'DEV:GOV:1234:population'
  const { serviceCode: _, ...subsystem } = SERVICE
  await localSystems.addClient(subsystem)
  const on = (body: object = {}) =>
    ask('PUT', `/clients/${clientId}/tracker`, body, { role: 'XROAD_SERVICE_ADMINISTRATOR' })
  t.match((await on({ soap: true })).body, {
    isOn: true,
    isInSoap: true,
    services: [`${clientId}:findUsage`, `${clientId}:findUsage:v1`],
  })
  t.equal((await on({ soap: true })).status, 200, 'again')
  const [described] = localSystems.view().clients.get(SUBSYSTEM)!.descriptions
  const older = described!.document.replace(/ {2}\/concordat\/v1\/complaints:.*?(?=\ncomponents:)/s, '')
  await localSystems.replaceDocument(described!.id, older, async () => undefined)
  const takes = (path: string) => localSystems.endpoints(TRACKER).some((one) => one.path === path)
  t.notOk(takes('/concordat/v1/complaints'), 'of an older version')
  await on()
  t.ok(takes('/concordat/v1/complaints'), 'it is described anew')
  t.match((await ask('GET', '/trackers')).body, {
    isAnswering: Boolean,
    grounds: [],
    trackers: [{ clientId, isOn: true }],
  })
  const rest = localSystems.service(TRACKER)
  t.match(rest, { type: 'OPENAPI', url: 'tracker:', disabledNotice: undefined })
  t.match(rest?.documentText, /operationId: findUsage/)
  t.ok(localSystems.endpoints(TRACKER).some(({ path }) => path === '/v2/findUsage'))
  t.match(localSystems.service({ ...TRACKER, serviceVersion: 'v1' }), { type: 'WSDL', url: 'tracker:' })
  const places = JSON.parse(
    (await ask('GET', `/subject-places?serviceId=${clientId}:findUsage`)).raw.toString(),
  ) as { in: string }[]
  t.same(
    places.map((one) => one.in),
    [...PERSON_CALLS.map(() => 'query'), 'none', 'none', 'none', 'none'],
  )
  const inSoap = (await ask('GET', `/subject-places?serviceId=${clientId}:findUsage:v1`)).raw.toString()
  t.match(JSON.parse(inSoap), [{ in: 'header', name: 'X-Road-UserId' }])

  const endsAt = new Date(Date.now() + DAY).toISOString()
  const exception = { clientId, messageId: 'm-1', ground: 'crime', owner: 'A unit', endsAt }
  t.equal(
    (await ask('POST', '/tracker-exceptions', exception, { role: 'XROAD_SERVICE_ADMINISTRATOR' })).status,
    403,
  )
  const alone = await ask('POST', '/tracker-exceptions', exception)
  t.not(alone.status, 201, 'nobody withholds alone')
  const rule = { clientId, serviceId: `${clientId}:persons`, isGeneral: true, words: { en: 'A question' } }
  t.not((await ask('PUT', '/tracker-services', rule)).status, 200)
  t.same(JSON.parse((await ask('GET', '/tracker-exceptions')).raw.toString()), [])
  t.same(JSON.parse((await ask('GET', `/tracker-services?clientId=${clientId}`)).raw.toString()), [])
  t.equal((await ask('POST', `/tracker-exceptions/${randomUUID()}/end`)).status, 404)

  // What ends that uses are found withholds them for ever: nobody does that alone, as with exceptions.
  const serviceId = `${clientId}:persons`
  const query = { serviceId, in: 'query', name: 'code' }
  const none = { serviceId, in: 'none' }
  const declared = await ask('POST', '/subject-places', query)
  t.equal(declared.status, 201, 'a place where people are found')
  const { id } = declared.body as { id: number }
  t.equal((await ask('POST', '/subject-places', none)).status, alone.status)
  t.equal((await ask('DELETE', `/subject-places/${id}`)).status, alone.status)
  t.equal((await ask('DELETE', `/clients/${clientId}/tracker`)).status, alone.status)
  // Nor by changing the service that it is.
  const soap = localSystems
    .view()
    .clients.get(SUBSYSTEM)!
    .descriptions.find(({ type }) => type === 'WSDL')!
  const other = Buffer.from(soap.document.replaceAll('findUsage', 'findNothing'))
  const replace = `/service-descriptions/${soap.id}/document`
  const compared = await ask('POST', replace, other)
  t.equal(compared.status, 200, JSON.stringify(compared.body))
  const accepted = `accept=${(compared.body as { digest: string }).digest}&ignoreWarnings=true`
  t.match(await ask('PUT', `${replace}?${accepted}`, other), { status: 409, body: { type: 'conflict' } })
  for (const { id: description, services } of localSystems.view().clients.get(SUBSYSTEM)!.descriptions) {
    const at = `/service-descriptions/${description}`
    const service = `/services/${services[0]!.key}`
    for (const [method, url, body] of [
      ['PATCH', service, { url: 'http://10.0.0.9' }],
      ['PUT', `${at}/disable`, { notice: '' }],
      ['DELETE', at],
    ] as const)
      t.match(await ask(method, url, body), { status: 409, body: { type: 'conflict' } }, `${method} ${url}`)
    t.equal((await ask('PUT', `${at}/enable`)).status, 200, 'one that a version before disabled')
  }
  t.match(localSystems.service(TRACKER), { url: 'tracker:', disabledNotice: undefined }, 'it is on')
  for (const { id: description } of localSystems.view().clients.get(SUBSYSTEM)!.descriptions)
    await localSystems.deleteDescription(description)
  t.equal((await ask('POST', '/subject-places', none)).status, 201, 'without a tracker')
  t.equal((await ask('DELETE', `/subject-places/${id}`)).status, 204)
  t.equal((await ask('PUT', '/clients/DEV:GOV:1234:nobody/tracker', {})).status, 404)
})

await t.test('the audit log has who withheld what, on which ground, and who answers for it', async (t) => {
  const grounds = [{ code: 'crime', text: 'To prevent a crime' }]
  const world = await createAdminWorld(t, { login: await startOpenIdProvider(t), grounds })
  world.world.now = Date.now()
  const { base, ask, localSystems } = world
  const { serviceCode: _, ...subsystem } = SERVICE
  await localSystems.addClient(subsystem)
  const people: Browser[] = []
  for (const who of ['anna', 'ben']) {
    const roles = ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SECURITY_OFFICER']
    t.equal((await ask('POST', '/people', { subject: who, roles })).status, 201)
    const browser = openBrowser(t)
    await browser.login(base, who)
    people.push(browser)
  }
  const [anna, ben] = people as [Browser, Browser]
  const given = {
    ...{ clientId: 'DEV:GOV:1234:population', contractId: randomUUID(), ground: 'crime' },
    ...{ owner: 'Investigations, A. Tamm', endsAt: new Date(Date.now() + DAY).toISOString() },
  }
  const why = { 'x-reason': encodeURIComponent('Case 7') }
  const proposed = await anna.api(base, 'POST', '/tracker-exceptions', given, why)
  t.match(proposed, { status: 202, body: { state: 'proposed' } })
  const { id, contentSha256 } = proposed.body as { id: string; contentSha256: string }
  const agreed = await ben.api(base, 'POST', `/approvals/${id}/approve`, { contentSha256 })
  t.equal(agreed.status, 200)
  const acts = await auditOf(ask)
  t.match(acts.filter(({ operation }) => operation === 'addTrackerException')[0], {
    caller: { name: 'Person anna' },
    data: { body: given, approvedBy: { name: 'Person ben' } },
  })
  const set = JSON.parse((await ask('GET', '/tracker-exceptions')).raw.toString()) as { id: string }[]
  t.match(set, [{ ground: 'crime', owner: given.owner, setBy: /^Person anna/, agreedBy: /^Person ben/ }])
})

await t.test('what may be withheld: one thing, on a ground of the settings, until a day', async (t) => {
  const world = await createTrackerWorld(t)
  world.rooms.localSystems = { view: () => ({ clients: new Map([[SUBSYSTEM, {}]]) }) } as never
  const given = (more: object) =>
    withhold(
      {
        clientId: 'DEV:GOV:1234:population',
        ground: 'crime',
        owner: 'A',
        endsAt: new Date(world.now.at + DAY).toISOString(),
        ...more,
      },
      { by: 'B', agreedBy: 'C' },
      world.rooms,
    )
  const of = (id: string, more = {}) => world.use('1', { ids: { id, requestId: randomUUID() }, ...more })
  const index = await of('m')
  t.match(await given({ messageId: 'm' }), {
    ...{ scope: 'message', target: String(index), message_id: 'm', set_by: 'B', agreed_by: 'C' },
  })
  const [one, other] = [await of('twice'), await of('twice')]
  await t.rejects(given({ messageId: 'twice' }), {
    code: 'invalid_input',
    what: new RegExp(`${one}, ${other}`),
  })
  t.match(await given({ messageId: 'twice', record: other }), { target: String(other) })
  const signed = await trackerHandlers(world.rooms)['addTrackerException']!({
    body: {
      ...{
        clientId: 'DEV:GOV:1234:population',
        messageId: 'twice',
        record: one,
        ground: 'crime',
        owner: 'A',
      },
      endsAt: new Date(world.now.at + DAY).toISOString(),
    },
    ...{ caller: { id: '1', name: 'Anna' }, approver: { id: '2', name: 'Anna' } },
  } as never)
  t.match(JSON.stringify(signed), /"setBy":"Anna \(1\)","agreedBy":"Anna \(2\)"/, 'two may have one name')
  await of('foreign', { service: { ...SERVICE, subsystemCode: 'other' } })
  for (const messageId of ['foreign', 'never-sent'])
    await t.rejects(given({ messageId }), { code: 'not_found' }, messageId)
  // Renewed for as long as the law may want, and no longer.
  const begun = world.now.at
  const yearLater = () => {
    world.now.at += 366 * DAY
    return { messageId: 'm', endsAt: new Date(world.now.at + 365 * DAY).toISOString() }
  }
  await given(yearLater())
  await given(yearLater())
  await t.rejects(given(yearLater()), { code: 'conflict' })
  world.now.at = begun
  t.match(await given({ contractId: randomUUID().toUpperCase() }), {
    scope: 'contract',
    target: /^[0-9a-f-]+$/,
  })
  const agreed = consented(world.now.at)
  world.contracts.push(agreed)
  await of('agreed', { contract: `${agreed.contract}/1` })
  await of('beside', {
    contract: `${agreed.contract}/1`,
    service: { ...SERVICE, serviceCode: 'cars' },
  })
  await given({ messageId: 'beside' })
  const bad = [
    {},
    { messageId: 'agreed' },
    { contractId: agreed.contract },
    { messageId: 'm', contractId: randomUUID() },
    { messageId: 'm', ground: 'convenience' },
    { messageId: 'm', owner: ' ' },
    { messageId: 'm', endsAt: '2020-01-01T00:00:00Z' },
    { messageId: 'm', endsAt: new Date(world.now.at + 367 * DAY).toISOString() },
    { messageId: 'm', endsAt: 'never' },
  ]
  for (const one of bad) await t.rejects(given(one), { code: 'invalid_input' }, JSON.stringify(one))
  await t.rejects(given({ messageId: 'm', clientId: 'DEV:GOV:1234:other' }), { code: 'not_found' })
})

await t.test('exceptions are listed by page, and found by what they are of and who answers', async (t) => {
  const world = await createTrackerWorld(t)
  const contract = randomUUID()
  const day = (n: number): string => new Date(world.now.at + n * DAY).toISOString()
  const set = (n: number, more: object = {}) =>
    world.store.add(
      {
        ...{ id: randomUUID(), subsystem: SUBSYSTEM, scope: 'message', target: `${n}`, ground: 'crime' },
        ...{ message_id: `message-${n}`, owner: 'A unit', set_by: 'B', agreed_by: 'C' },
        ...{ set_at: day(-n), ends_at: day(1), ended_at: null, ended_by: null, ...more },
      },
      { mostDays: 1000 },
    )
  await set(1)
  await set(2, { owner: 'Investigations, A. Tamm', ends_at: day(-1) })
  await set(3, { ended_at: day(-2), ended_by: 'B' })
  await set(4, { subsystem: 'DEV/GOV/5678/tax' })
  // At the same time as another: no page leaves it out.
  await set(5, { scope: 'contract', target: contract, message_id: null, set_at: day(-4) })
  const { getTrackerExceptions } = trackerHandlers(world.rooms)
  const found = async (query: object): Promise<[string[], number]> => {
    const told = await getTrackerExceptions!({ query: { offset: 0, limit: 50, ...query } } as never)
    const rows = bodyOf(told) as { messageId?: string; contractId?: string }[]
    const { headers } = told as { headers: Record<string, string> }
    return [
      rows.map(({ messageId, contractId }) => messageId ?? contractId ?? ''),
      Number(headers['x-total-count']),
    ]
  }
  const all = [...(await found({ limit: 4 }))[0], ...(await found({ limit: 4, offset: 4 }))[0]]
  t.strictSame(all.slice(0, 3), ['message-1', 'message-2', 'message-3'], 'newest first')
  t.strictSame(all.slice(3).sort(), ['message-4', contract].sort())
  t.equal((await found({ limit: 2 }))[1], 5)
  t.strictSame(await found({ q: 'MESSAGE-3' }), [['message-3'], 1])
  t.strictSame(await found({ q: 'tamm' }), [['message-2'], 1])
  t.strictSame(await found({ q: contract.slice(3, 20) }), [[contract], 1])
  t.strictSame(await found({ q: '%' }), [[], 0])
  t.strictSame((await found({ state: 'told' }))[0], ['message-2', 'message-3'])
  t.equal((await found({ state: 'withheld' }))[1], 3)
  t.strictSame(await found({ clientId: 'DEV:GOV:5678:tax' }), [['message-4'], 1])
  t.strictSame(await found({ before: day(-2), limit: 1 }), [['message-3'], 3], 'as a program pages')
})

await t.test(
  'what is said of a service is said for one subsystem, of a service that it has or calls',
  async (t) => {
    const world = await createTrackerWorld(t)
    const other = 'DEV/GOV/5678/tax'
    world.rooms.localSystems = {
      view: () => ({ clients: new Map([SUBSYSTEM, other].map((one) => [one, {}])) }),
    } as never
    const { setTrackerService } = trackerHandlers(world.rooms)
    const set = async (clientId: string, serviceId: string, isGeneral: boolean) =>
      setTrackerService!({ body: { clientId, serviceId, isGeneral, words: { en: 'A question' } } } as never)
    await world.use('1', { direction: 'out' })
    await world.log.list({ limit: 1 })
    const persons = 'DEV:GOV:1234:population:persons'
    await set('DEV:GOV:1234:population', persons, true)
    await set('DEV:GOV:5678:tax', persons, false)
    world.contracts.push(consented(world.now.at))
    for (const one of ['DEV:GOV:1234:population', 'DEV:GOV:5678:tax'])
      await t.rejects(set(one, persons, true), { code: 'invalid_input', what: /agreed/ })
    world.contracts.length = 0
    t.match((await world.store.rules(SUBSYSTEM)).get('DEV/GOV/1234/population/persons'), { isGeneral: true })
    t.match((await world.store.rules(other)).get('DEV/GOV/1234/population/persons'), { isGeneral: false })
    for (const [clientId, serviceId] of [
      ['DEV:GOV:1234:population', 'DEV:GOV:5678:tax:debts'],
      ['DEV:GOV:5678:tax', 'DEV:GOV:1234:population:others'],
      ['DEV:GOV:1234:population', 'DEV:GOV:1234:population2:persons'],
    ] as const)
      await t.rejects(set(clientId, serviceId, true), { code: 'invalid_input' }, serviceId)
  },
)
