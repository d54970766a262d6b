/**
 * A use that is withheld looks as one that never was: two servers answer the same person octet for octet, one
 * whose log has somebody else's use in its place, one that withholds it. And answers leave in steps of time,
 * whatever it took to find none.
 */
import t, { type Test } from 'tap'
import { writeSoap } from '#core/transport/write-soap.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { soap } from '../../message/soap.ts'
import { createNotices } from '../notices/notices-fixture.ts'
import { createTracker } from './answer-person.ts'
import { withhold } from './exceptions.ts'
import { createTrackerWorld, PORTAL, SUBSYSTEM, TRACKER, type TrackerWorld } from './tracker-fixture.ts'

const PERSON = '131052-308T'
const CODE = `EE${PERSON}`
const OTHER = '010101-1111'
const DAY = 86_400_000
const FIND_USAGE = '<d:findUsage xmlns:d="http://dumonitor.x-road.eu/producer"/>'
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/**
 * What differs by chance: times, ids of faults and of what is made, salted leaves, cursors, addresses of this
 * test.
 */
function withoutChance(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME')
    .replace(/"leaf":"[^"]{44}"/g, '"leaf":"LEAF"')
    .replace(/"next":"[^"]+"/g, '"next":"NEXT"')
    .replace(/"detail":"[^"]+"/g, '"detail":"DETAIL"')
    .replace(/"code":"\d{8}"/g, '"code":"CODE"')
    .replace(/token=[\w-]{43}/g, 'token=TOKEN')
    .replace(/127\.0\.0\.1:\d+|localhost:\d+/g, 'ADDRESS')
    .replace(UUID, 'ID')
}

/**
 * Three requests at the same places of two logs: the second is about the person, and withheld, or about
 * somebody else.
 */
async function worldOf(t: Test) {
  const world = await createTrackerWorld(t)
  const notices = await createNotices(t, world)
  const content = contentAt(0, { provider: SUBSYSTEM, personalData: true })
  world.contracts.push({ ...content, contract: '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11' })
  const contract = `0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11/${content.version}`
  const id = (n: number): string => `3f0fd6f0-5bd7-4b69-9f3e-bd4dd87e9ba${n}`
  const use = (n: number, code: string, more: object = {}): Promise<number> =>
    world.use(code, { ids: { id: id(n), requestId: id(n + 5) }, ...more })
  return { world, notices, contract, use, id }
}

type Worlds = { never: TrackerWorld; withheld: TrackerWorld; middle: number; posted(): Promise<string[][]> }

async function bothWorlds(t: Test): Promise<Worlds> {
  const worlds = []
  for (const about of [OTHER, PERSON]) {
    const { world, notices, contract, use, id } = await worldOf(t)
    world.rooms.localSystems = {
      ...world.rooms.localSystems,
      view: () => ({ clients: new Map([[SUBSYSTEM, {}]]) }),
    } as never
    await use(1, PERSON, { contract })
    const wish = { channel: 'webhook', address: notices.hook.url, mode: 'at_once', language: 'en' }
    const q = { userId: CODE, body: wish }
    const asked = await world.ask(`/concordat/v1/notices?userCode=${CODE}`, q)
    await notices.tell()
    const code = /"code":"(\d{8})"/.exec(notices.hook.posted.at(-1)?.body ?? '')?.[1] ?? ''
    const wished = (asked.body['notice'] as { id: string }).id
    const confirmed = await world.ask(`/concordat/v1/notices/confirmation?userCode=${CODE}`, {
      ...{ userId: CODE, body: { id: wished, code } },
    })
    t.match(confirmed.body, { notices: [{ state: 'confirmed' }] })
    const middle = await use(2, about)
    const exception = { clientId: 'DEV:GOV:1234:population', ground: 'crime', owner: 'A unit' }
    if (about === PERSON)
      await withhold(
        { ...exception, messageId: id(2), endsAt: new Date(world.now.at + DAY).toISOString() },
        { by: 'A', agreedBy: 'B' },
        world.rooms,
      )
    await use(3, PERSON)
    await notices.tell()
    await world.log.checkpointNow()
    worlds.push({ world, notices, middle })
  }
  const [never, withheld] = worlds as [(typeof worlds)[number], (typeof worlds)[number]]
  t.equal(never.middle, withheld.middle, 'at the same place')
  return {
    ...{ never: never.world, withheld: withheld.world, middle: never.middle },
    posted: async () =>
      [never, withheld].map(({ notices }) => notices.hook.posted.map(({ body }) => withoutChance(body))),
  }
}

t.test('what is withheld and what never was are the same, octet for octet', async (t) => {
  const { never, withheld, middle, posted } = await bothWorlds(t)
  const octets = async (world: TrackerWorld, path: string, body?: object): Promise<string> => {
    const at = `${path}${path.includes('?') ? '&' : '?'}userCode=${CODE}`
    const told = await world.ask(at, { userId: CODE, id: 'q', ...(body !== undefined && { body }) })
    return `${told.status} ${withoutChance(told.bytes.toString('latin1'))}`
  }
  const complaint = (record: number) => ({ record, reason: 'not-known', text: 'I do not know why' })
  const questions: [path: string, body?: object][] = [
    ['/v2/findUsage'],
    ['/v2/findUsage?offset=1&limit=1'],
    ['/v2/findUsage?offset=2'],
    ['/v2/usagePeriod'],
    ['/concordat/v1/usages'],
    ['/concordat/v1/usages?limit=1'],
    ['/concordat/v1/usages?limit=2'],
    ['/concordat/v1/coverage'],
    [`/concordat/v1/proof?record=${middle}`],
    [`/concordat/v1/proof?record=${middle + 1}`],
    ['/concordat/v1/complaints', complaint(middle)],
    ['/concordat/v1/complaints'],
    ['/concordat/v1/notices'],
  ]
  for (const [path, body] of questions)
    t.equal(await octets(withheld, path, body), await octets(never, path, body), path)
  t.match(await octets(withheld, '/concordat/v1/usages'), /^200 .*"totalUsages":2/)

  const nowhere = 9_999
  for (const world of [never, withheld]) {
    const refusal = await octets(world, `/concordat/v1/proof?record=${nowhere}`)
    t.match(refusal, /^404 /)
    t.equal(await octets(world, `/concordat/v1/proof?record=${middle}`), refusal, 'as one that is nowhere')
    t.equal(
      await octets(world, '/concordat/v1/complaints', complaint(middle)),
      await octets(world, '/concordat/v1/complaints', complaint(nowhere)),
    )
  }

  const inSoap = async (world: TrackerWorld): Promise<string> => {
    const { message } = await world.tracker.take(await soapQuestion(world))
    return withoutChance(message!.bytes.toString())
  }
  const told = await inSoap(withheld)
  t.equal(told, await inSoap(never))
  t.equal(told.match(/<dum:usage>/g)?.length, 2)

  const [fromNever, fromWithheld] = await posted()
  t.same(fromWithheld, fromNever, 'and no message more')
  t.ok(fromNever!.length >= 2, 'of the others there was one')
})

async function soapQuestion(world: TrackerWorld) {
  const service = { ...TRACKER, serviceVersion: 'v1' }
  const bytes = Buffer.from(writeSoap({ client: PORTAL, service, id: 'q', userId: CODE }, FIND_USAGE))
  const headers: Record<string, string> = {
    'x-road-request-id': '3f0fd6f0-5bd7-4b69-9f3e-bd4dd87e9ba0',
    'content-type': 'text/xml',
  }
  const part = { contentType: 'text/xml', headers: [], bytes }
  const request = await soap.readRequest(part, (name) => headers[name.toLowerCase()])
  return {
    ...{ request, message: bytes, represented: undefined, body: undefined, record: 0 },
    spool: () => world.log.spool.begin({ maxBytes: 10_000 }),
  }
}

t.test('an answer leaves at the end of the step in which it was found, whatever it is', async (t) => {
  const world = await createTrackerWorld(t)
  await world.use(PERSON)
  await world.index()
  const waited: number[] = []
  let tookMs = 0
  const readings: number[] = []
  const tracker = createTracker(world.rooms, {
    // Of each question the first reading is its begin, the second its end.
    now: () => {
      const at = readings.length % 2 === 0 ? 1_000 : 1_000 + tookMs
      readings.push(at)
      return at
    },
    wait: async (ms) => void waited.push(ms),
  })
  const ask = (path: string, userId = CODE) => {
    const [servicePath, query] = path.split('?') as [string, string?]
    const request = { protocol: 'REST', client: PORTAL, service: TRACKER, method: 'GET', headers: [] }
    return tracker.take({
      ...{ message: Buffer.alloc(0), represented: undefined, body: undefined, record: 0 },
      request: { ...request, servicePath, query, id: 'q', actors: { userId } } as never,
      spool: () => world.log.spool.begin({ maxBytes: 1_000_000 }),
    })
  }
  for (const [took, left] of [
    [0, 10],
    [3.5, 6.5],
    [9.75, 0.25],
    [10, 10],
    [27, 3],
  ] as const) {
    tookMs = took
    for (const path of [
      `/concordat/v1/usages?userCode=${CODE}`,
      `/v2/findUsage?userCode=${CODE}`,
      `/concordat/v1/proof?record=9999&userCode=${CODE}`,
      '/concordat/v1/coverage',
      '/concordat/v1/usages',
      '/nowhere',
    ]) {
      waited.length = 0
      await ask(path)
      t.same(waited, [left], `${path} after ${took} ms`)
    }
    waited.length = 0
    await ask('/concordat/v1/usages?userCode=EE999', 'EE999')
    t.same(waited, [left], 'nobody')
    waited.length = 0
    await tracker.take(await soapQuestion(world))
    t.same(waited, [left], 'in SOAP')
    const { evaluateLookUp } = world.holder
    world.holder.evaluateLookUp = () => Promise.reject(new Error('away'))
    waited.length = 0
    await t.rejects(ask(`/concordat/v1/usages?userCode=${CODE}`))
    t.same(waited, [left], 'what fails too')
    world.holder.evaluateLookUp = evaluateLookUp
  }
})
