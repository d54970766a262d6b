/** In which order a file is applied, what is held back, and what a plan shows of it. */
import { createHash } from 'node:crypto'
import t from 'tap'
import type { ManagementApi } from '../../client.ts'
import { readCommands } from '../../commands.ts'
import { apply, describePlan } from '../apply.ts'
import { firstRemovals } from '../first-removals.ts'
import { planOf } from './plan.ts'
import { rightName } from './plan-services.ts'
import type { Declared, DeclaredClient, DeclaredDescription } from './read-file.ts'
import type { Present, PresentClient, PresentService } from './read-present.ts'

const CLIENT = 'DEV:GOV:1000:population'
const right = (id: number, subjectId: string, subjectType = 'SUBSYSTEM') => ({
  ...{ id, subjectType, subjectId, wholeService: true, method: '*', path: '**' },
})
const service = (more: Partial<PresentService> = {}): PresentService => ({
  ...{ id: 5, serviceCode: 'persons', url: 'http://10.0.0.1', timeoutMs: 5000, maxConcurrentCalls: 9 },
  ...{ verifyTls: true, validate: 'NONE', allowEncodedSlash: false, tlsCertificates: [] },
  ...{ endpoints: [], accessRights: [], ...more },
})
const client = (
  services: PresentService[],
  more: Partial<PresentClient> = {},
  disabled = true,
): PresentClient => ({
  ...{ id: CLIENT, status: 'REGISTERED', connectionType: 'SSLAUTH', tlsCertificates: [], localGroups: [] },
  serviceDescriptions: services.map((one, index) => ({
    ...{ id: index + 1, type: 'REST', url: '', disabled, disabledNotice: 'closed', services: [one] },
  })),
  ...more,
})
const present = (clients: PresentClient[], more: Partial<Present> = {}): Present => ({
  ...{ clients, subjectPlaces: [], retentionClasses: [], trackerServices: [], eventTypes: [] },
  ...{ trackers: [], consents: [], proposed: new Set(), ...more },
})
const declared = (of: Partial<DeclaredDescription>, more: Partial<DeclaredClient> = {}): Declared => ({
  clients: [
    {
      id: CLIENT,
      serviceDescriptions: [{ type: 'REST', services: [{ serviceCode: 'persons' }], ...of }],
      ...more,
    },
  ],
})

const commands = await readCommands('security-server-api.yaml')

/**
 * Applies once, with a server at which these operations wait for a second person. Returns what was called and
 * what was said.
 */
async function run(wanted: Declared, there: Present, waiting: string[], removes = true) {
  const called: string[] = []
  const said: string[] = []
  const plan = planOf(wanted, there, { removes })
  const api: ManagementApi = {
    send: async ({ method, url }) => {
      const { operation } = commands.find(
        (one) =>
          one.operation.method === method &&
          new RegExp(`^${one.operation.url.replace(/:[^/]+/g, '[^/]+')}$`).test(url.split('?')[0]!),
      )!
      const isWaiting = waiting.includes(operation.id)
      called.push(operation.id)
      return { status: isWaiting ? 202 : 200, type: '', total: undefined, bytes: Buffer.alloc(0) }
    },
  }
  // What was called is done or waits from then on.
  const look = async () => ({
    plan: {
      ...plan,
      steps: plan.steps
        .filter(({ call }) => !called.includes(call?.operation ?? '') || waiting.includes(call!.operation))
        .map((one) =>
          called.includes(one.call?.operation ?? '') ? { ...one, call: undefined as never } : one,
        ),
    },
    proposed: new Set<string>(),
  })
  await apply({
    ...{ api, commands, look, reason: 'why', revision: 1 },
    say: (line) => said.push(line),
  })
  return { plan, called, said, lines: describePlan(plan, new Set()) }
}

void t.test(
  'while a change of a service waits, it is not switched on and nothing is taken from it',
  async (t) => {
    const file = declared({
      enabled: true,
      services: [
        {
          serviceCode: 'persons',
          url: 'http://10.0.0.2',
          accessRights: [{ subjectType: 'SUBSYSTEM', subjectId: 'b' }],
        },
      ],
    })
    const there = present([client([service({ accessRights: [right(1, 'a')] })])])
    const free = await run(file, there, [])
    t.same(free.called, ['updateService', 'addAccessRight', 'deleteAccessRight', 'enableServiceDescription'])
    for (const operation of ['updateService', 'addAccessRight']) {
      const { called, said } = await run(file, there, [operation])
      t.same(called, ['updateService', 'addAccessRight'], operation)
      t.match(said.join('\n'), /^later: take away the right of .*\nlater: switch .* on$/m, operation)
    }
    const another = structuredClone(file)
    another.clients![0]!.serviceDescriptions![0]!.type = 'OPENAPI'
    t.same((await run(another, there, [])).called, [])
  },
)

void t.test('a service that is to be off is switched off before anything is changed', async (t) => {
  const file = declared({ enabled: false, services: [{ serviceCode: 'persons', url: 'http://10.0.0.2' }] })
  const { called } = await run(file, present([client([service()], {}, false)]), [])
  t.same(called, ['disableServiceDescription', 'updateService'])
  t.same(
    (await run(declared({ enabled: false }), present([client([service()])]), [])).called,
    [],
    'a notice stays',
  )
})

void t.test('what a difference says is seen to by people before a service is switched on', async (t) => {
  const services = [
    {
      serviceCode: 'persons',
      accessRights: [{ subjectType: 'SUBSYSTEM', subjectId: 'b', method: 'GET', path: '/no' }],
    },
  ]
  const { called, plan } = await run(
    declared({ enabled: true, services }),
    present([client([service()])]),
    [],
  )
  t.match(plan.differences, [/has no endpoint GET \/no/])
  t.same(called, [])
})

void t.test('a local group goes with its rights only when all of them are to go', async (t) => {
  const group = { id: 3, code: 'friends', description: 'd', members: [] }
  const ours = right(7, 'friends', 'LOCALGROUP')
  const there = (accessRights = [ours]) =>
    present([client([service({ accessRights })], { localGroups: [group] })])
  const file = (accessRights?: []) =>
    declared(
      { services: [{ serviceCode: 'persons', ...(accessRights && { accessRights }) }] },
      { localGroups: [] },
    )
  const silent = await run(file(), there(), [])
  t.same(silent.called, [])
  t.match(silent.plan.differences, [
    /^the local group friends of .* stays: it has rights to .*:persons that stay$/,
  ])
  t.same((await run(file([]), there(), [])).called, ['deleteAccessRight', 'deleteLocalGroup'])
  t.same(
    (await run(file([]), there(), ['deleteAccessRight'])).called,
    ['deleteAccessRight'],
    'not before they are gone',
  )
  const gone = await run(file(), there([]), [])
  t.same(gone.called, ['deleteLocalGroup'])
  t.match(gone.lines, [
    'do        take away the local group friends of DEV:GOV:1000:population with its rights',
  ])
})

void t.test('what was added after the first look is told and not taken away', (t) => {
  const asFirst = firstRemovals()
  const planWith = (...subjects: string[]) =>
    planOf(
      declared({ services: [{ serviceCode: 'persons', accessRights: [] }] }),
      present([client([service({ accessRights: subjects.map((one, index) => right(index, one)) })])]),
      { removes: true },
    )
  t.equal(asFirst(planWith('a')).steps.length, 1)
  const { steps, undeclared } = asFirst(planWith('a', 'b'))
  t.match([steps.length, undeclared.length], [1, 1])
  t.match(undeclared, [/right of SUBSYSTEM b/])
  t.end()
})

void t.test('services of a document that the file does not name are told, with their rights', (t) => {
  const other = service({
    id: 6,
    serviceCode: 'secret',
    url: 'http://10.0.0.9',
    accessRights: [right(9, 'x')],
  })
  const there = client([service()])
  there.serviceDescriptions[0]!.services.push(other)
  t.same(planOf(declared({}), present([there]), { removes: true }).undeclared, [
    `the service ${CLIENT}:secret at http://10.0.0.9`,
    `the right of SUBSYSTEM x to ${CLIENT}:secret`,
  ])
  t.equal(rightName({ ...right(1, 'a'), method: 'GET' }, 's'), 'the right of SUBSYSTEM a to s, GET **')
  t.end()
})

void t.test('a plan shows of what is new all that matters, before any of it is there', (t) => {
  const file = declared(
    {
      ...{ type: 'OPENAPI', document: 'openapi', enabled: true },
      services: [
        {
          ...{ serviceCode: 'persons', url: 'http://10.0.0.2' },
          accessRights: [{ subjectType: 'SUBSYSTEM', subjectId: 'b', method: 'GET', path: '/p' }],
        },
      ],
    },
    {
      ...{ connectionType: 'NOSSL', localGroups: [{ code: 'g', description: 'd', members: ['m'] }] },
      tracker: { soap: false, accessRights: [{ subjectType: 'SUBSYSTEM', subjectId: 'c' }] },
    },
  )
  const digest = createHash('sha256').update('openapi').digest('hex')
  const more = [
    `describe ${CLIENT}:persons: OPENAPI, a document with SHA-256 ${digest}, answered by http://10.0.0.2`,
    `give the right of SUBSYSTEM b to ${CLIENT}:persons, GET /p`,
    `switch ${CLIENT}:persons on`,
    `switch the tracker of ${CLIENT} on`,
    `give the right of SUBSYSTEM c to the tracker of ${CLIENT}`,
  ]
  const lines = (there: PresentClient[]) =>
    describePlan(planOf(file, present(there), { removes: false }), new Set()).map((one) => one.slice(10))
  t.same(lines([]), [
    `add the client ${CLIENT}, whose systems connect by NOSSL`,
    ...[`add the local group g of ${CLIENT}`, `add m to the local group g of ${CLIENT}`, ...more],
  ])
  t.same(lines([client([], { connectionType: 'NOSSL' })]).slice(-5), more)
  t.end()
})

void t.test('that calls are about nobody is not said before a tracker that is to come is on', (t) => {
  const place = { serviceId: `${CLIENT}:persons`, method: '*', path: '**', name: '', type: 'personal-code' }
  const file = {
    ...declared({}, { tracker: { soap: false } }),
    subjectPlaces: [
      { ...place, in: 'none' },
      { ...place, in: 'path' },
    ],
  }
  const called = (trackers: Present['trackers']) =>
    planOf(file, present([client([service()])], { trackers }), { removes: false })
      .steps.filter(({ says }) => says.startsWith('declare the place'))
      .map(({ call }) => call?.operation)
  t.same(called([]), [undefined, 'addSubjectPlace'])
  const on = { clientId: CLIENT, isOn: true, isInSoap: false }
  t.same(called([on]), ['addSubjectPlace', 'addSubjectPlace'])
  t.end()
})

void t.test('a tracker or consents that are on and should be off are told', (t) => {
  const on = { clientId: CLIENT, isOn: true, isInSoap: false }
  const differences = (more: Partial<Present>) =>
    planOf(declared({}, { tracker: null, consents: null }), present([client([service()])], more), {
      removes: true,
    }).differences
  t.same(differences({ trackers: [on], consents: [on] }), [
    `the tracker of ${CLIENT} is on`,
    `the consents of ${CLIENT} are on`,
  ])
  t.same(differences({ trackers: [{ ...on, isOn: false }] }), [])
  t.end()
})

void t.test('another document than the one that was declared keeps a service off', (t) => {
  const planWith = (more: object, of: object) => {
    const there = client([service()])
    Object.assign(there.serviceDescriptions[0]!, { type: 'WSDL', url: 'http://a/b.wsdl', ...more })
    return planOf(declared({ type: 'WSDL', enabled: true, ...of }), present([there]), { removes: false })
  }
  const pinned = { documentUrl: 'http://a/b.wsdl', sha256: 'a'.repeat(64) }
  t.match(planWith({ sha256: 'a'.repeat(64) }, pinned), {
    differences: [],
    steps: [{ call: { operation: 'enableServiceDescription' } }],
  })
  const other = planWith({ sha256: 'b'.repeat(64) }, pinned)
  t.match(other.differences, [/has SHA-256 bbbb/])
  t.same(
    other.steps.map(({ call }) => call),
    [undefined],
  )
  const hidden = planWith(
    { change: { same: false, digest: '', warnings: [], isHidden: true } },
    { document: 'x' },
  )
  t.match(hidden.differences, [/only a service administrator's key shows/])
  t.same(
    hidden.steps.map(({ call }) => call),
    [undefined],
  )
  t.end()
})

void t.test('a right that is declared twice is given once', (t) => {
  const one = { subjectType: 'SUBSYSTEM', subjectId: 'b' }
  const file = declared({ services: [{ serviceCode: 'persons', accessRights: [one, one] }] })
  t.equal(planOf(file, present([client([service()])]), { removes: false }).steps.length, 1)
  t.end()
})

void t.test('sources of an event type are replaced when they are other ones, whatever their order', (t) => {
  const [one, two] = ['/a', '/b'].map((source) => ({ source, publisherId: CLIENT }))
  const type = { roomId: `${CLIENT}:events`, name: 'born', closed: false }
  const there = present([], { eventTypes: [{ ...type, id: 3, keepDays: 30, sources: [one!, two!] }] })
  const stepsFor = (sources?: NonNullable<typeof one>[]) =>
    planOf({ eventTypes: [{ ...type, ...(sources && { sources }) }] }, there, { removes: false }).steps
  t.same(stepsFor(), [])
  t.same(stepsFor([two!, one!]), [])
  t.same(stepsFor([{ ...one!, source: '/a/' }, two!]), [], 'as the server keeps them')
  t.match(stepsFor([two!]), [
    { call: { operation: 'updateEventType', body: { sources: [two] } }, says: /born .*: sources$/ },
  ])
  t.end()
})
