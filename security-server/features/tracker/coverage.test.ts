/** What a tracker says that its answers cover, on both stores: nothing that is open is left out. */
import t from 'tap'
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
  const first = await use(person)
  await index()

  await t.test('the coverage says what is open of this subsystem, and of nobody else', async (t) => {
    const covered = async () => (await ask('/concordat/v1/coverage')).body
    const { places } = world.rooms.personUses
    const by = { by: 'test', at: new Date().toISOString() }
    // Services that were called before anybody said where the person stands: own, called by us, called by others.
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
