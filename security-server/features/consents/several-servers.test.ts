/**
 * Consents of a subsystem at several security servers: kept at one, asked for by the others, obeyed by all.
 */
import { Readable } from 'node:stream'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import type { Consent, ConsentDemand, ConsentRequestMade } from '#schemas/consents.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { HOSTILE_TEXTS, WRONG_TYPES } from '#test/fakes/hostile-values.ts'
import { SERVER } from '../../message-log/fixture.ts'
import type { Door } from './ask-keeper.ts'
import { openConsents } from './consents-fixture.ts'
import { consentMigrations } from './migrations.ts'
import { GOOD_MS } from './people-names.ts'
import { createConsentStore } from './store.ts'
import { createTakingElsewhere } from './take-elsewhere.ts'

const OWN = parseSubsystemId('DEV/GOV/1234/population')
const CLIENT = 'DEV/GOV/5678/client'
const SECOND = { ...SERVER, serverCode: 'second' }
const NOW = Date.now()
const world = { at: NOW }
const content = contentAt(NOW, {
  ...{ personalData: true, provider: idText(OWN), consumers: { subsystems: [CLIENT] } },
  services: [
    {
      ...{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] },
      dataSubject: { in: 'path', name: 'id' },
    },
  ],
  consent: {
    ...{ proof: 'login', kinds: ['once', 'standing'], maxDays: 30, keptAt: idText(SERVER) },
    dataLife: { unit: 'month', value: 6 },
  },
})
const contracts: { content: ContractContent; joined: string[] }[] = [{ content, joined: [] }]

const keeper = await openConsents(t, { now: world, contracts, servers: [{ id: SERVER }, { id: SECOND }] })
const demand = ((await keeper.ask('GET /v1/demands')).body as { demands: ConsentDemand[] }).demands[0]!

/** How the way between the servers is; `lose`: the question arrives, its answer does not. */
let way: 'open' | 'down' | 'lose' | Buffer = 'open'
const carried: string[] = []
const door: Door = {
  async carry({ method, url, rawHeaders, body }) {
    if (way === 'down') throw new Fault('network_error')
    if (Buffer.isBuffer(way)) return { status: 200, body: bodyOf(way) }
    t.match(rawHeaders.join(' '), `x-road-security-server ${idText(SERVER)}`)
    carried.push(url)
    const path = url.replace(`/r1/${idText(OWN)}/consents`, '')
    const answer = await keeper.ask(`${method} ${path}`, { client: OWN, userId: '', body: `${body}` })
    if (way === 'lose') throw new Fault('network_error')
    return { status: answer.status, body: bodyOf(Buffer.from(JSON.stringify(answer.body))) }
  },
}
const log = { warn: () => undefined }
const bodyOf = (bytes: Buffer) => ({ size: bytes.length, bytes, open: () => Readable.from([bytes]) })

async function openStore(t: Test) {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, consentMigrations)
  return database
}

/** One that is started anew has the database of the one before. */
async function otherServer(t: Test, before?: Database) {
  const database = before ?? (await openStore(t))
  const store = createConsentStore(database)
  const elsewhere = createTakingElsewhere({ door, store, clock: () => world.at, log })
  t.teardown(() => elsewhere.close())
  const take = (code: string, requestId: string) =>
    elsewhere.take(question(code, requestId), { keeper: SERVER, subsystem: idText(OWN) })
  return { ...elsewhere, database, store, take }
}

const question = (identifier: string, requestId: string) => ({
  person: { type: 'personal-code', identifier },
  ...{ client: CLIENT, service: `${idText(OWN)}/persons` },
  terms: { contract: content.contract, demand: demand.demand, rule: content.consent! },
  ids: { id: `Q-${requestId}`, requestId },
})

async function agree(code: string, kind: 'once' | 'standing'): Promise<Consent> {
  const given = await keeper.ask('POST /v1/consents', {
    userId: `EE${code}`,
    body: {
      ...{ contract: content.contract, client: 'DEV:GOV:5678:client', demand: demand.demand, kind },
      shown: { language: 'et', textHash: 'ab'.repeat(32) },
    },
  })
  t.match(given, { status: 201, body: { keptAt: idText(SERVER) } })
  return given.body as Consent
}
const callAt = (requestId: string) => ({ requestId, time: new Date(world.at).toISOString() })
const usesOf = async (code: string, { number }: Consent) =>
  ((await keeper.ask(`GET /v1/consents/${number}`, { userId: `EE${code}` })).body as Consent).uses.count

t.beforeEach(() => {
  way = 'open'
  world.at += 3600_000
  // What is noted is told when the test says so, and not after half a second.
  mock.timers.enable({ apis: ['setTimeout'] })
})
t.afterEach(() => mock.timers.reset())

t.test(
  'a standing consent holds at another server, its uses are seen, its withdrawal is obeyed',
  async (t) => {
    const there = await otherServer(t)
    await t.rejects(there.take('A1', 'r0'), { code: 'consent_missing', what: /as .* says/ })
    const consent = await agree('A1', 'standing')
    const { number, digest } = consent
    t.match(await there.take('A1', 'r1'), { number, digest })
    const asked = carried.length
    await there.take('A1', 'r2')
    const unmade = await there.take('A1', 'r3')
    t.equal(carried.length, asked, 'from memory')
    await unmade.giveBack()
    await there.write()
    t.equal(await usesOf('A1', consent), 2)
    const { uses } = (await keeper.ask(`GET /v1/consents/${number}/uses`, { userId: 'EEA1' })).body as {
      uses: object[]
    }
    t.match(uses, [{ service: { id: 'DEV:GOV:1234:population:persons' } }, {}])
    const known = await there.store.consentsOf({
      person: undefined,
      calls: ['r1', 'r2', 'r3'].map((id) => ({ ...callAt(id), number })),
    })
    t.same(
      [...known],
      ['r1', 'r2'].map((id) => [`${id} ${idText(OWN)}/persons ${CLIENT}`, [number]]),
    )
    await keeper.ask(`POST /v1/consents/${number}/withdraw`, { userId: 'EEA1' })
    await t.rejects(
      keeper.taking.take(question('A1', 'r4')),
      { code: 'consent_ended' },
      'at once where it is kept',
    )
    world.at += GOOD_MS
    await t.rejects(there.take('A1', 'r5'), { code: 'consent_ended' }, 'ten seconds later at the other')
  },
)

t.test('calls with one request id under two consents are found with both', async (t) => {
  const there = await otherServer(t)
  const calls: (ReturnType<typeof callAt> & { number: string })[] = []
  const numbers: string[] = []
  for (const _ of ['first', 'second']) {
    const { number } = await agree('D1', 'standing')
    await there.take('D1', 'same')
    await there.write()
    await keeper.taking.take(question('D1', 'same here'))
    await keeper.taking.write()
    numbers.push(number)
    calls.push({ ...callAt('same'), number }, { ...callAt('same here'), number })
    await keeper.ask(`POST /v1/consents/${number}/withdraw`, { userId: 'EED1' })
    world.at += 3600_000
  }
  t.not(numbers[0], numbers[1])
  const numbersIn = (known: Map<string, string[]>, id: string) =>
    known.get(`${id} ${idText(OWN)}/persons ${CLIENT}`)?.toSorted()
  t.same(
    numbersIn(await there.store.consentsOf({ person: undefined, calls }), 'same'),
    numbers.toSorted(),
    'the record of each says which was its own',
  )
  const person = await keeper.nameOf(question('D1', '').person)
  t.same(
    numbersIn(await keeper.store.consentsOf({ person, calls }), 'same here'),
    numbers.toSorted(),
    'where they are kept as well',
  )
  const one = calls.slice(0, 2)
  t.same(numbersIn(await there.store.consentsOf({ person: undefined, calls: one }), 'same'), [numbers[0]])
  t.same(numbersIn(await keeper.store.consentsOf({ person, calls: one }), 'same here'), [numbers[0]])
  const unnamed = calls.map(({ number: _, ...call }) => call)
  t.same(
    numbersIn(await there.store.consentsOf({ person: undefined, calls: unnamed }), 'same'),
    [],
    'there are some, and no record says which',
  )
})

t.test('a request id of calls under very many consents hides none of them', async (t) => {
  const { store } = await otherServer(t)
  const time = new Date(world.at).toISOString()
  const numbers = Array.from({ length: 700 }, (_, at) => `n-${at}`)
  const use = { time, request_id: 'same', message_id: 'm', service: 's', client: CLIENT, to_tell: null }
  await store.noteUses(numbers.map((number) => ({ ...use, number })))
  const call = { requestId: 'same', time }
  for (const number of [numbers[0], numbers[350], numbers[699]])
    t.same(
      [...(await store.consentsOf({ person: undefined, calls: [{ ...call, number }] }))],
      [[`same s ${CLIENT}`, [number]]],
    )
  t.equal((await store.consentsOf({ person: undefined, calls: [{ ...call, number: 'n-700' }] })).size, 0)
  t.equal((await store.consentsOf({ person: undefined, calls: [call] })).size, 1)
})

t.test(
  'the url of a request names the server that keeps it, in a path that a login leads back to',
  async (t) => {
    const body = { contract: content.contract, userCode: 'EEA1', returnUrl: 'https://bank.example/' }
    const made = await keeper.ask('POST /v1/requests', { client: parseSubsystemId(CLIENT), userId: '', body })
    const { url } = made.body as ConsentRequestMade
    t.match(
      url,
      /^https:\/\/portal\.example\/asked\/DEV\/GOV\/1234\/population\/[\w-]{43}\/DEV\/GOV\/1234\/ss1$/,
    )
  },
)

t.test('a one-time consent is used once over all servers', async (t) => {
  const others = [await otherServer(t), await otherServer(t)]
  const consent = await agree('B1', 'once')
  const all = [
    keeper.taking.take,
    ...others.map(
      ({ take }) =>
        (q: never) =>
          take('B1', (q as { ids: { requestId: string } }).ids.requestId),
    ),
  ]
  const outcomes = await Promise.allSettled(
    Array.from({ length: 12 }, (_, at) => all[at % 3]!(question('B1', `s${at}`) as never)),
  )
  const passed = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  t.equal(passed.length, 1)
  const codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Fault).code] : []))
  t.same([...new Set(codes)], ['consent_used_up'])
  await passed[0]!.giveBack()
  t.equal(await usesOf('B1', consent), 0)
  const taken = await others[0]!.take('B1', 's99')
  await t.rejects(others[1]!.take('B1', 's100'), { code: 'consent_used_up' })
  await taken.giveBack()
  t.equal(
    (await others[0]!.store.consentsOf({ person: undefined, calls: [callAt('s99')] })).size,
    0,
    'nor is it named by the tracker',
  )
  way = 'lose'
  await t.rejects(others[0]!.take('B1', 's101'), { code: 'consent_unknown' })
  way = 'open'
  await t.rejects(
    others[1]!.take('B1', 's102'),
    { code: 'consent_used_up' },
    'what may have been used is used',
  )
})

t.test(
  'while the keeper does not answer, nobody is let through, and no use is lost or counted twice',
  async (t) => {
    const there = await otherServer(t)
    const consent = await agree('C1', 'standing')
    await there.take('C1', 'd1')
    for (const one of ['lose', 'down'] as const) {
      way = one
      await there.write()
    }
    world.at += GOOD_MS
    await t.rejects(there.take('C1', 'd2'), {
      code: 'consent_unknown',
      what: /could not be asked: network_error/,
    })
    for (const answer of [
      ...['', '[]', '{', '{}', '{"number":1}', 'x'.repeat(70_000)].map((text) => Buffer.from(text)),
      Buffer.from(JSON.stringify({ number: consent.number, digest: consent.digest, until: 'soon' })),
      Buffer.from(JSON.stringify({ number: consent.number, digest: consent.digest })),
    ]) {
      way = answer
      await t.rejects(there.take('C1', 'd3'), { code: 'consent_unknown' }, `${answer}`.slice(0, 40))
    }
    way = 'open'
    await there.write()
    t.equal(await usesOf('C1', consent), 1)
    await there.take('C1', 'd4')
  },
)

t.test('what a server did not come to tell is told after its restart, once', async (t) => {
  const before = await otherServer(t)
  const consent = await agree('E1', 'standing')
  await before.take('E1', 'e1')
  const unmade = await before.take('E1', 'e2')
  for (const one of ['lose', 'down'] as const) {
    way = one
    await before.write()
  }
  way = 'open'
  await unmade.giveBack()
  t.equal(await usesOf('E1', consent), 1, 'one that is given back is, though nobody knew whether it was told')
  await agree('E2', 'standing').then(() => before.take('E2', 'e3'))
  way = 'down'
  await before.write()
  way = 'open'
  const after = await otherServer(t, before.database)
  await after.resume()
  await after.write()
  t.equal(
    (await after.store.untold('9', 9)).length,
    2,
    'what another node has only just noted is its own to tell',
  )
  world.at += 60_001
  carried.length = 0
  await after.resume()
  await after.resume()
  await after.write()
  t.equal(carried.length, 1)
  await before.write()
  await after.resume()
  await after.write()
  t.equal(carried.length, 2, 'and then there is nothing to tell')
  t.same(await after.store.untold('9', 9), [])
  const { number } = (await agree('E2', 'once')) && (await after.take('E2', 'e4'))
  t.same(await after.store.untold('9', 9), [], `${number} was counted by the keeper itself`)
  t.equal(await usesOf('E1', consent), 1)
})

t.test(
  'a keeper that lost a consent takes the calls under the others; a late one is not the last',
  async (t) => {
    const [there, slow] = [await otherServer(t), await otherServer(t)]
    const [lost, kept] = [await agree('F1', 'standing'), await agree('F2', 'standing')]
    await slow.take('F2', 'f0')
    world.at += 1000
    const last = new Date(world.at).toISOString()
    for (const code of ['F1', 'F2']) await there.take(code, `f${code}`)
    await keeper.ask(`POST /v1/consents/${lost.number}/withdraw`, { userId: 'EEF1' })
    await keeper.rooms.store.forget(new Date(world.at + 1).toISOString(), '0')
    await there.write()
    t.same(await there.store.untold('9', 9), [], 'nothing waits for a consent that is not there')
    await slow.write()
    const path = `GET /v1/consents/${kept.number}`
    t.match((await keeper.ask(path, { userId: 'EEF2' })).body, { uses: { count: 2, last } })
    t.match(await keeper.ask(path.replace(kept.number, lost.number), { userId: 'EEF1' }), { status: 404 })
  },
)

t.test('nobody else is answered, and only what has its form', async (t) => {
  const { number } = await agree('D1', 'standing')
  const call = {
    ...{ person: { type: 'personal-code', identifier: 'D1' }, client: CLIENT },
    ...{ service: `${idText(OWN)}/persons`, contract: content.contract, demand: demand.demand },
    ...{ messageId: 'Q', requestId: 'r' },
  }
  const made = {
    number,
    time: new Date(world.at).toISOString(),
    service: call.service,
    messageId: 'Q',
    requestId: 'r',
  }
  const ask = (path: string, body: unknown, client = OWN) =>
    keeper.ask(`POST ${path}`, { client, userId: '', body }).then(({ status }) => status)
  for (const [path, body] of [
    ['/v1/calls', call],
    ['/v1/calls/made', { calls: [made] }],
    ['/v1/calls/back', { call: made }],
  ] as const) {
    t.equal(await ask(path, body, parseSubsystemId(CLIENT)), 403, `${path}, who gets the data`)
    t.equal(await ask(path, body, parseSubsystemId('DEV/GOV/9999/portal')), 403, `${path}, a portal`)
    t.equal(await ask(path, body), 200, path)
    for (const hostile of [...WRONG_TYPES, ...HOSTILE_TEXTS, undefined, '{', { ...body, more: 1 }, {}])
      t.equal(await ask(path, hostile), 400, path)
    for (const name of Object.keys(body))
      t.equal(await ask(path, { ...body, [name]: { __proto__: null, x: 1 } }), 400, `${path} ${name}`)
  }
  t.equal(
    await ask('/v1/calls', { ...call, demand: 'ab'.repeat(32) }),
    503,
    'another version of the contract',
  )
  t.equal(await ask('/v1/calls', { ...call, person: { type: 'x', identifier: 'D2' } }), 403)
  t.equal(await ask('/v1/calls/made', { calls: [{ ...made, number: made.number.replace(/.$/, 'x') }] }), 400)
  t.equal(await ask('/v1/calls/made', { calls: Array.from({ length: 501 }, () => made) }), 400)
})
