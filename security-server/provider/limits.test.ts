/**
 * What is beyond a contract's quota or a service's capacity: refused before anything is done, counted, told
 * when to come again.
 */
import { randomBytes } from 'node:crypto'
import type http from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { Certificate } from '#core/certificate/certificate.ts'
import { fieldRule } from '#core/contract/allowed-fields.ts'
import { parseSoapFault, writeSoapFault } from '#core/transport/fault-xml.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { Fault, wireFault } from '#schemas/fault.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import { aheadOfMidnight } from '#test/day-clock.ts'
import { until } from '#test/until.ts'
import type { ContractQuota } from '../global-configuration/contracts/index-contracts.ts'
import { createReadingBound } from '../message/being-read.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { createContractQuotas } from './contract-quotas/contract-quotas.ts'
import { contractQuotaMigrations } from './contract-quotas/migrations.ts'
import { createQuotaStore } from './contract-quotas/store.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'
import type { Arrival } from './receive.ts'
import { RefusedExchange } from './refuse.ts'
import type { ProviderRooms } from './rooms.ts'
import { createServicePlaces } from './service-places.ts'

const made = await createProviderWorld(t)
const { world, log, system } = made
const service = { ...made.service }
const database = await openDatabase('sqlite::memory:')
t.teardown(() => database.close())
await migrate(database, contractQuotaMigrations)
const store = createQuotaStore(database)
let quota: ContractQuota | undefined
/** Of those who wait here nobody gives up, however busy the machine is. */
const PATIENT = { waitMs: 60_000 }
// Quotas are of a day.
const aheadMs = aheadOfMidnight()
const contractQuotas = createContractQuotas({
  ...{ store, clock: () => world.clock() + aheadMs, quotaOf: () => quota },
  onLease: () => undefined,
})
const terms = { contract: 'c0ffee/2' }
const rooms: ProviderRooms = {
  ...made.rooms,
  contracts: { contractFor: () => terms, termsOfRefused: () => terms },
  contractQuotas,
  quota: { enter: () => () => undefined },
}
const usedToday = async (): Promise<number> => {
  await contractQuotas.close()
  return (await contractQuotas.useToday('c0ffee')).used
}
const faultsOf = (outcomes: PromiseSettledResult<unknown>[]): Fault[] =>
  outcomes.flatMap((one) => {
    if (one.status === 'fulfilled') return []
    if (!(one.reason instanceof RefusedExchange)) throw one.reason
    return [one.reason.refusal.fault]
  })

t.beforeEach(() => {
  made.service = { ...service }
  made.allowed = true
  quota = undefined
  system.calls.length = 0
  log.records.length = 0
})

t.test(
  'of a storm the allowed number is called; the rest is told when to come again, and is no record',
  async (t) => {
    quota = { perDay: 120 }
    const body = await bodyOf(world, randomBytes(70_000))
    const arrivals = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => made.ask(i === 999 ? { method: 'POST', body } : {})),
    )
    const outcomes = await Promise.allSettled(arrivals.map((arrival) => exchange(arrival, rooms)))
    const faults = faultsOf(outcomes)
    t.equal(faults.length, 880)
    t.strictSame([...new Set(faults.map(({ code }) => code))], ['contract_quota_used_up'])
    t.match(faults[0]?.what, /^c0ffee\/2: 120 calls a day \(UTC\), again at \d{4}-\d\d-\d\dT00:00:00\.000Z$/)
    const told = parseSoapFault(writeSoapFault(wireFault(faults[0]!, 'server.serverproxy')))
    t.match(
      told?.message,
      /120 calls a day .*again at/,
      'a SOAP client, which gets no Retry-After, reads when',
    )
    t.equal(system.calls.length, 120)
    t.equal(log.records.length, 240, 'requests and replies of those that were called')
    t.match(await contractQuotas.useToday('c0ffee'), { used: 120 })
    await body.discard()
    for (const record of log.records) await record.body?.discard()
    t.strictSame(world.bodyFiles(), [], 'the body of a refused one is gone')
    t.equal(log.holds, 0)
  },
)

t.test('only what was verified and allowed counts', async (t) => {
  quota = { perDay: 1_000_000 }
  const before = await usedToday()
  made.allowed = false
  await refusalIn(made, exchange(await made.ask(), rooms))
  made.allowed = true
  await refusalIn(made, exchange(await made.ask({ signer: 'provider' }), rooms))
  await refusalIn(made, exchange(await made.ask({ target: '/r1/DEV/GOV/2000/population/other' }), rooms))
  t.equal(await usedToday(), before)
  await exchange(await made.ask({ target: '/r1/DEV/GOV/2000/population/listMethods' }), rooms)
  await exchange(await made.ask(), { ...rooms, contracts: made.rooms.contracts })
  t.equal(await usedToday(), before, 'metadata, and calls under no contract, have no quota')
  await exchange(await made.ask(), rooms)
  t.equal(await usedToday(), before + 1)
})

t.test('without the database a call under a quota is refused and recorded, others go on', async (t) => {
  quota = { perDay: 1_000_000 }
  const lost = createContractQuotas({
    ...{ clock: world.clock, quotaOf: (version) => (version === '' ? undefined : quota) },
    store: { ...store, lease: () => Promise.reject(new Fault('database_error')) },
    onLease: () => undefined,
  })
  const { fault, signatures } = await refusalIn(
    made,
    exchange(await made.ask(), { ...rooms, contractQuotas: lost }),
  )
  t.match(fault, { code: 'contract_quota_unknown', what: 'c0ffee/2', retryAfter: 1, status: 503 })
  t.ok(signatures)
  t.strictSame(log.told(), ['request:contract_quota_unknown', 'refusal:contract_quota_unknown'])
  const { contracts } = made.rooms
  await exchange(await made.ask(), { ...rooms, contracts, contractQuotas: lost })
})

t.test('a service gets no more calls at once than it takes; others wait, and are judged again', async (t) => {
  const held: http.ServerResponse[] = []
  const { answer } = system
  t.teardown(() => Object.assign(system, { answer }))
  system.answer = (request, response) => {
    request.resume()
    held.push(response)
  }
  made.service = { ...service, maxConcurrentCalls: 2 }
  const servicePlaces = createServicePlaces(PATIENT)
  const bounded = { ...rooms, servicePlaces }
  const asked = await Promise.all(Array.from({ length: 4 }, () => made.ask()))
  const running = asked.map((arrival) => exchange(arrival, bounded))
  const ended = Promise.allSettled(running)
  await until('two that wait', (saw) => saw(servicePlaces.waiting()) === 2)
  await until('two that are carried out', (saw) => saw(held.length) === 2)
  t.strictSame(log.told(), ['request:', 'request:'], 'nothing is on record of those that wait')
  held[0]!.end('one')
  await until('the third', (saw) => saw(held.length) === 3)
  made.allowed = false
  held[1]!.end('two')
  held[2]!.end('three')
  const outcomes = await ended
  t.match(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  )
  t.match(faultsOf(outcomes), [{ code: 'access_denied' }], 'its right was taken away while it waited')
  t.equal(system.calls.length, 3)
  t.strictSame(
    log.told().filter((one) => one.endsWith('access_denied')),
    ['request:access_denied', 'refusal:access_denied'],
  )
  made.allowed = true
  system.answer = answer
  await Promise.all([1, 2, 3, 4, 5].map(async () => exchange(await made.ask(), bounded)))
  t.equal(servicePlaces.waiting(), 0, 'every place is free again')
})

t.test('what waited is judged by all that holds then', async (t) => {
  const { answer } = system
  t.teardown(() => Object.assign(system, { answer }))
  made.service = { ...service, maxConcurrentCalls: 1 }
  let isChanged = false
  const { globalConfiguration, keys } = made.rooms
  const nobody = () => Object.assign({ ...globalConfiguration.current() }, { indexFor: () => undefined })
  const named = { contract: 'c0ffee/3', fields: { request: fieldRule(['/id']) } }
  const cases: [code: string, changed: Partial<ProviderRooms>][] = [
    [
      'unknown_member',
      {
        globalConfiguration: {
          ...globalConfiguration,
          currentWithin: () => (isChanged ? nobody() : globalConfiguration.current()),
        },
      },
    ],
    [
      'cannot_sign',
      {
        keys: {
          ...keys,
          signingIdentity: (member) => {
            if (isChanged) throw new Fault('cannot_sign')
            return keys.signingIdentity(member)
          },
        },
      },
    ],
    [
      'outside_contract',
      { contracts: { contractFor: () => (isChanged ? named : terms), termsOfRefused: () => terms } },
    ],
  ]
  for (const [code, changed] of cases) {
    isChanged = false
    const held: http.ServerResponse[] = []
    system.answer = (request, response) => {
      request.resume()
      held.push(response)
    }
    const servicePlaces = createServicePlaces(PATIENT)
    const bounded = { ...rooms, ...changed, servicePlaces }
    const first = exchange(await made.ask(), bounded)
    await until('the first call', (saw) => saw(held.length) === 1)
    const headers = ['Content-Type', 'application/json']
    const body = await bodyOf(world, Buffer.from('{"name":1}'))
    const second = refusalIn(made, exchange(await made.ask({ method: 'POST', headers, body }), bounded))
    await until('one that waits', (saw) => saw(servicePlaces.waiting()) === 1)
    isChanged = true
    held[0]!.end()
    t.equal((await second).fault.code, code)
    await first
    t.equal(held.length, 1, 'the system does not hear of it')
    isChanged = false
    system.answer = answer
    await exchange(await made.ask(), bounded)
    t.equal(servicePlaces.waiting(), 0, 'and its place is free')
  }
})

t.test('who waits too long is refused, unrecorded, and not counted against the quota', async (t) => {
  const { answer } = system
  t.teardown(() => Object.assign(system, { answer }))
  const held: http.ServerResponse[] = []
  system.answer = (_request, response) => void held.push(response)
  quota = { perDay: 1_000_000 }
  const before = await usedToday()
  made.service = { ...service, maxConcurrentCalls: 1 }
  const bounded = { ...rooms, servicePlaces: createServicePlaces({ waitMs: 1 }) }
  const first = exchange(await made.ask(), bounded)
  await until('the first call', (saw) => saw(held.length) === 1)
  const { fault, signatures } = await refusalIn(made, exchange(await made.ask(), bounded))
  t.match(fault, {
    code: 'service_busy',
    status: 503,
    retryAfter: 1,
    what: 'DEV/GOV/2000/population/persons',
  })
  t.match(fault.message, /nothing was carried out/)
  t.equal(signatures, undefined)
  held[0]!.end()
  await first
  t.strictSame(log.told(), ['request:', 'reply:ok'])
  t.equal(await usedToday(), before + 1)
})

t.test('who gave up waiting takes no place, and its member keeps its turn', async (t) => {
  const places = createServicePlaces({ waitMs: 1 })
  const claim = { service: 's', most: 1 }
  const first = await places.enter({ ...claim, member: 'a' })
  const late = ['a', 'b', 'b'].map((member) => places.enter({ ...claim, member }))
  for (const one of late) await t.rejects(one, { code: 'service_busy' })
  t.equal(places.waiting(), 0)
  first.leave()
  const second = await places.enter({ ...claim, member: 'b' })
  t.equal(second.waited, false, 'nobody else is there')
  second.leave()
  t.equal((await places.enter({ ...claim, member: 'a' })).waited, false)
})

t.test('members take turns, each in its order, and none fills the queue of another', async (t) => {
  const places = createServicePlaces()
  const order: string[] = []
  const leaves: (() => void)[] = []
  const enter = (member: string, name: string, most = 1) =>
    places.enter({ service: 's', most, member }).then(
      ({ leave }) => {
        order.push(name)
        leaves.push(leave)
      },
      ({ code }: Fault) => void order.push(`${name} ${code}`),
    )
  const next = async (): Promise<void> => {
    const [leave] = leaves.splice(0, 1)
    leave?.()
    leave?.()
    await Promise.resolve()
  }
  await enter('flood', 'f0')
  const flood = Array.from({ length: 70 }, (_, i) => enter('flood', `f${i + 1}`))
  await Promise.all(flood.slice(64))
  t.strictSame(order.splice(0), ['f0', ...[65, 66, 67, 68, 69, 70].map((i) => `f${i} service_busy`)])
  const others = [enter('a', 'a1'), enter('a', 'a2'), enter('b', 'b1')]
  for (let i = 0; i < 7; i++) await next()
  t.strictSame(order.splice(0), ['f1', 'a1', 'b1', 'f2', 'a2', 'f3', 'f4'])
  await Promise.all(others)
  t.equal(places.waiting(), 60)
  const more = enter('b', 'b2', 3)
  await Promise.resolve()
  t.strictSame(order.splice(0), ['f5', 'f6'], 'a higher bound counts at once, for those that came first')
  await next()
  await next()
  await more
  t.strictSame(order.splice(0), ['f7', 'b2'])
  t.equal(places.waiting(), 57)
  const look = async (saw: (length: number) => number): Promise<boolean> => {
    await next()
    return saw(order.length) === 57
  }
  // Who waits for longer than five seconds is refused.
  await until('the end of the queue', look, { pauseMs: 1 })
  t.equal(places.waiting(), 0)
})

t.test(
  'what waits of messages of a certificate is bounded before its server is known, and in all',
  async (t) => {
    const bounds = { inAll: 30_000, ofOne: 20_000, what: 'messages of peers' }
    const bounded = { ...rooms, beginReading: createReadingBound(bounds) }
    const codeOf = (arrival: Arrival): Promise<Fault | undefined> =>
      exchange(arrival, bounded).then(
        () => undefined,
        ({ refusal }: RefusedExchange) => refusal.fault,
      )
    const silent = async (presented?: Certificate[]) => {
      const content = new Readable({ read: () => undefined })
      const headers = { 'content-type': 'multipart/mixed; boundary=b' }
      const arrival = await made.ask({}, (one) => ({
        ...{ ...one, content, headers: { ...one.headers, ...headers } },
        ...(presented !== undefined && { presented }),
      }))
      const outcome = codeOf(arrival)
      content.push(`--b\r\ncontent-type: ${PART_TYPE.ocsp}\r\n\r\n${'o'.repeat(9_000)}`)
      await turn()
      return { content, outcome }
    }
    const { certificate, intermediates } = world.provider.keys.authenticationIdentity()
    const other = [certificate, ...intermediates]
    const held = [await silent(), await silent()]
    const third = await (await silent()).outcome
    t.match(third, {
      code: 'too_many_requests',
      what: 'messages of peers that are being read',
      retryAfter: 1,
    })
    held.push(await silent(other))
    t.equal((await (await silent(other)).outcome)?.code, 'too_many_requests', 'in all')
    for (const { content } of held) content.destroy()
    for (const { outcome } of held) t.equal((await outcome)?.code, 'connection_lost', 'each waited')
    t.equal(await codeOf(await made.ask()), undefined, 'and then there is room')
    for (let i = 0; i < 20; i++)
      t.equal(await codeOf(await made.ask()), undefined, 'what is read is counted no more')
  },
)
