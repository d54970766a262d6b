/**
 * Which exchanges are told: nobody pushes a use out of sight, what only looks like a question is a use, an
 * erasure leaves nothing.
 */
import t from 'tap'
import { openDatabase } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { CLIENT, SERVICE } from '../../message-log/fixture.ts'
import { createTermsStore } from '../../reading/index/terms-store.ts'
import { subjectEntry } from '../person-search/log/entry.ts'
import { readUses } from '../person-search/log/read-uses.ts'
import type { SubjectTables } from '../person-search/log/tables.ts'
import { createUsesStore } from '../person-search/log/uses-store.ts'
import { createTrackerWorld, SUBSYSTEM, type Told } from './tracker-fixture.ts'

const idsOf = ({ body }: Told): (number | undefined)[] =>
  (body['usages'] as { record?: { index: number } }[]).map(({ record }) => record?.index)

await eachDatabase(t, async (_database, t, url) => {
  const world = await createTrackerWorld(t, url)
  const { use, ask, index } = world
  const elsewhere = { ...SERVICE, memberCode: '5678' }
  const own = { ...CLIENT, memberCode: '1234', subsystemCode: 'population' }
  const code = {
    method: '*',
    path: '/persons/{code}',
    in: 'path' as never,
    name: 'code',
    type: 'personal-code',
  }
  await world.rooms.personUses.places.add('DEV/GOV/5678/population/persons', code, {
    ...{ by: 'test', at: new Date().toISOString() },
  })
  const stored = await openDatabase(world.logUrl)
  t.teardown(() => stored.close())

  await t.test('a use names consent and preview of its own record, whatever else has its ids', async (t) => {
    const { consentsOf, previewsOf } = world.rooms
    t.teardown(() => {
      Object.assign(world.rooms, { consentsOf, previewsOf })
    })
    const ids = { id: 'Q', requestId: '5b0f0d3c-1111-4222-8333-444455556666' }
    const call = `${ids.requestId} ${idText(SERVICE)} ${idText(CLIENT)}`
    const numbers = async () => new Map([[call, ['n-1', 'n-2']]])
    for (const what of ['consent', 'preview'] as const) {
      const of = what === 'consent' ? 'consentsOf' : 'previewsOf'
      const code = what === 'consent' ? '3999' : '4000'
      Object.assign(world.rooms, { consentsOf: async () => new Map(), previewsOf, [of]: numbers })
      for (const number of ['n-1', undefined, 'n-2', 'n-3'])
        await use(code, { ids, ...(number !== undefined && { extra: { [what]: number } }) })
      await index()
      const told = await ask(`/concordat/v1/usages?userCode=EE${code}`, { userId: `EE${code}` })
      t.same(
        (told.body['usages'] as Record<string, string | undefined>[]).map((one) => one[what]),
        [undefined, 'n-2', undefined, 'n-1'],
        `${what}: a call without one that shares its ids with a counted one has none`,
      )
    }
  })

  await t.test('of a record that cannot be read nobody says that it had no consent', async (t) => {
    const { log } = world.rooms
    t.teardown(() => Object.assign(world.rooms, { log }))
    const [first, second] = [await use('3998'), await use('3998')]
    await index()
    const extras = async (asked: readonly number[]) =>
      (await log.extras(asked)).map((extra, at) => (asked[at] === first ? undefined : extra))
    Object.assign(world.rooms, { log: { ...log, extras } })
    const told = await ask('/concordat/v1/usages?userCode=EE3998', { userId: 'EE3998' })
    const rows = told.body['usages'] as { record: { index: number }; isUnread?: boolean }[]
    t.same(
      rows.map(({ record, isUnread }) => [record.index, isUnread]),
      [
        [second, undefined],
        [first, true],
      ],
    )
  })

  await t.test(
    'other subsystems and what was asked elsewhere push no use out, and a cut is said',
    async (t) => {
      const client = { ...own, subsystemCode: 'other' }
      const query = { method: '*', path: '**', in: 'query', name: 'userCode', type: 'personal-code' } as const
      const lookAlike = { ...elsewhere, serviceCode: 'findUsage' }
      await world.rooms.personUses.places.add('DEV/GOV/5678/population/findUsage', query, {
        ...{ by: 'test', at: new Date().toISOString() },
      })
      const path = '/other?userCode=4001'
      const oldest = await use('4001')
      const alike = await use(path, { direction: 'out', client: own, service: lookAlike })
      await use('EE4001', { direction: 'out', client: own, service: lookAlike })
      for (let i = 0; i < 6; i++) await use('4001', { direction: 'out', client, service: elsewhere })
      await index()
      const asked: unknown[] = []
      const { evaluateLookUp } = world.holder
      world.holder.evaluateLookUp = (q) => {
        asked.push(q)
        return evaluateLookUp(q)
      }
      const who = { userId: 'EE4001' }
      const told = await ask('/concordat/v1/usages?userCode=EE4001', who)
      t.same(idsOf(told), [alike, oldest], 'only what a tracker answers is no use')
      t.match(told.body['looks'], [{ count: 1 }])
      await ask('/concordat/v1/usages?userCode=EE4001&periodStart=2026-03-05T00:00:00Z', who)
      await ask(
        '/v2/findUsage?userCode=EE4001&periodStart=1970-01-01T00:00:00Z&periodEnd=2026-12-05T00:00:00Z',
        who,
      )
      await ask('/v2/findUsage?userCode=EE4001&periodEnd=9999-12-05T00:00:00Z', who)
      world.holder.evaluateLookUp = evaluateLookUp
      t.match(asked, [
        { from: undefined, to: undefined },
        { from: '2026-03', to: undefined },
        { from: '2000-01', to: '2027-01' },
        { to: '2099-12' },
      ])
      const { months } = await evaluateLookUp({ type: 'personal-code', identifier: '4001', client: 'c' })
      const rooms = {
        uses: createUsesStore(stored),
        terms: createTermsStore(stored, {} as never),
      }
      const page = (most: number) =>
        readUses(
          rooms,
          {
            entries: months.map(({ month, hash }) => subjectEntry(month, hash)),
            ...{ subsystem: SUBSYSTEM, withheld: { records: [], contracts: [], agreed: [] }, general: [] },
            ...{ givenOnly: false, offset: 0, limit: 10 },
          },
          most,
        )
      t.match(await page(2), { total: 2, isCut: false, rows: [{ idx: alike }, { idx: oldest }] })
      t.match(await page(1), { total: 1, isCut: true, rows: [{ idx: alike }] })

      const answersOf = () =>
        stored.kysely
          .withTables<SubjectTables>()
          .selectFrom('subject_answer')
          .select('idx')
          .orderBy('idx')
          .execute()
      const before = await answersOf()
      const erasure = { case: '7', reason: 'a court says so', mode: 'LEAF_ONLY' } as const
      await world.log.retention.erase({ ...erasure, index: oldest })
      await world.log.retention.erase({ ...erasure, index: alike + 1 })
      const left = before.filter(({ idx }) => ![oldest, alike].includes(Number(idx)))
      t.same(
        [await answersOf(), before.length - left.length],
        [left, 2],
        'nothing of what was erased is left',
      )
    },
  )

  await t.test('a known and an unknown person cost the same', async (t) => {
    const { evaluateLookUp } = world.holder
    const costs: Record<string, number> = {}
    for (const code of ['EE4001', 'EE4999']) {
      costs[code] = 0
      world.holder.evaluateLookUp = (q) => {
        costs[code]!++
        return evaluateLookUp(q)
      }
      for (const path of ['/v2/findUsage', '/concordat/v1/usages'])
        t.equal((await ask(`${path}?userCode=${code}`, { userId: code })).status, 200)
    }
    world.holder.evaluateLookUp = evaluateLookUp
    t.strictSame(costs, { EE4001: 2, EE4999: 2 })
  })

  await t.test('a client asks only so often, and a holder that does not answer is said', async (t) => {
    const mine = (path: string) => ask(`${path}?userCode=EE1`)
    const { evaluateLookUp } = world.holder
    const { state } = world.holder
    const as: unknown[] = []
    world.holder.state = ((who: unknown) => Promise.reject(as.push(who))) as never
    t.match((await ask('/v2/heartbeat')).body, { status: 'FAIL' })
    t.same(as, ['tracker'], 'it is asked as trackers ask it')
    world.holder.state = state
    const { enter } = world.rooms.quota
    world.rooms.quota.enter = () => {
      throw new Fault('too_many_requests', { what: 'a test' })
    }
    const [plain, own] = [await mine('/v2/findUsage'), await mine('/concordat/v1/usages')]
    t.same([plain.status, own.status], [500, 429], "Estonia's protocol knows two statuses")
    world.rooms.quota.enter = enter
    world.holder.evaluateLookUp = () => Promise.reject(new Error('no answer'))
    await t.rejects(mine('/v2/findUsage'))
    world.holder.evaluateLookUp = evaluateLookUp
  })
})
