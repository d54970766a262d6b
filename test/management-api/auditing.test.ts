/** What auditors do over the API, on both stores: search, look, count, export. No look goes unrecorded. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { createExports } from '#security-server/features/exports/create-exports.ts'
import { filesOf, verified } from '#security-server/features/exports/export-fixture.ts'
import { signedRecord } from '#security-server/message-log/fixture.ts'
import { LOOKS } from '#security-server/reading/looks.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { eachDatabase } from '#test/databases.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { type AdminWorld, auditOf, createAdminWorld, type Reply } from './admin-fixture.ts'
import { countByService } from './count-by-service.ts'
import { findActs } from './find-acts.ts'
import { seeAttachments } from './see-attachments.ts'

const WHY = 'case=2026-17&reason=complaint'
const REPLY = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')
const HOSTILE = '=cmd|"<b>,x'
const DAY_MS = 86_400_000

/** Two successful exchanges, a refused one, and a malicious message id. */
async function fill({ messageLog }: AdminWorld): Promise<{ first: number; refused: number }> {
  const request = await signedRecord()
  const { index: first } = await messageLog.append(request)
  const answered = (record: typeof request, answers: number) =>
    signedRecord({
      ...record,
      ...{ kind: 'reply', outcome: 'ok', direction: 'out', answers, message: REPLY },
    })
  await messageLog.append(await answered(request, first))
  const trick = await signedRecord({ ids: { id: HOSTILE, requestId: 'r-2' } })
  const { index: second } = await messageLog.append(trick)
  await messageLog.append(await answered(trick, second))
  const other = { ...request.client, memberCode: '9' }
  const { index: refused } = await messageLog.append(
    await signedRecord({ kind: 'refusal', outcome: 'access_denied', client: other }),
  )
  return { first, refused }
}

const listOf = (reply: Reply): { index: number; outcome: string; queryId: string }[] =>
  JSON.parse(reply.raw.toString())

const ended = ({ ask }: AdminWorld, id: string): Promise<Record<string, unknown>> =>
  until('the end of the export', async (saw) => {
    const { body } = await ask('GET', `/message-log/exports/${id}`)
    return (saw(body)['state'] === 'done' || body['state'] === 'failed') && body
  })

await eachDatabase(t, async (_database, t, url) => {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {})
  const { ask, messageLog, database, exports } = world
  const exportFolder = path.join(path.dirname(world.archiveFolder), 'exports')
  const linesOf = (folder: string, id: unknown): string => path.join(folder, `${String(id)}.jsonl`)
  const { first, refused } = await fill(world)

  await t.test('search: by parties, service, peer, outcome, ids, time; wrong input is named', async (t) => {
    const find = async (query: string) =>
      listOf(await ask('GET', `/message-log/records?${query}`)).map(({ index }) => index)
    t.equal((await find('')).length, 5)
    t.same(await find('failed=true'), [refused])
    t.equal((await find('failed=false')).length, 4)
    t.same(await find('outcome=access_denied'), [refused])
    t.equal((await find('partyId=DEV:GOV:5678')).length, 4, 'a member, whichever subsystem asks')
    t.equal((await find('partyId=DEV:GOV:1234:population')).length, 5, 'who is asked')
    t.same(await find('clientId=DEV:GOV:9:tax'), [refused])
    t.equal((await find('peerId=DEV:GOV:5678:ss2&kind=request')).length, 2)
    t.equal((await find('serviceId=DEV:GOV:1234:population:persons&direction=out')).length, 2)
    t.equal((await find('requestId=r-2')).length, 2)
    t.equal((await find(`queryId=${encodeURIComponent(HOSTILE)}`)).length, 2)
    t.equal((await find('to=2020-01-01T00:00:00Z')).length, 0)
    const page = await find('limit=2&failed=false')
    t.equal((await find(`limit=9&failed=false&before=${page.at(-1)}`)).length, 2)
    for (const wrong of [
      'partyId=x',
      'peerId=DEV:GOV:1',
      'failed=perhaps',
      'kind=erasure',
      'limit=501',
      'before=-1',
      'user=1',
    ])
      t.equal((await ask('GET', `/message-log/records?${wrong}`)).status, 400, wrong)
  })

  await t.test('an exchange: proofs that were checked, verdicts, and content for whom it is', async (t) => {
    const { body } = await ask('GET', `/message-log/exchanges/${first}`, undefined, { role: 'XROAD_AUDITOR' })
    t.match(body, {
      records: [
        { index: first, form: { kind: 'request' }, proof: { holds: true } },
        { index: first + 1, form: { kind: 'reply' }, metadata: { answers: first }, proof: { holds: true } },
      ],
    })
    t.notMatch(JSON.stringify(body), /HTTP\/1\.1 200/, 'no content')
    const verdict = await ask('GET', `/message-log/exchanges/${first + 1}/verification`, undefined, {
      role: 'XROAD_AUDITOR',
    })
    t.match(verdict.body, {
      verdict: /./,
      records: [{ index: first, verdict: /./, reason: /./ }, { index: first + 1 }],
    })
    const content = `/message-log/records/${first}/content`
    t.equal((await ask('GET', `${content}?${WHY}`, undefined, { role: 'XROAD_AUDITOR' })).status, 403)
    t.equal((await ask('GET', content)).status, 400, 'not without case and reason')
    const read = await ask('GET', `${content}?${WHY}`, undefined, { role: 'XROAD_CONTENT_AUDITOR' })
    t.match(Buffer.from(String(read.body['message']), 'base64').toString(), /^GET \/r1\/DEV\/persons/)
    t.equal((await ask('GET', '/message-log/exchanges/999')).status, 404)
  })

  await t.test('counts: exchanges that have ended, with every hour of the time', async (t) => {
    const { body } = await ask(
      'GET',
      `/message-log/traffic?by=outcome&to=${new Date(Date.now() + 1).toISOString()}`,
      undefined,
      { role: 'XROAD_SECURITYSERVER_OBSERVER' },
    )
    t.match(body, {
      step: 'hour',
      total: { exchanges: 3, failed: 1 },
      groups: [
        { value: 'ok', explanation: null, exchanges: 2, failed: 0 },
        { value: 'access_denied', explanation: /./, failed: 1 },
      ],
    })
    t.ok((body['steps'] as []).length >= 24)
    const tomorrow = Math.ceil((Date.now() + 1) / DAY_MS) * DAY_MS
    const [from, to] = [tomorrow - 365 * DAY_MS, tomorrow].map((at) => new Date(at).toISOString())
    const long = await ask('GET', `/message-log/traffic?by=peer&from=${from}&to=${to}`)
    t.match(long.body, { step: 'day', groups: [{ value: 'DEV:GOV:5678:ss2', exchanges: 3 }] })
    t.equal((long.body['steps'] as []).length, 365)
    t.equal((await ask('GET', '/message-log/traffic?from=2020-01-01T00:00:00Z')).status, 400, 'too long')
    await countByService(t, world)
    t.equal(
      (await ask('GET', '/message-log/traffic?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).status,
      400,
    )
    t.match((await ask('GET', '/message-log')).body, {
      server: 'DEV:GOV:1000:ss1',
      records: /^\d+$/,
      today: { exchanges: Number },
      ...{ openCases: 0, contentRequests: 0, contradictions: 0, broken: false },
    })
    await ask('POST', '/message-log/checkpoint')
    t.match(JSON.parse((await ask('GET', '/message-log/tree-heads')).raw.toString()), [
      { size: messageLog.size(), note: /ss1/ },
    ])
  })
  await t.test('acts are found by person and kind, and each has words', (t) => findActs(t, world))
  await t.test('every look is recorded, with case and reason, before it is answered', async (t) => {
    const { body } = await ask('POST', '/message-log/exports', { format: 'jsonl', filter: { upkeep: false } })
    await ended(world, String(body['id']))
    // Operations that say nothing about any exchange, or only what was ordered; archives: secrecy.test.ts.
    const states = [
      ...['getMessageLogState', 'getCheckpoint', 'getCheckpoints', 'getTreeHeads', 'getLogWitnesses'],
      ...['getMessageLogKeys', 'getComplaintCounts', 'getNotices', 'getConsentServices', 'getVerifications'],
      ...['getRetention', 'getSubjectIndex', 'getWitness', 'findArchives', 'getPeople', 'getRevisionContent'],
      ...['getExport', 'getSubjectSearches', 'getSubjectSearch', 'getActorGaps', 'getAuditLog', 'getDrift'],
      'getLastActs',
      ...['getAuditCallers', 'verifyAuditLog', 'getSearchTerms', 'getPasskeysOf', 'getProposals'],
      ...['getProposal', 'getTrackers', 'getTrackerServices', 'getRevisions', 'getRevision', 'getExports'],
    ]
    const operations = readOperations(await securityServerApi()).filter(
      ({ method, roles }) =>
        method === 'GET' &&
        roles.some((role) => /_(CONTENT_)?AUDITOR$/.test(role)) &&
        !roles.includes('XROAD_CONTRACT_SIGNATORY'),
    )
    t.same(
      operations
        .map(({ id }) => id)
        .filter((id) => !states.includes(id))
        .sort(),
      LOOKS.toSorted(),
      'all but states are looks',
    )
    // None of these exists here; the request is on record all the same.
    const missing: Record<string, [id: string, status: number]> = {
      getDailyCount: [String(first), 404],
      getLegalHold: ['7', 404],
      getConsentByNumber: [String(body['id']), 404],
      getPreviewByNumber: [String(body['id']), 404],
      ...{ getReconciliationCase: ['7', 404], getComplaint: ['00000-00000', 404] },
      downloadReconciliationStatement: ['7', 404],
      getAuditOrder: [String(body['id']), 404],
    }
    const elsewhere = ['downloadArchive', 'findSubjectRecords']
    const asked = operations.filter(({ id }) => !states.includes(id) && !elsewhere.includes(id))
    for (const { id, url, parameters } of asked) {
      const [given, status] = missing[id] ?? [String(body['id']), 200]
      const at = url.replace('/api/v1', '').replace(':index', String(first)).replace(':id', given)
      const [before] = await auditOf(ask)
      const isContent = parameters.some(({ name, required }) => name === 'case' && required)
      t.equal((await ask('GET', `${at}${isContent ? `?${WHY}` : ''}`)).status, status, id)
      const [newest, previous] = await auditOf(ask)
      t.match(
        newest,
        {
          operation: id,
          caller: { name: 'test' },
          ...(isContent && { data: { case: '2026-17', reason: 'complaint' } }),
        },
        id,
      )
      t.same(previous, before, `${id} once`)
    }
    const looks = await ask('GET', '/audit-log?about=looks&limit=5')
    t.ok(listOf(looks).length === 5 && Number(looks.headers['x-total-count']) > 20)
    t.notMatch((await ask('GET', '/audit-log?about=acts&limit=500')).raw.toString(), /findRecords|getTraffic/)
    t.match(JSON.parse((await ask('GET', '/audit-log?q=2026-17&limit=1&offset=1')).raw.toString()), [
      { target: /export|record/ },
    ])
    t.match((await ask('GET', '/audit-log/verification')).body, { records: Number })
    t.equal(
      (await ask('GET', '/audit-log', undefined, { role: 'XROAD_SECURITYSERVER_OBSERVER' })).status,
      403,
    )
  })

  await t.test('exports: rows or bundles, what was asked of which records, and nothing else', async (t) => {
    const order = async (body: object, role = 'all') => ask('POST', '/message-log/exports', body, { role })
    const filter = { partyId: 'DEV:GOV:5678', failed: false }
    const download = async (id: unknown, query = '') =>
      filesOf((await ask('GET', `/message-log/exports/${String(id)}/file${query}`)).raw)
    const lines = await order({ format: 'jsonl', filter }, 'XROAD_AUDITOR')
    t.match([lines.status, lines.body], [201, { state: 'waiting', orderedBy: 'test' }])
    t.match(await ended(world, String(lines.body['id'])), { state: 'done', records: 4 })
    const files = await download(lines.body['id'])
    const head = JSON.parse(files.get('filter.json')!.toString())
    t.match(head, {
      filter,
      records: 4,
      range: { first: 0 },
      erasedInRange: 0,
      log: 'DEV/GOV/1000/ss1',
      format: 'jsonl',
    })
    t.equal(head.range.last + 1, parseCheckpoint(head.treeHead).size, 'all below a signed tree head')
    const records = files.get('records.jsonl')!
    t.equal(createHash('sha256').update(records).digest('base64'), head.files['records.jsonl'])
    const found = records
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { index: number; clientId: string; outcome: string })
    t.ok(
      found.every(
        ({ clientId, outcome }) => clientId.startsWith('DEV:GOV:5678:') && outcome !== 'access_denied',
      ),
      'the filter once more',
    )
    t.same(
      found.map(({ index }) => index),
      found.map(({ index }) => index).toSorted((a, b) => a - b),
    )
    const csv = await order({ format: 'csv', filter })
    await ended(world, String(csv.body['id']))
    const table = (await download(csv.body['id'])).get('records.csv')!.toString()
    t.match(table, /^index,time,kind/)
    t.match(table, `"'=cmd|""<b>,x"`, 'no formula, and quoted')
    t.equal(table.trim().split('\r\n').length, 5)

    const bundles = { format: 'bundles', filter, case: '17', reason: 'dispute' }
    t.equal((await order(bundles, 'XROAD_AUDITOR')).status, 403)
    t.equal((await order({ format: 'bundles', filter })).status, 400, 'why is needed')
    const proofs = await order(bundles, 'XROAD_CONTENT_AUDITOR')
    const { id } = proofs.body
    t.match(await ended(world, String(id)), { state: 'done', case: '17' })
    const file = `/message-log/exports/${String(id)}/file`
    const byAuditor = await ask('GET', `${file}?${WHY}`, undefined, { role: 'XROAD_AUDITOR' })
    t.equal(byAuditor.status, 403)
    t.equal((await ask('GET', file)).status, 400)
    t.notMatch(readFileSync(linesOf(exportFolder, id)).toString(), /GET \/r1/, 'no content on disk')
    const proved = await download(id, `?${WHY}`)
    t.same(
      [...proved.keys()].filter((name) => name.startsWith('bundles/')),
      [`bundles/evidence-${first}.zip`, `bundles/evidence-${first + 2}.zip`],
    )
    t.equal((await readBundle(proved.get(`bundles/evidence-${first}.zip`)!)).manifest.records.length, 2)

    const rawOf = async (of: unknown, query = ''): Promise<Buffer> =>
      (await ask('GET', `/message-log/exports/${String(of)}/file${query}`)).raw
    for (const raw of [
      await rawOf(lines.body['id']),
      await rawOf(csv.body['id']),
      await rawOf(id, `?${WHY}`),
    ]) {
      const [kind, told] = await verified(raw, world.world.now)
      t.equal(kind, 'export')
      t.match(told, /Rows and filter: holds, 4 rows/)
      t.match(told, /Range: holds, indexes 0 to/)
      t.match(told, /4 are shown, [0-9]+ are proved not to fit/)
      t.notMatch(told, /FAILS/)
    }

    await messageLog.retention.erase({ index: first, mode: 'LEAF_ONLY', case: '1', reason: 'by law' })
    const later = JSON.parse((await download(id, `?${WHY}`)).get('filter.json')!.toString())
    t.match(later, { records: 2, erasedInRange: 2 }, 'what was erased since is left out, and counted')
    const again = await order({ format: 'jsonl', filter })
    t.match(await ended(world, String(again.body['id'])), { records: 2 }, 'what was erased is found no more')
    const said = JSON.parse((await download(again.body['id'])).get('filter.json')!.toString())
    t.equal(said.erasedInRange, 2, 'and that is said')

    const looks = (await auditOf(ask)).filter(({ target }) => target === `export ${String(id)}`)
    t.match(looks.at(-1), {
      operation: 'downloadExport',
      data: { case: '2026-17', indexes: [first, first + 1, first + 2, first + 3] },
    })
    rmSync(linesOf(exportFolder, again.body['id']))
    const lost = await ask('GET', `/message-log/exports/${String(again.body['id'])}/file`)
    t.equal(lost.status, 404, 'a lost file')
    t.equal((await ask('DELETE', `/message-log/exports/${String(id)}`)).status, 204)
    t.equal((await ask('GET', `/message-log/exports/${String(id)}`)).status, 404)
    for (const wrong of [
      { format: 'xml', filter },
      { format: 'csv', filter: { before: 1 } },
      { format: 'csv' },
      { format: 'csv', filter: { from: 'now' } },
    ])
      t.equal((await order(wrong)).status, 400, JSON.stringify(wrong))
  })

  await t.test('an export that was killed goes on from its last part; bounds hold', async (t) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'concordat-exports-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    const dying = new AbortController()
    let parts = 0
    // Parts of two records; the third one is not reached.
    const log = {
      ...messageLog,
      window: async (q: Parameters<typeof messageLog.window>[0]) => {
        if (++parts === 3) dying.abort(new Error('killed'))
        return messageLog.window({ ...q, size: Math.min(q.size, q.after + 3) })
      },
    }
    const clock = () => world.world.now
    const make = () => createExports({ database, messageLog: log, directory, node: 'node2', clock })
    const killed = await make()
    const row = (await exports.store.list(1))[0]!
    const id = 'd5b1e0a2-0000-4000-8000-000000000000'
    const fresh = {
      ...row,
      id,
      node: 'node2',
      state: 'waiting',
      filter: '{}',
      checkpoint: '',
      size: 0,
      next_idx: 0,
      records: 0,
      bytes: 0,
    }
    await exports.store.add(fresh, async () => undefined)
    await t.rejects(killed.run(id, dying.signal))
    const half = (await exports.store.get(id))!
    t.ok(Number(half.next_idx) > 0 && Number(half.next_idx) < Number(half.size), 'it was half done')
    await appendFile(linesOf(directory, id), '{"index":999')
    const other = await make()
    await other.run(id, new AbortController().signal)
    const whole = (await exports.store.get(id))!
    const indexes = readFileSync(linesOf(directory, id), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { index: number }).index)
    t.match(whole, { state: 'done', error: null })
    t.equal(new Set(indexes).size, Number(whole.records))
    t.same(
      indexes,
      listOf(await ask('GET', '/message-log/records?limit=500'))
        .map(({ index }) => index)
        .reverse(),
    )
    t.equal((await ask('GET', `/message-log/exports/${id}/file`)).status, 409, 'it lies on another node')
    t.equal((await exports.store.get(id))?.state, 'done')

    await appendFile(path.join(directory, 'stray.jsonl'), 'x')
    world.world.now += 8 * 86_400_000
    await other.expire()
    t.equal(await exports.store.get(id), undefined, 'kept for a week')
    t.throws(() => readFileSync(linesOf(directory, id)), { code: 'ENOENT' })
    t.throws(() => readFileSync(path.join(directory, 'stray.jsonl')), { code: 'ENOENT' })

    await exports.store.add({ ...fresh, format: 'bundles', records: 999, next_idx: 0 }, async () => undefined)
    await other.run(id, new AbortController().signal)
    t.match(await exports.store.get(id), { state: 'failed', error: /more than 1000 records/ })
    for (let at = 0; at < 5; at++)
      await exports.store.add({ ...fresh, id: `${id.slice(0, -1)}${at + 1}` }, async () => undefined)
    t.equal((await ask('POST', '/message-log/exports', { format: 'csv', filter: {} })).status, 409)
  })
  await t.test('attachments, each by itself', (t) => seeAttachments(t, world))
})
