/**
 * Names for ids at a real registry, on each database: members, subsystems, and contracts with their parties.
 */
import t from 'tap'
import { act, propose, startContracts } from '#test/fakes/contract-world.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { GUEST } from '#test/fakes/request-world.ts'

t.test('what has an id has a name', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const first = contentAt(w.world.clock.now, { title: 'Before' })
    t.equal((await propose(w, first)).status, 200)
    t.equal((await act(w, first, GUEST, 'withdraw')).status, 200)
    const second = { ...first, version: 2, title: 'Persons for taxation' }
    t.equal((await propose(w, second)).status, 200)
    const names = async (...ids: string[]) =>
      (await w.node.call('GET', `/names?${ids.map((id) => `id=${encodeURIComponent(id)}`).join('&')}`)) as {
        status: number
        body: { id: string; name: string; memberName?: string }[]
      }

    const { name: owner } = (await w.node.must('GET', '/members/DEV:GOV:1234')) as { name: string }
    const found = (await names('DEV:GOV:9', 'DEV:GOV:1234:pop ä', first.contract.toUpperCase(), 'X:Y:1')).body
    t.same(
      found.toSorted((a, b) => a.id.localeCompare(b.id)),
      [
        {
          ...{ id: first.contract, name: 'Persons for taxation', provider: 'DEV:GOV:1234:plain' },
          ...{ consumers: ['DEV:GOV:5678:tax'], moreConsumers: 0 },
        },
        { id: 'DEV:GOV:1234:plain', name: '', memberName: owner },
        { id: 'DEV:GOV:1234:pop ä', name: 'Persons', memberName: owner },
        { id: 'DEV:GOV:5678:tax', name: '', memberName: 'A member' },
        { id: 'DEV:GOV:9', name: 'A member' },
      ].toSorted((a, b) => a.id.localeCompare(b.id)),
      'by its newest version, with its parties; what is of another instance is left out',
    )
    t.equal((await names('DEV:GOV')).status, 400)
    t.equal((await names(...Array.from({ length: 101 }, (_, i) => `DEV:GOV:${i}`))).status, 400)
    t.equal((await names()).status, 400)
  }),
)
