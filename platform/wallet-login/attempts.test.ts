/** Attempts in a storm: a further one is refused, and nobody who began is put out. */
import t from 'tap'
import { type Attempt, createAttempts, digestOf } from './attempts.ts'

t.test('who has answered is not put out by those who begin', (t) => {
  let now = 0
  const attempts = createAttempts({ clock: () => now, most: 2 })
  const attempt = (id: string): Attempt =>
    ({ id, browser: digestOf('b'), state: 'answered', responseCode: 'r', endsAt: now + 10 }) as Attempt
  t.ok(attempts.add(attempt('a')))
  now = 5
  t.ok(attempts.add(attempt('b')))
  t.notOk(attempts.add(attempt('c')))
  t.equal(attempts.find('c'), undefined)
  t.match(attempts.byCode('a.r'), { id: 'a' })
  now = 10
  t.ok(attempts.add(attempt('c')), 'what is over gives way')
  t.match([attempts.find('a'), attempts.find('b'), attempts.size()], [undefined, { id: 'b' }, 2])
  attempts.end(attempt('b'))
  t.ok(attempts.add(attempt('d')))
  t.end()
})
