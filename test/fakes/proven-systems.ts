/** The two systems of one use whose logs are real, as their trackers tell it to a portal, truly or not. */
import type { Usage } from '#schemas/find-usage.ts'
import type { ProvenUse } from './proven-use.ts'
import { exchange, type FakeSystem, tells } from './usage-systems.ts'

export const POPULATION: FakeSystem = {
  ...{ id: 'DEV/GOV/5678/population', name: 'Population register', owner: 'Population Agency' },
}
export const TAX: FakeSystem = { id: 'DEV/GOV/1234/tax', name: 'Tax assessment', owner: 'Tax Agency' }

type Change = { row?: Partial<Usage>; proof?: Buffer }

/** The two systems as their trackers tell `use`; `changes` are lies. */
export function tellBoth(use: ProvenUse, changes: { provider?: Change; consumer?: Change } = {}): void {
  const rows = exchange({ number: 1, time: '', client: TAX, provider: POPULATION, purpose: 'Taxes' })
  for (const [role, system] of [
    ['provider', POPULATION],
    ['consumer', TAX],
  ] as const) {
    const { said, proof } = use[role]
    const [id, version] = said.contract.split('/')
    const row = {
      ...{ ...rows[role], messageId: use.messageId, requestId: use.requestId, time: said.time },
      ...{ record: said.record, contract: { id: id!, version: Number(version) }, outcome: 'ok' },
      ...changes[role]?.row,
    }
    system.answers = tells(system, [row], { proof: changes[role]?.proof ?? proof })
  }
}
