/**
 * Events of an inbox that nobody can read, beside those of others; against a listener in place of a security
 * server.
 */
import t from 'tap'
import { type Behaviour, CLIENT, fault, listen } from './listener-fixture.ts'

const INBOX = 'DEV/GOV/1001/population/assessments'
const LEASE = '11111111-1111-4111-8111-111111111111'

/** An inbox that gives out `events`, texts by their number, and whose returns are answered by `returns`. */
const giving =
  (
    events: [id: string, sender: string, event: string][],
    returns: (id: string) => string[] | undefined,
  ): Behaviour =>
  (response, { method, target }) => {
    if (method === 'GET') {
      const items = events.map(
        ([id, sender, event]) =>
          `{"id":"${id}","delivery":"D-${id}","sender":"${sender}","attempt":3,"leaseId":"${LEASE}","event":${event}}`,
      )
      response.writeHead(200, { 'content-type': 'application/json' }).end(`{"events":[${items.join()}]}`)
      return
    }
    const returned = returns(target.split('/').at(-2)!)
    if (returned === undefined) fault(409, 'client.lease_lost')(response, {} as never)
    else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ returned, consumed: null }))
  }
const eventOf = (id: string, data = '1'): string =>
  `{"specversion":"1.0","id":"${id}","source":"/t","type":"x","data":${data}}`
const returnsOf = (arrived: { method: string; target: string }[]): string[] =>
  arrived
    .filter(({ target }) => target.includes('/return'))
    .map(({ target }) => target.split('/').slice(-2).join('/'))

t.test('an event that nobody can read goes back, and keeps no other from its inbox', async (t) => {
  const [tax, courts] = [CLIENT, 'DEV/GOV/1003/courts']
  for (const text of [
    eventOf('bad', '{"a":1,"a":2}'),
    eventOf('bad', '['.repeat(300) + ']'.repeat(300)),
    '{}',
  ]) {
    const { own, arrived } = await listen(
      t,
      giving(
        [
          ['1', tax, eventOf('A')],
          ['2', tax, text],
          ['3', tax, eventOf('behind it')],
          ['4', tax, eventOf('B')],
          ['5', courts, eventOf('C', '1.50')],
        ],
        () => ['2', '3'],
      ),
    )
    const heard: unknown[] = []
    const events = await own.inbox(INBOX).fetch({ onTrouble: (trouble) => heard.push(trouble) })
    t.strictSame(
      events.map(({ event, bytes }) => [event.id, Buffer.from(bytes).toString()]),
      [
        ['A', eventOf('A')],
        ['B', eventOf('B')],
        ['C', eventOf('C', '1.50')],
      ],
    )
    t.match(heard, [{ code: 'unreadable_event', id: 'D-2', message: /number 2, of DEV\/GOV\/1002\/tax/ }])
    t.equal(heard.length, 1)
    t.strictSame(returnsOf(arrived), [`2/return?leaseId=${LEASE}&delay=4&untouched=false`])
  }
})

t.test('nothing overtakes what nobody can read when that cannot be given back', async (t) => {
  const [tax, courts] = [CLIENT, 'DEV/GOV/1003/courts']
  const bad = eventOf('bad', '{"a":1,"a":2}')
  const { own, arrived } = await listen(
    t,
    giving(
      [
        ['1', tax, bad],
        ['2', courts, bad],
        ['3', tax, eventOf('A')],
        ['4', 'DEV/COM/7/shop', eventOf('B')],
      ],
      () => undefined,
    ),
  )
  const events = await own.inbox(INBOX).fetch()
  t.strictSame(
    events.map(({ event }) => event.id),
    ['B'],
  )
  t.equal(returnsOf(arrived).length, 1, 'the first failure is enough')
})

t.test('work goes on past an event that nobody can read, and tells of it', async (t) => {
  const { own, arrived } = await listen(
    t,
    giving(
      [
        ['1', CLIENT, eventOf('bad', '{"a":1,"a":2}')],
        ['2', CLIENT, eventOf('A')],
      ],
      (id) => [id],
    ),
  )
  const ended = new AbortController()
  const [handled, heard]: [string[], unknown[]] = [[], []]
  await own.inbox(INBOX).work(
    ({ event }) => {
      handled.push(event.id)
      ended.abort()
    },
    { signal: ended.signal, onTrouble: (trouble) => heard.push(trouble) },
  )
  t.strictSame(handled, ['A'])
  t.match(heard, [{ code: 'unreadable_event', id: 'D-1' }])
  t.ok(arrived.some(({ target }) => target.endsWith('/2/acknowledgement')))
})
