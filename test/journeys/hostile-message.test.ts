/**
 * A rogue security server with valid certificates calls our provider: parts missing, doubled, in wrong order
 * or unsigned, contradicting headers, requests repeated or late. Nothing false is accepted, and every refusal
 * is on record.
 */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { PART_NAME, PART_TYPE } from '#schemas/wire.ts'
import * as R from '../fakes/rogue-server.ts'
import { checkRecords, type Lie, openStage } from '../fakes/stage.ts'

const stage = await openStage()
t.teardown(() => stage.stop())
const { world, rogue, other, ECHO, honest, tell, refused, signerOf, ocspParts } = stage
const { tax } = world.servers
const body = Buffer.from('{"amount": 1000}')

/** Finds a part by its type and replaces it with others. */
const swap =
  (type: string, ...by: R.Part[]) =>
  (parts: R.Part[]): R.Part[] =>
    parts.flatMap((part) => (part[0] === type ? by : [part]))
const add =
  (...more: R.Part[]) =>
  (parts: R.Part[]): R.Part[] => [...parts, ...more]
const order =
  (...types: string[]) =>
  (parts: R.Part[]): R.Part[] =>
    [...parts].sort((a, b) => types.indexOf(a[0]) - types.indexOf(b[0]))

t.test('the parts are those that belong there, once each, in order, signed', async (t) => {
  const { ocsp, restRequest, restResponse, restBody, hashChainResult, hashChain, signature, fault } =
    PART_TYPE
  const small: R.Part = [restBody, Buffer.from('more')]
  const wrong: [string, Lie, string | RegExp, boolean?][] = [
    ['a part after the signature', { body, parts: add(small) }, 'invalid_message'],
    ['two signatures', { body, parts: (all) => [...all, all.at(-1)!] }, 'invalid_message'],
    ['no signature', { body, parts: swap(signature) }, 'missing_signature'],
    ['no message', { body, parts: swap(restRequest) }, 'invalid_message', false],
    [
      'a reply for a request',
      { parts: (all) => swap(restRequest, [restResponse, all[2]![1]])(all) },
      'invalid_message',
      false,
    ],
    ['two messages', { parts: (all) => swap(restRequest, all[2]!, all[2]!)(all) }, 'invalid_message'],
    ['two bodies', { body, parts: swap(restBody, small, small) }, 'invalid_message'],
    [
      'body first',
      { body, parts: order(ocsp, restBody, restRequest, hashChainResult, hashChain, signature) },
      'invalid_message',
      false,
    ],
    [
      'signature before the body',
      { body, parts: order(ocsp, restRequest, hashChainResult, hashChain, signature, restBody) },
      'invalid_message',
    ],
    [
      'chain before its result',
      { body, parts: order(ocsp, restRequest, restBody, hashChain, hashChainResult, signature) },
      'invalid_message',
    ],
    ['status after the message', { parts: order(restRequest, ocsp, signature) }, /./, false],
    ['a chain without its result', { body, parts: swap(hashChainResult) }, 'malformed_hash_chain'],
    ['a result without its chain', { body, parts: swap(hashChain) }, 'malformed_hash_chain'],
    [
      'an unknown part',
      { body, parts: swap(restBody, ['application/octet-stream', body]) },
      'invalid_message',
    ],
    [
      'a fault for a signature',
      { parts: swap(signature, [fault, Buffer.from('<fault/>')]) },
      'invalid_message',
    ],
    [
      'twenty parts',
      { parts: (all) => [...Array.from({ length: 20 }, () => all[0]!), ...all] },
      /invalid_message|mime_parsing_failed/,
      false,
    ],
    [
      'the body left out',
      { body, parts: swap(restBody) },
      /malformed_signature\.(invalid_hash_chain_ref|hashchain_unused_inputs)$|invalid_hash_chain/,
    ],
    ['another body', { body, parts: swap(restBody, small) }, /invalid_reference|invalid_hash_chain/],
    [
      'an unsigned body, signature over the message',
      { method: 'POST', parts: (all) => [...all.slice(0, 3), small, ...all.slice(3)] },
      /uncovered_part/,
    ],
    [
      'an unsigned body, chain over the message',
      { method: 'POST', chained: true, parts: (all) => [...all.slice(0, 3), small, ...all.slice(3)] },
      /uncovered_part|hashchain/,
    ],
    [
      'an empty unsigned body',
      { method: 'POST', parts: (all) => [...all.slice(0, 3), [restBody, Buffer.alloc(0)], ...all.slice(3)] },
      /uncovered_part/,
    ],
    [
      'an empty signature',
      { parts: swap(signature, [signature, Buffer.alloc(0)]) },
      /malformed_signature|invalid_xml/,
    ],
    [
      'XML that is no signature',
      { parts: swap(signature, [signature, Buffer.from('<a/>')]) },
      /malformed_signature|invalid_xml/,
    ],
    [
      'a document type',
      { parts: (all) => all.with(-1, [signature, doctype(all.at(-1)![1])]) },
      /malformed_signature|invalid_xml/,
    ],
    ['an empty message', { message: Buffer.alloc(0) }, 'invalid_message', false],
    [
      'a message over 64 KiB',
      { headers: [['X-Long', 'x'.repeat(70_000)]] },
      /invalid_message|headers_too_large/,
      false,
    ],
    [
      'a signature over 256 KiB',
      { parts: swap(signature, [signature, Buffer.alloc(300_000, 60)]) },
      'invalid_message',
    ],
    ['a status over 256 KiB', { ocsp: [[ocsp, Buffer.alloc(300_000)]] }, 'invalid_message', false],
  ]
  for (const [what, lie, code, recorded] of wrong) await refused(t, what, lie, code, recorded)
  const cuts =
    (share: number) =>
    ({ type, bytes }: R.Content): R.Content => ({ type, bytes: bytes.subarray(0, bytes.length * share) })
  const as =
    (type: string) =>
    ({ bytes }: R.Content): R.Content => ({ type, bytes })
  const garbled =
    (change: (text: string) => string) =>
    ({ type, bytes }: R.Content): R.Content => ({
      type,
      bytes: Buffer.from(change(bytes.toString('latin1')), 'latin1'),
    })
  const contents: [string, (content: R.Content) => R.Content][] = [
    ['no body at all', cuts(0)],
    ...[0.1, 0.5, 0.9, 0.999].map((share): [string, (content: R.Content) => R.Content] => [
      `cut at ${share}`,
      cuts(share),
    ]),
    ['no boundary', as('multipart/mixed')],
    ['another boundary', as('multipart/mixed; boundary=xtopnone')],
    ['no multipart', as('application/json')],
    ['bare line feeds', garbled((text) => text.replaceAll('\r\n', '\n'))],
    ['a preamble', garbled((text) => `hello\r\n${text}`)],
    ['an epilogue', garbled((text) => `${text}--more`)],
    [
      'a long part header',
      garbled((text) => text.replace('content-type: ', `x: ${'y'.repeat(40_000)}\r\ncontent-type: `)),
    ],
    [
      'two content types',
      garbled((text) =>
        text.replace('content-type: ', 'content-type: application/x-road-rest-body\r\ncontent-type: '),
      ),
    ],
    ['random bytes', ({ type }) => ({ type, bytes: randomBytes(5000) })],
  ]
  for (const [what, content] of contents) {
    await refused(
      t,
      what,
      { content, agent: undefined },
      /mime_parsing_failed|invalid_message|invalid_content_type|connection_lost|missing_/,
      false,
    )
  }
})

const doctype = (xml: Buffer): Buffer =>
  Buffer.from(xml.toString().replace('?>', '?><!DOCTYPE x [<!ENTITY a "b">]>'))

t.test('one signature over two messages proves each only as its own', async (t) => {
  const ids = [R.newId(), R.newId()] as const
  const messages = ids.map((requestId) =>
    R.requestMessage({ client: rogue.client, target: ECHO, method: 'POST', requestId }),
  )
  const bodies = [Buffer.from('first'), Buffer.from('second')]
  const inputs = messages.map((message, i) => [
    { name: PART_NAME.message, sha512: R.sha512(message) },
    { name: PART_NAME.attachment(1), sha512: R.sha512(bodies[i]!) },
  ])
  const proofs = R.signBatch(honest.signer, inputs)
  const send = (message: number, body: number, proof: number): Lie => ({
    requestId: ids[message]!,
    parts: () => [
      ...honest.ocsp,
      [PART_TYPE.restRequest, messages[message]!],
      [PART_TYPE.restBody, bodies[body]!],
      ...proofs[proof]!,
    ],
  })
  const altered = /invalid_reference|hash_?chain/
  await refused(t, "the other's body", send(0, 1, 0), altered)
  await refused(t, "the other's proof", send(0, 0, 1), altered)
  await refused(t, "the other's body and proof", send(0, 1, 1), altered)
  const crossed = R.signBatch(honest.signer, [[inputs[0]![1]!, inputs[0]![0]!]])[0]!
  await refused(
    t,
    'message and body changed places',
    {
      requestId: ids[0],
      parts: () => [
        ...honest.ocsp,
        [PART_TYPE.restRequest, messages[0]!],
        [PART_TYPE.restBody, bodies[0]!],
        ...crossed,
      ],
    },
    altered,
  )
  t.strictSame([(await tell(send(0, 0, 0))).type, (await tell(send(1, 1, 1))).type], ['ok', 'ok'])
})

t.test('headers of transport and message agree and are whole', async (t) => {
  const without = (name: string): Lie => ({ transport: { [name]: undefined } })
  const wrong: [string, Lie, string | RegExp, boolean?][] = [
    ...['x-hash-algorithm', 'x-proxy-version', 'x-road-request-id'].map(
      (name): [string, Lie, RegExp, boolean] => [
        `no ${name}`,
        without(name),
        /missing_header|client_proxy_version_not_supported/,
        false,
      ],
    ),
    ['REST under the name of SOAP', without('x-road-message-type'), 'invalid_message', false],
    ['SHA-256', { transport: { 'x-hash-algorithm': 'SHA-256' } }, 'invalid_message', false],
    [
      'a version that is none',
      { transport: { 'x-proxy-version': 'unknown' } },
      'client_proxy_version_not_supported',
      false,
    ],
    [
      'another request id',
      { requestId: R.newId(), transport: { 'x-road-request-id': R.newId() } },
      'inconsistent_headers',
    ],
    [
      'a request id in capitals',
      { headers: [['X-Road-Request-Id', 'x']] },
      /duplicate_header_field|invalid_message/,
      false,
    ],
    ['a hop-by-hop header', { headers: [['Transfer-Encoding', 'chunked']] }, 'invalid_message', false],
    ['two clients', { headers: [['x-road-client', tax.client]] }, 'duplicate_header_field', false],
    ['dot segments', { target: `${ECHO}/a/../b` }, 'invalid_path', false],
    ['an encoded slash', { target: `${ECHO}/a%2fb` }, 'invalid_path'],
    [
      'line feeds',
      {
        message: Buffer.from(
          `GET\n${ECHO}\nX-Road-Client:${rogue.client}\nx-road-request-id:1\nx-road-id:1\n`,
        ),
      },
      'invalid_message',
      false,
    ],
    [
      'a blank last line',
      {
        message: Buffer.from(
          `GET\r\n${ECHO}\r\nX-Road-Client:${rogue.client}\r\nx-road-request-id:1\r\nx-road-id:1\r\n\r\n`,
        ),
      },
      'invalid_message',
      false,
    ],
    ['a service of another server', { target: `/r1/${tax.client}/echo` }, 'unknown_member'],
    ['an unknown service', { target: ECHO.replace('echo', 'none') }, 'unknown_service'],
    ['a service without a right', { target: ECHO.replace('echo', 'persons/persons/P1') }, 'access_denied'],
    ['a client of another server', { client: other.client }, 'unknown_member'],
    ['for another server', { headers: [['X-Road-Security-Server', tax.id]] }, 'invalid_security_server'],
  ]
  for (const [what, lie, code, recorded] of wrong) await refused(t, what, lie, code, recorded)
  const long = await tell({ requestId: 'x'.repeat(300) })
  t.match(long.type, /invalid_header|invalid_message/, 'a long request id')
})

t.test('a request is taken once and only now', async (t) => {
  const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)
  for (const late of [-6, -60, 6, 1440]) {
    await refused(t, `signed ${late} minutes from now`, { signingTime: minutes(late) }, 'stale_request')
  }
  t.equal((await tell({ signingTime: minutes(-4) })).type, 'ok')
  const requestId = R.newId()
  const parts = stage.partsOf({ body }, requestId)
  const again = { requestId, parts: () => parts }
  t.equal((await tell(again)).type, 'ok')
  const replayed = 'replayed_request'
  await refused(t, 'on the same connection', again, replayed)
  await refused(t, 'on another', { ...again, agent: undefined }, replayed)
  await refused(t, 'signed anew', { requestId, body }, replayed)
  await refused(t, 'another message with this id', { requestId }, replayed)
  const together = await Promise.all(
    Array.from({ length: 20 }, () => tell({ requestId: `${requestId}-b`, agent: undefined })),
  )
  t.equal(together.filter(({ type }) => type === 'ok').length, 1, 'of twenty at once one is taken')
  const elsewhere = {
    requestId,
    signer: await signerOf(other.signing),
    client: other.client,
    ocsp: await ocspParts(other.authentication),
    credential: other.authentication,
    agent: undefined,
  }
  t.equal((await tell(elsewhere)).type, 'ok', "another server's ids are its own")
  // After a restart: security-server/message-log/recovery/replay-and-recovery.test.ts.
  t.equal((await tell({ agent: undefined })).type, 'ok')
})

t.test('every refusal is on record', (t) => checkRecords(t, stage))
