/** Who agrees to what an order shows of content, on both stores. */
import t, { type Test } from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { createAuditOrderWorld } from './audit-orders-fixture.ts'
import { twoPeople } from './two-people.ts'

await eachDatabase(t, async (_database, t: Test, url) => {
  const { answers, order, give, roomOf, people } = await createAuditOrderWorld(t, url)

  await t.test('what is shown of content where two have to agree to it takes two people', async (t) => {
    const room = roomOf({ needsApproval: true })
    const roles = ['XROAD_CONTENT_AUDITOR']
    const person = (id: string) => ({ kind: 'person' as const, id, name: id, roles })
    const key = (id: string) => ({ ...person(id), kind: 'key' as const })
    for (const id of ['ada', 'ben', 'cyd']) people.set(id, { state: 'active', roles })
    const made: Record<string, string | null> = { operators: null, adas: 'ada', bens: 'ben' }
    const apiKeys = { find: async (id: string) => (id in made ? { roles, createdBy: made[id]! } : undefined) }
    const rooms = { apiKeys, people: { find: async (id: string) => people.get(id) } } as never
    const one = give(order())
    const approve = (caller: ReturnType<typeof person> | ReturnType<typeof key>) =>
      room.approve(one.id, caller, twoPeople(caller, rooms))
    await room.run()
    await t.rejects(approve(key('operators')), { code: 'key_without_person' }, 'anybody could hold it')
    t.match(await approve(person('ada')), { state: 'waiting', agreed_by: 'ada', decided_by: null })
    await t.rejects(approve(person('ada')), { code: 'not_second_person' })
    await t.rejects(approve(key('bens')), { code: 'not_in_person' })
    await room.run()
    t.same(answers, [])
    people.set('ada', { state: 'locked', roles })
    t.match(
      await approve(person('ben')),
      { state: 'waiting', agreed_by: 'ben' },
      'who is locked has not agreed',
    )
    people.set('ben', { state: 'active', roles: ['XROAD_AUDITOR'] })
    t.match(await approve(person('cyd')), { state: 'waiting', agreed_by: 'cyd' }, 'nor who lost the role')
    await t.rejects(approve(person('ben')), { code: 'session_ended' }, 'who lost it since they asked')
    await t.rejects(room.refuse(one.id, 'no', person('ada')), { code: 'session_ended' })
    for (const id of ['ada', 'ben']) people.set(id, { state: 'active', roles })
    const two = twoPeople(person('ben'), rooms)
    const meanwhile = {
      ...two,
      whyNot: (first: string) => {
        people.set('cyd', { state: 'locked', roles })
        return two.whyNot(first)
      },
    }
    await t.rejects(room.approve(one.id, person('ben'), meanwhile), { code: 'conflict' }, 'at this moment')
    people.set('cyd', { state: 'active', roles })
    t.match(await approve(person('ben')), { state: 'due', decided_by: 'ben' })
    await room.run()
    t.match(answers, [{ outcome: 'answered' }])
    const other = give(order())
    await room.run()
    t.match(await room.approve(other.id, key('adas'), twoPeople(key('adas'), rooms)), { agreed_by: 'adas' })
    const ada = person('ada')
    await t.rejects(room.approve(other.id, ada, twoPeople(ada, rooms)), { code: 'not_second_person' })
    people.set('ada', { state: 'locked', roles })
    const ben = person('ben')
    t.match(
      await room.approve(other.id, ben, twoPeople(ben, rooms)),
      { agreed_by: 'ben' },
      'a key of who is locked',
    )
    await room.refuse(other.id, 'no', ben)
    await room.run()
    const metadata = give(order({ sample: 0 }))
    await room.run()
    t.match(await room.approve(metadata.id, ben, twoPeople(ben, rooms)), { state: 'due' })
    await room.run()
  })
})
