/** Who used my data, on both stores: what people are told, what they are not, and that nothing is missing. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { writeSoap } from '#core/transport/write-soap.ts'
import { eachDatabase } from '#test/databases.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { soap } from '../../message/soap.ts'
import { CLIENT, SERVICE } from '../../message-log/fixture.ts'
import { subjectEntry } from '../person-search/log/entry.ts'
import type { ExceptionRow } from './store.ts'
import { createTrackerWorld, PORTAL, SUBSYSTEM, type Told, TRACKER } from './tracker-fixture.ts'

const DAY = 86_400_000

type Row = Record<string, unknown> & { messageId: string; record?: { index: number } }
const rowsOf = ({ body }: Told): Row[] => body['usages'] as Row[]
const idsOf = (told: Told): (number | undefined)[] => rowsOf(told).map(({ record }) => record?.index)

const exceptionOf = (now: number, more: Partial<ExceptionRow>): ExceptionRow => ({
  ...{ id: randomUUID(), subsystem: SUBSYSTEM, scope: 'message', target: '', ground: 'crime' },
  ...{ message_id: null, agreed_by: 'B' },
  ...{ owner: 'Investigations', set_by: 'A', set_at: new Date(now).toISOString() },
  ...{ ends_at: new Date(now + 10 * DAY).toISOString(), ended_at: null, ended_by: null },
  ...more,
})

await eachDatabase(t, async (_database, t, url) => {
  const world = await createTrackerWorld(t, url)
  const { use, ask, index } = world
  const content = contentAt(Date.now(), { provider: SUBSYSTEM, personalData: true })
  world.contracts.push(content)
  const contract = `${content.contract}/${content.version}`
  const person = '131052-308T'
  const code = `EE${person}`
  const mine = (path: string, more: object = {}) =>
    ask(`${path}${path.includes('?') ? '&' : '?'}userCode=${code}`, { userId: code, ...more })

  const agreed = { id: randomUUID(), requestId: randomUUID() }
  const extra = { consent: `of ${agreed.requestId}` }
  const first = await use(person, { contract, ids: agreed, extra })
  const failed = await use(person, { answer: 'service_failed' })
  const denied = await use(person, { outcome: 'access_denied' })
  await use('010101-1111')
  const message = { id: randomUUID(), requestId: randomUUID() }
  const named = await use('131052308t', { ids: message })
  // This server as the consumer: of this subsystem, and of another one.
  const elsewhere = { ...SERVICE, memberCode: '5678' }
  const own = { ...CLIENT, memberCode: '1234', subsystemCode: 'population' }
  await world.rooms.personUses.places.add(
    'DEV/GOV/5678/population/persons',
    {
      ...{ method: '*', path: '/persons/{code}', in: 'path' as never, name: 'code', type: 'personal-code' },
    },
    { by: 'test', at: new Date().toISOString() },
  )
  const called = await use(person, { direction: 'out', client: own, service: elsewhere })
  await use(person, { direction: 'out', client: { ...own, subsystemCode: 'other' }, service: elsewhere })
  await index()

  await t.test('each side of each exchange is told with its reasons, newest first', async (t) => {
    const told = await mine('/concordat/v1/usages')
    t.equal(told.status, 200)
    t.same(idsOf(told), [called, named, denied, failed, first])
    t.match(told.body, { subsystem: 'DEV:GOV:1234:population', server: 'DEV:GOV:1234:ss1', totalUsages: 5 })
    t.match(rowsOf(told).at(-1), {
      role: 'provider',
      client: { id: 'DEV:GOV:5678:tax', name: 'A member' },
      service: { id: 'DEV:GOV:1234:population:persons' },
      contract: { id: content.contract, version: 1, title: content.title, retentionDays: 3650 },
      purposes: { und: 'Assessment of income tax' },
      legalBasis: 'Tax Procedure Act, section 18',
      outcome: 'ok',
      consent: extra.consent,
      record: { index: first, leaf: /^[A-Za-z0-9+/]{43}=$/ },
    })
    t.match(rowsOf(told), [
      { role: 'consumer' },
      { messageId: message.id, requestId: message.requestId },
      { outcome: 'access_denied' },
      { outcome: 'service_failed' },
      {},
    ])
    t.notMatch(told.bytes.toString(), /131052|OFFICIAL|CONTENT/)
  })

  await t.test("Estonia's protocol tells what was given, to the field", async (t) => {
    const told = await mine('/v2/findUsage')
    t.match([told.status, told.body['totalUsages']], [200, 3])
    const [newest, , oldest] = told.body['usages'] as Record<string, string>[]
    t.same(Object.keys(oldest!), ['logtime', 'action', 'receiverCode', 'receiverName', 'receiverSystem'])
    t.match(oldest, {
      action: 'Assessment of income tax',
      receiverCode: '5678',
      receiverName: 'A member',
      receiverSystem: 'tax',
    })
    t.match(newest!['logtime'], /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.match(newest!['action'], 'persons')
    for (const offset of [0, 1, 2, 3, 50]) {
      const page = await mine(`/v2/findUsage?offset=${offset}&limit=1`)
      t.match([page.body['totalUsages'], (page.body['usages'] as []).length], [3, offset < 3 ? 1 : 0])
    }
    t.match((await ask('/v2/usagePeriod')).body, { periodStart: /-01T00:00/, periodEnd: /^20/ })
    t.same((await ask('/v2/heartbeat')).body, { status: 'OK' })
    t.equal((await mine('/v2/findUsage?periodEnd=2020-01-01T00:00:00Z')).body['totalUsages'], 0)
    t.equal((await mine('/v2/findUsage?periodStart=2020-01-01T00:00:00+02:00')).body['totalUsages'], 3)
  })

  await t.test('pages have every row once, and one total', async (t) => {
    const found: (number | undefined)[] = []
    let cursor: unknown
    do {
      const page = await mine(`/concordat/v1/usages?limit=2${cursor ? `&cursor=${String(cursor)}` : ''}`)
      t.equal(page.body['totalUsages'], 5)
      found.push(...idsOf(page))
      cursor = page.body['next']
    } while (cursor !== undefined)
    t.same(found, [called, named, denied, failed, first])
  })

  await t.test('an unknown person is answered in the same form', async (t) => {
    const told = await ask('/concordat/v1/usages?userCode=EE999', { userId: 'EE999' })
    t.same(Object.keys(told.body), Object.keys((await mine('/concordat/v1/usages')).body))
    t.match(told.body, { totalUsages: 0, usages: [], looks: [] })
  })

  await t.test('questions that are not one about the person who asks are refused, and say why', async (t) => {
    const bad: [string, number, object?][] = [
      ['/v2/findUsage', 400, {}],
      ['/v2/findUsage?userCode=EE1&userCode=EE2', 400],
      ['/v2/findUsage?userCode=', 400],
      ['/v2/findUsage?userCode=FI1', 400, { userId: 'FI1' }],
      ['/v2/findUsage?userCode=EE', 400, { userId: 'EE' }],
      [`/v2/findUsage?userCode=EE${'9'.repeat(600)}`, 400],
      ['/v2/findUsage?userCode=EE%00', 400],
      ['/v2/findUsage?userCode=EE1', 400, { userId: '' }],
      ['/v2/findUsage?userCode=EE2', 400],
      ['/concordat/v1/usages?userCode=EE2', 403],
      ['/concordat/v1/proof?record=1&userCode=EE2', 403],
      ['/v2/findUsage?userCode=EE1&offset=-1', 400],
      ['/v2/findUsage?userCode=EE1&limit=0', 400],
      ['/v2/findUsage?userCode=EE1&limit=1001', 200],
      ['/v2/findUsage?userCode=EE1&limit=2147483648', 400],
      ['/v2/findUsage?userCode=EE1&limit=1e2', 400],
      ['/v2/findUsage?userCode=EE1&periodStart=1700000000', 400],
      ['/v2/findUsage?userCode=EE1&periodStart=2026-13-41T00:00:00Z', 400],
      ['/v2/findUsage?userCode=EE1&periodStart=2026-01-01', 400],
      ['/concordat/v1/usages?userCode=EE1&cursor=%27;--', 400],
      ['/concordat/v1/usages?userCode=EE1&cursor=zzzzzzzzzz-1-0', 400],
      ['/concordat/v1/usages?userCode=EE1&cursor=m0-1-0', 200],
      ['/concordat/v1/proof?userCode=EE1', 400],
      ['/concordat/v1/proof?userCode=EE1&record=99999', 404],
      ['/v2/findUsage/../heartbeat', 400],
      ['/__proto__', 404],
      ['', 404],
      ['/v2/heartbeat', 400, { method: 'POST' }],
      ['/v2/heartbeat', 400, { body: {} }],
      ['/v2/heartbeat', 400, { method: 'DELETE' }],
    ]
    for (const [path, status, more] of bad) {
      const told = await ask(path, more)
      t.equal(told.status, status, path)
      if (status >= 400) t.match(told.body, { type: String, message: String, detail: String })
      // The id of a fault is random.
      const said = told.bytes.toString().replace(String(told.body['detail']), '')
      t.notMatch(said, /99999|131052/, 'no code is repeated')
    }
    t.equal(
      (await ask(`/v2/findUsage?userCode=${code}`, { userId: 'EE1', represented: person })).status,
      200,
      'a mandate',
    )
  })

  await t.test('what was asked here is counted, and is no use', async (t) => {
    await use(code, { service: TRACKER, client: PORTAL })
    await use(code.toLowerCase(), { service: { ...TRACKER, serviceVersion: 'v1' }, client: PORTAL })
    await index()
    const told = await mine('/concordat/v1/usages')
    t.match(told.body, { totalUsages: 5, looks: [{ client: { id: 'DEV:GOV:9999:portal' }, count: 2 }] })
    t.equal((await mine('/v2/findUsage')).body['totalUsages'], 3)
  })

  await t.test('what is withheld is gone without a trace, and comes back by itself', async (t) => {
    const before = await mine('/concordat/v1/usages')
    const exception = (more: Partial<ExceptionRow>) =>
      exceptionOf(world.now.at, { target: String(named), ...more })
    const add = (row: ExceptionRow) => world.store.add(row, { mostDays: 1098 })
    await add(exception({}))
    const during = await mine('/concordat/v1/usages')
    t.same(
      idsOf(during),
      idsOf(before).filter((one) => one !== named),
    )
    t.equal(during.body['totalUsages'], 4)
    t.same(Object.keys(during.body), Object.keys(before.body))
    t.equal((await mine('/v2/findUsage')).body['totalUsages'], 2)
    t.equal((await mine(`/concordat/v1/proof?record=${named}`)).status, 404)
    t.same(idsOf(await mine('/concordat/v1/usages?limit=2')), [called, denied], 'a page is full without it')
    await add(exception({ scope: 'contract', target: content.contract }))
    t.same(idsOf(await mine('/concordat/v1/usages')), [called, denied, failed])
    const span = { unit: 'day', value: 1 } as const
    const consent = { proof: 'login' as const, kinds: ['once' as const], maxDays: 1, dataLife: span }
    world.contracts[0] = { ...content, consent }
    t.ok(idsOf(await mine('/concordat/v1/usages')).includes(first), 'whoever agreed to a use sees it')
    world.contracts[0] = { ...content, version: 2, consent }
    t.notOk(idsOf(await mine('/concordat/v1/usages')).includes(first), 'nobody agreed to the version before')
    world.contracts[0] = content
    await add(exception({ subsystem: 'DEV/GOV/1234/other' }))
    t.same((await ask('/concordat/v1/coverage')).body['withheld'], [], 'the running month is not told')
    world.now.at += 40 * DAY
    t.same(idsOf(await mine('/concordat/v1/usages')), idsOf(before), 'it ended')
    t.match((await ask('/concordat/v1/coverage')).body['withheld'], [{ ground: 'crime', exceptions: 2 }])
    world.now.at -= 40 * DAY
    const set = await world.store.list({ subsystem: SUBSYSTEM, now: '', offset: 0, limit: 10 })
    const by = { by: 'A', at: new Date(world.now.at).toISOString() }
    for (const { id } of set) await world.store.end(id, by)
    await t.rejects(world.store.end(set[0]!.id, by), { code: 'not_found' })
    t.same(idsOf(await mine('/concordat/v1/usages')), idsOf(before), 'it was ended')
    const once = exception({})
    await add(once)
    // Its client uses the id again: that is another use, and comes after what was decided.
    const again = await use(person, {
      ids: { ...message, requestId: randomUUID() },
      outcome: 'access_denied',
      direction: 'out',
      client: own,
      service: elsewhere,
    })
    await index()
    t.same(
      idsOf(await mine('/concordat/v1/usages')),
      [again, called, denied, failed, first],
      'the same id later',
    )
    await world.store.end(once.id, by)
  })

  await t.test('many people at once are one line a purpose, the same for everybody', async (t) => {
    const codes = Array.from({ length: 70 }, (_, i) => `5${i}`)
    for (let i = 0; i < 3; i++) await use('/lists', { contract, body: { codes } })
    const few = await use('/lists', { body: { codes: codes.slice(0, 3) } })
    await index()
    const of = async (who: string) => ask(`/concordat/v1/usages?userCode=EE${who}`, { userId: `EE${who}` })
    const lines = (await of('51')).body['massUses']
    t.match(lines, [{ role: 'provider', messages: 3, purposes: { und: content.purpose }, first: /^20/ }])
    t.same((await of('nobody')).body['massUses'], lines)
    const [newest, ...masses] = rowsOf(await of('51'))
    t.match([newest?.record, newest?.['isMass']], [{ index: few }, undefined], 'who is indexed is told it')
    t.same(
      [masses.map(({ isMass }) => isMass), (await of('51')).body['totalUsages']],
      [[true, true, true], 4],
    )
    t.equal((await ask('/v2/findUsage?userCode=EE51', { userId: 'EE51' })).body['totalUsages'], 4)
    t.match((await of('569')).body, { usages: [] }, 'and who is not, in the lines alone')
  })

  await t.test('a service whose uses could tell of somebody else is told in general terms', async (t) => {
    await world.store.setRule(SUBSYSTEM, {
      service: 'DEV/GOV/1234/population/persons',
      isGeneral: true,
      words: { en: 'A question about an estate' },
    })
    const told = await mine('/concordat/v1/usages')
    t.match(rowsOf(told).at(-1), {
      isGeneral: true,
      messageId: '',
      time: /-01T00:00:00.000Z$/,
      purposes: { en: 'A question about an estate' },
    })
    t.notOk('client' in rowsOf(told).at(-1)! || 'record' in rowsOf(told).at(-1)!)
    t.equal(told.body['totalUsages'], 6)
    t.equal((await mine(`/concordat/v1/proof?record=${first}`)).status, 404)
    t.match((await mine('/v2/findUsage')).body['usages'], [
      { receiverCode: '-', receiverSystem: '-', action: 'A question about an estate' },
    ])
    const { months } = await world.holder.evaluateSearch({
      ...{
        type: 'personal-code',
        identifier: person,
        case: 'c',
        reason: 'r',
        person: { id: 'p', name: 'p' },
      },
    })
    const month = months.at(-1)!.month
    const during = (from: string, to: string) =>
      mine(`/concordat/v1/usages?periodStart=${from}&periodEnd=${to}`)
    const ofMonth = await during(`${month}-01T00:00:00Z`, `${month}-01T00:00:00.001Z`)
    t.equal(ofMonth.body['totalUsages'], 4, 'all of the month are at its beginning')
    const later = await during(`${month}-01T00:00:00.001Z`, '2099-01-01T00:00:00Z')
    t.equal(later.body['totalUsages'], 2, 'so that no period says when it was')
    const all: Row[] = []
    let cursor = ''
    do {
      const page = await mine(`/concordat/v1/usages?limit=1${cursor && `&cursor=${cursor}`}`)
      all.push(...rowsOf(page))
      if (page.body['next'] !== undefined) t.match(page.body['next'], /^[0-9a-z]+-[0-9a-z]+-[0-3]$/)
      cursor = (page.body['next'] as string | undefined) ?? ''
    } while (cursor !== '')
    t.same([all.length, all[1]!.record?.index], [6, called], 'each once, and cursors have what was told')
    t.match((await ask('/concordat/v1/coverage')).body, {
      generalServices: ['DEV:GOV:1234:population:persons'],
    })
    await world.store.setRule(SUBSYSTEM, {
      service: 'DEV/GOV/1234/population/persons',
      isGeneral: false,
      words: {},
    })
  })

  await t.test('the older form in SOAP has the person in its header', async (t) => {
    const v1 = { ...TRACKER, serviceVersion: 'v1' }
    const asked = async (userId: string, content: string): Promise<string> => {
      const text = writeSoap({ client: PORTAL, service: v1, id: 'q-1', userId }, content)
      const part = { contentType: 'text/xml', headers: [], bytes: Buffer.from(text) }
      const header = (name: string) => ({ 'x-road-request-id': randomUUID() })[name]
      const request = await soap.readRequest(
        part,
        (name) => header(name) ?? (name.includes('type') ? 'text/xml' : undefined),
      )
      const spool = () => world.log.spool.begin({ maxBytes: 1000 })
      const { message } = await world.tracker.take({
        request,
        message: part.bytes,
        represented: undefined,
        spool,
        body: undefined,
        record: 0,
      })
      return message!.bytes.toString()
    }
    const findUsage = (fields: string) =>
      `<d:findUsage xmlns:d="http://dumonitor.x-road.eu/producer">${fields}</d:findUsage>`
    const all = await asked(code.toLowerCase(), findUsage(''))
    t.equal(all.match(/<dum:usage>/g)?.length, 3)
    t.match(all, /<dum:action>Assessment of income tax<\/dum:action><dum:receiver>5678<\/dum:receiver>/)
    t.match(all, /dum:findUsageResponse xmlns:dum="http:\/\/dumonitor\.x-road\.eu\/producer"/)
    t.equal(
      (await asked(person, findUsage('<d:offset>1</d:offset><d:limit>1</d:limit>'))).match(/<dum:usage>/g)
        ?.length,
      1,
    )
    t.notMatch(await asked('EE999', findUsage('')), /<dum:usage>/)
    for (const bad of [
      findUsage('<d:offset>-1</d:offset>'),
      findUsage('<d:limit>2147483648</d:limit>'),
      findUsage('<d:limit>1</d:limit><d:limit>1</d:limit>'),
      '<x:findUsage xmlns:x="urn:x"/>',
    ])
      await t.rejects(asked(code, bad), { code: 'invalid_request' }, bad)
    await t.rejects(asked('', findUsage('')))
  })

  await t.test('every record about a person is in a row, or is named as what is not told', async (t) => {
    const people = ['7001', '7002', '7003']
    const services = [SERVICE, { ...SERVICE, serviceCode: 'others' }, TRACKER]
    const withheld = new Set<number>()
    const { places } = world.rooms.personUses
    const query = { method: '*', path: '**', in: 'query', name: 'userCode', type: 'personal-code' } as const
    await places.add('DEV/GOV/1234/population/others', query, { by: 'test', at: new Date().toISOString() })
    for (let i = 0; i < 60; i++) {
      const service = services[i % 3]!
      const who = people[(i * 7) % 3]!
      const ids = { id: randomUUID(), requestId: randomUUID() }
      const path = service.serviceCode === 'others' ? `/any?userCode=${who}` : who
      const outcome = i % 5 === 0 ? 'access_denied' : ''
      const direction = i % 4 === 3 ? ('out' as const) : ('in' as const)
      const at = await use(path, { service, ids, outcome, direction, ...(i % 2 === 0 && { contract }) })
      if (i % 11 !== 0) continue
      withheld.add(at)
      await world.store.add(exceptionOf(world.now.at, { target: String(at) }), { mostDays: 1098 })
    }
    await index()
    for (const who of people) {
      const { months } = await world.holder.evaluateSearch({
        ...{ type: 'personal-code', identifier: who, case: 'c', reason: 'r', person: { id: who, name: who } },
      })
      const subjects = months.map(({ month, hash }) => subjectEntry(month, hash))
      const records = await world.log.list({ subjects, limit: 500 })
      const told = await ask(`/concordat/v1/usages?limit=500&userCode=EE${who}`, { userId: `EE${who}` })
      const rows = new Set(idsOf(told))
      const looks = (told.body['looks'] as { count: number }[]).reduce((sum, { count }) => sum + count, 0)
      t.ok(records.length > 10)
      let others = 0
      for (const { idx, answers, service, client } of records) {
        const of = Number(answers ?? idx)
        if (rows.has(of) || withheld.has(of)) continue
        others++
        // A call of the tracker, or one of another subsystem's that this server made.
        t.ok(service.endsWith('/findUsage') || client !== SUBSYSTEM, `record ${idx}`)
      }
      t.ok(others >= looks)
      for (const row of rows)
        t.ok(records.some(({ idx, answers }) => [Number(idx), Number(answers)].includes(row!)))
    }
  })
})
