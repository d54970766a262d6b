/** What is made of the answers of systems that are honest, broken, mute or lie. */
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { usageSample } from '#test/fakes/usage-sample.ts'
import {
  clientsOf,
  exchange,
  type FakeSystem,
  HOSTILE,
  startUsageServer,
  tells,
} from '#test/fakes/usage-systems.ts'
import { until } from '#test/until.ts'
import { gatherAll, isAnswered, isComplete } from '../joining/gathered.ts'
import { groupUses } from '../joining/group.ts'
import type { Answered, Failed } from '../joining/row.ts'
import { coverageSection, coverageSentence, lookSection, massSection } from '../pages/coverage.ts'
import { foreign, html } from '../pages/html.ts'
import { wordsOf } from '../texts.ts'
import { createAskAll } from './ask-all.ts'
import { createFindSystems, readClients } from './find-systems.ts'
import { openServer } from './own-server.ts'
import { readCoverage, readUsage } from './read-usages.ts'

const NOW = Date.parse('2026-11-29T14:00:00Z')
const LIMITS = { answerMs: 25_000, answerBytes: 1024 * 1024, rows: 2_000 }
const PERSON = 'P00000042'
const OWN = 'DEV/GOV/1005/portal'
const SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e'

const system = (code: string, answers?: FakeSystem['answers']): FakeSystem => ({
  ...{ id: `DEV/GOV/${code}/s`, name: `System ${code}`, owner: `Office ${code}` },
  ...(answers !== undefined && { answers }),
})

async function askAll(t: Tap, systems: FakeSystem[], period: { from?: string } = {}, limits = LIMITS) {
  const fake = await startUsageServer(t, systems)
  const server = openServer({ url: fake.url, client: OWN })
  t.teardown(() => server.close())
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const finding = {
    ...{ server, codes: ['findUsage'], instances: [], atOnce: 4, log },
    // Who is silent here breaks off at once.
    ...{ answerMs: 30_000, refreshMs: 1_000 },
  }
  const found = await createFindSystems({ ...finding, clock: () => NOW }).offering('findUsage')
  const ask = createAskAll({ server, serviceCode: 'findUsage', atOnce: 4, wholeMs: 30_000, limits })
  const results: (Answered | Failed)[] = []
  const signal = new AbortController().signal
  const userCode = `EE${PERSON}`
  for await (const one of ask(found, { userCode, asker: { person: userCode }, ...period, signal }))
    results.push(one)
  return { results, found, fake, gathered: gatherAll(results, found, { own: OWN, span: {} }) }
}

type Tap = Parameters<typeof startUsageServer>[0]

t.test('both sides are joined, and what is missing is said', async (t) => {
  const { gathered, found, fake } = await askAll(t, usageSample(NOW))
  t.strictSame(
    gathered.uses.map(({ proven }) => proven),
    [...Array<string>(7).fill('both'), 'differing', 'one', 'both', 'both', 'one'],
  )
  t.strictSame(gathered.uses.find(({ proven }) => proven === 'differing')?.differing, ['time'])
  t.strictSame(
    groupUses(gathered.uses).map(({ uses }) => uses.length),
    [3, 2, 1, 1, 1, 1, 1, 1, 1],
  )
  t.strictSame(
    found.silent.map(({ name }) => name),
    ['Traffic register'],
  )
  t.strictSame(
    found.absent.map(({ name }) => name),
    ['Business register'],
  )
  t.equal(isComplete(gathered), false)
  const population = gathered.answered.find(({ system }) => system.name === 'Population register')
  t.match(population, {
    form: 'full',
    dropped: 0,
    coverage: { isAll: false, withheld: 3, unread: 0 },
    masses: [{ messages: 12 }],
  })
  t.match(
    gathered.answered.find(({ form }) => form === 'plain'),
    {
      rows: [
        {
          client: { owner: '70000562 “Police Board”' },
          purposes: { und: 'Summons in case 2-26-114' },
          messageId: '',
        },
      ],
      coverage: { from: '2026-09-01T06:00:00.000Z' },
    },
  )
  t.ok(fake.asked.every(({ userId }) => userId === `EE${PERSON}`))
  const all = usageSample(NOW).filter(({ id }) => /100[24]/.test(id))
  const { gathered: open } = await askAll(t, all)
  t.equal(isComplete(open), true, 'nothing is left open')
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const gaps = {
    withheld: 3,
    undeclared: [{ role: 'provider' as const, service: 's' }],
    ...{ unread: 1, behind: 1, lostMonths: ['2026-09'], declaredLater: 2, calledUnread: 1, isCut: true },
  }
  for (const [name, gap] of Object.entries(gaps)) {
    const [first, ...others] = open.answered
    const answered = [{ ...first!, coverage: { ...first!.coverage!, [name]: gap } }, ...others]
    t.equal(isComplete({ ...open, answered }), false, `${name} leaves something open, whatever isAll says`)
    t.match(coverageSentence({ ...open, answered }, words).markup, /covered some[\s\S]*may have gaps/)
  }
  t.notMatch(coverageSentence(open, words).markup, /gaps/)
  const [first, ...others] = open.answered
  t.equal(isComplete({ ...open, answered: [{ ...first!, hasOlder: true }, ...others] }), false)
  const told = { ...first!, hasOlder: true, coverage: { ...first!.coverage!, ...gaps, ofNobody: 2 } }
  const { markup } = coverageSection({ ...open, answered: [told] }, words)
  for (const text of [
    'It has older entries',
    'cannot tell all: September 2026',
    '2 services were called before',
  ])
    t.match(markup, text)
  t.match(markup, /Two people declared that calls of 2 services[\s\S]*more gaps than it lists/)
  t.equal((await askAll(t, all, { from: '2026-11-28T00:00:00.000Z' })).gathered.uses.length, 5)
})

t.test('systems that break, lie or never end: each is an answer within bounds, or a reason', async (t) => {
  const names = Object.keys(HOSTILE)
  const idOf = (name: string): string => `DEV/GOV/6666/${name === 'million' ? 'liar' : name}`
  const systems = names.map((name) => ({ ...system('6666', HOSTILE[name]), id: idOf(name), name }))
  const [never, others] = [true, false].map((is) => systems.filter(({ name }) => (name === 'never') === is))
  const late = await askAll(t, never!, {}, { ...LIMITS, answerMs: 500 })
  const { results: told, fake } = await askAll(t, others!)
  const results = [...late.results, ...told]
  const drops = fake.asked.filter(({ system, path }) => system === idOf('drops') && path.endsWith('usages'))
  t.equal(drops.length, 8, 'pages of one row each end too')
  const outcome = (name: string): { rows?: number; cut?: unknown } | string | undefined => {
    const one = results.find(({ system }) => system.name === name)
    return one === undefined ? undefined : isAnswered(one) ? { rows: one.rows.length, cut: one.cut } : one.why
  }
  const heavy = results.flatMap((one) => (one.system.name === 'heavy' && isAnswered(one) ? one.rows : []))
  t.ok(heavy.length > 300 && JSON.stringify(heavy).length < 2_100_000, 'large rows leave room for fewer')
  t.strictSame(Object.fromEntries(names.map((name) => [name, outcome(name)])), {
    never: 'late',
    cut: outcome('cut') === 'unreadable' ? 'unreadable' : 'unreachable',
    endless: 'too_large',
    million: { rows: 2_000, cut: { total: 1_000_000, why: 'bound' } },
    wrongJson: 'unreadable',
    deep: 'unreadable',
    array: 'unreadable',
    busy: 'busy',
    failing: 'failing',
    refusing: 'refused',
    drops: { rows: 7, cut: { total: 1_000_000, why: 'bound' } },
    heavy: { rows: heavy.length, cut: { total: 1_000_000, why: 'bound' } },
    sameAgain: { rows: 0, cut: { total: 5, why: 'bound' } },
  })
})

t.test('rows of others, rows told twice and rows that are none are counted and left out', async (t) => {
  const own = system('1')
  const other = system('2')
  const { provider, consumer } = exchange({
    number: 1,
    time: '2026-11-01T00:00:00Z',
    client: other,
    provider: own,
    purpose: 'a',
  })
  const rows = [
    provider,
    provider,
    consumer,
    { ...provider, messageId: 'x', record: { index: 9, leaf: '' }, service: { id: 'DEV:GOV:9:s:t' } },
    ...[{}, null, 7, { ...provider, time: 'yesterday' }, { ...provider, role: 'witness' }],
    { ...provider, client: { id: '../../etc' } },
  ] as never[]
  const { gathered } = await askAll(t, [{ ...own, answers: tells(own, rows) }])
  t.strictSame(
    gathered.answered.map(({ rows, dropped }) => [rows.length, dropped]),
    [[1, 9]],
  )
  const names = { systems: new Map(), members: new Map([['DEV/GOV/2', 'Its real name']]) }
  const told = { id: own.id, name: 'a', owner: 'b' }
  const read = readUsage(
    told,
    {
      ...provider,
      client: { id: 'DEV:GOV:2:s', name: 'A better name' },
      purposes: { en: 'a\u0000b', et: SCRIPT, '<a>': 'b' },
    },
    names,
  )
  t.match(read, { client: { name: 'Its real name' }, purposes: {}, isMass: undefined })
  t.equal(readUsage(told, { ...provider, isMass: true }, names)?.isMass, true)
  t.equal(readUsage(told, { ...provider, isUnread: true }, names)?.isUnread, true)
  const months = {
    periodStart: '2026-01-01T00:00:00Z',
    lostMonths: ['2026-09', '2026-13', 7],
    declaredLater: 'x',
  }
  t.match(readCoverage(months), { lostMonths: ['2026-09'], declaredLater: 0, isCut: false })
  const stranger = { ...provider, client: { id: 'DEV:GOV:9:s', name: 'Tax Agency' } }
  t.match(readUsage(told, stranger, names), { client: { owner: 'DEV/GOV/9 “Tax Agency”' } })
  const many = Array.from({ length: 100 }, (_, at) => [`/${'x'.repeat(200)}/${at}`, 'y'.repeat(900)] as const)
  const large = readUsage(
    told,
    {
      ...provider,
      fields: { response: many.map(([one]) => one) },
      purposes: Object.fromEntries(many.map(([, text], at) => [`en-${at}`, text])),
    },
    names,
  )!
  t.ok(JSON.stringify(large).length < 8_000, 'a row is small')
  t.match(
    readUsage(
      told,
      {
        isGeneral: true,
        role: 'provider',
        time: '2026-10',
        purposes: {},
        outcome: 'ok',
        client: { id: 'DEV:GOV:2:s' },
      },
      names,
    ),
    {
      time: '2026-10',
      client: undefined,
      messageId: '',
    },
  )
  for (const broken of [
    null,
    [],
    'x',
    { member: 'x' },
    { member: [null, { id: null }, { id: { xroad_instance: '..' } }] },
  ])
    t.strictSame(readClients(broken).systems, [])
  t.end()
})

t.test('a mute system makes nobody ask all others again, and the list of systems has its age', async (t) => {
  const fake = await startUsageServer(t, [
    { ...system('1'), answers: tells(system('1'), []) },
    { ...system('2'), isSilent: true },
  ])
  const own = openServer({ url: fake.url, client: OWN })
  t.teardown(() => own.close())
  const looked: string[] = []
  let now = NOW
  const server = {
    listClients: () => {
      looked.push('list')
      return own.listClients()
    },
    service: (at: string) => {
      looked.push(at.split('/')[2]!)
      const asked = own.service(at)
      // Its pauses begin with the time of an answer, which is no time for a busy machine.
      const call = new Proxy(asked.call, {
        apply: (target, self, [method, path, q]: [string, string, object]) =>
          Reflect.apply(target as () => unknown, self, [method, path, { ...q, deadlineMs: 30_000 }] as never),
      })
      return { ...asked, call }
    },
  }
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const finding = {
    ...{ server, codes: ['findUsage'], instances: [], atOnce: 4, log },
    ...{ answerMs: 1_000, refreshMs: 60_000 },
  }
  const systems = createFindSystems({ ...finding, clock: () => now })
  await systems.offering('findUsage')
  t.strictSame(looked.splice(0), ['list', '1', '2'])
  const again: number[] = []
  for (let second = 1; second < 60; second++) {
    now = NOW + second * 1_000
    const before = await systems.offering('findUsage')
    t.equal(before.listedAt, undefined)
    if (looked.length === 0) continue
    t.strictSame(looked.splice(0), ['2'], 'only the silent one')
    again.push(second)
    await until('it was looked for', async () => (await systems.offering('findUsage')) !== before)
  }
  t.strictSame(again, [1, 3, 7, 15, 31])
  now = NOW + 60_000
  const { listedAt, asked } = await systems.offering('findUsage')
  t.strictSame([listedAt, asked.length], [NOW, 1])
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const listed = { ...(await systems.offering('findUsage')), tooMany: 3 }
  const gathered = gatherAll([], listed, { own: OWN, span: {} })
  t.match(
    coverageSection(gathered, words).markup,
    /list of systems is from 29 November 2026[\s\S]*3 more systems are not asked/,
  )
  t.match(coverageSentence(gathered, words).markup, /4 could not be asked/)
  await until('all are listed anew', async () => (await systems.offering('findUsage')).listedAt === undefined)
  now = NOW - 3_600_000
  looked.splice(0)
  await systems.offering('findUsage')
  t.strictSame(looked.slice(0, 1), ['list'], 'the clock was set back')
  const member = Array.from({ length: 5_002 }, (_, at) => ({
    id: { xroad_instance: 'D', member_class: 'G', member_code: '1', subsystem_code: `s${at}` },
  }))
  t.equal(readClients({ member }).tooMany, 2)
})

t.test('systems of other instances are asked where they are named', async (t) => {
  const abroad = { id: 'FI/GOV/1/vtj', name: 'Population', owner: 'DVV' }
  const posing = { ...system('7'), id: 'DEV/GOV/7/s', name: 'Posing' }
  const fake = await startUsageServer(t, [
    { ...system('1'), answers: tells(system('1'), []) },
    { ...abroad, answers: tells(abroad, []) },
  ])
  const own = openServer({ url: fake.url, client: OWN })
  t.teardown(() => own.close())
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const server = {
    service: own.service,
    listClients: async (instance?: string) =>
      instance === 'LV' ? clientsOf([posing]) : own.listClients(instance),
  }
  // Nobody is silent here, however busy the machine is.
  const finding = { server, codes: ['findUsage'], atOnce: 4, answerMs: 30_000, refreshMs: 60_000, log }
  const instances = ['FI', 'LV', 'SE']
  const found = await createFindSystems({ ...finding, instances, clock: () => NOW }).offering('findUsage')
  t.strictSame(
    found.asked.map(({ id }) => id),
    ['DEV/GOV/1/s', 'FI/GOV/1/vtj'],
    'an instance names nobody of another one',
  )
  t.strictSame(found.unlisted, ['SE'])
  const gathered = gatherAll([], found, { own: OWN, span: {} })
  t.equal(isComplete(gathered), false)
  t.match(coverageSection(gathered, wordsOf('en', { easy: false, timeZone: 'UTC' })).markup, /not asked: SE/)
})

t.test('what one system says of others is shown as its word', async (t) => {
  const [liar, honest] = [system('1'), system('2')]
  const client = { id: `${OWN.replaceAll('/', ':')}`, name: 'The portal' }
  const look = (count: number): object => ({
    client,
    count,
    first: '2026-11-01T00:00:00Z',
    last: '2026-11-02T00:00:00Z',
  })
  const mass = {
    ...{ role: 'provider', client: { id: 'DEV:GOV:2:s', name: 'x' }, service: { id: 'DEV:GOV:1:s:t' } },
    ...{ purposes: { en: 'Names' }, first: '2026-10-01', last: '2026-10-01' },
  }
  const answer = {
    looks: [look(900), look(1e9)],
    massUses: [
      { ...mass, messages: 7 },
      { ...mass, messages: 1e12 },
    ],
  }
  const { gathered } = await askAll(t, [
    { ...liar, answers: tells(liar, [], { answer: answer as never }) },
    { ...honest, answers: tells(honest, [], { answer: { looks: [look(2)] as never } }) },
  ])
  t.match(gathered.looks, [
    {
      isOwn: true,
      claims: [
        { told: { id: liar.id }, count: 900 },
        { told: { id: honest.id }, count: 2 },
      ],
    },
  ])
  t.equal(gathered.looks[0]!.claims.length, 2, 'a count that nobody can mean is left out')
  t.equal(gathered.masses.length, 1)
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const text = (section: { markup: string }): string => section.markup.replace(/<[^>]+>/g, '')
  t.match(
    text(lookSection(gathered.looks, words)),
    /This portal, for you 900 times, [^·]+· according to System 1/,
  )
  t.match(text(lookSection(gathered.looks, words)), /2 times, [^·]+· according to System 2/)
  t.match(
    text(massSection(gathered.masses, words)),
    /Office 2[\s\S]*7 questions · October 2026 · according to System 1/,
  )
})

t.test('what others wrote is text', (t) => {
  const { markup } =
    html`<a title="${SCRIPT}">${foreign(SCRIPT)}${[SCRIPT, html`<b>`]}${undefined}${false}${0}</a>`
  t.notMatch(markup, /<script|<img|\u202e|"><img/)
  t.match(markup, /<b>0<\/a>$/)
  t.end()
})
