/** Notices of contracts: one that cannot be given keeps no other back. */
import t from 'tap'
import { collectFailures } from '#platform/collect-failures.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { createChange } from '../../changes/store.ts'
import type { Happened } from '../../contract-versions/move-version-store.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { createNoticeStore } from './notices-store.ts'
import { settleContracts } from './settle.ts'
import { createContractStore } from './store.ts'
import type { Tables } from './tables.ts'

const NOW = Date.parse('2026-06-01T12:00:00.000Z')
const at = (days: number): string => new Date(NOW + days * 86_400_000).toISOString()

void t.test('a damaged contract, and a part of the job that fails, keep nothing else back', async (t) => {
  const database = await openRegistryDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  for (const contract of ['C-1', 'C-2', 'C-3'])
    await putVersion(tablesOf<Tables>(database), {
      ...{ contract, version: 1, hash: contract, valid_until: at(20) },
      ...(contract === 'C-2' && { content: 'damaged' }),
    })
  const heard: string[] = []
  const record = createChange(database, async () => undefined)
  const log = { warn: () => undefined } as never
  const notify = async (_within: unknown, { contract, event }: Happened) =>
    void heard.push(`${contract} ${event}`)
  const notices = createNoticeStore({ database, record, notify, log })
  const done: string[] = []
  const settle = settleContracts({
    ...{ notices, log, clock: () => NOW, metrics: { watch: () => undefined } as never },
    store: {
      settle: async () => {
        throw new Error('a version does not move')
      },
    },
    addresses: { askDue: async () => void done.push('asked') },
    reading: { overdue: async () => done.push('counted') },
  })
  const why = /^2 failed: expiry: a version does not move; notices: 1 failed: C-2 1: /
  await t.rejects(settle(), { message: why })
  t.same(done, ['asked', 'counted'])
  const given = await tablesOf<Tables>(database).selectFrom('contract_notice').select('contract').execute()
  t.same(given.map(({ contract }) => contract).toSorted(), ['C-1', 'C-3'])
  t.same(new Set(heard), new Set(['C-1 ends-30', 'C-3 ends-30']))
  await t.rejects(settle(), { message: why }, 'it is tried again, and the others are told once')
  t.equal(
    (await tablesOf<Tables>(database).selectFrom('contract_notice').select('contract').execute()).length,
    2,
  )
})

void t.test(
  'a damaged contract whose end passes keeps no other from expiring or being replaced',
  async (t) => {
    const database = await openRegistryDatabase('sqlite::memory:')
    t.teardown(() => database.close())
    const tables = tablesOf<Tables>(database)
    for (const [contract, version, until] of [
      ['C-1', 1, at(-1)],
      ['C-2', 1, at(-1)],
      ['C-3', 1, at(-1)],
      ['C-4', 1, at(20)],
      ['C-4', 2, at(40)],
    ] as const)
      await putVersion(tables, {
        ...{ contract, version, hash: `${contract} ${version}`, valid_until: until },
        ...(contract === 'C-1' && { content: 'damaged' }),
      })
    const store = createContractStore({
      record: createChange(database, async () => undefined),
      notify: async () => undefined,
      announce: async () => undefined,
    })
    const settle = async () => {
      const failures = collectFailures({ warn: () => undefined })
      await store.settle(at(0), failures)
      failures.end()
    }
    await t.rejects(settle(), { message: /^1 failed: C-1: / })
    const states = async () =>
      (
        await tables
          .selectFrom('contract_version')
          .select(['contract', 'version', 'state'])
          .orderBy('contract')
          .orderBy('version')
          .execute()
      ).map((one) => `${one.contract}/${one.version} ${one.state}`)
    const settled = ['C-1/1 ACTIVE', 'C-2/1 EXPIRED', 'C-3/1 EXPIRED', 'C-4/1 SUPERSEDED', 'C-4/2 ACTIVE']
    t.same(await states(), settled)
    await t.rejects(settle(), { message: /^1 failed: C-1: / }, 'it is tried again')
    t.same(await states(), settled)
  },
)

/** One in force, of content that can be read. */
async function putVersion(
  tables: ReturnType<typeof tablesOf<Tables>>,
  row: { contract: string; version: number; hash: string; valid_until: string; content?: string },
): Promise<void> {
  const content = JSON.stringify({ provider: 'DEV/GOV/1/population', consumers: ['DEV/GOV/2/tax'] })
  await tables
    .insertInto('contract_version')
    .values({
      ...{ state: 'ACTIVE', title: row.contract, parties: '[]', content, global_group: null, critical: 0 },
      ...{ valid_from: at(-100), review_at: at(300), proposed_at: at(-101), proposed_by: 'DEV/GOV/1' },
      ...{ changed_at: at(-100), reason: null, origin: 'DEV', agreed_at: at(-100) },
      ...row,
    } as never)
    .execute()
}
