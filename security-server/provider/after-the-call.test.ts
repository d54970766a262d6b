/**
 * What a peer is told once our system may have carried its request out: never that nothing happened, and
 * nothing signed.
 */
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { saysNotCalled } from '../consumer/refused-codes.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'

const made = await createProviderWorld(t)
const { world, rooms, log, system } = made
const service = { ...made.service }
const answer = system.answer

t.test(
  'a fault after the call says that the system may have carried it out, and is no refusal',
  async (t) => {
    const { limits } = rooms
    const later: [string, () => void, typeof rooms?][] = [
      [
        'reply_not_made',
        () => {
          world.outage = new Fault('global_conf_outdated')
        },
      ],
      ['reply_too_large', () => undefined, { ...rooms, limits: { ...limits, maxBodyBytes: 5 } }],
      ['service_failed', () => void system.calls.at(-1)?.socket.destroy()],
    ]
    for (const [code, meanwhile, changed = rooms] of later) {
      world.restore()
      log.records.length = 0
      system.calls.length = 0
      // Patient: what is asked here is how the call ends, not when.
      made.service = { ...service, timeoutMs: 60_000 }
      system.answer = (request, response) => {
        meanwhile()
        answer(request, response)
      }
      const { fault, signatures } = await refusalIn(made, exchange(await made.ask(), changed))
      t.equal(fault.code, code, fault.message)
      if (code !== 'service_failed') t.match(fault.message, /may have been carried out/)
      t.equal(signatures, undefined)
      t.notOk(
        saysNotCalled(`server.serverproxy.${fault.code}`),
        'the asking server does not take it for a refusal',
      )
      t.equal(system.calls.length, 1)
      t.strictSame(log.told(), ['request:', `outcome-unknown:${code}`])
    }
    for (const { body } of log.records) await body?.discard()
    t.strictSame(world.bodyFiles(), [])
  },
)

t.test('a reply that could not be signed is refused before the call', async (t) => {
  for (const code of ['cannot_sign', 'incorrect_validation_info', 'token_not_active'] as const) {
    world.restore()
    log.records.length = 0
    system.calls.length = 0
    const signingIdentity = (): never => {
      throw new Fault(code)
    }
    const signMessage = () => Promise.reject(new Fault(code))
    const keyless = { ...rooms, keys: { signingIdentity }, signMessage }
    const { fault, signatures } = await refusalIn(made, exchange(await made.ask(), keyless))
    t.equal(fault.code, code)
    t.equal(signatures, undefined, 'with which key?')
    t.equal(system.calls.length, 0, 'the system heard nothing')
    t.strictSame(log.told(), ['request:' + code, `refusal:${code}`])
  }
})
