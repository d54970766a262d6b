/**
 * What records of the provider's side say of a service contract, and of what is refused; whose words stand in
 * a refusal.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import t from 'tap'
import { readCircumstances } from '#core/circumstances/read.ts'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import { closeDelimiter, partHead } from '#core/transport/multipart-writer.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { bodyOf, TAX } from '../peer/peer-fixture.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, isProvedRefusal, refusalIn } from './fixture.ts'

const made = await createProviderWorld(t)
const { world, rooms, log, system } = made

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
  const held = log.records.map(({ circumstances, configuration }) => ({ circumstances, configuration }))
  t.equal(held[0]!.configuration, 'DEV/7')
  const { digest, document } = held[0]!.circumstances!
  t.match(readCircumstances(Buffer.from(document), digest), { side: 'provider', endpoint: { path: '/a' } })
  t.equal(held[1]!.circumstances, held[0]!.circumstances, 'and both name the same circumstances, made once')
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
  t.equal(
    log.records.at(-1)!.circumstances?.digest,
    digest,
    'one that was refused tells its circumstances, too',
  )
  log.records.length = 0
  // Allowed on the claim, refused once it was verified: the request is evidence, kept as those contracts want
  // it.
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

t.test('of a stranger nothing is read', async (t) => {
  const arrival = await made.ask({})
  const presented = [world.consumer.keys.signingIdentity(memberOf(TAX)).certificate]
  const refusal = await refusalIn(made, exchange({ ...arrival, presented }, rooms))
  t.match(refusal, { fault: { code: 'unknown_peer' }, peerKnown: false, signatures: undefined })
  t.equal(arrival.content.readableDidRead, false)
})

t.test('a fault in place of the signature does not put its words over our signature', async (t) => {
  const requestId = randomUUID()
  const body = await bodyOf(world, randomBytes(10))
  const fault = { type: 'server.serverproxy.contract_ended', message: 'of 010190-123X', detail: 'chosen' }
  const arrival = await made.ask({ requestId, method: 'POST', body }, (one) => one)
  const whole = Buffer.concat((await arrival.content.toArray()) as Buffer[])
  const boundary = /boundary=(.+)$/.exec(String(arrival.headers['content-type']))![1]!
  const at = whole.lastIndexOf(`\r\n--${boundary}\r\n`)
  const broken = Buffer.concat([
    whole.subarray(0, at),
    partHead(boundary, PART_TYPE.fault, false),
    writeSoapFault(fault),
    closeDelimiter(boundary),
  ])
  const content = Readable.from([broken], { objectMode: false })
  const [before, called] = [log.records.length, system.calls.length]
  const refusal = await refusalIn(made, exchange({ ...arrival, content }, rooms))
  t.equal(refusal.fault.code, 'invalid_message')
  t.equal(refusal.fault.received, undefined)
  t.notMatch(JSON.stringify(refusal.fault), /chosen|010190|contract_ended/)
  t.ok(await isProvedRefusal(made, { refusal, requestId, hash: '' }), 'what is signed is our own word')
  t.strictSame(log.told().slice(before), ['refusal:invalid_message'])
  t.equal(system.calls.length, called)
  t.strictSame(world.bodyFiles(), [])
})
