/**
 * A request leaves while the registry is away and the configuration past its end: only a contract that grants
 * a grace lets it go.
 */
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { Overdue } from '../global-configuration/overdue.ts'
import { exchange } from './exchange.ts'
import { createConsumerWorld } from './fixture.ts'

const HOUR_MS = 3_600_000
const made = await createConsumerWorld(t)
const { world, rooms, log } = made
const overdue: Overdue = {
  ...{ code: 'global_conf_outdated', since: Date.parse('2026-03-01T12:00:00Z'), forMs: HOUR_MS },
}
const codeOf = async (arrival = made.arrival()): Promise<string> =>
  exchange(arrival, rooms).then(
    () => 'ok',
    (thrown: unknown) => (thrown as Fault).code,
  )

t.test('as its contract says', async (t) => {
  let terms: RecordTerms = { contract: 'c0ffee/1', graceMs: 2 * HOUR_MS }
  Object.assign(rooms, { contracts: { contractFor: () => terms } })
  world.overdue = overdue
  t.equal(await codeOf(), 'ok')
  t.match(log.records[0]?.extra, { graceSince: '2026-03-01T12:00:00.000Z' })
  made.received.length = 0
  // The grace ends while the provider works: the reply cannot be judged any more.
  const { peer } = made
  made.peer = async (received) => {
    const reply = await made.replyTo(received)
    world.overdue = { ...overdue, forMs: 2 * HOUR_MS }
    return reply
  }
  t.match(await codeOf(), /reply_not_accepted|global_conf_outdated/)
  t.equal(log.records.at(-1)?.kind, 'outcome-unknown')
  made.peer = peer
  made.received.length = 0
  // What began before the end and has no grace ends as it always did.
  terms = { contract: 'c0ffee/1' }
  world.overdue = undefined
  made.peer = async (received) => {
    const reply = await made.replyTo(received)
    world.overdue = { ...overdue, forMs: 1 }
    return reply
  }
  t.match(await codeOf(), /reply_not_accepted|global_conf_outdated/)
  made.peer = peer
})

t.test('refused before anything is signed', async (t) => {
  log.records.length = 0
  made.received.length = 0
  Object.assign(rooms, {
    contracts: {
      contractFor: () => {
        throw new Fault('global_conf_outdated')
      },
    },
  })
  world.overdue = overdue
  t.equal(await codeOf(made.arrival({ body: Buffer.alloc(200_000) })), 'global_conf_outdated')
  const metadata = made.arrival({ url: '/r1/DEV/GOV/2000/population/listMethods' })
  t.equal(await codeOf(metadata), 'global_conf_outdated', 'metadata have no contract')
  t.strictSame([log.records.length, made.received.length], [0, 0])
})
