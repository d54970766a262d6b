/** Limits in the URL of a database: none of them may mean that something is waited for without end. */
import t from 'tap'
import { takeLimit } from './url-limit.ts'

t.test('a limit is a number of milliseconds, and is no part of the URL any more', async (t) => {
  const url = new URL('postgres://user@host/name?connectMs=60000&x=1')
  t.equal(takeLimit(url, 'connectMs'), 60_000)
  t.equal(takeLimit(url, 'connectMs'), 2000)
  t.equal(takeLimit(url, 'statementMs'), 5000)
  t.equal(url.search, '?x=1')
  for (const wrong of ['0', '', '2s', '-1', '1e3', '86400001', '99999999999', 'NaN'])
    t.throws(() => takeLimit(new URL(`postgres://host/name?statementMs=${wrong}`), 'statementMs'), {
      code: 'invalid_configuration',
    })
})
