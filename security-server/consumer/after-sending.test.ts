/**
 * What a client is told once its request has left: never that nothing happened, and never a provider's word
 * in our name.
 */
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { faultStatement } from '#core/transport/fault-statement.ts'
import { receivedFault, writeSoapFault } from '#core/transport/fault-xml.ts'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { asFault, Fault, type FaultCode } from '#schemas/fault.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'
import type { FaultEntry } from '#schemas/faults/entry.ts'
import { rest } from '../message/rest.ts'
import type { LogEntry } from '../peer/message-log.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { exchange } from './exchange.ts'
import { createConsumerWorld, type Received } from './fixture.ts'
import { saysNotCalled } from './refused-codes.ts'
import type { ConsumerRooms } from './rooms.ts'

const made = await createConsumerWorld(t)
const { world, log } = made
const honest = made.peer

t.beforeEach(() => {
  world.restore()
  made.peer = honest
  made.received.length = 0
  log.records.length = 0
  log.fail = undefined
})

async function faultOf(rooms: ConsumerRooms = made.rooms): Promise<Fault> {
  return asFault(
    await exchange(made.arrival(), rooms).then(
      () => new Error('it was answered'),
      (cause: unknown) => cause,
    ),
  )
}

t.test('a fault after the request has left says that it may have been carried out', async (t) => {
  const full: ConsumerRooms['messageLog']['spool'] = {
    begin: () => ({
      write: () => {
        throw new Fault('logging_failed', { what: 'a body cannot be spooled' })
      },
      digestSoFar: () => Buffer.alloc(64),
      end: () => Promise.reject(new Fault('logging_failed')),
      abort: async () => undefined,
    }),
  }
  const { messageLog, limits } = made.rooms
  const later: [FaultCode, () => void, ConsumerRooms?][] = [
    ['reply_not_logged', () => undefined, { ...made.rooms, messageLog: { ...messageLog, spool: full } }],
    [
      'reply_not_logged',
      () => {
        log.fail = ({ kind }) => (kind === 'reply' ? new Fault('logging_failed') : undefined)
      },
    ],
    [
      'reply_not_accepted',
      () => {
        world.outage = new Fault('global_conf_outdated', { what: 'since noon' })
      },
    ],
    [
      'stale_reply',
      () => {
        world.skew = 6 * 60_000
      },
    ],
    ['reply_too_large', () => undefined, { ...made.rooms, limits: { ...limits, maxBodyBytes: 1_000 } }],
  ]
  for (const [code, meanwhile, rooms] of later) {
    world.restore()
    Object.assign(log, { fail: undefined })
    log.records.length = 0
    made.received.length = 0
    made.peer = async (received) => {
      const reply = await made.replyTo(received, { body: await bodyOf(world, randomBytes(2_000)) })
      meanwhile()
      return reply
    }
    const fault = await faultOf(rooms)
    t.equal(fault.code, code, fault.message)
    t.match(fault.message, /(?:may have been|Whether the request was) carried out/)
    t.equal(made.received.length, 1, 'the peer has it')
    t.strictSame(
      log.told(),
      ['request:', `outcome-unknown:${code}`],
      'and the log does not say that it was refused',
    )
  }
  for (const { body } of log.records) await body?.discard()
  t.strictSame(world.bodyFiles(), [])
})

t.test('no text of a fault that may follow the call says the contrary', (t) => {
  const all = Object.entries<FaultEntry>(catalogue)
  const after = all.filter(([, { given }]) => given !== undefined)
  for (const [code, { text, remedy }] of after)
    t.notMatch(
      `${text} ${remedy}`,
      /nothing was|request was not|send (?:it|the request) again|try again|refused/i,
      code,
    )
  const only = after.filter(([, { given }]) => given === 'after')
  t.ok(only.length > 7)
  for (const [code, { text, remedy }] of only) {
    t.match(`${text} ${remedy}`, /carried out|belongs to another request|nothing of it was given/, code)
    t.notOk(saysNotCalled(`server.serverproxy.${code}`), `${code} of a peer leaves the outcome open`)
  }
  t.notOk(saysNotCalled('server.serverproxy.global_conf_outdated'), 'a server can notice that at any time')
  t.end()
})

t.test(
  "what a provider's system writes in the name of a security server does not reach the client",
  async (t) => {
    const own: [string, string] = ['X-Own', 'stays']
    const reply = {
      ...{ status: 200, reason: 'OK', requestHash: '', client: world.consumer.id, id: 'a', requestId: 'b' },
      headers: [
        own,
        ['X-Road-Error', 'client.access_denied'],
        ['X-Concordat-Refusal', 'AAAA'],
        ['x-hash-algorithm', 'x'],
      ],
    }
    t.strictSame(
      rest.answerOf({ reply: reply as never, message: Buffer.alloc(0), body: undefined }).headers,
      [own],
      'of a reply that is signed so',
    )
  },
)

t.test("a fault of the provider's system is proved by its server, and is never a refusal", async (t) => {
  const fault = receivedFault(writeSoapFault({ type: 's:Own', message: 'no such person', detail: 'd-1' }))!
  const whole = ({ message, requestId }: Received, document = fault.document!) =>
    faultStatement({
      requestId,
      requestHash: createHash('sha512').update(message).digest('base64'),
      document,
    })
  const told = async (statement: (received: Received) => Buffer): Promise<unknown> => {
    log.records.length = 0
    made.peer = async (received) => made.faultOf(fault, await made.signStatement(statement(received)))
    t.match(await faultOf(), { code: 'peer_fault', received: { type: 's:Own' } })
    t.strictSame(log.told(), ['request:', 'outcome-unknown:s:Own'])
    return log.records.at(-1)
  }
  const proved = await told(whole)
  t.match(proved, {
    direction: 'in',
    peer: world.provider.id,
    message: /^concordat-fault-v1\r\n[\s\S]*no such person/,
  })
  t.ok((proved as LogEntry).signature)
  const { requestId } = made.received.at(-1)!
  for (const [what, statement] of [
    [
      'another document',
      (received: Received) =>
        whole(received, writeSoapFault({ ...fault, document: undefined, message: 'x' })),
    ],
    ['another request', (received: Received) => whole({ ...received, requestId })],
    [
      'a refusal in the words of its system',
      (received: Received) =>
        refusalStatement({
          ...{ requestId: received.requestId, fault },
          requestHash: createHash('sha512').update(received.message).digest('base64'),
        }),
    ],
  ] as const)
    t.match(await told(statement), { message: undefined, signature: undefined }, what)
})
