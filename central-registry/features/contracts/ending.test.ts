/** How contracts end at a real registry, on both databases: for good, with all their versions. */
import t from 'tap'
import {
  act,
  agreed,
  code,
  decide,
  listFor,
  propose,
  seal,
  startContracts,
  stateOf,
  THIRD,
} from '#test/fakes/contract-world.ts'
import { contentAt, hashOf, inDays } from '#test/fakes/contracts.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { GUEST, OWNER } from '#test/fakes/request-world.ts'

t.test('a version that a party terminates does not come back by the next one', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const { now } = w.world.clock
    for (const isSealed of [true, false]) {
      const services = [{ serviceCode: `service-${isSealed}`, endpoints: [{ method: '*', path: '**' }] }]
      const first = await agreed(w, { services })
      const later = { version: 2, supersedes: hashOf(first), validFrom: inDays(now, 10) }
      const second = contentAt(now, { ...first, ...later })
      t.equal((await propose(w, second)).status, 200)
      if (isSealed) for (const signer of [GUEST, OWNER]) await seal(w, second, signer)
      t.equal(await stateOf(w, second), isSealed ? 'ACTIVE' : 'PROPOSED')
      t.equal(await stateOf(w, first), 'ACTIVE', 'until the other one begins')
      t.match(await act(w, first, GUEST, 'terminate'), {
        status: 200,
        body: { version: 1, state: 'TERMINATED' },
      })
      for (const content of [first, second]) t.equal(await stateOf(w, content), 'TERMINATED')
      t.match(await act(w, second, OWNER, 'terminate'), code(409, 'contract_not_possible'))
    }
  }),
)

t.test('who joined the terms of a group leaves them alone, and decides nothing for the others', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const { node } = w
    await node.must('POST', '/global-groups', { code: 'readers', description: 'Readers' })
    for (const client of ['DEV:GOV:5678:tax', 'DEV:GOV:9:other'])
      await node.must('POST', '/global-groups/readers/members', { client })
    await node.must('PUT', '/contract-policy', { contractRequired: true, approveAll: true })
    const terms = contentAt(w.world.clock.now, { consumers: { globalGroup: 'readers' } })
    for (const reply of [await propose(w, terms, OWNER), await seal(w, terms, OWNER)])
      t.equal(reply.status, 200)
    const join = (signer: string, subsystem: string) =>
      seal(w, terms, signer, { subsystems: [`${signer}/${subsystem}`] })
    for (const reply of [await join(GUEST, 'tax'), await join(THIRD, 'other')]) t.equal(reply.status, 200)
    t.equal(await stateOf(w, terms), 'ACCEPTED')
    t.match(await act(w, terms, GUEST, 'decline', ['Director (1)']), code(400, 'access_denied'))
    t.equal((await decide(w, terms, 'approve')).status, 200)
    const own = contentAt(w.world.clock.now, {
      ...terms,
      ...{ version: 2, supersedes: hashOf(terms), provider: 'DEV/GOV/9/other' },
    })
    t.match(await propose(w, own, THIRD), code(400, 'access_denied'), 'nor replaces them by its own')

    const listed = async (signer: string) =>
      (await listFor(w, signer)).contracts.map(({ state, seals }) => [state, seals.length])
    t.same(await listed(OWNER), [['ACTIVE', 3]])
    t.match(await act(w, terms, GUEST, 'terminate', ['Director (1)']), code(403, 'second_signatory_needed'))
    t.equal((await node.call('DELETE', '/global-groups/readers/members/DEV:GOV:9:other')).status, 204)
    for (const signer of [GUEST, THIRD]) {
      t.match(await act(w, terms, signer, 'terminate'), { status: 200, body: { state: 'ACTIVE' } }, signer)
      t.match(await act(w, terms, signer, 'terminate'), code(400, 'access_denied'), 'once')
    }
    t.same(await listed(OWNER), [['ACTIVE', 1]], 'the provider hears who is left')
    t.same(await listed(GUEST), [['ACTIVE', 1]], 'a member of the group may join again')
    t.same(await listed(THIRD), [])
    const { events } = (await node.must('GET', `/contracts/${terms.contract}`)) as { events: object[] }
    t.match(events.slice(-2), [
      { act: 'leave', by: `${GUEST} (Director (1), Lawyer (2))`, reason: 'For a reason.' },
      { act: 'leave', by: `${THIRD} (Director (1), Lawyer (2))` },
    ])
    t.match(await join(GUEST, 'tax'), { status: 200 })
    const remove = () => node.call('DELETE', '/subsystems/DEV:GOV:5678:tax')
    t.match(await remove(), { status: 409, body: { message: /service contracts/ } })
    t.equal((await node.call('DELETE', '/global-groups/readers/members/DEV:GOV:5678:tax')).status, 204)
    t.same(await listed(GUEST), [['ACTIVE', 2]], 'who joined and left the group sees the terms still')
    const registered = await remove()
    t.notMatch(
      registered,
      { body: { message: /service contracts/ } },
      'but they hold its subsystem no longer',
    )
    t.match(
      await act(w, terms, OWNER, 'terminate'),
      { body: { state: 'TERMINATED' } },
      'the provider ends them',
    )
    await node.stop()
  }),
)
