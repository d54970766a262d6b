/** What a first start says of states that journeys seldom see, and when its first call is over. */
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { asSent } from '#test/as-sent.ts'
import { firstStart } from './feature.ts'
import type { Step } from './steps.ts'

const MEMBER = 'DEV/GOV/1005'
const clock = { now: 0 }
let asked = 0
let requests: RequestStatus[] | Fault = []
let rows: object[] | Fault = []
let keys: object[] = []
let hasConfiguration = true
let countedBy = (_filter: object): number => 0

const index = {
  memberName: () => 'Harbour Agency',
  isClientOf: () => false,
  shared: { approvedCas: [{ name: 'A CA' }], approvedTsas: [] },
  tsaUrls: [],
  privateParameters: {
    managementService: {
      authCertRegServiceAddress: 'https://registry.example/',
      providerId: { instance: 'DEV', memberClass: 'GOV', memberCode: '1', subsystemCode: 'management' },
    },
  },
}
const ground = {
  server: parseServerId(`${MEMBER}/SS`),
  clock: () => clock.now,
  keys: { tokens: () => [{ id: '0', name: 'softToken-0', initialized: true, loggedIn: true, keys }] },
  globalConfiguration: {
    current: () => {
      if (!hasConfiguration) throw new Fault('global_conf_outdated')
      return { index }
    },
    state: () => ({ anchor: { hash: 'AA' }, attempt: { lastError: { message: 'x'.repeat(900) } } }),
  },
  localSystems: { view: () => ({ clients: new Map() }) },
  messageLog: {
    oldestUnstamped: () => undefined,
    traffic: async (q: { filter: object }) => ({
      steps: countedBy(q.filter) === 0 ? [] : [{ at: '2026-01-01T07', exchanges: 1, failed: 0 }],
    }),
  },
  settings: { peers: { address: '10.0.0.7' } },
  logFor: () => ({
    listSome: async () => {
      if (rows instanceof Fault) throw rows
      return { rows }
    },
  }),
  filedRequests: async () => {
    asked++
    if (requests instanceof Fault) throw requests
    return requests
  },
}
type Course = { finished: boolean; steps: Step[] }
const open = async () => {
  const { operations, offers } = await firstStart.open(ground as never)
  const course = async () => (await operations!['getFirstStart']!({} as never)) as Course
  const step = async (name: string) =>
    (asSent(await course()) as Course).steps.find((one) => one.name === name)
  return { course, step, isBeforeFirstCall: offers!.isBeforeFirstCall }
}
const certificate = (more: object) => ({
  ...{ sha256: 'ab', active: true, state: 'saved', ocsp: { state: 'good' }, remedy: 'do something' },
  ...more,
})
const key = (usage: string, certificates: object[], more: object = {}) => ({
  ...{ id: `${usage} key`, usage, requests: [], certificates, ...more },
})
const signing = key('SIGNING', [
  certificate({ member: MEMBER, state: 'registered', remedy: undefined }),
  certificate({ member: MEMBER, state: 'expired' }),
])
const filed = (more: object): RequestStatus => ({
  ...{ request: 7, kind: 'authCertReg', state: 'SUBMITTED_FOR_APPROVAL', server: `${MEMBER}/SS` },
  ...{ filedAt: '2026-01-01T00:00:00.000Z', ...more },
})

t.test('certificates, by the one that is furthest', async (t) => {
  const { step } = await open()
  const cases: [object[], object][] = [
    [[], { state: 'open', missing: 'key', who: 'operator' }],
    [[key('SIGNING', [])], { state: 'doing', missing: 'request', of: { keyId: 'SIGNING key' } }],
    [
      [key('SIGNING', [certificate({ member: MEMBER, active: false })])],
      { missing: 'inactive', state: 'doing' },
    ],
    [
      [key('SIGNING', [certificate({ member: MEMBER, ocsp: { state: 'revoked' } })])],
      { missing: 'revoked', state: 'doing', who: 'operator' },
    ],
    [
      [key('SIGNING', [certificate({ member: MEMBER, ocsp: { state: 'stale', error: 'e'.repeat(900) } })])],
      { missing: 'ocsp', state: 'waiting', who: 'authority', detail: 'e'.repeat(500) },
    ],
    [[key('SIGNING', [certificate({ member: 'DEV/GOV/1' })])], { missing: 'key', state: 'open' }],
    [[key('SIGNING', []), signing], { state: 'done' }],
  ]
  for (const [held, wanted] of cases) {
    keys = held
    t.match(await step('signing'), wanted)
  }
})

t.test('the registration, as the registry says it stands', async (t) => {
  const { step } = await open()
  keys = [key('AUTHENTICATION', [certificate({})])]
  t.match(await step('authentication'), { missing: 'registration', after: 'signing' }, 'the owner signs it')
  t.equal(asked, 0, 'nobody is asked in vain')
  keys = [signing, ...keys]
  const cases: [RequestStatus[] | Fault, object][] = [
    [[], { state: 'doing', missing: 'registration' }],
    [[filed({})], { state: 'waiting', missing: 'approval', who: 'registry', of: { filed: { request: 7 } } }],
    [[filed({ state: 'APPROVED' })], { state: 'waiting', missing: 'publication' }],
    [
      [filed({ state: 'DECLINED', reason: 'no', request: 8 }), filed({ state: 'APPROVED' })],
      { state: 'doing', missing: 'registration', of: { filed: { reason: 'no' } } },
    ],
    [[filed({ kind: 'clientReg' })], { state: 'doing', missing: 'registration' }],
    [new Fault('registration_unavailable'), { state: 'doing', missing: 'registration', detail: /./ }],
  ]
  for (const [answer, wanted] of cases) {
    requests = answer
    clock.now += 10_000
    t.match(await step('authentication'), wanted)
  }
  const before = asked
  await Promise.all([step('authentication'), step('authentication'), step('authentication')])
  t.equal(asked, before, 'a short while holds for all pages')
})

t.test('a server without a configuration, and one whose registry approves no time-stamps', async (t) => {
  const { step } = await open()
  t.match(await step('timeStamps'), { missing: 'authority', who: 'registry' })
  hasConfiguration = false
  t.match(await step('configuration'), { state: 'waiting', who: 'registry', detail: 'x'.repeat(500) })
  t.match(await step('owner'), { after: 'configuration', of: { serverCode: 'SS' } })
  t.match(await step('call'), { missing: 'nothingToCall', after: 'client' })
  hasConfiguration = true
})

t.test('what the newest records do not show is a first call too', async (t) => {
  const { course, step, isBeforeFirstCall } = await open()
  // All that was asked lately is what services there are; the call is older, erased, or under a secret
  // contract.
  rows = Array.from({ length: 200 }, (_, at) => ({
    ...{ idx: 900 - at, service: `${MEMBER}/port/listMethods`, query_id: String(at), time: '' },
  }))
  t.equal(await isBeforeFirstCall(), true)
  countedBy = (filter) =>
    Number(
      JSON.stringify(filter) ===
        '{"kind":"reply","upkeep":false,"clearance":2,"management":"DEV/GOV/1/management"}',
    )
  t.equal(await isBeforeFirstCall(), false, 'nobody may be tried with itself again')
  t.match(await course(), { finished: true }, 'and the page offers no call that would be refused')
  t.strictSame((await step('call'))?.of, {}, 'nor a record that it may not show')
  countedBy = () => 0
  t.equal(await isBeforeFirstCall(), false, 'which stays so')
})

t.test(
  'an answer that comes between the look at the records and that at the counts has its record',
  async (t) => {
    const { step, isBeforeFirstCall } = await open()
    rows = []
    // Both are of one transaction, which may be committed between any two looks.
    const answered = (): number => {
      rows = [{ idx: 3, service: `${MEMBER}/port/berths`, query_id: 'one', time: '2026-01-01T07:00:00.000Z' }]
      return 1
    }
    countedBy = answered
    t.equal(await isBeforeFirstCall(), false)
    countedBy = () => 0
    t.match(await step('call'), { state: 'done', of: { record: 3 } })
  },
)

t.test('without a configuration nothing is remembered that may be a request to the registry', async (t) => {
  const { isBeforeFirstCall } = await open()
  rows = [{ idx: 2, service: 'DEV/GOV/1/management/clientReg', query_id: 'one', time: '' }]
  hasConfiguration = false
  t.equal(await isBeforeFirstCall(), false)
  hasConfiguration = true
  t.equal(await isBeforeFirstCall(), true)
})

t.test('the first call is over with the first answer of a system, and not before', async (t) => {
  const { course, isBeforeFirstCall } = await open()
  const reply = (idx: number, service: string) => ({
    ...{ idx, service, query_id: service, time: '2026-01-01T00:00:00.000Z' },
  })
  rows = [reply(4, `${MEMBER}/port/listMethods`), reply(2, 'DEV/GOV/1/management/clientReg')]
  t.equal(
    await isBeforeFirstCall(),
    true,
    'questions about services and requests to the registry are no calls',
  )
  rows = new Fault('database_error')
  await t.rejects(isBeforeFirstCall(), { code: 'database_error' }, 'nothing is allowed that cannot be known')
  rows = [
    reply(9, `${MEMBER}/port/ping`),
    reply(6, `${MEMBER}/port/berths`),
    reply(5, `${MEMBER}/port/berths`),
  ]
  t.equal(await isBeforeFirstCall(), false)
  rows = []
  t.match(await course(), {
    finished: true,
    steps: { 8: { name: 'call', state: 'done', of: { record: 6 } } },
  })
})
