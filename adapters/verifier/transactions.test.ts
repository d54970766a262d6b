import t from 'tap'
import { createTransactions, type Transaction } from './transactions.ts'

void t.test(
  'what transactions hold is bounded, a status list counts once, and all of it is given back',
  (t) => {
    const clock = { now: 0 }
    const kept = createTransactions({ clock: () => clock.now, most: 3, mostOctets: 100 })
    const one = (id: string) =>
      ({
        id,
        requestId: `r${id}`,
        asked: { nonce: id },
        events: [],
        forgottenAt: 10,
      }) as unknown as Transaction
    const [a, b, c] = [one('a'), one('b'), one('c')]
    t.same([kept.add(a, 10), kept.add(b, 10)], ['added', 'added'])
    t.equal(kept.add({ ...one('e'), asked: a.asked }, 1), 'nonce', 'of another one')
    t.equal(kept.add(c, 81), 'room')
    t.equal(kept.find('c'), undefined)
    const list = 'l'.repeat(40)
    t.ok(kept.hold(a, 5, [list, list]) && kept.hold(a, 0, [list]) && kept.hold(b, 5, [list]))
    t.equal(kept.octets(), 70)
    t.notOk(kept.hold(b, 0, ['m'.repeat(31)]))
    t.equal(kept.octets(), 70, 'nothing of what was refused')
    t.equal(kept.add(c, 30), 'added')
    t.equal(kept.add(one('d'), 0), 'room', 'too many')
    a.forgottenAt = 1
    clock.now = 5
    kept.sweep()
    t.equal(kept.octets(), 85, 'another has the list')
    clock.now = 20
    kept.sweep()
    t.notOk(kept.hold(b, 1, []), 'it is forgotten')
    t.same([kept.octets(), kept.size()], [0, 0])
    for (let times = 0; times < 99; times++) kept.note(a, 'asked', 'Verifier', { cause: 'waiting' })
    kept.note(a, 'asked', 'Verifier', { cause: 'judging' })
    t.match(a.events, [
      { cause: 'waiting', times: 99 },
      { cause: 'judging', times: undefined },
    ])
    t.end()
  },
)
