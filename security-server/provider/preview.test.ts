/** Answers that the person sees first, on the provider's side: what is held, what leaves, and what stands in the records. */
import { randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { logReply as logReceived } from '../consumer/log-reply.ts'
import { saysNotCalled } from '../consumer/refused-codes.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { type PreviewAnswer, PreviewFault, type PreviewQuestion } from '../peer/previews.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'
import { logReply } from './log-reply.ts'
import type { Arrival } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'

const made = await createProviderWorld(t)
const { log, system } = made
const held: { question: PreviewQuestion; answer: PreviewAnswer }[] = []
/** The digest that the person has released. */
let released: string | undefined
let stopped = false
/** What comes between once the system has answered. */
let failure: Fault | undefined
let back = 0
let consentsBack = 0
const previews: ProviderRooms['previews'] = {
  mostBytes: 1000,
  checkRoom: async () => undefined,
  checkDecided: async (_, reference) => {
    if (reference === 'w') throw new PreviewFault('preview_waiting', { what: 'w' }, { preview: 'n-2' })
  },
  hold: async (question, answer) => {
    if (failure !== undefined) throw failure
    held.push({ question, answer })
    return new PreviewFault('preview_required', { what: 'Preview-Reference: r' }, { preview: 'n-1' })
  },
  take: async (_, reference) => {
    if (reference !== 'r' || released === undefined) throw new Fault('preview_void')
    return {
      ...{ number: 'n-1', digest: 'd-1', releasedAt: 'then' },
      isReleased: async ({ digest }) => digest === released,
      give: async () => {
        if (failure !== undefined) throw failure
        if (stopped)
          throw new PreviewFault('preview_stopped', { what: 'n-1' }, { preview: 'n-1', previewAt: 'now' })
      },
      giveBack: async () => void back++,
    }
  },
}
const places = [
  { method: '*', path: '/persons/{id}', in: 'path', name: 'id', type: 'personal-code' },
] as const
const terms: RecordTerms = { contract: 'c0ffee/2', preview: { contract: 'c0ffee', minutes: 30, places } }
const under = (more: Partial<RecordTerms> = {}): ProviderRooms => ({
  ...made.rooms,
  contracts: { contractFor: () => ({ ...terms, ...more }), termsOfRefused: () => terms },
  consents: {
    take: async () => ({ number: 'k-1', digest: 'kd', giveBack: async () => void consentsBack++ }),
  },
  previews,
})
const at = (path: string, more: object = {}) =>
  made.ask({ target: `/r1/DEV/GOV/2000/population/persons${path}`, ...more })
const withReference = (path = '/persons/P1', more: string[] = []) =>
  at(path, { headers: ['Preview-Reference', 'r', ...more] })
const answering = (text: string, headers: Record<string, string> = {}, status = 200): RequestListener => {
  return (request, response) => {
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  }
}
async function refused(arrival: Arrival, rooms = under()): Promise<string> {
  return (await refusalIn(made, exchange(arrival, rooms))).fault.code
}
async function passed(arrival: Arrival, rooms = under()): Promise<string> {
  const { content } = await exchange(arrival, rooms)
  return (Buffer.isBuffer(content) ? content : await buffer(content)).toString('latin1')
}

t.beforeEach(() => {
  ;[log.records, system.calls, held].forEach((list) => {
    list.length = 0
  })
  released = undefined
  stopped = false
  failure = undefined
  back = consentsBack = 0
  system.answer = answering('{"name":"Mari"}', { 'x-income': '500', etag: '"e"' })
})

t.test('an answer is held, and leaves when it is the one that was released', async (t) => {
  const requestId = randomUUID()
  const arrival = await at('/persons/P1', {
    requestId,
    headers: ['Accept-Encoding', 'gzip', 'If-None-Match', '"e"'],
  })
  const refusal = await refusalIn(made, exchange(arrival, under()))
  t.match(refusal.fault, { code: 'preview_required', what: 'Preview-Reference: r' })
  t.ok(refusal.signatures, 'it is signed')
  t.same(log.told(), ['request:', 'refusal:preview_required'])
  t.match(log.records[1]!.extra, { preview: 'n-1' })
  t.match(held, [
    {
      question: { person: { identifier: 'P1' } },
      answer: { status: 200, bytes: Buffer.from('{"name":"Mari"}') },
    },
  ])
  t.notOk(system.calls[0]!.headers['if-none-match'] ?? system.calls[0]!.headers['accept-encoding'])

  log.records.length = 0
  released = held[0]!.answer.digest
  const message = await passed(await withReference())
  t.match(message, /\{"name":"Mari"\}/)
  t.notMatch(message, /x-income|etag/i, 'nothing leaves that the person was not shown')
  t.match(log.records[0]!.extra, { preview: 'n-1', previewDigest: 'd-1', previewReleasedAt: 'then' })
  t.notOk(system.calls[1]!.headers['preview-reference'])
  t.equal(back, 0)
})

t.test(
  'one that has changed since is shown anew, and one that was stopped meanwhile does not leave',
  async (t) => {
    await refused(await at('/persons/P1'))
    released = held[0]!.answer.digest
    for (const changed of [
      answering('{"name":"Mary"}'),
      answering('{"name":"Mari"}', { 'content-type': 'text/plain' }),
      answering('{"name":"Mari"}', {}, 203),
    ]) {
      system.answer = changed
      t.equal(await refused(await withReference()), 'preview_required')
    }
    t.equal(back, 3)
    system.answer = answering('{"name":"Mari"}')
    stopped = true
    log.records.length = 0
    t.equal(await refused(await withReference()), 'preview_stopped')
    t.same(log.told(), ['request:', 'refusal:preview_stopped'])
    t.match(log.records[1]!.extra, { preview: 'n-1', previewAt: 'now' })
  },
)

t.test('a failure gives the released answer back, and what is not given uses up no consent', async (t) => {
  const consent = { contract: 'c0ffee', demand: 'dd', rule: {} as never, places: [...places] }
  const rooms = under({ consent })
  t.equal(await refused(await at('/persons/P1'), rooms), 'preview_required')
  t.equal(held[0]!.question.consent, 'k-1')
  t.equal(consentsBack, 1)
  t.equal(await refused(await withReference(), rooms), 'preview_void')
  t.equal(consentsBack, 2)
  released = held[0]!.answer.digest
  system.answer = (request) => request.destroy()
  t.equal(await refused(await withReference(), rooms), 'service_failed')
  t.equal(back, 1)
  system.answer = answering('{"name":"Mari"}')
  await passed(await withReference(), rooms)
  t.match([back, consentsBack], [1, 2])
})

t.test('no fault says after the call that the system was not called', async (t) => {
  await refused(await at('/persons/P1'))
  const answered = held[0]!.answer.digest
  for (const code of ['too_many_requests', 'preview_unknown'] as const) {
    failure = new Fault(code, { what: 'why' })
    for (const [arrival, digest] of [
      [await at('/persons/P1'), undefined],
      [await withReference(), answered],
    ] as const) {
      log.records.length = 0
      released = digest
      const { fault } = await refusalIn(made, exchange(arrival, under()))
      t.match(fault, { code: 'preview_impossible', what: `the answer: ${code}, why` })
      t.same(log.told(), ['request:', 'refusal:preview_impossible'])
    }
  }
  for (const code of ['preview_required', 'preview_impossible', 'preview_stopped'])
    t.notOk(saysNotCalled(`server.serverproxy.${code}`), `${code} leaves the outcome open`)
})

t.test('no log has an answer that a person is shown', async (t) => {
  const people = { ...made.service.id, serviceCode: 'consents' }
  const number = randomUUID()
  const shown = { id: 'Q', requestId: 'r', client: people, service: people, method: 'GET' }
  for (const [servicePath, agreed, level] of [
    [`/v1/previews/${number}`, 'full', 'digest'],
    [`/v1/previewed/${'k'.repeat(43)}`, undefined, 'digest'],
    [`/v1/previews/${number}`, 'none', 'none'],
    ['/v1/previews', 'full', 'full'],
    ['/v1/consents', undefined, undefined],
  ] as const) {
    log.records.length = 0
    const terms = { contract: 'c0ffee/2', ...(agreed !== undefined && { logLevel: agreed }) }
    const request = { ...shown, servicePath }
    const reply = { ...shown, status: 200 }
    const asked = { request, visit: { peer: undefined }, terms, record: { index: 1 } }
    await logReply({ reply } as never, asked as never, made.rooms)
    await logReceived(
      { reply } as never,
      asked as never,
      { ...made.rooms, heardTreeHead: () => undefined } as never,
    )
    t.same(
      log.records.map(({ logLevel }) => logLevel),
      [level, level],
      `${servicePath} ${agreed}: at the provider's server, and at the portal's`,
    )
  }
})

t.test('what nobody can be shown does not leave', async (t) => {
  const before = async (arrival: Arrival): Promise<string> => {
    const { length } = system.calls
    const code = await refused(arrival)
    t.equal(system.calls.length, length, 'the system did not hear of it')
    return code
  }
  t.equal(await before(await at('/people/P1')), 'preview_impossible', 'no person')
  t.equal(await before(await at('/persons/P1', { method: 'DELETE' })), 'preview_impossible')
  t.equal(await before(await withReference('/persons/P1', ['Preview-Reference', 'r'])), 'preview_void')
  const { url } = made.service
  Object.assign(made.service, { url: 'consents:' })
  t.equal(await before(await at('/persons/P1')), 'preview_impossible')
  Object.assign(made.service, { url })
  for (const [answer, code] of [
    [answering('x'.repeat(1001)), 'preview_impossible'],
    [answering('x', { 'content-encoding': 'gzip' }), 'preview_impossible'],
    [answering('x', {}, 500), 'service_failed'],
  ] as const) {
    system.answer = answer
    t.equal(await refused(await at('/persons/P1')), code)
  }
  t.same(held, [])
  system.answer = answering('', {}, 404)
  t.equal(
    await refused(await at('/persons/P1')),
    'preview_required',
    'that there is nothing is an answer, too',
  )
})

t.test('who asks whether the person has decided uses up nothing', async (t) => {
  const consent = { contract: 'c0ffee', demand: 'dd', rule: {} as never, places: [...places] }
  const taken: string[] = []
  const rooms = under({ consent })
  const counting: ProviderRooms = {
    ...rooms,
    contractQuotas: {
      take: async () => {
        taken.push('quota')
        return () => void taken.push('back')
      },
    },
    consents: {
      take: async (q) => {
        taken.push('consent')
        return rooms.consents.take(q)
      },
    },
  }
  const ask = (reference: string) => at('/persons/P1', { headers: ['Preview-Reference', reference] })
  t.equal(await refused(await ask('w'), counting), 'preview_waiting')
  t.same(taken, [])
  t.same([log.told(), system.calls], [[], []], 'nor is there a record of it, or a call')
  t.equal(await refused(await ask('x'), counting), 'preview_void')
  t.same(taken, ['quota', 'consent'], 'any other reference is judged as ever')
})
