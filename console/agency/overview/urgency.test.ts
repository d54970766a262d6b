import t from 'tap'
import { byUrgency } from './urgency.ts'

t.test(
  'what is urgent comes first, what waits for others last, and nothing else changes places',
  async (t) => {
    const waiting = [
      { what: 'a proposal', tone: 'warn' },
      { what: 'a proposal of mine', tone: 'quiet' },
      { what: 'a late complaint', tone: 'bad' },
      { what: 'a complaint', tone: 'warn' },
    ] as const
    t.same(
      byUrgency(waiting).map(({ what }) => what),
      ['a late complaint', 'a proposal', 'a complaint', 'a proposal of mine'],
    )
  },
)
