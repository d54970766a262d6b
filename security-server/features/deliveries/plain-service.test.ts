/** One-way messages to a REST service that is no inbox, as an X-Road provider has them, on both stores. */
import { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import { AS_TAX, hand, kinds, onBoth, settle, stateOf, structured } from './acts-fixture.ts'

await onBoth('to a service that is no inbox', async (t, made) => {
  const { sender } = made
  made.inboxUrl = 'http://10.0.0.9/events'
  const errorOf = async (id: unknown): Promise<unknown> =>
    (await sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)).body['error']

  await t.test('a 2xx is the end: done, with the signed reply, and never consumed', async (t) => {
    const got: { type: string | undefined; body: string }[] = []
    made.plainService = ({ headers, body }) => {
      got.push({ type: headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1], body })
      return 202
    }
    const text = structured({ id: 'A-1' })
    const { id } = (await hand(made, text)).body
    await settle(made)
    t.equal(await stateOf(made, id), 'done')
    t.strictSame(got, [{ type: 'application/cloudevents+json', body: text }], 'an ordinary request')
    t.strictSame(await kinds(sender.log, id), ['accepted out', 'request out', 'reply in ok'])
    await settle(made)
    await sender.run('ask-delivery-states')
    t.equal(got.length, 1, 'nobody asks it for receipts')
    t.equal(await stateOf(made, id), 'done')
  })

  await t.test('what it refuses is a dead letter; where it fails it is asked again', async (t) => {
    made.plainService = () => 415
    const refused = (await hand(made, { id: 'B-1' })).body['id']
    await settle(made)
    t.strictSame([await stateOf(made, refused), await errorOf(refused)], ['dead', 'http_415'])
    let status = 503
    made.plainService = () => status
    const failing = (await hand(made, { id: 'B-2' })).body['id']
    await settle(made)
    t.equal(await stateOf(made, failing), 'waiting')
    status = 200
    await settle(made)
    t.equal(await stateOf(made, failing), 'done')
  })

  await t.test(
    'a missing consent holds up nobody else; what may have arrived before stays unknown',
    async (t) => {
      made.plainService = () => 200
      const refusal = (code: string): Fault =>
        Fault.fromPeer({ type: `server.serverproxy.${code}`, message: code, detail: 'x' })
      let answers: Fault[] = [new Fault('peer_timeout'), refusal('consent_used_up')]
      made.way = async (post) => {
        const fault = answers.shift()
        if (fault !== undefined) throw fault
        return post()
      }
      const { id } = (await hand(made, { id: 'D-1' })).body
      await settle(made)
      await settle(made)
      const state = (await sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)).body
      t.match(state, { state: 'dead', error: 'consent_used_up' })
      const { items } = (await sender.operation('getDeliveries', {
        query: { box: 'outbox', state: 'dead', limit: 10 },
      })) as {
        items: { delivery: string }[]
      }
      t.match(
        items.find(({ delivery }) => delivery === id),
        { arrived: 'unknown' },
      )
      for (const code of ['consent_missing', 'consent_ended'] as const) {
        answers = [refusal(code)]
        const { id: refused } = (await hand(made, { id: code })).body
        // The first on the way gets the refusal.
        await until('it is tried', () => answers.length === 0)
        const { id: next } = (await hand(made, { id: `after ${code}` })).body
        await settle(made)
        t.strictSame([await stateOf(made, refused), await errorOf(refused)], ['dead', code])
        t.equal(await stateOf(made, next), 'done', 'the way stays open')
      }
    },
  )

  await t.test('a lost reply: it gets the event again, under the same source and id', async (t) => {
    const got: string[] = []
    made.plainService = ({ body }) => {
      got.push((JSON.parse(body) as { id: string }).id)
      return 200
    }
    let isLost = true
    made.way = async (post) => {
      const reply = await post()
      if (!isLost) return reply
      isLost = false
      throw new Fault('peer_timeout')
    }
    const { id } = (await hand(made, { id: 'C-1' })).body
    await settle(made)
    await settle(made)
    t.equal(await stateOf(made, id), 'done')
    t.strictSame(got, ['C-1', 'C-1'])
    t.equal(
      (await kinds(sender.log, id)).filter((kind) => kind === 'outcome-unknown out peer_timeout').length,
      1,
    )
  })
})
