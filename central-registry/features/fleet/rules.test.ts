/**
 * The troubles of a server at the limits of each rule; and a CSV file without cells that a spreadsheet would
 * calculate.
 */
import t, { type Test } from 'tap'
import { reportAt } from '#test/fakes/fleet.ts'
import { campaignCsv, campaignOf } from './campaign.ts'
import { troublesOf } from './rules.ts'

const OWNER = 'DEV/GOV/1234'
const MINUTE = 60_000
const DAY = 86_400_000
const sha = (digit: string): string => digit.repeat(64)

void t.test('rules', async (t: Test) => {
  const now = Date.parse('2026-03-01T12:00:00.000Z')
  const iso = (ms: number): string => new Date(now + ms).toISOString()
  const told = (more: object, known: object = {}): [string, number][] =>
    troublesOf({ report: reportAt(OWNER, now, more), registered: [], ...known }, now).map(
      ({ kind, severity }): [string, number] => [kind, severity],
    )
  t.same(troublesOf({ registered: [] }, now), [], 'never heard of')
  t.same(told({}), [])
  t.same(told({}, { reportedAt: iso(-5 * MINUTE) }), [])
  t.same(told({}, { reportedAt: iso(-5 * MINUTE - 1) }), [['silent', 2]])
  t.same(told({ configuration: { failure: 'x' } }), [['configuration', 2]])
  t.same(told({ configuration: { expiresAt: iso(0), fetchedAt: iso(-1) } }), [['configuration', 2]])
  t.same(told({ timeStamping: { oldestUnstamped: iso(-10 * MINUTE) } }), [])
  t.same(told({ timeStamping: { oldestUnstamped: iso(-121 * MINUTE) } }), [['timeStamping', 2]])
  t.same(told({ timeStamping: { failure: 'x' } }), [['timeStamping', 1]])
  t.same(told({ clockErrorMs: 10_000 }), [])
  t.same(told({ clockErrorMs: -150_001 }), [['clock', 2]])
  const ended = { sha256: sha('a'), notAfter: iso(0) }
  const soon = { sha256: sha('b'), notAfter: iso(DAY) }
  t.same(told({}, { registered: [soon, ended] }), [['certificate', 2]], 'the worst of a kind')
  const probe = { messagePort: 'open', ocspPort: 'silent', certificate: sha('d') }
  t.same(told({}, { probe }), [
    ['ocspPort', 2],
    ['peerCertificate', 2],
  ])
  const csv = campaignCsv(
    campaignOf({
      servers: [{ id: '=1+1,"x"', reportedAt: null }],
      registered: [],
      reported: [],
    }),
  )
  t.equal(csv.split('\r\n')[1], `"'=1+1,""x""",unknown,,,,,`)
})
