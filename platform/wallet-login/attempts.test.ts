/** Attempts in a storm: a further one is refused, and those that have begun go on. */
import t from 'tap'
import { type Attempt, createAttempts, digestOf } from './attempts.ts'

t.test('who has answered is not put out by those who begin', (t) => {
  let now = 0
  const attempts = createAttempts({ clock: () => now, most: 2 })
  const add = (id: string): boolean => attempts.add(attempt(id), id)
  const attempt = (id: string): Attempt =>
    ({ id, browser: digestOf('b'), state: 'answered', responseCode: 'r', endsAt: now + 10 }) as Attempt
  t.ok(add('a'))
  now = 5
  t.ok(add('b'))
  t.notOk(add('c'))
  t.equal(attempts.find('c'), undefined)
  t.match(attempts.byCode('a.r'), { id: 'a' })
  now = 10
  t.ok(add('c'), 'what is over gives way')
  t.match([attempts.find('a'), attempts.find('b'), attempts.size()], [undefined, { id: 'b' }, 2])
  attempts.end(attempt('b'))
  t.ok(add('d'))
  t.end()
})

t.test('who begins many leaves places to others, and has one again for each that is over', (t) => {
  let now = 0
  const attempts = createAttempts({ clock: () => now, most: 3300 })
  let last = 0
  const add = (by: string): boolean =>
    attempts.add({ id: `${++last}`, browser: digestOf('b'), endsAt: now + 10 } as Attempt, by)
  const taken = (by: string): number => {
    let count = 0
    while (add(by)) count++
    return count
  }
  t.equal(taken('one'), 100)
  t.equal(taken('two'), 97, 'of what is free')
  const others = Array.from({ length: 100 }, (_, n) => taken(`other ${n}`))
  t.ok(Math.min(...others) > 0, 'a hundred that take what they can leave places')
  t.equal(taken('one'), 0)
  now = 10
  t.equal(taken('one'), 100, 'what is over counts no more')
  attempts.end({ id: `${last - 1}` } as Attempt)
  attempts.end({ id: 'nobody' } as Attempt)
  t.equal(taken('one'), 1, 'nor what was used')
  t.equal(attempts.size(), 100)
  now = 20
  t.equal(attempts.find(`${last - 1}`), undefined)
  t.equal(taken('one'), 100)
  t.end()
})
