/** What records of the provider's side say of a service contract, and how a call is kept that it does not let through. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, isProvedRefusal, refusalIn } from './fixture.ts'

const made = await createProviderWorld(t)
const { rooms, log, system } = made

t.test('the service contract: asked for twice, its refusal signed, its name on record', async (t) => {
  const asked: object[] = []
  const terms = { contract: 'c0ffee/2', logLevel: 'digest', keepDays: 30 } as const
  const whenRefused = { ...terms, contract: '' }
  let says: () => RecordTerms = () => terms
  const contracts = {
    contractFor: (question: object) => {
      asked.push(question)
      return says()
    },
    termsOfRefused: () => whenRefused,
  }
  const covered = { ...rooms, contracts }
  await exchange(await made.ask(), covered)
  t.equal(asked.length, 2, 'on the claim before the body, and on what was verified')
  t.match(asked[1], { method: 'GET', service: { serviceCode: 'persons' } })
  t.match(log.records, [terms, terms], 'request and reply are kept as it says')
  system.answer = (_request, response) => response.socket!.destroy()
  await refusalIn(made, exchange(await made.ask(), covered))
  t.match(log.records.slice(2), [terms, { ...terms, kind: 'outcome-unknown' }], 'and what closes one')
  says = () => {
    throw new Fault('contract_suspended', { what: 'c0ffee/2' })
  }
  const requestId = randomUUID()
  const refusal = await refusalIn(made, exchange(await made.ask({ requestId }), covered))
  t.match(refusal.fault, { code: 'contract_suspended' })
  t.ok(await isProvedRefusal(made, { refusal, requestId, hash: '' }))
  t.equal(system.calls.length, 2)
  t.match(log.records.at(-1), { ...whenRefused, kind: 'refusal' })
  log.records.length = 0
  // Allowed on the claim, refused once it was verified: the request is evidence, kept as those contracts want it.
  let claims = 0
  const refusesLate = { ...covered, contracts: { ...contracts, contractFor: () => late() } }
  const late = (): RecordTerms => {
    if (claims++ === 0) return terms
    throw new Fault('contract_suspended')
  }
  await refusalIn(made, exchange(await made.ask(), refusesLate))
  t.match(log.records, [
    { ...whenRefused, kind: 'request' },
    { ...whenRefused, kind: 'refusal' },
  ])
})
