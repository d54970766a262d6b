/**
 * Exchanges under secret contracts, on both stores. Every reading operation of the API is called with every
 * role except the secrecy role, and no answer contains anything that only such an exchange says.
 */
import { hash, randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { filesOf, verified } from '#security-server/features/exports/export-fixture.ts'
import { ROLES } from '#security-server/features/people/roles.ts'
import { countsOf } from '#security-server/features/reconciliation/counts-fixture.ts'
import { createReconciliationStore } from '#security-server/features/reconciliation/store.ts'
import { endAllDue, signedRecord } from '#security-server/message-log/fixture.ts'
import type { Secrecy } from '#security-server/message-log/record-input.ts'
import { securityServerApi } from '#security-server/shape.ts'
import { eachDatabase } from '#test/databases.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { type AdminWorld, auditOf, createAdminWorld, type Reply } from './admin-fixture.ts'

/**
 * Part of every fact of a secret exchange: parties, ids, message, user. So long that it stands in no hash and
 * no signature by chance.
 */
const MARK = 'hushhush'
const WHY = 'case=2026-17&reason=complaint'
const ORDINARY = { role: 'ordinary' }
const CLEARED = { role: 'cleared' }

/** Operations that are no reads of one record, and need more than a path. */
const QUERIES: Record<string, string> = {
  getRecordContent: WHY,
  downloadRecordContainer: WHY,
  downloadEvidenceBundle: WHY,
  downloadExport: WHY,
  downloadArchive: WHY,
  explainCall: 'consumer=DEV:GOV:1:a&provider=DEV:GOV:2:b&serviceCode=c',
  getTraffic: 'by=client',
  getSearchTerms: 'of=purpose',
}
/** Operations that refuse a record which the caller may not see. */
const REFUSED: ReadonlySet<string> = new Set([
  ...['getExchange', 'verifyExchange', 'getRecord', 'getRecordContent'],
  ...['downloadRecordContainer', 'downloadEvidenceBundle'],
])
const NOT_THERE: ReadonlySet<string> = new Set([
  ...['getExport', 'downloadExport', 'deleteExport'],
  ...['downloadReconciliationStatement', 'getReconciliationCase'],
])

const heldFor = (mark: string) =>
  sealCircumstances({
    ...{ version: 1, side: 'provider', endpoint: { method: 'GET', path: `/${mark}` } },
    contract: {
      ...{
        id: randomUUID(),
        version: 1,
        hash: 'ab'.repeat(32),
        title: mark,
        purpose: mark,
        legalBasis: mark,
      },
      endpoint: { method: 'GET', path: `/${mark}` },
    },
  })

async function exchange({ messageLog, world }: AdminWorld, mark: string, secrecy?: Secrecy): Promise<number> {
  const member = { instance: 'DEV', memberClass: 'GOV', memberCode: `${mark}5678` }
  const common = {
    time: new Date(world.now),
    ids: { id: `${mark}-id`, requestId: `${mark}-request` },
    client: { ...member, subsystemCode: `${mark}-tax` },
    peer: { ...member, serverCode: `${mark}-ss` },
    extra: { userId: `${mark}-user`, method: 'GET' },
    message: Buffer.from(`GET /r1/${mark}/${randomUUID()} HTTP/1.1\r\n\r\n`),
    contract: `${randomUUID()}/1`,
    circumstances: heldFor(mark),
    ...(secrecy === undefined ? {} : { secrecy }),
  }
  const { index } = await messageLog.append(await signedRecord(common))
  const reply = { kind: 'reply', direction: 'out', outcome: 'ok', answers: index } as const
  await messageLog.append(await signedRecord({ ...common, ...reply }))
  return index
}

async function reconciled({ database }: AdminWorld): Promise<{ day: number; found: number }> {
  const store = createReconciliationStore(database)
  const pair = {
    day: '2026-11-23',
    own: 'DEV/GOV/1234',
    peer: `DEV/GOV/${MARK}`,
    server: `DEV/GOV/${MARK}/s`,
  }
  const now = '2026-11-25T00:00:00.000Z'
  await store.plan(pair.day, [{ ...pair, secrecy: 1 }], now)
  const seen = await store.find(pair)
  await store.begin(pair, { seen, session: 's', role: 'asking', progress: {}, now, secrecy: 1 })
  const proof = { own_proof: '{}', peer_proof: '{}', peer_proof_holds: 0 }
  const finding = { class: 'missing', at: 'second', reason: 'exchange', asks: 'first' }
  const cases = [{ request_id: `${MARK}-r`, finding: JSON.stringify(finding), ...proof }]
  await store.conclude({
    session: 's',
    statement: `"${MARK}"`,
    counts: countsOf({ matched: 3 }),
    cases,
    now,
  })
  return { day: seen!.id, found: 1 }
}

const ended = ({ ask }: AdminWorld, id: string): Promise<Record<string, unknown>> =>
  until('the end of the export', async (saw) => {
    const { body } = await ask('GET', `/message-log/exports/${id}`, undefined, CLEARED)
    return (saw(body)['state'] === 'done' || body['state'] === 'failed') && body
  })

async function exported(world: AdminWorld, as: { role: string }, filter: object = {}): Promise<string> {
  const { body } = await world.ask('POST', '/message-log/exports', { format: 'jsonl', filter }, as)
  await ended(world, String(body['id']))
  return String(body['id'])
}

const rowsOf = (reply: Reply): { index: number }[] => JSON.parse(reply.raw.toString())

await eachDatabase(t, async (_database, t: Test, url) => {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {})
  const { ask, messageLog, rooms, authorization } = world
  for (const [role, without] of [
    ['ordinary', 'XROAD_SECRECY_AUDITOR'],
    ['cleared', ''],
  ] as const) {
    const roles = ROLES.filter((one) => one !== without)
    authorization[role] = `X-Road-ApiKey token=${(await rooms.apiKeys.create({ name: role, roles })).secret}`
  }
  const open = await exchange(world, 'open')
  const secret = await exchange(world, MARK, 1)
  const nobodys = await exchange(world, `${MARK}2`, 2)
  const erased = await exchange(world, `${MARK}3`, 1)
  await messageLog.timeStampNow()
  await messageLog.retention.erase({ index: erased, mode: 'LEAF_ONLY', case: '1', reason: 'order' })
  // The next day, so that its counts can be read too.
  world.logClock.aheadMs += 86_400_000
  await messageLog.maintain()
  const reconciliation = await reconciled(world)
  const secretExport = await exported(world, CLEARED)

  await t.test('no operation that reads shows an ordinary auditor any of it', async (t) => {
    const { paths } = await securityServerApi()
    const reads = Object.entries(paths as Record<string, { get?: { operationId: string } }>).flatMap(
      ([path, { get }]) => (get === undefined ? [] : [{ path, operationId: get.operationId }]),
    )
    t.ok(reads.length > 50)
    const ids = (name: string, path: string): string[] => {
      if (name === 'index') return [secret, secret + 1, nobodys, erased, erased + 1].map(String)
      if (path.startsWith('/message-log/exports')) return [secretExport]
      if (path.startsWith('/reconciliations')) return [`${reconciliation.day}`]
      if (path.startsWith('/reconciliation-cases')) return [`${reconciliation.found}`]
      return [randomUUID(), '1', 'DEV:GOV:1:a']
    }
    const asked = new Set<string>()
    for (const { path, operationId } of reads) {
      const name = /\{(\w+)\}/.exec(path)?.[1]
      for (const id of name === undefined ? [''] : ids(name, path)) {
        const query = QUERIES[operationId] === undefined ? '' : `?${QUERIES[operationId]}`
        const reply = await ask('GET', `${path.replace(`{${name}}`, id)}${query}`, undefined, ORDINARY)
        asked.add(operationId)
        t.notMatch(reply.raw.toString('latin1'), MARK, `${operationId} ${id}`)
        if (REFUSED.has(operationId)) t.match(reply, { status: 403, body: { type: /./ } }, operationId)
        if (NOT_THERE.has(operationId)) t.equal(reply.status, 404, operationId)
      }
    }
    for (const one of [
      'findRecords',
      'getTraffic',
      'getServiceTraffic',
      'getExchange',
      'getReconciliationCases',
      'getExports',
    ])
      t.ok(asked.has(one), one)
    const deny = { state: 'explained', note: 'x' }
    for (const [method, path, body, status] of [
      ['DELETE', `/message-log/exports/${secretExport}`, undefined, 404],
      ['PATCH', `/reconciliation-cases/${reconciliation.found}`, deny, 404],
      ['PUT', `/reconciliation-cases/${reconciliation.found}/assignee`, { assignee: 'x' }, 404],
      ['POST', '/message-log/content-requests', { index: secret, case: 'c', reason: 'r' }, 403],
    ] as const) {
      const reply = await ask(method, path, body, ORDINARY)
      t.equal(reply.status, status, `${method} ${path}`)
      t.notMatch(reply.raw.toString(), MARK)
    }
  })

  await t.test('searches and counts leave it out, whatever is asked', async (t) => {
    const found = async (query: string, as = ORDINARY) =>
      rowsOf(await ask('GET', `/message-log/records?${query}`, undefined, as)).map(({ index }) => index)
    t.same(await found(''), [open + 1, open])
    const queries = [
      ...[`queryId=${MARK}-id`, `requestId=${MARK}-request`, `clientId=DEV:GOV:${MARK}5678:${MARK}-tax`],
      ...[`partyId=DEV:GOV:${MARK}5678`, `peerId=DEV:GOV:${MARK}5678:${MARK}-ss`],
    ]
    for (const query of [...queries, ...queries.map((one) => `${one}&from=2020-01-01T00:00:00Z`)]) {
      t.same(await found(query), [], query)
      t.same(await found(query, CLEARED), [secret + 1, secret], query)
    }
    t.same(await found('failed=false'), [open + 1, open])
    t.same(
      await found('', CLEARED),
      [secret + 1, secret, open + 1, open],
      'what nobody here may see nobody sees',
    )
    const counted = async (as: { role: string }) =>
      (await ask('GET', `/message-log/traffic?by=client&to=${end}`, undefined, as)).body['total']
    const end = new Date(world.world.now + 1).toISOString()
    t.same(await counted(ORDINARY), { exchanges: 1, failed: 0 })
    // Counts outlive erasure.
    t.same(await counted(CLEARED), { exchanges: 3, failed: 0 })
    const today = async (as: { role: string }) =>
      (await ask('GET', '/message-log', undefined, as)).body['today']
    t.match([await today(ORDINARY), await today(CLEARED)], [{ exchanges: 1 }, { exchanges: 3 }])
  })

  await t.test('who has the role sees it, as far as its parties let this server', async (t) => {
    const status = async (index: number, of = 'exchanges') =>
      (await ask('GET', `/message-log/${of}/${index}`, undefined, CLEARED)).status
    t.match((await ask('GET', `/message-log/exchanges/${secret}`, undefined, CLEARED)).body, {
      records: [{ metadata: { secrecy: 1 }, proof: { holds: true } }, { index: secret + 1 }],
    })
    t.same([await status(nobodys), await status(nobodys, 'records'), await status(erased)], [403, 403, 200])
    const only = { role: 'XROAD_SECRECY_AUDITOR' }
    const content = `/message-log/records/${secret}/content?${WHY}`
    t.equal((await ask('GET', content, undefined, only)).status, 403, 'content needs its own role beside')
    t.equal((await ask('GET', content, undefined, CLEARED)).status, 200)
    t.equal(rowsOf(await ask('GET', '/reconciliations', undefined, CLEARED)).length, 1)
    t.equal(rowsOf(await ask('GET', '/reconciliation-cases', undefined, CLEARED)).length, 1)
  })

  await t.test(
    'an export holds the leaf alone of what it does not show, under the same tree head',
    async (t) => {
      const file = async (id: string, as: { role: string }) =>
        (await ask('GET', `/message-log/exports/${id}/file`, undefined, as)).raw
      const mine = await file(await exported(world, ORDINARY), ORDINARY)
      const files = await filesOf(mine)
      const forms = files.get('forms.jsonl')!.toString().trimEnd().split('\n')
      const hidden = forms.flatMap((form, index) => (form.startsWith('{"leaf":') ? [index] : []))
      t.same(hidden, [secret, secret + 1, nobodys, nobodys + 1, erased, erased + 1])
      t.notMatch([...files.values()].join('\n'), MARK)
      const [, text] = await verified(mine, world.world.now)
      t.match(text, /INDETERMINATE, SIGNED_DATA_NOT_FOUND/)
      t.match(text, /are those of the signed state/)
      t.match(text, new RegExp(`might fit: ${secret}-${erased + 1}; of 6 the log hides all but the leaf`))
      const theirs = await filesOf(await file(secretExport, CLEARED))
      t.match(theirs.get('records.jsonl')!.toString(), new RegExp(`${MARK}-id`))
      t.notMatch([...theirs.values()].join('\n'), new RegExp(`${MARK}2`))
      t.equal(
        theirs
          .get('forms.jsonl')!
          .toString()
          .match(/"leaf"/g)!.length,
        2,
      )
      // Even a reader who may see more gets only what was exported for the one who may not.
      const again = await filesOf(await file(await exported(world, ORDINARY), CLEARED))
      t.notMatch([...again.values()].join('\n'), MARK)
    },
  )

  await t.test(
    'by user id and represented party: in no address, record or file but the export',
    async (t) => {
      const term = async (userId: string, as = ORDINARY) =>
        (await ask('POST', '/message-log/actor-terms', { userId }, as)).body['userTerm'] as string
      const found = async (userTerm: string, as = ORDINARY, more = '') =>
        rowsOf(await ask('GET', `/message-log/records?userTerm=${userTerm}${more}`, undefined, as)).map(
          ({ index }) => index,
        )
      const user = await term(' OPEN user')
      t.same(await found(user), [open + 1, open], 'the reply too')
      t.same(await found(user, ORDINARY, '&direction=out'), [open + 1])
      const hidden = await term(`${MARK}-user`)
      t.same([await found(hidden), await found(hidden, CLEARED)], [[], [secret + 1, secret]])
      t.same(await found(await term(`${MARK}3-user`), CLEARED), [], 'erased but for its leaf')
      const both = { userId: 'x', representedParty: '77' }
      const sealed = await ask('POST', '/message-log/actor-terms', both)
      t.match(sealed.body, { userTerm: /./, representedPartyTerm: /./, notSearched: [] })
      const party = String(sealed.body['representedPartyTerm'])
      t.same(await messageLog.openActors({ representedPartyTerm: party }), { representedParty: '/77' })
      for (const role of ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SECURITYSERVER_OBSERVER']) {
        t.equal((await ask('POST', '/message-log/actor-terms', both, { role })).status, 403, role)
        t.equal((await ask('GET', '/message-log/actor-terms', undefined, { role })).status, 403, role)
      }
      t.equal((await ask('GET', `/message-log/records?userTerm=${party}`)).status, 400, 'of another kind')
      t.equal((await ask('GET', '/message-log/records?userTerm=x')).status, 400)
      t.equal((await ask('POST', '/message-log/actor-terms', {})).status, 400)
      const order = { format: 'jsonl', filter: { userTerm: party } }
      t.equal((await ask('POST', '/message-log/exports', order)).status, 400)

      const bundles = { format: 'bundles', filter: { userTerm: user }, case: '17', reason: 'r' }
      const { body } = await ask('POST', '/message-log/exports', bundles, ORDINARY)
      t.match(await ended(world, String(body['id'])), {
        state: 'done',
        records: 2,
        filter: { userTerm: user },
      })
      const file = await ask('GET', `/message-log/exports/${body['id']}/file?${WHY}`, undefined, ORDINARY)
      const files = await filesOf(file.raw)
      const head = JSON.parse(files.get('filter.json')!.toString())
      t.same(head.filter, { userId: ' OPEN user' })
      const [, text] = await verified(file.raw, world.world.now)
      t.match(text, /Rows and filter: holds, 2 rows/)
      t.match(text, /INDETERMINATE, SIGNED_DATA_NOT_FOUND/, 'nobody can tell of whom the others are')
      t.same(await found(user, { role: 'XROAD_AUDITOR' }), [open + 1, open])

      const said = (await auditOf(ask)).filter(({ operation }) => /sealActors|findRecords/.test(operation))
      t.match(said[0], { operation: 'findRecords', data: { userTerm: user } })
      t.ok(said.some(({ operation }) => operation === 'sealActors'))
      t.notMatch(JSON.stringify(said), /OPEN|open.user|"\/?77"/)
    },
  )

  await t.test('an archive is given to those who may see all that is in it, as it was written', async (t) => {
    const settings = { name: 'default', keepDays: 30, atEnd: 'PROOF_KEPT', archive: 'CONTAINERS' } as const
    await messageLog.retention.putClass({ ...settings, applyToExisting: true })
    const archived = async (): Promise<number> => {
      world.logClock.aheadMs += 40 * 86_400_000
      await endAllDue(messageLog)
      return (await messageLog.retention.archives({ limit: 1 }))[0]!.id
    }
    const take = (id: number, as: { role: string }, query = `?${WHY}`): Promise<Reply> =>
      ask('GET', `/message-log/archives/${id}/file${query}`, undefined, as)
    const all = await archived()
    for (const as of [ORDINARY, CLEARED])
      t.match(await take(all, as), { status: 403, body: { type: 'record_is_secret' } })
    const request = { archiveId: all, case: 'c', reason: 'r' }
    t.equal((await ask('POST', '/message-log/content-requests', request, ORDINARY)).status, 403)

    const time = new Date(Date.now() + world.logClock.aheadMs)
    const { index } = await messageLog.append(await signedRecord({ time }))
    const id = await archived()
    const [archive] = await messageLog.retention.archives({ limit: 1 })
    t.same(archive!.records, [index])
    const list = await ask('GET', `/message-log/archives?q=${archive!.file.slice(-12)}`, undefined, ORDINARY)
    t.match(JSON.parse(list.raw.toString()), [{ id, file: archive!.file }])
    t.equal(rowsOf(await ask('GET', '/message-log/archives?q=nothing', undefined, ORDINARY)).length, 0)
    const ofState = async (state: string) =>
      (await ask('GET', `/message-log/archives?state=${state}`, undefined, ORDINARY)).raw
    t.same(JSON.parse((await ofState('under-way')).toString()), [])
    t.equal(JSON.parse((await ofState('complete')).toString())[0].id, id)
    t.match((await ofState('other')).toString(), /invalid_input|state/)
    const taken = await take(id, ORDINARY)
    t.match(taken, { status: 200, headers: { 'content-disposition': /filename="mlog-/ } })
    t.ok(hash('sha256', taken.raw, 'buffer').equals(archive!.sha256))
    const [entry] = await auditOf(ask)
    t.match(entry, { operation: 'downloadArchive', target: `archive ${id}`, data: { case: '2026-17' } })
    t.equal((await take(id, { role: 'XROAD_AUDITOR' })).status, 403, 'content needs its role')
    t.equal((await take(id, ORDINARY, '')).status, 400, 'and a case')
    t.equal((await take(id + 1, ORDINARY)).status, 404)
    const file = path.join(world.archiveFolder, archive!.file)
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(file, bytes)
    t.match((await take(id, ORDINARY)).body, { type: 'malformed_archive' }, 'nobody gets another file')
    rmSync(file)
    t.equal((await take(id, ORDINARY)).status, 404)
    t.equal((await auditOf(ask)).filter(({ operation }) => operation === 'downloadArchive').length, 1)
  })
})
