/** Daily counts in the API and in exports, and what each reader may see of them, on both stores. */
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { signedRecord } from '../../message-log/fixture.ts'
import type { RecordInput } from '../../message-log/record-input.ts'
import { filesOf, verified } from '../exports/export-fixture.ts'

const DAY_MS = 86_400_000
const CLEARED = 'all'

await eachDatabase(t, async (_database, t, url) => {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, {
    inOneDay: true,
    ...(isPostgresql && { databaseUrl: url, ...(logUrl && { logUrl }) }),
  })
  const { ask, messageLog, logClock } = world
  const counted = async (role = 'XROAD_AUDITOR') =>
    JSON.parse((await ask('GET', '/message-log/daily-counts', undefined, { role })).raw.toString())
  const signed = (changes: Partial<RecordInput>) =>
    signedRecord({ time: new Date(Date.now() + logClock.aheadMs), ...changes })
  const add = async (changes: Partial<RecordInput> = {}): Promise<number> => {
    const { index } = await messageLog.append(await signed(changes))
    const reply = { ...changes, kind: 'reply', direction: 'out', outcome: 'ok', answers: index } as const
    await messageLog.append(await signed(reply))
    return index
  }
  const { client } = await signedRecord()
  const first = await add()
  await add()
  await add({ client: { ...client, memberCode: '7' }, secrecy: 1 })
  const other = { ...client, memberCode: '9' }
  await messageLog.append(await signed({ kind: 'refusal', outcome: 'access_denied', client: other }))
  await messageLog.maintain()
  t.same(await counted(), [], 'the first day goes on')
  logClock.aheadMs += DAY_MS
  await messageLog.maintain()

  await t.test('who sees what', async (t) => {
    const [day, ...more] = await counted()
    t.same(more, [])
    t.match(day, { first: 0, last: 7, index: 8, messages: 5, aboutLog: 1, hidden: 2 })
    const pairsOf = async (role: string) =>
      (await ask('GET', `/message-log/daily-counts/${day.index}`, undefined, { role })).body[
        'pairs'
      ] as object[]
    t.match(await pairsOf('XROAD_AUDITOR'), [
      { clientId: 'DEV:GOV:5678:tax', serviceId: 'DEV:GOV:1234:population:persons', records: 4, failed: 0 },
      { clientId: 'DEV:GOV:9:tax', peer: 'DEV:GOV:5678:ss2', records: 1, failed: 1 },
    ])
    const [whole] = await counted(CLEARED)
    t.match(whole, { messages: 7, hidden: 0 })
    t.match(
      (await pairsOf(CLEARED)).filter((one) => JSON.stringify(one).includes('DEV:GOV:7:tax')),
      [{ records: 2 }],
    )
    t.notMatch(JSON.stringify(await pairsOf('XROAD_AUDITOR')), /DEV:GOV:7/)
    t.equal((await ask('GET', '/message-log/daily-counts/3')).status, 404)
    t.equal((await ask('GET', `/message-log/daily-counts?before=${day.index}`)).raw.toString(), '[]')
    for (const role of ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SECURITYSERVER_OBSERVER'])
      t.equal((await ask('GET', '/message-log/daily-counts', undefined, { role })).status, 403, role)
  })

  const ordered = async (filter: object, role: string): Promise<string> => {
    const { body } = await ask('POST', '/message-log/exports', { format: 'jsonl', filter }, { role })
    const id = String(body['id'])
    await until('the export', async (saw) => {
      const { state, error } = saw((await ask('GET', `/message-log/exports/${id}`)).body)
      if (error !== null) throw new Error(String(error))
      return state === 'done'
    })
    return id
  }
  const shown = async (id: string, role: string): Promise<[string, Map<string, Buffer>]> => {
    const { raw } = await ask('GET', `/message-log/exports/${id}/file`, undefined, { role })
    return [(await verified(raw, world.world.now))[1], await filesOf(raw)]
  }
  const told = async (filter: object, role: string) => shown(await ordered(filter, role), role)

  await t.test('an export holds them with their proof, and what they settle is no longer open', async (t) => {
    const filter = { partyId: 'DEV:GOV:9' }
    const [text, files] = await told(filter, CLEARED)
    t.match(text, /Rows and filter: holds, 1 rows/)
    t.match(text, /Daily counts: not proved, of 1 1 agree with what is shown/)
    t.match(text, /1 are shown, 2 are proved not to fit, 6 are ruled out by daily counts, 0 are not shown/)
    t.match(text, /INDETERMINATE, NO_POE/, "parties are the log's own word")
    t.match(JSON.parse(files.get('daily-counts.jsonl')!.toString()), { index: 8 })
    const [ordinary, less] = await told(filter, 'XROAD_AUDITOR')
    t.match(ordinary, /4 are ruled out by daily counts, 2 are not shown/, 'of hidden ones nothing is told')
    t.notMatch(less.get('daily-counts.jsonl')!.toString(), /DEV\/GOV\/7/)
    t.match(ordinary, /INDETERMINATE, SIGNED_DATA_NOT_FOUND/)
  })

  await t.test('an erasure while an export is made accuses nobody', async (t) => {
    const index = await add()
    logClock.aheadMs += DAY_MS
    await messageLog.maintain()
    const { window } = messageLog
    t.teardown(() => Object.assign(messageLog, { window }))
    let erased = 0
    messageLog.window = async (q) => {
      if (erased++ === 0)
        await messageLog.retention.erase({ index, mode: 'LEAF_ONLY', case: '1', reason: 'by law' })
      return await window(q)
    }
    const [text, files] = await told({ partyId: 'DEV:GOV:5678' }, CLEARED)
    t.notMatch(text, /FAILS/)
    t.match(JSON.parse(files.get('filter.json')!.toString()), { erasedInRange: 1 })
  })

  await t.test('what was erased since is missing, and explained', async (t) => {
    const filter = { partyId: 'DEV:GOV:5678', kind: 'request' }
    const before = await ordered(filter, CLEARED)
    await messageLog.retention.erase({ index: first, mode: 'LEAF_ONLY', case: '1', reason: 'by law' })
    const [left, files] = await shown(before, CLEARED)
    t.match(left, /Rows and filter: holds, 1 rows/, 'an export from before the erasure')
    t.notMatch(left, /FAILS/, 'which no erasure below its tree head explains')
    t.notMatch(files.get('daily-counts.jsonl')!.toString(), /"index":8,/)
    const [text] = await told(filter, CLEARED)
    t.match(text, /Rows and filter: holds, 1 rows/)
    t.match(text, /Daily counts: holds, of 2 0 agree/)
  })
  await t.test('the message log knows where the audit log stood', async (t) => {
    const audits = tablesOf<{ audit_log: { sequence: number; digest: Buffer } }>(world.database)
    const verified = async () => (await ask('GET', '/audit-log/verification')).body
    const noted = async (records: number): Promise<boolean> => {
      const row = audits.selectFrom('audit_log').select('digest').where('sequence', '=', records)
      const { digest } = await row.executeTakeFirstOrThrow()
      return messageLog.noteAuditHead({ records, digest: Buffer.from(digest).toString('hex') })
    }
    t.same([await noted(3), await noted(3), await noted(2), await noted(7)], [true, false, false, true])
    t.match(await verified(), { heads: 2, brokenAt: undefined })
    await messageLog.checkpointNow()
    const { form } = await messageLog.proof(messageLog.size() - 1)
    t.match(JSON.parse(form), { kind: 'audit-head', direction: '' })
    const records = Number((await verified())['records'])
    await noted(records)
    await audits.deleteFrom('audit_log').where('sequence', '>=', records).execute()
    // New audit records may have taken the sequence numbers of those that were removed.
    t.match(await verified(), { heads: 2, brokenAt: records }, 'its end was cut off')
  })
})
