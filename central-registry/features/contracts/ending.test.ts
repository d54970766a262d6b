/** How contracts end at a real registry, on both databases: for good, with all their versions. */
import t from 'tap'
import { act, agreed, code, propose, seal, startContracts, stateOf } from '#test/fakes/contract-world.ts'
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
