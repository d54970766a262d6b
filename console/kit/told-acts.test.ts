import t from 'tap'
import type { AuditEntry } from './act-sentence.tsx'
import { ASKED, toldActs } from './told-acts.ts'

const act = (sequence: number, data: unknown = null, id = 'a'): AuditEntry => ({
  ...{ sequence, at: '2026-06-01T12:00:00.000Z', caller: { id, name: id }, operation: 'changePerson' },
  ...{ target: '/api/v1/people/1', data, digest: '' },
})
const given = (roles: string[]) => ({ body: { roles } })

t.test('the same act is one line; what was given with it tells acts apart', (t) => {
  const entries = [act(5), act(4, given([])), act(3, given(['XROAD_AUDITOR'])), act(2, given([])), act(1)]
  t.match(toldActs(entries), [
    { entry: { sequence: 5 }, count: 2, isAll: true },
    { entry: { sequence: 4 }, count: 2, isAll: true },
    { entry: { sequence: 3 }, count: 1, isAll: true },
  ])
  t.equal(toldActs([act(2), act(1, null, 'b')]).length, 2, 'of two people')
  t.strictSame(toldActs([]), [])
  t.end()
})

t.test('when there may be older ones, the count is not all', (t) => {
  const entries = Array.from({ length: ASKED }, (_, at) => act(ASKED - at))
  t.match(toldActs(entries), [{ count: ASKED, isAll: false }])
  t.match(toldActs(entries.slice(1)), [{ count: ASKED - 1, isAll: true }])
  t.end()
})
