/**
 * "As it was", on both stores: the circumstances of an exchange are shown, searched for, exported, and
 * evaluated again offline.
 */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { circumstancesEntry } from '#core/circumstances/read.ts'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { FoundRecord } from '#schemas/found-record.ts'
import { filesOf, verified } from '#security-server/features/exports/export-fixture.ts'
import { signedRecord } from '#security-server/message-log/fixture.ts'
import type { RecordInput } from '#security-server/message-log/record-input.ts'
import { eachDatabase } from '#test/databases.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { type AdminWorld, createAdminWorld, type Reply } from './admin-fixture.ts'

const ID = '0b0e8a3c-6b8e-4b8a-9d38-4f4b0c0f6a11'
const PURPOSE = 'Tax assessment,\n"at source"'
const CONTRACT = {
  ...{ id: ID, version: 2, hash: 'ab'.repeat(32), title: 'Addresses', purpose: PURPOSE },
  ...{ legalBasis: 'Tax Act, section 7', endpoint: { method: 'GET', path: '/persons/**' } },
}
const HELD: Circumstances = {
  version: 1,
  ...{ side: 'provider', endpoint: { method: 'GET', path: '/persons/*' }, contract: CONTRACT },
}

async function exchange({ messageLog }: AdminWorld, changes: Partial<RecordInput>): Promise<number> {
  const request = await signedRecord({ configuration: 'DEV/7', ...changes })
  const { index } = await messageLog.append(request)
  const { ids, client } = request
  await messageLog.append(
    await signedRecord({
      ...{ ...changes, ids, client, kind: 'reply', direction: 'out', outcome: 'ok', answers: index },
      message: Buffer.from('HTTP/1.1 200 OK\r\n\r\n'),
    }),
  )
  return index
}

await eachDatabase(t, async (_database, t: Test, url) => {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {})
  const { ask, messageLog } = world
  const under = { contract: `${ID}/2`, circumstances: sealCircumstances(HELD) }
  const first = await exchange(world, under)
  const older = { ...HELD, contract: { ...CONTRACT, version: 1 }, endpoint: undefined }
  const second = await exchange(world, { contract: `${ID}/1`, circumstances: sealCircumstances(older) })
  const right = { endpoint: { method: 'GET', path: '/bare/*' }, grants: [] }
  const third = await exchange(world, {
    circumstances: sealCircumstances({ version: 1, side: 'provider', right }),
  })
  const silent = await exchange(world, { ...under, logLevel: 'none' })
  const plain = await exchange(world, {})
  const secret = { ...CONTRACT, id: randomUUID(), purpose: 'hushed', title: 'hushed' }
  await exchange(world, {
    ...{ contract: `${secret.id}/2`, secrecy: 1 },
    circumstances: sealCircumstances({
      ...HELD,
      contract: secret,
      endpoint: { method: 'GET', path: '/hushed' },
    }),
  })

  const rows = (reply: Reply): FoundRecord[] => JSON.parse(reply.raw.toString())
  const query = (filter: object) => new URLSearchParams(filter as Record<string, string>).toString()
  const find = async (filter: object, role = 'XROAD_AUDITOR') =>
    rows(await ask('GET', `/message-log/records?${query({ ...filter, limit: 500 })}`, undefined, { role }))

  await t.test('an exchange shows its circumstances', async (t) => {
    const of = async (index: number) =>
      (await ask('GET', `/message-log/exchanges/${index}`)).body['records'] as Record<string, unknown>[]
    t.match(await of(first), [
      {
        circumstances: HELD,
        metadata: { configuration: 'DEV/7', circumstances: under.circumstances.digest },
      },
      { circumstances: HELD },
    ])
    const why = 'case=17&reason=dispute'
    const bundle = await ask('GET', `/message-log/records/${first}/evidence-bundle?${why}`)
    const files = await filesOf(bundle.raw)
    const entry = circumstancesEntry(under.circumstances.digest)
    t.equal(files.get(entry)!.toString(), under.circumstances.document)
    t.match(
      files.get('README.html')!.toString(),
      /Circumstances at that time.*Tax assessment,.*DEV\/7.*circumstances\//s,
    )
    t.match(await of(silent), [{ circumstances: null }, { circumstances: null }])
    t.match(await of(plain), [{ circumstances: null }, {}])
  })

  await t.test('the search: contract, version, purpose, endpoint', async (t) => {
    const indexes = async (filter: object) =>
      (await find(filter)).map(({ index }) => index).sort((a, b) => a - b)
    const both = (...of: number[]) => of.flatMap((index) => [index, index + 1])
    t.same(
      await indexes({ contract: ID }),
      both(first, second, silent),
      'what keeps ids only names its contract, too',
    )
    t.same(await indexes({ contract: `${ID}/2` }), both(first, silent))
    t.same(await indexes({ contract: `${ID}/2`, kind: 'reply' }), [first + 1, silent + 1])
    t.same(await indexes({ purpose: PURPOSE }), both(first, second))
    t.same(await indexes({ purpose: 'Tax' }), [])
    t.same(await indexes({ endpoint: 'GET /persons/*' }), both(first), 'as it is declared')
    t.same(await indexes({ endpoint: 'GET /persons/**' }), both(second), 'else as the contract covers it')
    t.same(await indexes({ endpoint: 'GET /bare/*' }), both(third), 'or as it was granted')
    t.same(await indexes({ endpoint: 'GET /persons/*', outcome: 'ok' }), [first + 1])
    t.match((await find({ kind: 'request', contract: `${ID}/2`, endpoint: 'GET /persons/*' }))[0], {
      ...{ contract: `${ID}/2`, purpose: PURPOSE, endpoint: 'GET /persons/*' },
    })
    for (const wrong of [
      { contract: 'x' },
      { contract: `${ID}/0` },
      { purpose: '' },
      { endpoint: 'x'.repeat(1101) },
    ])
      t.equal((await ask('GET', `/message-log/records?${query(wrong)}`)).status, 400, JSON.stringify(wrong))
  })

  await t.test('of a secret contract nothing leads to its exchanges, nor to its texts', async (t) => {
    const cleared = 'all'
    for (const filter of [{ contract: secret.id }, { purpose: 'hushed' }, { endpoint: 'GET /hushed' }]) {
      t.same(await find(filter), [])
      t.equal((await find(filter, cleared)).length, 2)
    }
    for (const text of ['contract', 'purpose', 'endpoint']) {
      const there = async (role: string) =>
        (await ask('GET', `/message-log/search-terms?of=${text}`, undefined, { role })).raw.toString()
      t.notMatch(await there('XROAD_AUDITOR'), new RegExp(`hushed|${secret.id}`))
      t.match(await there(cleared), new RegExp(`hushed|${secret.id}`))
    }
    const listed = await ask('GET', '/message-log/search-terms?of=endpoint&holding=persons&limit=1')
    t.same(JSON.parse(listed.raw.toString()), ['GET /persons/*'])
    t.equal((await ask('GET', '/message-log/search-terms')).status, 400)
    const observer = { role: 'XROAD_SECURITYSERVER_OBSERVER' }
    t.equal((await ask('GET', '/message-log/search-terms?of=purpose', undefined, observer)).status, 403)
  })

  await t.test('exports run it again offline', async (t) => {
    await messageLog.timeStampNow()
    const why = { case: '17', reason: 'dispute' }
    const filters = [
      { filter: { contract: ID }, records: 6, told: /6 are shown, [0-9]+ are proved not to fit/ },
      { filter: { purpose: PURPOSE }, records: 4, told: /4 are not shown and might fit/ },
      { filter: { endpoint: 'GET /persons/*' }, records: 2, told: /2 are shown/ },
    ]
    for (const { filter, records, told } of filters)
      for (const format of ['csv', 'jsonl', 'bundles']) {
        const { body } = await ask('POST', '/message-log/exports', { format, filter, ...why })
        const path = `/message-log/exports/${String(body['id'])}`
        const state = await until('the end of the export', async (saw) => {
          const now = saw((await ask('GET', path)).body)
          return (now['state'] === 'done' || now['state'] === 'failed') && now
        })
        t.match(state, { state: 'done', records })
        const { raw } = await ask('GET', `${path}/file?${query(why)}`)
        const [kind, text] = await verified(raw, world.world.now)
        t.equal(kind, 'export')
        t.match(text, told)
        t.notMatch(text, /FAILS/)
        if (format === 'csv')
          t.match((await filesOf(raw)).get('records.csv')!.toString(), /contract,purpose,endpoint\r\n/)
      }
  })
})
