/** Two servers compare their logs: what matches, what is missing, what differs, and what is no discrepancy at all. */
import t, { type Test } from 'tap'
import type { Statement } from '#schemas/reconciliation.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql } from '#test/postgresql.ts'
import { openStatement } from './conclude.ts'
import { reconcile } from './initiate.ts'
import { createTwoServers, type Side, type TwoServers } from './reconciliation-fixture.ts'

async function onEachStore(name: string, act: (t: Test, two: TwoServers) => Promise<void>): Promise<void> {
  await t.test(name, async (t) => {
    await t.test('on sqlite', async (t) => act(t, await createTwoServers(t, 'sqlite')))
    await t.test('on postgresql', async (t) => {
      if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
      await act(t, await createTwoServers(t, 'postgresql'))
    })
  })
}

/** Compares a settled day; both sides keep the same statement. */
async function compare(t: Test, two: TwoServers, day: string, by: Side = two.tax): Promise<Statement> {
  await two.settle(day)
  const state = await reconcile(two.pairOf(by, day), by.rooms)
  const rows = await Promise.all(
    [two.tax, two.population].map((side) => side.rooms.store.find(two.pairOf(side, day))),
  )
  t.equal(state, 'concluded', rows.map((row) => row?.error).join())
  t.ok(rows[0]?.statement)
  t.equal(rows[0]?.statement, rows[1]?.statement, 'both keep the same')
  for (const row of rows) t.equal(row?.progress, '', 'the salt is forgotten')
  return openStatement(rows[0]!.statement, ['DEV/GOV/1000', 'DEV/GOV/2000'], two.tax.rooms)
}

const NONE = {
  matched: 0,
  missingAtFirst: 0,
  missingAtSecond: 0,
  differing: 0,
  notComparable: 0,
  unconfirmed: 0,
}

await onEachStore('a clean day', async (t, two) => {
  const day = await two.nextDay()
  for (let i = 0; i < 5; i++) await two.ask({ path: `/${i}` })
  await two.ask({ body: Buffer.alloc(200_000, 7) })
  two.isAllowed = false
  t.match((await two.ask()).failed, { code: 'peer_fault' })
  two.isAllowed = true
  const statement = await compare(t, two, day)
  t.match(statement, { day, counts: { ...NONE, matched: 7 }, reasons: {}, findings: [], omitted: 0 })
  t.match(statement.first, { server: 'DEV/GOV/1000/ss1', member: 'DEV/GOV/1000', exchanges: 7 })
  t.match(statement.second, { server: 'DEV/GOV/2000/ss2', member: 'DEV/GOV/2000', exchanges: 7 })
})
