/**
 * Names for ids at a security server: those of its configuration, and of contracts that the caller may see.
 */
import t from 'tap'
import type { ContractContent } from '#schemas/contract.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { names } from './feature.ts'

t.test('members, subsystems and contracts by their names', async (t) => {
  const { ask, rooms } = await createAdminWorld(t, {})
  t.same((await ask('GET', '/names?id=DEV:GOV:1000&id=DEV:GOV:NOBODY')).body, [
    { id: 'DEV:GOV:1000', name: 'Agency' },
  ])
  t.equal((await ask('GET', '/names?id=DEV')).status, 400)
  const open = contentAt(Date.now())
  const consumers = { subsystems: Array.from({ length: 7 }, (_, i) => `DEV/GOV/5678/tax${i}`) }
  const newer: ContractContent = { ...open, version: 2, title: 'The newer title', consumers }
  const secret = contentAt(Date.now(), { secret: { visibleTo: ['DEV/GOV/1234'] } })
  const kept = [newer, open, secret].map((content) => ({ content }) as KeptContract)
  const contracts = { view: () => ({ contracts: kept, refused: [], required: false }) }
  const { operations } = await names.open({ ...rooms, contracts } as never)
  const found = async (roles: string[], ...id: string[]) =>
    (await operations!['getNames']!({ query: { id }, caller: { roles } } as never)) as {
      id: string
      name: string
    }[]
  const shown = await found(['XROAD_AUDITOR'], open.contract, secret.contract)
  t.same(shown, [
    {
      ...{ id: open.contract, name: 'The newer title', provider: 'DEV:GOV:1234:plain' },
      ...{ consumers: consumers.subsystems.slice(0, 5).map((one) => one.replaceAll('/', ':')) },
      moreConsumers: 2,
    },
  ])
  const officer = await found(['XROAD_SERVICE_ADMINISTRATOR'], secret.contract)
  t.same(
    officer.map(({ id }) => id),
    [secret.contract],
    'who manages contracts sees it',
  )
})
