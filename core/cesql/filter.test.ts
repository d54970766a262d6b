import t from 'tap'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { EVENT } from './expression-fixture.ts'
import { compileFilter } from './filter.ts'

void t.test('filters of a subscription', async (t) => {
  const passes = (json: unknown, of: CloudEvent = EVENT): boolean => compileFilter(json)(of)
  const yes: unknown[] = [
    { exact: { type: 'org.example.moved', subject: 'cat' } },
    { exact: { specversion: '1.0', five: '5', yes: 'true' } },
    { prefix: { type: 'org.', subject: 'c' } },
    { suffix: { type: '.moved' } },
    { all: [{ exact: { subject: 'cat' } }, { prefix: { source: '/' } }] },
    { any: [{ exact: { subject: 'dog' } }, { prefix: { source: '/' } }] },
    { not: { exact: { subject: 'dog' } } },
    { not: { exact: { missing: 'x' } } },
    { sql: "type LIKE 'org.%' AND five < 6" },
    { sql: 'yes' },
    { not: { sql: 'missing = 1' } },
    [],
    [{ exact: { subject: 'cat' } }, { sql: 'EXISTS five' }],
  ]
  for (const json of yes) t.equal(passes(json), true, JSON.stringify(json))
  const no: unknown[] = [
    { exact: { type: 'org.example.moved', subject: 'Cat' } },
    { exact: { missing: 'undefined' } },
    { prefix: { missing: 'un' } },
    { prefix: { type: 'example' } },
    { suffix: { subject: 'a cat' } },
    { all: [{ exact: { subject: 'cat' } }, { exact: { subject: 'dog' } }] },
    { any: [{ exact: { subject: 'dog' } }] },
    { not: { not: { exact: { subject: 'dog' } } } },
    { sql: 'missing = 1' },
    { sql: 'text' },
    { sql: 'five' },
    { sql: '1 / 0 = 0' },
    [{ exact: { subject: 'cat' } }, { sql: 'FALSE' }],
  ]
  for (const json of no) t.equal(passes(json), false, JSON.stringify(json))
  const nested = (times: number): unknown =>
    times === 0 ? { exact: { id: '1' } } : { not: nested(times - 1) }
  const refused: [unknown, RegExp][] = [
    [null, /not an object/],
    ['sql', /not an object/],
    [{}, /one dialect/],
    [{ exact: { id: '1' }, prefix: { id: '1' } }, /one dialect/],
    [{ like: { id: '1' } }, /the dialect is not/],
    [JSON.parse('{"__proto__":{"id":"1"}}'), /the dialect is not/],
    [{ constructor: { id: '1' } }, /the dialect is not/],
    [{ exact: {} }, /no attribute/],
    [{ exact: [] }, /not an object/],
    [{ exact: { id: '' } }, /1 to 4096/],
    [{ exact: { id: 1 } }, /1 to 4096/],
    [{ exact: { id: 'x'.repeat(4_097) } }, /1 to 4096/],
    [{ exact: { '': 'x' } }, /name/],
    [{ exact: { Id: 'x' } }, /name/],
    [{ all: [] }, /a list/],
    [{ any: {} }, /a list/],
    [{ not: [] }, /not an object/],
    [{ sql: 1 }, /not a text/],
    [{ sql: 'id = ' }, /breaks off, at character 6/],
    [{ sql: '1 + 1' }, /not a condition/],
    [{ sql: 'UPPER(id)' }, /not a condition/],
    [{ sql: 'TRUE OR NOSUCH(1)' }, /no function NOSUCH/],
    [{ any: Array(5).fill({ sql: 'TRUE' }) }, /over 4 expressions/],
    [Array(65).fill({ exact: { id: '1' } }), /over 64/],
    [nested(8), /nested over 8/],
    [[[{ exact: { id: '1' } }]], /not an object/],
  ]
  for (const [json, what] of refused) {
    t.throws(() => compileFilter(json), { code: 'invalid_filter', what }, JSON.stringify(json).slice(0, 80))
  }
  t.equal(passes(nested(7)), false)
  let told = 0
  const costly = compileFilter(
    [{ sql: `LENGTH(CONCAT(${Array(10).fill('subject').join()})) > 0 OR missing` }],
    () => {
      told++
    },
  )
  t.equal(costly({ ...EVENT, subject: 'x'.repeat(60_000) }), false)
  t.equal(told, 1, 'too much work')
  t.equal(costly(EVENT), true)
  t.equal(told, 1)
  t.equal(compileFilter({ sql: 'missing = 1' }, () => told++)(EVENT), false)
  t.equal(told, 1, 'what the event lacks is no fault of the filter')
})
