/**
 * What a tracker proves, and what it says that its answers cover, on both stores: nothing that is open is
 * left out.
 */
import { hash } from 'node:crypto'
import t from 'tap'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { judgeUse, type SaidUse } from '#core/evidence-bundle/judge-use.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { leafHash } from '#core/merkle/hash.ts'
import type { Usage } from '#schemas/find-usage.ts'
import { eachDatabase } from '#test/databases.ts'
import { CLIENT, SERVICE } from '../../message-log/fixture.ts'
import { subjectEntry } from '../person-search/log/entry.ts'
import { createTrackerWorld, SUBSYSTEM } from './tracker-fixture.ts'

await eachDatabase(t, async (_database, t, url) => {
  const world = await createTrackerWorld(t, url)
  const { use, ask, index } = world
  const person = '131052-308T'
  const elsewhere = { ...SERVICE, memberCode: '5678' }
  const own = { ...CLIENT, memberCode: '1234', subsystemCode: 'population' }
  const mine = (path: string) =>
    ask(`${path}${path.includes('?') ? '&' : '?'}userCode=EE${person}`, { userId: `EE${person}` })
  const first = await use(person)
  await index()

  await t.test('evidence of a use verifies its place in the log, and opens nothing', async (t) => {
    await world.log.checkpointNow()
    const told = await mine(`/concordat/v1/proof?record=${first}`)
    t.equal(told.status, 200)
    const bundle = await readBundle(told.bytes)
    const { manifest, files } = bundle
    const verdict = await judgeBundle({ bundle, configuration: new Map(), now: new Date() })
    t.match(verdict.records, [
      { index: first, form: { kind: 'request', direction: 'in' }, subIndication: 'SIGNED_DATA_NOT_FOUND' },
      { index: first + 1, form: { kind: 'reply' }, subIndication: 'SIGNED_DATA_NOT_FOUND' },
    ])
    for (const { reason } of verdict.records) t.match(reason, /^It stands in the log, but neither/)
    const rows = (await mine('/concordat/v1/usages')).body['usages'] as Usage[]
    const [row] = rows.slice(-1) as [Usage]
    const { leaf } = row.record!
    const said = { role: row.role, system: SUBSYSTEM, record: row.record!, time: row.time }
    const judged = (more: Partial<SaidUse> = {}) =>
      judgeUse({
        ...{ proof: told.bytes, configuration: new Map(), now: new Date() },
        said: { ...said, contract: '', outcome: 'given', ...more },
      })
    t.match(await judged(), { doubt: 'unsigned', log: 'DEV/GOV/1234/ss1' }, 'but for the configuration')
    t.match(await judged({ record: { index: first, leaf: `${leaf.slice(1)}=` } }), { doubt: 'leaf' })
    t.match(await judged({ outcome: 'refused' }), { doubt: 'words' })
    t.equal(leafHash(Buffer.from(manifest.records[0]!.form)).toString('base64'), leaf, 'of this row')
    const forged = structuredClone(manifest)
    forged.records[0]!.form = forged.records[0]!.form.replace('request', 'refusal')
    const other = await judgeBundle({
      ...{ bundle: { manifest: forged, files }, configuration: new Map(), now: new Date() },
    })
    t.match(other, { verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE' })
    // A plain digest of the message, or of a signature over it, lets codes of others be tried.
    for (const { openings, ...one } of manifest.records) {
      t.same(openings, {})
      t.notOk(one.signatures ?? one.container ?? one.metadata)
    }
    t.same(manifest.timeStamps, [])
    const { message, signatures } = await world.log.read(first)
    t.ok(signatures)
    const digest = hash('sha512', message!, 'base64')
    for (const [name, bytes] of files) {
      const text = bytes.toString('latin1')
      t.notMatch(text, /131052|OFFICIAL|CONTENT/, name)
      t.notOk(text.includes(digest), `${name} has no digest of the message`)
    }
    t.equal((await mine(`/concordat/v1/proof?record=${first + 1}`)).status, 404, 'a reply is no use')
    const others = await ask(`/concordat/v1/proof?record=${first}&userCode=EE010101-1111`, {
      userId: 'EE010101-1111',
    })
    t.equal(others.status, 404)
  })

  await t.test('the coverage says what is open of this subsystem, and of nobody else', async (t) => {
    const covered = async () => (await ask('/concordat/v1/coverage')).body
    const { places } = world.rooms.personUses
    const by = { by: 'test', at: new Date().toISOString() }
    // Services that were called before anybody said where the person stands: own, called by us, called by
    // others.
    const late = { ...SERVICE, serviceCode: 'late' }
    const ours = { ...elsewhere, serviceCode: 'late' }
    const foreign = { ...SERVICE, subsystemCode: 'foreign', serviceCode: 'late' }
    await use(person, { service: late })
    await use(person, { service: ours, direction: 'out', client: own })
    for (let i = 0; i < 3; i++) await use(person, { service: foreign })
    await index()
    const open = await covered()
    t.equal(open['isAll'], false)
    t.match(open['undeclared'], [
      { role: 'provider', service: 'DEV:GOV:1234:population:late', exchanges: 1 },
      { role: 'consumer', service: 'DEV:GOV:5678:population:late' },
    ])
    t.notMatch(JSON.stringify(open), /foreign/)
    const place = {
      method: '*',
      path: '/persons/{code}',
      in: 'path' as never,
      name: 'code',
      type: 'personal-code',
    }
    for (const service of [
      'DEV/GOV/1234/population/late',
      'DEV/GOV/5678/population/late',
      'DEV/GOV/1234/foreign/late',
    ])
      await places.add(service, place, by)
    await index()
    const declared = (await covered())['declaredLater'] as string[]
    t.ok(
      declared.includes('DEV:GOV:1234:population:late') && declared.includes('DEV:GOV:5678:population:late'),
    )
    t.notOk(declared.some((one) => one.includes('foreign')))
    // At a called service something else than a code.
    await use('9'.repeat(600), { service: ours, direction: 'out', client: own })
    await index()
    t.match((await covered())['calledNotIndexed'], ['DEV:GOV:5678:population:late'])
  })

  await t.test('calls of which somebody said that they are about nobody are named', async (t) => {
    const { places } = world.rooms.personUses
    const none = { method: '*', path: '/lists/**', in: 'none' as const, name: '', type: 'personal-code' }
    for (const service of ['DEV/GOV/1234/population/persons', 'DEV/GOV/1234/foreign/persons'])
      await places.add(service, none, { by: 'test', at: new Date().toISOString() })
    t.same((await ask('/concordat/v1/coverage')).body['ofNobody'], [
      { service: 'DEV:GOV:1234:population:persons', path: '/lists/**' },
    ])
  })

  await t.test('months whose key is gone or another one are not covered', async (t) => {
    const { coverageOf } = world.rooms.personUses
    const { months } = await coverageOf({ subsystem: SUBSYSTEM, type: 'personal-code' })
    const month = months[0]!.month
    t.same((await coverageOf({ subsystem: SUBSYSTEM, type: 'personal-code' })).lostMonths, [])
    await world.log.parts.putSubjects({
      ...{ from: await world.log.subjects.mark(), to: (await world.log.subjects.mark()) + 1 },
      records: [
        {
          idx: first,
          day: `${month}-01`,
          service: '',
          reason: 'indexed',
          entries: [subjectEntry(month, 'a'.repeat(32))],
          keyId: '0123456789abcdef',
        },
      ],
    })
    t.same((await ask('/concordat/v1/coverage')).body['lostMonths'], [month], 'two keys of one month')
    await world.log.subjects.forget([month])
    const { body } = await ask('/concordat/v1/coverage')
    t.equal(body['periodStart'], body['periodEnd'], 'nothing before can be found')
  })
})
