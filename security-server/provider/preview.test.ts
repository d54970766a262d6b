/** Answers that the person sees first, at the provider: what is held, what leaves, what is on record. */
import { createHash, randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { writeSoap } from '#core/transport/write-soap.ts'
import { Fault } from '#schemas/fault.ts'
import { logReply as logReceived } from '../consumer/log-reply.ts'
import { saysNotCalled } from '../consumer/refused-codes.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { Body } from '../message/body.ts'
import { bodyOf, TAX } from '../peer/peer-fixture.ts'
import { type PreviewAnswer, PreviewFault, type PreviewQuestion } from '../peer/previews.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'
import { logReply } from './log-reply.ts'
import type { Arrival } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'
import { inSoap } from './soap-fixture.ts'

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
    if (reference === 'e') throw new Fault('preview_elsewhere')
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
  t.notMatch(message, /x-income|etag:/i, 'nothing leaves that the person was not shown')
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
  t.equal(await refused(await ask('e'), counting), 'preview_elsewhere')
  t.same(taken, [])
  t.same([log.told(), system.calls], [[], []], 'nor is there a record of it, or a call')
  t.equal(await refused(await ask('x'), counting), 'preview_void')
  t.same(taken, ['quota', 'consent'], 'any other reference is judged as ever')
})

t.test(
  'SOAP: the document without its header is shown, and leaves with a header that repeats the request',
  async (t) => {
    Object.assign(made.service, { type: 'WSDL' })
    t.teardown(() => Object.assign(made.service, { type: 'OPENAPI' }))
    const { id: service } = made.service
    const preview = {
      contract: 'c0ffee',
      minutes: 30,
      places: [{ ...places[0], path: '**', in: 'body', name: '/persons/code' }],
    }
    const rooms = under({ preview: preview as never })
    const withHeader = (field: string) => (text: string) =>
      text.replace('</SOAP-ENV:Header>', `${field}</SOAP-ENV:Header>`)
    const named = withHeader('<c:previewReference xmlns:c="urn:concordat:preview:1"> r </c:previewReference>')
    const calling = (code: string, more: { change?: (text: string) => string; attached?: Body } = {}) =>
      inSoap(made, {
        ...{ client: TAX, service, ...more },
        content: `<p:persons xmlns:p="urn:p"><p:code>${code}</p:code></p:persons>`,
      })
    let head = (text: string): string => text
    let type = 'text/xml'
    const answers = (content: string) => {
      system.answer = (request, response) => {
        request.resume()
        const { id } = log.records.at(-1)!.ids
        response.writeHead(200, { 'content-type': type, 'x-income': '500' })
        response.end(head(writeSoap({ client: TAX, service, id }, content)))
      }
    }
    const mari = '<p:personsResponse xmlns:p="urn:p"><p:name>Mari</p:name></p:personsResponse>'
    answers(mari)
    head = withHeader('<x:income xmlns:x="urn:x">500</x:income><!-- 500 -->')
    const refusal = await refusalIn(made, exchange(await calling('P1'), rooms))
    t.match(refusal.fault, { code: 'preview_required', what: 'Preview-Reference: r' })
    t.ok(refusal.signatures, 'it is signed')
    const { question, answer } = held[0]!
    t.match(question, { person: { identifier: 'P1' } })
    t.match(answer, { status: 200, contentType: 'text/xml' })
    t.equal(
      answer.bytes.toString(),
      head(writeSoap({ client: TAX, service, id: '' }, mari)).replace(
        /<SOAP-ENV:Header>.*<\/SOAP-ENV:Header>/,
        '',
      ),
      'the octets of the system, but for its header',
    )
    released = answer.digest
    const again = await passed(await calling('P1', { change: named }), rooms)
    t.match(again, mari)
    t.notMatch(again, /income|>500<|-- 500/, 'nothing leaves that the person was not shown')
    t.match(again, /<xrd:requestHash /)
    t.match(system.calls.at(-1)!.headers, { 'accept-encoding': 'identity' })
    head = (text) => text
    t.match(await passed(await calling('P1', { change: named }), rooms), mari, 'whatever its header says')
    const { length: before } = held
    for (const [what, other] of Object.entries({
      id: (text: string) => text.replace(/<xrd:id>[^<]+/, '<xrd:id>of-another-call'),
      client: (text: string) =>
        text.replace(`<id:subsystemCode>${TAX.subsystemCode}<`, '<id:subsystemCode>other<'),
      userId: withHeader('<xrd:userId>EEP2</xrd:userId>'),
    })) {
      head = other
      for (const more of [{}, { change: named }]) {
        const { fault } = await refusalIn(made, exchange(await calling('P1', more), rooms))
        const told = { code: 'service_failed', what: new RegExp(`another call: ${what} differs`) }
        t.match(fault, told, `the answer to another call, by its ${what}`)
      }
    }
    t.equal(held.length, before, 'which nobody is shown')
    head = (text) => text

    await refused(await calling('P1'), rooms)
    await refused(await calling('P2'), rooms)
    const file = Buffer.from('a file')
    const attachments = [
      { size: file.length, sha512: createHash('sha512').update(file).digest(), headers: [] },
    ]
    await refused(
      await calling('P1', { attached: { ...(await bodyOf(made.world, file)), attachments } }),
      rooms,
    )
    const [same, other, attached] = held.slice(-3).map((one) => one.question.call)
    t.equal(same, question.call, 'the same call, though its ids are others')
    t.equal(new Set([same, other, attached]).size, 3)

    for (const changed of [mari.replace('Mari', 'Mary'), `${mari} `, mari.replace('urn:p', 'urn:q')]) {
      answers(changed)
      t.equal(await refused(await calling('P1', { change: named }), rooms), 'preview_required', changed)
    }
    const { length } = held
    const fault =
      '<SOAP-ENV:Fault><faultcode>a.b</faultcode><faultstring>Mari is ill</faultstring></SOAP-ENV:Fault>'
    answers(fault)
    t.equal(await refused(await calling('P1'), rooms), 'service_failed')
    for (const unseen of [
      '<p:persons xmlns:p="urn:p"/>',
      `${mari}<!--`,
      mari.replace('Mari', 'x'.repeat(1000)),
    ]) {
      answers(unseen)
      t.equal(await refused(await calling('P1'), rooms), 'preview_impossible', unseen.slice(0, 40))
    }
    answers(mari)
    for (const cut of [/<SOAP-ENV:Header>.*<\/SOAP-ENV:Header>/, /<SOAP-ENV:Body>.*<\/SOAP-ENV:Body>/]) {
      head = (text) => text.replace(cut, '')
      t.equal(await refused(await calling('P1'), rooms), 'preview_impossible', `${cut}`)
    }
    head = (text) =>
      `--b\r\nContent-Type: text/xml\r\n\r\n${text}\r\n--b\r\nContent-Type: text/plain\r\n\r\n500\r\n--b--\r\n`
    type = 'multipart/related; boundary=b; type="text/xml"'
    const { fault: why } = await refusalIn(made, exchange(await calling('P1'), rooms))
    t.match(why, { code: 'preview_impossible', what: /it has attachments/ })
    t.notMatch(
      JSON.stringify(log.records.map(({ message }) => `${message}`)),
      /is ill/,
      'words that nobody was shown',
    )
    t.equal(held.length, length)
    const twice = (text: string) => named(named(text))
    t.equal(await refused(await calling('P1', { change: twice }), rooms), 'duplicate_header_field')
  },
)
