/**
 * A trace through both halves and to the provider's system; what a collector is told, and what it never is; a
 * collector that is away.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { readTraceparent, writeTraceparent } from '#core/transport/trace-context.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { parseServiceId } from '#schemas/identifiers.ts'
import { createConsumerWorld } from '../../consumer/fixture.ts'
import { watchedExchange } from '../../consumer/watched-exchange.ts'
import { type Course, type Tracing, watched } from '../../peer/course.ts'
import { TAX } from '../../peer/peer-fixture.ts'
import { createBeginTrace, traceparentOf } from '../../peer/trace.ts'
import { exchange } from '../../provider/exchange.ts'
import { createProviderWorld } from '../../provider/fixture.ts'
import { inSoap } from '../../provider/soap-fixture.ts'
import { telemetry } from './feature.ts'
import { createSpanSender } from './send-traces.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const SAMPLED = `00-${TRACE}-${SPAN}-01`
const UNSAMPLED = `00-${TRACE}-${SPAN}-00`

type Span = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status?: { code: number }
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes?: { key: string; value: { stringValue?: string } }[]
}
type Message = {
  path: string
  authorization: string | undefined
  text: string
  spans: Span[]
}

/** A collector that takes everything until `status` is another. */
async function createCollector(
  t: Test,
): Promise<{ url: string; messages: Message[]; status: number; answer: string }> {
  const collector = { url: '', messages: [] as Message[], status: 200, answer: '{}' }
  const server = createServer(async (request, response) => {
    const text = await readText(request)
    type Sent = { resourceSpans?: { scopeSpans: { spans: Span[] }[] }[] }
    const { resourceSpans = [] } = JSON.parse(text) as Sent
    if (collector.status === 200)
      collector.messages.push({
        ...{ path: request.url!, authorization: request.headers.authorization, text },
        spans: resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      })
    response.writeHead(collector.status, { 'content-type': 'application/json' }).end(collector.answer)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return collector
}

const clock = { now: 1_800_000_000_123 }
const elapsed = (): number => 0

/** The feature as a server opens it, with a collector. */
async function openTelemetry(url: string, q: { traceShare?: number; secret?: boolean } = {}) {
  const metrics = createMetrics()
  const feature = await telemetry.open({
    ...{ clock: () => clock.now, metrics, node: 'n1' },
    settings: { server: 'DEV/GOV/1000/s', telemetry: { url, metricsSeconds: 60, traceShare: 1e-9, ...q } },
    contracts: { secrecyBetween: () => (q.secret === true ? 2 : 0) },
  })
  const job = (kind: string) => feature.jobs!.find((one) => one.kind === kind)!
  const { signal } = new AbortController()
  return {
    ...{ metrics, job, tracing: feature.offers!.tracing },
    sendTraces: () => job('send-traces').run({ signal } as never),
    sendMetrics: () => job('send-metrics').run({ signal } as never),
  }
}

t.test('traceparent is read as the specification says', (t) => {
  t.strictSame(readTraceparent(SAMPLED), { trace: TRACE, span: SPAN, isSampled: true })
  t.equal(readTraceparent(UNSAMPLED)?.isSampled, false)
  t.equal(readTraceparent(`00-${TRACE}-${SPAN}-ff`)?.isSampled, true, 'other flags are not ours')
  t.strictSame(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)?.span, SPAN, 'a later version')
  t.equal(writeTraceparent(readTraceparent(`cc-${TRACE}-${SPAN}-03-later`)!), SAMPLED)
  for (const wrong of [
    undefined,
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    ` ${SAMPLED}`,
    `${SAMPLED}\r\nx: y`,
    `cc-${TRACE}-${SPAN}-01-${'x'.repeat(100_000)}`,
  ])
    t.equal(readTraceparent(wrong), undefined, `${wrong?.slice(0, 70)}`)
  t.end()
})

t.test('who begins a trace, who goes on with it, who passes it on', (t) => {
  const off = createBeginTrace({ share: 0, elapsed })
  t.equal(off(undefined), undefined)
  t.strictSame(traceparentOf({ trace: off(SAMPLED) }), { traceparent: SAMPLED }, 'passed on as it came')
  t.strictSame(traceparentOf({ trace: off('nonsense') }), {})
  const on = createBeginTrace({ share: 1e-9, elapsed })
  t.equal(on(undefined), undefined)
  t.strictSame(
    traceparentOf({ trace: on(UNSAMPLED) }),
    { traceparent: UNSAMPLED },
    'the caller records nothing',
  )
  const inside = on(SAMPLED)!
  t.match(traceparentOf({ trace: inside }).traceparent, new RegExp(`^00-${TRACE}-${inside.spans!.call}-01$`))
  t.not(inside.spans!.call, SPAN)
  t.equal(traceparentOf({ trace: inside, secrecy: 1 }).traceparent, undefined, 'nothing of a secret exchange')
  const recorded = Array.from({ length: 60 }, () => on(SAMPLED)).filter((trace) => trace?.spans)
  t.equal(recorded.length, 49, 'who has everything traced does not push out the others')
  const begun = createBeginTrace({ share: 1, elapsed })(undefined)!
  t.equal(begun.parent, undefined)
  t.ok(readTraceparent(traceparentOf({ trace: begun }).traceparent)?.isSampled)
  t.end()
})

t.test('one trace, from the client over both servers to the system', async (t) => {
  const collector = await createCollector(t)
  const { tracing, sendTraces, job } = await openTelemetry(collector.url)
  const consumer = await createConsumerWorld(t)
  const { codec, ...arrival } = consumer.arrival({ headers: ['TraceParent', SAMPLED] })
  t.notOk(job('send-traces').isDue!())
  await watchedExchange({ codec, ...arrival }, { ...consumer.rooms, tracing })
  const [received] = consumer.received
  t.match(received!.message.toString(), SAMPLED, 'what the client signed for is what it sent')
  const beside = received!.transport['traceparent']
  t.match(beside, new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-01$`))

  const provider = await createProviderWorld(t)
  const carry = (asked: Awaited<ReturnType<typeof provider.ask>>, rooms = provider.rooms): Promise<unknown> =>
    watched({ half: 'provider', origin: 'server.serverproxy' }, { ...rooms, tracing }, (course) =>
      exchange({ ...asked, course }, { ...rooms, tracing }),
    )
  const asked = await provider.ask({ headers: ['traceparent', SAMPLED] })
  await carry({ ...asked, headers: { ...asked.headers, traceparent: beside } })
  t.equal(provider.system.calls.at(-1)!.headers['traceparent'], SAMPLED, 'signed, so as it was sent')

  t.ok(job('send-traces').isDue!())
  await sendTraces()
  const [message] = collector.messages.splice(0)
  t.equal(message!.path, '/v1/traces')
  const [asking, calling, answering, system] = message!.spans as [Span, Span, Span, Span]
  t.equal(message!.spans.length, 4)
  t.ok(message!.spans.every(({ traceId }) => traceId === TRACE))
  t.strictSame(
    [asking.parentSpanId, calling.parentSpanId, answering.parentSpanId, system.parentSpanId],
    [SPAN, asking.spanId, calling.spanId, answering.spanId],
  )
  t.strictSame(
    [asking, calling, answering, system].map(({ kind }) => kind),
    [2, 3, 2, 3],
  )
  t.match(asking.attributes, [{ key: 'concordat.half', value: { stringValue: 'consumer' } }])
  t.match(asking.startTimeUnixNano, /^\d{16,19}$/)
  t.ok(BigInt(asking.endTimeUnixNano) >= BigInt(asking.startTimeUnixNano))

  await t.test('SOAP has no signed header of its own: the system gets that of the span', async (t) => {
    const soapAsked = await inSoap(provider, {
      client: TAX,
      service: provider.service.id,
      content: '<p:persons xmlns:p="urn:p">x</p:persons>',
    })
    provider.service.type = 'WSDL'
    await carry({ ...soapAsked, headers: { ...soapAsked.headers, traceparent: SAMPLED } }).catch(
      () => undefined,
    )
    const sent = provider.system.calls.at(-1)!.headers['traceparent']
    await sendTraces()
    const [told] = collector.messages.splice(0)
    const call = told!.spans.find(({ kind }) => kind === 3)!
    t.equal(sent, `00-${TRACE}-${call.spanId}-01`)
  })
})

t.test('what is told of an exchange has no person in it, and a secret exchange is not told of', async (t) => {
  const collector = await createCollector(t)
  const open = await openTelemetry(collector.url, { traceShare: 1 })
  const consumer = await createConsumerWorld(t)
  const ask = (tracing: Tracing): Promise<unknown> => {
    const headers = [
      'X-Road-UserId',
      'EE38001085718',
      'X-Road-Issue',
      'case-7',
      'tracestate',
      'v=38001085718',
    ]
    const { codec, ...arrival } = consumer.arrival({
      url: '/r1/DEV/GOV/2000/population/persons/38001085718?name=Mari',
      headers,
    })
    return watchedExchange({ codec, ...arrival }, { ...consumer.rooms, tracing }).catch(() => undefined)
  }
  await ask(open.tracing)
  consumer.peer = () => {
    const message = 'no person 38001085718'
    return consumer.faultOf({ type: 'server.serverproxy.access_denied', message, detail: '' })
  }
  await ask(open.tracing)
  await open.sendTraces()
  const [told] = collector.messages.splice(0)
  t.equal(told!.spans.length, 4)
  t.notMatch(told!.text, /38001085718|Mari|case-7/)
  t.match(told!.spans[2], { status: { code: 2 } })
  t.match(told!.text, '"error.type","value":{"stringValue":"server.serverproxy.access_denied"}')

  const secret = await openTelemetry(collector.url, { traceShare: 1, secret: true })
  await ask(secret.tracing)
  t.notOk(secret.job('send-traces').isDue!())
  const course = (of: Partial<Course>): void =>
    secret.tracing.ended({
      ...{ half: 'consumer', requestIn: 1, trace: secret.tracing.begin(SAMPLED) },
      request: { service: parseServiceId('DEV/GOV/1/s/x'), client: parseServiceId('DEV/GOV/2/s/x') } as never,
      ...of,
    })
  course({ secrecy: 2 })
  t.notOk(secret.job('send-traces').isDue!())
  course({ secrecy: 0 })
  t.ok(secret.job('send-traces').isDue!(), 'a contract of theirs that is not secret')
})

t.test('a collector that is away costs spans, in the end, and no exchange', async (t) => {
  const collector = await createCollector(t)
  let lost = 0
  const sender = createSpanSender({
    ...{ clock: () => clock.now, toldBy: { name: 'x', instance: 'y' }, onLost: (spans) => (lost += spans) },
    collector: { url: `${collector.url}/v1/traces`, authorization: 'Bearer s', refused: 'telemetry_refused' },
  })
  const { signal } = new AbortController()
  collector.status = 503
  for (let n = 0; n < 5000; n++) sender.add([{ spanId: `${n}` }])
  t.equal(lost, 1024)
  await t.rejects(sender.send(signal), { code: 'telemetry_refused' })
  t.notOk(sender.isDue(), 'it is left alone for half a minute')
  clock.now += 30_000
  t.ok(sender.isDue())
  collector.status = 200
  await sender.send(signal)
  const spans = collector.messages.flatMap((message) => message.spans)
  t.equal(spans.length, 5000 - lost)
  t.equal(spans.at(-1)!.spanId, '4999')
  t.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length, 'each once')
  t.equal(collector.messages[0]!.authorization, 'Bearer s')
  t.notOk(sender.isDue())

  const before = lost
  sender.add([{ spanId: 'bad' }])
  collector.status = 400
  await sender.send(signal)
  t.equal(lost - before, 1, 'what it finds bad is not sent again')
  sender.add([{ spanId: 'a' }, { spanId: 'b' }])
  collector.status = 200
  collector.answer = '{"partialSuccess":{"rejectedSpans":"2"}}'
  await sender.send(signal)
  t.equal(lost - before, 3, 'what it rejects is counted')
  sender.add([{ spanId: 'c' }])
  t.notOk(sender.isDue())
  clock.now -= 3_600_000
  t.ok(sender.isDue(), 'after a clock that was set back too')
  clock.now += 3_600_000
})

t.test('metrics as OTLP has them', async (t) => {
  const collector = await createCollector(t)
  const { metrics, sendMetrics } = await openTelemetry(`${collector.url}/`)
  metrics.counter('c_total', 'A counter', ['kind']).inc({ kind: 'a' }, 3)
  metrics.gauge('g', 'A gauge').set(Number.NaN)
  const seconds = metrics.histogram('h_seconds', 'A histogram', ['half'], [0.1, 1])
  for (const value of [0.05, 0.5, 0.6, 7]) seconds.observe({ half: 'consumer' }, value)
  await sendMetrics()
  const [message] = collector.messages
  t.equal(message!.path, '/v1/metrics')
  type Told = { resourceMetrics: { scopeMetrics: { metrics: { name: string }[] }[] }[] }
  const told = (JSON.parse(message!.text) as Told).resourceMetrics[0]!.scopeMetrics[0]!.metrics
  const named = (name: string) => told.find((one) => one.name === name)
  t.match(named('c_total'), {
    sum: {
      ...{ isMonotonic: true, aggregationTemporality: 2 },
      dataPoints: [
        {
          attributes: [{ key: 'kind', value: { stringValue: 'a' } }],
          ...{ asDouble: 3, timeUnixNano: `${clock.now}000000` },
        },
      ],
    },
  })
  t.strictSame((named('g') as unknown as { gauge: object }).gauge, { dataPoints: [] }, 'NaN is no JSON')
  t.match(named('h_seconds'), {
    histogram: {
      dataPoints: [{ count: '4', sum: 8.15, bucketCounts: ['1', '2', '1'], explicitBounds: [0.1, 1] }],
    },
  })
  t.match(named('process_resident_memory_bytes'), { gauge: { dataPoints: [{}] } })
})
