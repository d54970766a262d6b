/** What is read as an event that was fetched, from octets that anybody may have sent. */
import { hash } from 'node:crypto'
import t from 'tap'
import { compareEntries } from './compare.ts'
import { type Entry, entryOf, mergeEntries, readEntry, type State, writeEntry } from './entry.ts'
import { answeredOf, fetchedIn, fetchingOf, mayBeAnswer } from './fetched.ts'

const TYPE = 'DEV/GOV/1/register/moves/org.example.moved'
const ASKED = { what: 'given', type: TYPE } as const
const request = (line: string): Buffer =>
  Buffer.from(
    `${line}\r\nX-Road-Client:DEV/GOV/2/tax\r\nx-road-id:1\r\nx-road-request-id:1b6a0d3a-5e2f-4a7b-8d8e-0e8f7f3b9d11\r\n`,
  )
const event = (sequence: string, more: object = {}): object => ({
  ...{ id: sequence, sequence, publisherId: 'p', leasedUntil: '' },
  event: { sequence, specversion: '1.0', id: 'M-1', source: '/r', type: 'x', ...more },
})
const body = (...items: unknown[]): Buffer => Buffer.from(JSON.stringify(items))
const [ONE, TWO] = ['0001780000000001', '0001780000000002']

t.test('requests', (t) => {
  const at = '/r1/DEV/GOV/1/register/moves/pull/v1/org.example.moved'
  t.strictSame(fetchingOf(request(`GET\r\n${at}?limit=3`)), ASKED)
  t.strictSame(fetchingOf(request(`DELETE\r\n${at}/${ONE}`)), {
    ...{ what: 'confirmed', type: TYPE, sequence: ONE },
  })
  for (const line of [
    `POST\r\n${at}`,
    `GET\r\n${at}/${ONE}`,
    `DELETE\r\n${at}`,
    `DELETE\r\n${at}/1`,
    `GET\r\n/r1/DEV/GOV/1/register/moves/x?y=/pull/v1/a`,
    `GET\r\n/r1/DEV/GOV/1/register/moves/x/pull/v1/a`,
    'GET\r\n/pull/v1/a',
  ])
    t.equal(fetchingOf(request(line)), undefined, line)
  t.equal(fetchingOf(Buffer.from('\xff/pull/v1/', 'latin1')), undefined)
  t.end()
})

t.test('replies', (t) => {
  const ok = Buffer.from('200\r\nOK\r\n')
  t.ok(mayBeAnswer(ok, body(event(ONE!))))
  t.ok(mayBeAnswer(ok, Buffer.from(`{"id":"${ONE}","state":"confirmed"}`)))
  t.notOk(mayBeAnswer(Buffer.from('404\r\n'), body(event(ONE!))))
  for (const other of ['', '[]', '[{"id":"1"}]', '{"id":1}', `{"id":"${ONE}","state":"confirmed"} `])
    t.notOk(mayBeAnswer(ok, Buffer.from(other)), other)
  const given = answeredOf(body(event(ONE!), event(TWO!, { sequenceafter: ONE, data: { n: 2 ** 60 } })))!
  t.match(
    fetchedIn(ASKED, given).map(({ id }) => id),
    [`given:${TYPE}/${ONE}`, `given:${TYPE}/${TWO}`],
  )
  const again = answeredOf(body(event(ONE!, { data: 'cut otherwise' })))!
  t.strictSame(fetchedIn(ASKED, again)[0], fetchedIn(ASKED, given)[0], 'what it says does not change')
  const other = fetchedIn(ASKED, answeredOf(body(event(ONE!, { id: 'M-2' })))!)
  t.notOk(other[0]!.says.equals(fetchedIn(ASKED, given)[0]!.says))
  const confirmed = answeredOf(Buffer.from(`{"id":"${ONE}","state":"confirmed"}`))!
  t.match(fetchedIn({ what: 'confirmed', type: TYPE, sequence: ONE! }, confirmed), [
    { id: `confirmed:${TYPE}/${ONE}`, state: 'confirmed' },
  ])
  t.strictSame(fetchedIn({ what: 'confirmed', type: TYPE, sequence: TWO! }, confirmed), [])
  t.strictSame(fetchedIn(ASKED, confirmed), [])
  t.strictSame(fetchedIn({ what: 'confirmed', type: TYPE, sequence: ONE! }, given), [])
  const [long] = fetchedIn({ what: 'given', type: `${TYPE}${'x'.repeat(300)}` }, given)
  t.ok(long!.id.length <= 255)
  t.end()
})

t.test('hostile replies are none, as a whole', (t) => {
  for (const [what, bytes] of Object.entries({
    nothing: Buffer.alloc(0),
    'no JSON': Buffer.from(`[{"id":"${ONE}",`),
    'another number inside': body(event(ONE!, { sequence: TWO })),
    'no event': body({ id: ONE }),
    'an event that is a text': body({ id: ONE, event: 'x' }),
    'a list in a list': body([event(ONE!)]),
    'no source': body(event(ONE!, { source: 1 })),
    'a lone surrogate': body(event(ONE!, { source: '\ud800' })),
    'a strange predecessor': body(event(ONE!, { sequenceafter: '1' })),
    'one that is wrong among right ones': body(event(ONE!), event('x')),
    'more than a room gives': body(...Array.from({ length: 101 }, () => event(ONE!))),
    'members twice': Buffer.from(`[{"id":"${ONE}","id":"${ONE}","event":{}}]`),
    'too deep': Buffer.from(`[{"id":"${ONE}","event":${'['.repeat(100_000)}`),
    'no UTF-8': Buffer.from([0x5b, 0xff, 0x5d]),
    'too large': Buffer.concat([Buffer.from('['), Buffer.alloc(6 * 1024 * 1024, 32), Buffer.from(']')]),
  }))
    t.equal(answeredOf(bytes), undefined, what)
  t.match(answeredOf(body(event(ONE!, { data: JSON.parse('{"__proto__":{"x":1}}') }))), { given: [{}] })
  t.end()
})

t.test('who lacks an event or a confirmation', (t) => {
  const salt = Buffer.alloc(32, 1)
  const sha = (text: string): Buffer => hash('sha512', text, 'buffer')
  const entry = (state: State, says = 'one', reply = 'first'): Entry =>
    entryOf(salt, {
      ...{ asks: 'first', requestId: `given:${TYPE}/${ONE}`, state },
      ...{ request: sha(says), reply: sha(reply), signature: sha(reply) },
    })
  const verdict = (first: Entry | undefined, second: Entry | undefined) =>
    compareEntries({ key: Buffer.alloc(32), first, second })
  const given = entry('given')
  t.strictSame(readEntry(writeEntry(given)), given)
  t.strictSame(mergeEntries(given, entry('given', 'one', 'again')), given, 'given twice is given')
  t.match(verdict(given, entry('given', 'one', 'again')), { class: 'matched', state: 'given' })
  t.match(verdict(given, undefined), { class: 'missing', at: 'second', reason: 'event' })
  t.match(verdict(undefined, given), { class: 'unconfirmed', reason: 'event_not_received' })
  t.match(verdict(given, entry('given', 'two')), { class: 'differing', reason: 'event' })
  t.match(verdict(given, entry('answered')), { class: 'differing', reason: 'event' })
  const confirmed = entry('confirmed')
  t.match(verdict(confirmed, undefined), { class: 'missing', at: 'second', reason: 'confirmation' })
  t.match(verdict(undefined, confirmed), { class: 'unconfirmed', reason: 'confirmation_not_received' })
  t.end()
})
