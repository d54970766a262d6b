/**
 * Searches by person in the API, on both stores: declared, indexed, searched for a case, agreed by two,
 * exported, recorded.
 */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { contentHash, contentText } from '#core/contract/read-content.ts'
import { writeRestRequest } from '#core/transport/rest-request.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { eachDatabase } from '#test/databases.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { type AdminWorld, auditOf, createAdminWorld, type Reply } from '#test/management-api/admin-fixture.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { createContractKeep } from '../../global-configuration/contracts/store.ts'
import { SERVICE, signedRecord, spoolBody } from '../../message-log/fixture.ts'
import type { RecordInput } from '../../message-log/record-input.ts'
import { filesOf, verified } from '../exports/export-fixture.ts'
import { watchSubjects } from './open-person-search.ts'

const PLANTED = '131052-308T'
const ID = 'DEV:GOV:1234:population:persons'
const WHY = { case: '2026-17', reason: 'complaint of a citizen' }

async function ask(
  { messageLog, logClock }: AdminWorld,
  target: string,
  body?: object,
  more: Partial<RecordInput> = {},
): Promise<number> {
  const message = writeRestRequest({
    method: body === undefined ? 'GET' : 'POST',
    target: `/r1/DEV/GOV/1234/population/persons${target}`,
    headers: [
      ['X-Road-Client', 'DEV/GOV/5678/tax'],
      ['x-road-request-id', randomUUID()],
      ['x-road-id', randomUUID()],
    ],
  })
  const spooled = body && (await spoolBody(messageLog, Buffer.from(JSON.stringify(body))))
  const time = new Date(Date.now() + logClock.aheadMs)
  const record = await signedRecord({ service: SERVICE, message, body: spooled, time, ...more })
  return (await messageLog.append(record)).index
}

const listOf = (reply: Reply): Record<string, unknown>[] => JSON.parse(reply.raw.toString())

await eachDatabase(t, async (_database, t, url) => {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, {
    inOneDay: true,
    ...(isPostgresql && { databaseUrl: url, ...(logUrl && { logUrl }) }),
  })
  const today = new Date(Date.now() + world.logClock.aheadMs).toISOString().slice(0, 10)
  const month = today.slice(0, 7)
  const api = world.ask
  const search = (more: object = {}) =>
    api('POST', '/message-log/subject-searches', {
      type: 'personal-code',
      identifier: PLANTED,
      ...WHY,
      ...more,
    })
  const recordsOf = async (id: unknown, query = ''): Promise<Reply> =>
    api('GET', `/message-log/subject-searches/${String(id)}/records${query}`)
  const indexesOf = (reply: Reply): number[] =>
    (reply.body['records'] as { index: number }[]).map((row) => row.index)

  await t.test('a service administrator declares where identifiers stand', async (t) => {
    const role = { role: 'XROAD_SERVICE_ADMINISTRATOR' }
    const path = { serviceId: ID, method: 'GET', path: '/persons/{code}', in: 'path', name: 'code' }
    const made = await api('POST', '/subject-places', path, role)
    t.match([made.status, made.body], [201, { id: Number, type: 'personal-code' }])
    t.equal((await api('POST', '/subject-places', path, role)).status, 409)
    const body = { serviceId: ID, method: 'POST', in: 'body', name: '/codes' }
    const second = await api('POST', '/subject-places', body, role)
    t.equal((await api('POST', '/subject-places', { ...body, name: 'codes' }, role)).status, 400)
    t.equal((await api('POST', '/subject-places', { ...body, serviceId: 'DEV:GOV:1234' }, role)).status, 400)
    t.equal((await api('POST', '/subject-places', body, { role: 'XROAD_CONTENT_AUDITOR' })).status, 403)
    const listed = await api('GET', `/subject-places?serviceId=${ID}`, undefined, { role: 'XROAD_AUDITOR' })
    t.match(listOf(listed), [{ serviceId: ID, in: 'path', declaredBy: 'test' }, { name: '/codes' }])
    t.equal(
      (await api('DELETE', `/subject-places/${Number(second.body['id'])}`, undefined, role)).status,
      204,
    )
    t.equal(
      (await api('DELETE', `/subject-places/${Number(second.body['id'])}`, undefined, role)).status,
      404,
    )
    await world.subjects.index()
    t.equal(await world.subjects.isBehind(), false)
    await api('POST', '/subject-places', body, role)
    t.equal(await world.subjects.isBehind(), true, 'a place that was just declared')
  })

  const one = await ask(world, `/persons/${PLANTED}`)
  const two = await ask(world, '/persons', { codes: ['010101-1111', '131052308t'] })
  await ask(world, '/persons', { codes: ['010101-1111'] })
  await ask(world, '/elsewhere')

  await t.test('a search answers with records and with what it does not cover', async (t) => {
    const early = await search()
    t.equal(early.status, 201)
    t.match((await recordsOf(early.body['id'])).body, {
      records: [],
      notCovered: { backlog: { records: Number, since: /^20/ } },
    })
    t.equal(await world.subjects.isBehind(), true)
    await world.subjects.index()
    t.equal(await world.subjects.isBehind(), false, 'nothing is left to do')
    // This search was made before there was a key. It finds nothing that was indexed since, and says so.
    t.match((await recordsOf(early.body['id'])).body, {
      isAll: false,
      records: [],
      notCovered: {
        backlog: { records: 0 },
        monthsNotSearched: [{ month, records: 3, why: 'no_key' }],
      },
    })
    const { status, body } = await search()
    t.match([status, body], [201, { case: WHY.case, askedBy: 'test', hash: /^[0-9a-f]{32}$/ }])
    const found = await recordsOf(body['id'])
    t.same(indexesOf(found), [two, one])
    t.match(found.body, {
      isAll: false,
      searchedMonths: [month],
      covered: [{ reason: 'indexed', records: 3 }],
      notCovered: {
        reasons: [{ reason: 'undeclared', records: 1 }],
        gaps: [{ reason: 'undeclared', serviceId: ID, records: 1 }],
        more: false,
        backlog: { records: 0, since: null, lastError: null },
        monthsWithoutKey: [],
        monthsNotSearched: { length: 0 },
        oldestMonth: /^20\d\d-\d\d$/,
      },
    })
    t.same(indexesOf(await recordsOf(body['id'], '?limit=1')), [two])
    t.same(indexesOf(await recordsOf(body['id'], `?limit=1&before=${two}`)), [one])
    const late = await search({ from: '2020-01-01T00:00:00Z', to: '2020-02-01T00:00:00Z' })
    t.match((await recordsOf(late.body['id'])).body, { records: [], searchedMonths: [], covered: [] })
    t.equal((await api('GET', `/message-log/subject-searches/${String(body['id'])}`)).body['id'], body['id'])
    t.equal(listOf(await api('GET', '/message-log/subject-searches')).length, 3)
  })

  await t.test('a place that is declared later leaves what was before it open, and says so', async (t) => {
    const role = { role: 'XROAD_SERVICE_ADMINISTRATOR' }
    const later = { serviceId: ID, in: 'header', name: 'x-person', type: 'personal-code' }
    await api('POST', '/subject-places', later, role)
    await api('POST', '/subject-places', { ...later, name: 'x-other', type: 'other' }, role)
    const left = async () => {
      const { body } = await search()
      const { notCovered } = (await recordsOf(body['id'])).body as { notCovered: Record<string, unknown> }
      return notCovered
    }
    const open = { ...later, firstIndex: one, lastDay: today, records: 4 }
    t.match(await left(), { declaredLater: [{ ...open, before: null }] }, 'before the index ran again')
    await world.subjects.index()
    const index = world.messageLog.size()
    await ask(world, '/persons', { codes: ['010101-1111'] })
    await world.subjects.index()
    const said = await left()
    t.match(said, { declaredLater: [{ ...open, before: index, records: 5 }], moreLate: false })
    t.equal((said['declaredLater'] as object[]).length, 1, 'others were there before, or are of another type')
    const { body } = await search({ from: '2020-01-01T00:00:00Z', to: '2020-02-01T00:00:00Z' })
    const other = (await recordsOf(body['id'])).body
    t.match(other, { notCovered: { declaredLater: { length: 0 } } }, 'nothing of another period')
    for (const { id, in: where } of listOf(await api('GET', `/subject-places?serviceId=${ID}`)))
      if (where === 'header') await api('DELETE', `/subject-places/${Number(id)}`, undefined, role)
    t.match(await left(), { declaredLater: { length: 0 } })
  })

  const unknown = async (): Promise<number> => {
    const { body } = await api('GET', '/message-log/subjects')
    const totals = body['totals'] as { reason: string; records: number }[]
    return totals.find(({ reason }) => reason === 'contract_unknown')?.records ?? 0
  }

  await t.test('who may search what, and what is refused', async (t) => {
    const { body } = await search()
    const other = { role: 'XROAD_CONTENT_AUDITOR' }
    const at = `/message-log/subject-searches/${String(body['id'])}`
    for (const path of [at, `${at}/records`])
      t.equal((await api('GET', path, undefined, other)).status, 403, "somebody else's")
    t.equal((await recordsOf(randomUUID())).status, 404)
    const given = { type: 'personal-code', identifier: PLANTED, ...WHY }
    t.equal(
      (await api('POST', '/message-log/subject-searches', given, { role: 'XROAD_AUDITOR' })).status,
      403,
    )
    for (const bad of [
      { identifier: '\u200b' },
      { identifier: 'x'.repeat(600) },
      { case: undefined },
      { reason: ' ' },
      { type: 'A B' },
      { from: '2026-02-01T00:00:00Z', to: '2026-01-01T00:00:00Z' },
    ]) {
      const reply = await search(bad)
      t.equal(reply.status, 400, JSON.stringify(bad).slice(0, 40))
      t.notMatch(reply.raw.toString(), /131052/)
    }
    for (let i = 0; i < 20; i++) await search({ case: 'many' })
    const { status, body: said, headers } = await search({ case: 'many' })
    t.match([status, said, headers['retry-after']], [429, { type: 'subject_searches_used_up' }, /^\d{1,5}$/])
  })

  await t.test('an export holds what a search found, names it, and verifies', async (t) => {
    const { body } = await search({ case: 'export' })
    const order = { format: 'jsonl', filter: {}, subjectSearch: body['id'] }
    const made = await api('POST', '/message-log/exports', order)
    t.match([made.status, made.body], [201, { case: 'export', filter: { subjectSearch: body['id'] } }])
    t.notOk(JSON.stringify(made.body).includes('subjects"'))
    const at = `/message-log/exports/${String(made.body['id'])}`
    await until('the export', async (saw) => saw((await api('GET', at)).body)['state'] === 'done')
    t.equal((await api('GET', `${at}/file`)).status, 400, 'case and reason')
    const why = '?case=export&reason=complaint'
    const auditor = { role: 'XROAD_AUDITOR' }
    t.equal((await api('GET', `${at}/file${why}`, undefined, auditor)).status, 404, 'of one who sees more')
    const { raw, status } = await api('GET', `${at}/file${why}`)
    t.equal(status, 200)
    const files = await filesOf(raw)
    const rows = files.get('records.jsonl')!.toString().trim().split('\n')
    t.same(
      rows.map((row) => (JSON.parse(row) as { index: number }).index),
      [one, two],
    )
    t.match(JSON.parse(files.get('filter.json')!.toString()), {
      filter: { subjectSearch: body['id'] },
      records: 2,
    })
    const [kind, text] = await verified(raw, Date.now())
    t.equal(kind, 'export')
    t.match(text, /2 rows fit the filter/)
    const asAuditor = await api('POST', '/message-log/exports', order, auditor)
    t.equal(asAuditor.status, 403)
  })

  await t.test('every search is recorded with its hash; the identifier is nowhere', async (t) => {
    const entries = await auditOf(api)
    const found = entries.filter(({ operation }) => operation === 'findSubjectRecords')
    t.match(found.at(-3), {
      target: /^search [0-9a-f-]{36}$/,
      data: { ...WHY, hash: /^[0-9a-f]{32}$/, indexes: [two, one] },
    })
    t.match(
      entries.find(
        ({ operation, data }) => operation === 'searchedSubject' && JSON.stringify(data).includes('2026-17'),
      ),
      { data: { ...WHY, hash: /^[0-9a-f]{32}$/ } },
    )
    t.match(
      entries.find(({ operation }) => operation === 'searchSubject'),
      { data: { body: { identifier: '(hidden)' } } },
    )
    // Its six digits alone may stand in one of the many hashes.
    t.notMatch(JSON.stringify(entries), /131052-?308T/i)
    t.notMatch(JSON.stringify(await world.subjectKeys.audit.list({ limit: 500 })), /131052-?308T/i)
    t.ok((await world.subjectKeys.audit.verify()).brokenAt === undefined)
  })

  await t.test('what is under a secret contract is found by those alone who may see it', async (t) => {
    const contract = `${randomUUID()}/1`
    const secret = await ask(world, `/persons/${PLANTED}`, undefined, { contract, secrecy: 1 })
    await ask(world, '/secretly-elsewhere', undefined, { contract, secrecy: 1 })
    await world.subjects.index()
    const ordinary = { role: 'XROAD_CONTENT_AUDITOR' }
    const given = { type: 'personal-code', identifier: PLANTED, ...WHY, case: 'secret' }
    const asked = await api('POST', '/message-log/subject-searches', given, ordinary)
    const at = `/message-log/subject-searches/${String(asked.body['id'])}/records`
    const seen = await api('GET', at, undefined, ordinary)
    t.same(indexesOf(seen), [two, one])
    t.match(seen.body, {
      notCovered: {
        gaps: [
          { serviceId: null, reason: 'contract_unknown', records: 2 },
          { serviceId: ID, reason: 'undeclared', records: 1 },
        ],
      },
    })
    t.same(indexesOf(await recordsOf((await search(given)).body['id'])), [secret, two, one])
  })

  await t.test(
    'a contract that is listed no more still says where; one that is unknown is named',
    async (t) => {
      const parts = { version: 3, provider: 'DEV/GOV/1234/population', personalData: true }
      const contract = contentAt(Date.now(), {
        ...parts,
        services: [
          {
            serviceCode: 'persons',
            endpoints: [{ method: 'GET', path: '/taxpayers/*' }],
            dataSubject: { in: 'path', name: 'code' },
          },
        ],
      })
      const content = Buffer.from(contentText(contract))
      const sha256 = contentHash(contract)
      await createContractKeep(world.database).keep('{}', [{ sha256, kind: 'content', content }], {
        ...{ listed: new Set([sha256]), inForce: [sha256] },
      })
      const unknownBefore = await unknown()
      const past = await ask(world, '/taxpayers/090909-9999', undefined, {
        contract: `${contract.contract}/3`,
      })
      await ask(world, '/taxpayers/090909-9999', undefined, { contract: `${contract.contract}/4` })
      await world.subjects.index()
      const asked = await search({ identifier: '090909-9999', case: 'past' })
      t.same(indexesOf(await recordsOf(asked.body['id'])), [past])
      t.equal((await unknown()) - unknownBefore, 1)
    },
  )

  await t.test('the index is there for operators; without a key holder it says so', async (t) => {
    const { body } = await api('GET', '/message-log/subjects', undefined, {
      role: 'XROAD_SYSTEM_ADMINISTRATOR',
    })
    t.match(body, {
      isConfigured: true,
      totals: [{}, {}],
      backlog: { records: 0 },
      keyHolder: { answers: true, isAhead: false, indexed: world.messageLog.size() },
    })
    await world.subjectKeys.evaluateRecords([
      {
        index: world.messageLog.size() + 5,
        month,
        subjects: [{ type: 'x', identifier: '1' }],
      },
    ])
    const ahead = await api('GET', '/message-log/subjects')
    t.match(ahead.body, { keyHolder: { isAhead: true } }, 'somebody asked for records that do not exist')
    const metrics = createMetrics()
    watchSubjects(world.subjects, world.messageLog, metrics)
    world.world.now += 61_000
    await world.subjects.index()
    const shown = await metrics.registry.metrics()
    t.match(shown, /concordat_subject_keys_misused\{by="ahead"\} 6\n/)
    t.match(shown, /concordat_subject_keys_misused\{by="refused"\} 0\n/)
  })

  await t.test('a holder that was set up anew has other keys, and every search says so', async (t) => {
    const id = (await search({ case: 'before' })).body['id']
    const notSearched = async (of: unknown) =>
      ((await recordsOf(of)).body['notCovered'] as { monthsNotSearched: object[] }).monthsNotSearched
    t.same(await notSearched(id), [])
    Object.assign(world.subjectKeys, await world.newHolder())
    t.equal((await search({ case: 'lost' })).body['hash'], null)
    t.match(await notSearched((await search({ case: 'lost' })).body['id']), [{ month, why: 'no_key' }])
    const late = await ask(world, `/persons/${PLANTED}`)
    await world.subjects.index()
    const { body } = await recordsOf((await search({ case: 'lost' })).body['id'])
    t.match(body, {
      isAll: false,
      records: [{ index: late }],
      searchedMonths: [month],
      notCovered: { monthsNotSearched: [{ month, records: 6, why: 'other_key' }] },
    })
    t.match(await notSearched(id), [{ month, records: 1, why: 'other_key' }])
  })

  await t.test('this is all when nothing is left, and then only', async (t) => {
    const day = new Date(`${month}-01T00:00:00Z`)
    day.setUTCDate(-5)
    await ask(world, `/persons/${PLANTED}`, undefined, { time: day })
    await world.subjects.index()
    const at = (more: number): string => new Date(day.getTime() + more * 60_000).toISOString()
    const period = { case: 'old', from: at(-1), to: at(1) }
    const all = await recordsOf((await search(period)).body['id'])
    t.match(all.body, { isAll: true, records: [{}], covered: [{ reason: 'indexed', records: 1 }] })
  })
})
