/**
 * When the registry is told of a checkpoint once more, by what it answered, and what many of them leave room
 * for.
 */
import t from 'tap'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import { Fault } from '#schemas/fault.ts'
import { CONTRADICTIONS_PATH, ORIGIN } from './lying-registry-fixture.ts'
import { createTellContradiction } from './tell-contradiction.ts'

const HOUR = 3_600_000

void t.test(
  'each is told until the registry has judged, and any number of others leave room for it',
  async (t) => {
    const ledger = createTestLog(ORIGIN)
    let now = Date.parse('2026-06-01T12:00:00Z')
    let answer: Fault | undefined
    const told: string[] = []
    const tell = createTellContradiction({
      server: { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', serverCode: 'SS1' },
      keys: { signJson: async ({ document }) => (document as { checkpoint: string }).checkpoint },
      post: async (at, checkpoint) => {
        t.equal(at, CONTRADICTIONS_PATH)
        told.push(checkpoint)
        if (answer !== undefined) throw answer
        return Buffer.from('{}')
      },
      clock: () => now,
      log: { warn: () => undefined },
    })
    const count = async (size: number, after = 0): Promise<number> => {
      now += after
      told.length = 0
      await tell([ledger.checkpoint(size)])
      return told.length
    }
    const refused = (what: string) => new Fault('registration_refused', { what })
    answer = new Fault('registration_unavailable')
    t.same([await count(1), await count(1, HOUR / 60), await count(1, HOUR / 6)], [1, 0, 1], 'away')
    answer = refused('service_unavailable: the lost entries of this log are not back yet')
    t.same(
      [await count(1, HOUR), await count(1, HOUR / 2), await count(1, HOUR)],
      [1, 0, 1],
      'for the moment',
    )
    answer = refused('conflict: the log has the checkpoint of 1 entries')
    t.same([await count(1, HOUR), await count(1, 2 * HOUR)], [1, 0], 'the log has it')
    t.equal(await count(1, 24 * HOUR), 1, 'a day later it may have lost it')
    t.equal(await count(1, 10_000 * HOUR), 1, 'the clock leaps ahead')
    t.equal(await count(1, -10_000 * HOUR), 1, 'and is put right: it waits no longer than a day')
    answer = undefined
    t.same([await count(1, 24 * HOUR), await count(1, 1000 * HOUR)], [1, 0], 'kept')
    for (let size = 2; size <= 40; size++) t.same([await count(size), await count(size)], [1, 0], `${size}`)
    t.equal(await count(1), 1, 'the one told longest ago was forgotten')
  },
)
