/**
 * Fields and representation under a contract on the consumer's side: what the provider would refuse does not
 * leave.
 */
import { Readable } from 'node:stream'
import t from 'tap'
import { fieldRule } from '#core/contract/allowed-fields.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { soap } from '../message/soap.ts'
import { POPULATION, TAX } from '../peer/peer-fixture.ts'
import { accept } from './accept.ts'
import { exchange } from './exchange.ts'
import { createConsumerWorld } from './fixture.ts'
import type { ConsumerRooms } from './rooms.ts'

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

t.test('a party whom the provider would refuse is not signed for', async (t) => {
  const asks = made.received.length
  const under = (
    representation: RecordTerms['representation'],
    hostingMandateFor: ConsumerRooms['hostingMandateFor'] = () => undefined,
  ) => {
    const terms: RecordTerms = { contract: 'c0ffee/2', ...(representation && { representation }) }
    return { ...rooms, contracts: { contractFor: () => terms }, hostingMandateFor }
  }
  const by = { check: 'mandateService' as const, service: 'a', roles: ['A:B'] }
  const party = ['X-Road-Represented-Party', 'COM/1']
  const refusals: [rooms: ConsumerRooms, headers: string[]][] = [
    [under({ check: 'none' }), party],
    [under({ check: 'hostingMandate' }), party],
    [under({ check: 'hostingMandate' }), ['X-Road-Represented-Party', '1']],
    [under({ ...by, delegate: 'user' }), party],
  ]
  log.records.length = 0
  for (const [changed, headers] of refusals) {
    const body = Buffer.alloc(100_000)
    await t.rejects(exchange(made.arrival({ method: 'POST', headers, body }), changed), {
      code: 'representation_refused',
    })
  }
  const twice = [...party, 'x-road-represented-party', 'COM/2']
  await t.rejects(exchange(made.arrival({ headers: twice }), under({ check: 'none' })), {
    code: 'duplicate_header_field',
  })
  const twin = ['X_Road_Represented_Party', 'COM/1']
  await t.rejects(exchange(made.arrival({ headers: twin }), under({ check: 'none' })), {
    code: 'invalid_header',
  })
  t.equal(made.received.length, asks)
  t.strictSame(log.told(), [])
  t.strictSame(world.bodyFiles(), [], 'and no body is left')

  const listedAt = '2026-11-29T05:00:00.000Z'
  const found = under({ check: 'hostingMandate' }, ({ host, client }) =>
    host === 'DEV/GOV/1000' && client === 'DEV/COM/1' ? { id: 12, listedAt } : undefined,
  )
  const user = [...party, 'X-Road-UserId', 'EE1']
  for (const [changed, headers, extra] of [
    [under(undefined), party, { representation: 'asserted' }],
    [under({ ...by, delegate: 'user' }), user, { representation: 'asserted' }],
    [under({ ...by, delegate: 'member' }), party, { representation: 'asserted' }],
    [found, party, { representation: 'checked', representationId: '12', representationAt: listedAt }],
  ] as const) {
    log.records.length = 0
    await exchange(made.arrival({ headers: [...headers] }), changed)
    t.match(log.records[0]!.extra, { representedParty: 'COM/1', ...extra })
  }
  const document = writeSoap({ client: TAX, service: { ...POPULATION, serviceCode: 'a' }, id: '1' }, '<a/>')
  const said = ['Content-Type', 'text/xml', 'X-Road-Represented-Party', 'COM/1']
  const content = Readable.from([Buffer.from(document)], { objectMode: false })
  const { request } = await accept(
    { ...made.arrival(), codec: soap, method: 'POST', rawHeaders: said, content },
    rooms,
  )
  t.equal(request.actors['representedParty'], undefined, 'in SOAP the document alone says it')
  t.strictSame(request.headers, [['Content-Type', 'text/xml']], 'and the header does not leave')
  log.records.length = 0
  await exchange(made.arrival(), under({ check: 'none' }))
  t.notOk('representation' in log.records[0]!.extra!, 'where nobody is represented')
})
