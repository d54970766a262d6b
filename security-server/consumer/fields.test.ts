/** Fields of a contract on the consumer's side: what the provider would refuse does not leave. */
import t from 'tap'
import { fieldRule } from '#core/contract/allowed-fields.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { exchange } from './exchange.ts'
import { createConsumerWorld } from './fixture.ts'

const made = await createConsumerWorld(t)
const { world, rooms, log } = made

t.test('what the contract does not let us ask is not signed', async (t) => {
  const asks = made.received.length
  const terms: RecordTerms = { contract: 'c0ffee/2', fields: { request: fieldRule(['/id']) } }
  const under = { ...rooms, contracts: { contractFor: () => terms } }
  const ask = (body: Buffer) =>
    exchange(made.arrival({ method: 'POST', headers: ['Content-Type', 'application/json'], body }), under)
  log.records.length = 0
  for (const body of [Buffer.from('{"id":1,"name":2}'), Buffer.from(JSON.stringify({ b: 'x'.repeat(3e5) }))])
    await t.rejects(ask(body), { code: 'outside_contract' })
  t.equal(made.received.length, asks)
  t.strictSame(log.told(), [])
  t.strictSame(world.bodyFiles(), [], 'and no body is left')
  await ask(Buffer.from('{"id":1}'))
  t.strictSame(log.told(), ['request:', 'reply:ok'])
})
