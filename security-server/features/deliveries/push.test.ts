/** Inboxes that push to systems which are slow or hostile: others are not held up, on both stores. */
import { until } from '#test/until.ts'
import { AS_TAX, onBoth, settle, structured, TO } from './acts-fixture.ts'

/** A look that sends hundreds of messages takes a busy machine its time. */
const SLOW = { deadlineMs: 240_000 }

await onBoth('pushing to many systems', async (t, made) => {
  const { sender, receiver } = made
  const codeOf = (url: string): string => url.split('/').at(-1)!
  const handTo = async (code: string, event: object = {}): Promise<unknown> => {
    const type = { 'content-type': 'application/cloudevents+json' }
    const answer = await sender.ask(
      'POST',
      TO.replace('assessments', code),
      { ...AS_TAX, ...type },
      structured(event),
    )
    if (answer.status !== 202) throw new Error(JSON.stringify(answer.body))
    return answer.body['id']
  }
  const inboxes = (codes: string[]): void => {
    made.otherInboxes = Object.fromEntries(
      codes.map((code) => [code, `inbox:https://system.example/${code}`]),
    )
  }

  await t.test('systems that do not answer hold up nobody, however many they are', async (t) => {
    const slow = Array.from({ length: 40 }, (_, i) => `slow${i}`)
    inboxes([...slow, 'zebra'])
    const pushed: string[] = []
    let atOnce = 0
    let most = 0
    const mayAnswer = Promise.withResolvers<void>()
    made.system = async ({ url }) => {
      const code = codeOf(url)
      pushed.push(code)
      if (code === 'zebra') return 204
      atOnce += 1
      most = Math.max(most, atOnce)
      await mayAnswer.promise
      atOnce -= 1
      return 204
    }
    for (const code of slow) await handTo(code)
    await settle(made)
    const run = receiver.run('push-deliveries')
    await until('all slow systems were called', (saw) => saw(new Set(pushed).size) === slow.length)
    await handTo('zebra', { data: 1 })
    await sender.run('send-deliveries')
    await until('the quick one was called', () => pushed.includes('zebra'))
    t.equal(atOnce, slow.length, 'while all others have not answered')
    await handTo('zebra', { data: 2 })
    await sender.run('send-deliveries')
    await until('again', () => pushed.filter((code) => code === 'zebra').length === 2)
    mayAnswer.resolve()
    await run
  })

  await t.test('who was slow gets one place; what a node has in memory is bounded', async (t) => {
    const hostile = Array.from({ length: 33 }, (_, i) => `hostile${i}`)
    inboxes([...hostile, 'zebra'])
    const calls = new Map<string, number>()
    let gate = Promise.withResolvers<void>()
    made.system = async ({ url }) => {
      const code = codeOf(url)
      calls.set(code, (calls.get(code) ?? 0) + 1)
      if (code !== 'zebra') await gate.promise
      return 204
    }
    // Few at once, and none is sent meanwhile: who waits for a connection to the database for too long is
    // refused.
    await sender.restart((rooms) => ({ ...rooms, jobs: { ...rooms.jobs, call: () => undefined } }))
    const handAll = async (codes: string[]): Promise<void> => {
      for (const code of codes) for (let nth = 0; nth < 9; nth++) await handTo(code)
    }
    await Promise.all([0, 11, 22].map((from) => handAll(hostile.slice(from, from + 11))))
    await until(
      'all are in the inboxes',
      async (saw) => {
        await settle(made)
        const { counts } = (await receiver.operation('getDeliveries', {
          query: { box: 'inbox', limit: 1 },
        })) as { counts: { waiting: number } }
        return saw(counts.waiting) >= 297
      },
      SLOW,
    )
    const all = (): number => [...calls.values()].reduce((sum, one) => sum + one, 0)
    const run = receiver.run('push-deliveries')
    await until('all places are taken', (saw) => saw(all()) >= 200)
    t.ok(all() <= 256)
    const full = hostile.filter((code) => calls.get(code) === 8)
    t.ok(full.length > 10)
    const before = gate
    gate = Promise.withResolvers()
    calls.clear()
    made.world.skew += 6_000
    before.resolve()
    await until('their next events were pushed', (saw) => {
      saw(calls.size)
      return full.every((code) => calls.has(code))
    })
    await handTo('zebra')
    await sender.run('send-deliveries')
    await until('the quick one was called', () => calls.has('zebra'))
    for (const code of full) t.equal(calls.get(code), 1, code)
    gate.resolve()
    await run
  })
})
