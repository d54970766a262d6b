/** What a room refuses: events, schemas, subscriptions, addresses. Nothing is done by what is refused. */
import { Fault } from '#schemas/fault.ts'
import { NotSent } from '../../peer/not-sent.ts'
import { unreachable } from '../deliveries/delivery-fixture.ts'
import { AS_TAX, event, INBOX, onBoth, PUB, ROOM_ID, SUBSCRIBER, TYPE } from './subscription-fixture.ts'

const SUBS = `/api/v1/subs/${TYPE}`

const members = (count: number, value: unknown): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, value]))
/** With these an event has as many octets in its attributes as it may have. */
const filled = filledTo(65_536)

function filledTo(octets: number): object {
  const own = Object.entries(event({ id: 'full' }))
    .flat()
    .join('').length
  return { id: 'full', more: 'x'.repeat(octets - own - 'more'.length) }
}

await onBoth('refusals', async (t, world) => {
  const { node } = world
  const add = (more: object) =>
    node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE, ...more } })
  await t.rejects(add({ schema: { type: 'nonsense' } }), { code: 'invalid_input' })
  await t.rejects(add({ schema: { title: 'x'.repeat(70_000) } }), { code: 'invalid_input' })
  await t.rejects(add({ roomId: 'DEV:GOV:1000:tax:others' }), { code: 'conflict' })
  await add({
    schema: {
      ...{ type: 'object', required: ['sum'], properties: { sum: { $ref: '#/$defs/sum' } } },
      $defs: { sum: { type: 'integer', minimum: 1 } },
    },
  })
  const body = (more: object) => JSON.stringify(event({ data: { sum: 1 }, ...more }))
  const publish = (text: string | Buffer) => node.ask('POST', `/pub/v1/${TYPE}`, text, 'DEV/GOV/1000/other')

  await t.test('events', async (t) => {
    const wrong: [text: string | Buffer, code: string][] = [
      ['', 'malformed_json'],
      ['{', 'malformed_json'],
      ['[]', 'invalid_event'],
      ['{}', 'invalid_event'],
      [Buffer.from([0x7b, 0xff, 0x7d]), 'malformed_json'],
      [body({}).replace('{', '{"id":"x",'), 'malformed_json'],
      [body({ type: 'org.example.other' }), 'invalid_event'],
      [body({ id: 'x'.repeat(1025) }), 'invalid_event'],
      [body({ sequence: '1' }), 'invalid_event'],
      [body({ sequenceafter: '1' }), 'invalid_event'],
      // Without a value they are attributes that are absent, and members that would be doubled.
      [body({ sequence: null }), 'malformed_json'],
      [body({ sequenceafter: null }), 'malformed_json'],
      // Too much only with what the server adds.
      [body(members(251, 'x')), 'invalid_event'],
      [body(members(294, null)), 'malformed_json'],
      [body(filled), 'invalid_event'],
      [body({ expirytime: '2020-01-01T00:00:00Z' }), 'delivery_expired'],
      [body({ data: { sum: 0 } }), 'not_as_described'],
      [body({ data: { sum: 'one' } }), 'not_as_described'],
      [body({ data: undefined }), 'not_as_described'],
      [body({ datacontenttype: 'text/plain', data: 'sum' }), 'not_as_described'],
      [body({ data: { sum: 1, more: 'x'.repeat(100_000) } }), 'body_too_large'],
    ]
    for (const [text, code] of wrong) {
      const refused = await publish(text).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      t.ok(refused instanceof NotSent, `${code}: the refusal says that nothing was done`)
      t.match(refused, { code }, String(text).slice(0, 60))
    }
    t.notMatch(await publish(body({ data: { sum: 'secret' } })).catch(String), /secret/, 'no value is told')
    const taken = await publish(body({ id: 'first' }))
    t.equal(taken.status, 201)
    t.match(await publish(body({ id: 'second' })), {
      body: { sequence: String(Number(taken.body['sequence']) + 1).padStart(16, '0') },
    })
  })

  await t.test('more than a type may keep', async (t) => {
    const { settings } = world.made
    const kept = async () => {
      const { items } = (await node.operation('getEventTypes')) as { items: { octets: number }[] }
      return items[0]!.octets
    }
    const before = await kept()
    const { body: view } = await publish(body({ id: 'last' }))
    const more = (await kept()) - before
    t.ok(more > body({ id: 'last' }).length)
    const usual = settings.typeBytes
    settings.typeBytes = before + 2 * more - 1
    const full = await publish(body({ id: 'over' })).catch((cause: unknown) => cause)
    t.ok(full instanceof NotSent)
    t.match(full, { code: 'event_type_full', retryAfter: 60 })
    t.match(await publish(body({ id: 'last' })), { body: view }, 'what it has it knows')
    await node.ask('DELETE', `/pub/v1/${TYPE}/${view['id']}`, '', 'DEV/GOV/1000/other')
    t.equal(await kept(), before + 256, 'what was taken back is still a row')
    t.equal((await publish(body({ id: 'over' }))).status, 201)
    settings.typeBytes = usual
  })

  await t.test('addresses and methods', async (t) => {
    for (const [method, at] of [
      ['GET', '/'],
      ['GET', ''],
      ['GET', '/api/v1'],
      ['GET', '/api/v1/subs/'],
      ['GET', '/api/v1/eventType/other'],
      ['POST', '/api/v1/eventType'],
      ['DELETE', `/api/v1/eventType/${TYPE}`],
      ['GET', `/api/v1/eventType/${TYPE}/x`],
      ['PUT', SUBS],
      ['POST', '/api/v1/subs'],
      ['POST', '/api/v1/subs/other'],
      ['GET', `/api/v1/subs/${encodeURIComponent(TYPE).replaceAll('.', '%2E')}`],
      ['GET', `/pub/v1/${TYPE}`],
      ['GET', `/pub/v1/${TYPE}/1`],
      ['PUT', `/pub/v1/${TYPE}/0000000000000001`],
      ['DELETE', `/pull/v1/${TYPE}`],
      ['GET', `/pull/v1/${TYPE}`],
      ['GET', `/../pub/v1/${TYPE}`],
    ] as const)
      await t.rejects(node.ask(method, at, '{}'), { code: 'not_found' }, `${method} ${at}`)
    t.match((await node.ask('GET', '/api/v1/eventType')).body, [
      { eventType: TYPE, closed: false, hasSchema: true },
    ])
    t.match((await node.ask('GET', `/api/v1/eventType/${TYPE}`)).body, { schema: { required: ['sum'] } })
  })

  await t.test('subscriptions', async (t) => {
    const push = (options: object, more: object = {}) => ({ delivery: 'PUSH', options, ...more })
    const wrong: [body: unknown, code: string][] = [
      ['', 'malformed_json'],
      ['{"delivery":"PUSH","delivery":"PULL"}', 'malformed_json'],
      ['null', 'invalid_request'],
      ['[]', 'invalid_request'],
      [{}, 'invalid_request'],
      [{ delivery: 'push' }, 'invalid_request'],
      [{ delivery: 'PUSH' }, 'invalid_request'],
      [{ delivery: 'PULL', options: { inbox: INBOX } }, 'invalid_request'],
      [push({ inbox: INBOX }, { subscriberId: 'DEV/GOV/1000/tax' }), 'invalid_request'],
      [push({ inbox: INBOX, more: 1 }), 'invalid_request'],
      [push({ inbox: 'DEV/GOV/1000/tax/inbox' }), 'invalid_request'],
      [push({ inbox: 7 }), 'invalid_request'],
      [push({ inbox: INBOX, filters: {} }), 'invalid_request'],
      [push({ inbox: INBOX, filters: [{ sql: 'LIKE' }] }), 'invalid_filter'],
      [push({ inbox: INBOX, filters: [{ exact: {} }] }), 'invalid_filter'],
      [push({ inbox: INBOX, filters: Array(65).fill({ exact: { id: 'x' } }) }), 'invalid_filter'],
      [push({ inbox: INBOX, filters: [{ exact: { id: 'x'.repeat(40_000) } }] }), 'invalid_filter'],
      [push({ inbox: INBOX, after: '1' }), 'invalid_request'],
      [push({ inbox: INBOX, after: '9999999999999999' }), 'invalid_request'],
      [JSON.stringify(push({ inbox: INBOX, filters: ['x'.repeat(70_000)] })), 'body_too_large'],
    ]
    for (const [given, code] of wrong)
      await t.rejects(node.ask('POST', SUBS, given as string), { code }, JSON.stringify(given).slice(0, 80))
    const outside = push({ inbox: `${SUBSCRIBER.replace('2000', '3000')}/a` })
    await t.rejects(
      node.ask('POST', SUBS, outside, SUBSCRIBER.replace('2000', '3000')),
      { code: 'unknown_member' },
      'what a message to the inbox would be refused for',
    )
    t.strictSame((await node.ask('GET', '/api/v1/subs')).body, [])
    const { made } = world
    const whyNot = async (inbox = INBOX) => {
      const refused = await node.ask('POST', SUBS, push({ inbox })).catch((cause: unknown) => cause)
      t.ok(refused instanceof NotSent, 'the refusal says that nothing was done')
      return refused as NotSent
    }
    made.allowed = false
    t.match(await whyNot(), { code: 'inbox_refuses', what: `${INBOX}: access_denied for GET /receipts` })
    made.allowed = true
    made.mayPost = false
    t.match(await whyNot(), { code: 'inbox_refuses', what: `${INBOX}: access_denied for POST /` })
    made.mayPost = true
    t.match(await whyNot(`${SUBSCRIBER}/nothing`), {
      ...{ code: 'inbox_refuses', what: `${SUBSCRIBER}/nothing: unknown_service for GET /receipts` },
    })
    made.way = () => Promise.reject(unreachable())
    t.match(await whyNot(), { code: 'inbox_not_asked', what: `${INBOX}: network_error` })
    made.way = (post) => post()
    t.strictSame((await node.ask('GET', '/api/v1/subs')).body, [])
    made.inboxUrl = 'https://plain.example'
    made.plainService = () => 404
    t.equal((await node.ask('POST', SUBS, push({ inbox: INBOX }))).status, 201, 'a service that is no inbox')
    made.way = () => Promise.reject(unreachable())
    t.equal((await node.ask('POST', SUBS, push({ inbox: INBOX }))).status, 200, 'asked once')
    made.way = (post) => post()
    made.inboxUrl = 'inbox:'
    await node.ask('DELETE', SUBS)
    world.contractFault = new Fault('contract_required')
    await t.rejects(node.ask('POST', SUBS, push({ inbox: INBOX })), { code: 'contract_required' })
    world.contractFault = undefined
  })

  await t.test('two subscriptions to a type: which one has to be said', async (t) => {
    const push = (inbox: string) => ({ delivery: 'PUSH', options: { inbox: `${SUBSCRIBER}/${inbox}` } })
    world.made.otherInboxes = { one: 'inbox:', two: 'inbox:' }
    const one = await node.ask('POST', SUBS, push('one'))
    const two = await node.ask('POST', SUBS, push('two'))
    t.strictSame([one.status, two.status], [201, 201])
    await t.rejects(node.ask('GET', SUBS), { code: 'invalid_request' })
    t.match(await node.ask('GET', `${SUBS}?id=${String(two.body['id'])}`), { body: { id: two.body['id'] } })
    await t.rejects(
      node.ask('GET', `${SUBS}?id=${String(two.body['id'])}`, undefined, 'DEV/GOV/2000/other'),
      {
        code: 'not_found',
      },
    )
    for (const { body: made } of [one, two]) await node.ask('DELETE', `${SUBS}?id=${String(made['id'])}`)
    t.strictSame((await node.ask('GET', '/api/v1/subs')).body, [])
  })

  await t.test('the edge for own systems', async (t) => {
    const ask = async (url: string, headers: object, method: 'GET' | 'POST' | 'DELETE' = 'POST') => {
      const answer = await node.app.inject({
        ...{ method, url, headers: { 'content-type': 'application/cloudevents+json', ...headers } },
        payload: body({}),
      })
      return (JSON.parse(answer.body) as { type: string }).type
    }
    t.equal(await ask(PUB, {}), 'missing_header')
    t.equal(await ask(PUB, { 'x-road-client': SUBSCRIBER }), 'unknown_member', 'no client of this server')
    t.equal(await ask(PUB.replace('/tax/events', '/tax/others'), AS_TAX), 'unknown_service')
    t.equal(await ask(PUB.replace('/1000/tax/', '/1000/other/'), AS_TAX), 'unknown_service')
    t.equal(await ask(PUB.replace('/pub/', '/push/'), AS_TAX), 'not_found')
    t.equal(await ask(`${PUB}/1`, AS_TAX), 'not_found')
    t.equal(await ask(PUB, AS_TAX, 'GET'), 'not_found')
    t.equal(await ask(PUB, AS_TAX, 'DELETE'), 'not_found')
    t.equal(await ask(`${PUB}/0000000000000001`, AS_TAX, 'DELETE'), 'not_found')
    t.equal(await ask(PUB.replace(TYPE, 'other'), AS_TAX), 'not_found')
  })
})
