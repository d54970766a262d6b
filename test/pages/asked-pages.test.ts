import t from 'tap'
import { askedPages } from './asked-pages.ts'

t.test(
  'with --only nothing is opened but the pages that are asked for, and the lists that lead to them',
  (t) => {
    const { isAsked, isOnTheWay } = askedPages(['/members', '/contracts/:id', '/settings?view=mail'])
    for (const title of ['/members', '/members/:id', '/members/:id?view=history', '/members failed']) {
      t.ok(isAsked(title), title)
      t.ok(isOnTheWay(title), title)
    }
    for (const title of ['/', '/members-of-others', '/servers', '/settings', '/settings?view=other'])
      t.notOk(isAsked(title) || isOnTheWay(title), title)
    t.ok(isAsked('/contracts/:id') && isAsked('/settings?view=mail'))
    t.strictSame([isAsked('/contracts'), isOnTheWay('/contracts')], [false, true], 'opened, and not shown')
    t.end()
  },
)

t.test('/ is the overview alone; who asks for nothing sees all', (t) => {
  const overview = askedPages(['/'])
  t.strictSame([overview.isAsked('/'), overview.isOnTheWay('/members')], [true, false])
  const all = askedPages(undefined)
  t.strictSame([all.isAsked('/members'), all.isOnTheWay('/')], [true, true])
  t.end()
})
