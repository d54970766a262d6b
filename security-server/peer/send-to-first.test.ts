/**
 * Which of several servers is tried when, and which of them gets the request. Their connections are ready, or
 * fail, when the test says so.
 */
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { Fault } from '#schemas/fault.ts'
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import { NotSent } from './not-sent.ts'
import { type Race, sendToFirst } from './send-to-first.ts'

type Tried = { race: Race; answer(text: string): void; fail(cause: Error): void }

function begin(t: Test, count: number) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const servers = Array.from({ length: count }, (_, at) => ({ at }) as unknown as SecurityServerInfo)
  const tried: Tried[] = []
  const failed: unknown[] = []
  const reply = sendToFirst<SecurityServerInfo, string>({
    servers,
    send: (_, race) =>
      new Promise((answer, fail) => {
        tried.push({ race, answer, fail })
      }),
    onFailure: (server) => failed.push(server),
  })
  return { reply, tried, failed, servers }
}
const notSent = (): NotSent => new NotSent(new Fault('network_error', { what: 'refused' }))
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

t.test('all that keep silent cost one head start together', async (t) => {
  const { reply, tried } = begin(t, 4)
  t.equal(tried.length, 1, 'one that answers costs no handshake at the others')
  mock.timers.tick(499)
  t.equal(tried.length, 1)
  mock.timers.tick(1)
  t.equal(tried.length, 4)
  t.equal(tried[3]!.race.mayStart(), true)
  t.equal(tried[0]!.race.mayStart(), false, 'the silent one awakes')
  t.equal(tried[1]!.race.isDecided(), true)
  tried[3]!.answer('of the last')
  t.equal(await reply, 'of the last')
})

t.test('one that refuses costs nothing, and does not begin the head start anew', async (t) => {
  const { reply, tried, failed, servers } = begin(t, 4)
  mock.timers.tick(400)
  tried[0]!.fail(notSent())
  await settled()
  t.equal(tried.length, 2)
  mock.timers.tick(100)
  t.equal(tried.length, 4)
  t.strictSame(failed, [servers[0]])
  for (const one of tried.slice(1)) one.fail(notSent())
  await t.rejects(reply, { code: 'network_error' }, 'none is left')
  t.equal(failed.length, 4)
})

t.test('one that began and broke off before it had a byte gives the others their turn', async (t) => {
  const { reply, tried } = begin(t, 3)
  t.equal(tried[0]!.race.mayStart(), true)
  mock.timers.tick(10_000)
  t.equal(tried.length, 1, 'nobody else is tried while it has the request')
  tried[0]!.fail(notSent())
  await settled()
  t.equal(tried.length, 2)
  t.equal(tried[1]!.race.isDecided(), false)
  mock.timers.tick(500)
  t.equal(tried.length, 3)
  t.equal(tried[2]!.race.mayStart(), true)
  tried[2]!.fail(new Error('it may have got it'))
  await t.rejects(reply, { message: 'it may have got it' }, 'and nobody else gets it')
})
