/** SOAP from system to system: documents, attachments, faults, metadata, what both logs prove. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { readContainer } from '#core/container/read-container.ts'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { memberOf, parseClientId } from '#schemas/identifiers.ts'
import { loadConfiguration } from '#scripts/verify/load-configuration.ts'
import { askSecondVerifier } from '#security-server/reading/evidence/second-verifier-fixture.ts'
import { addService, type Behaviour, startProviderSystem } from '../fakes/provider-system.ts'
import {
  addWsdlServices,
  contentTypeOf,
  type Envelope,
  echoAttachments,
  envelope,
  multipart,
  type Part,
  partsOf,
  wsdl,
} from '../fakes/soap-service.ts'
import { verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import { shareWorld } from '../running-world.ts'
import type { Reply } from '../world.ts'
import { describeInParts } from './describe-in-parts.ts'

const world = await shareWorld()
const { tax, population } = world.servers
const system = await startProviderSystem(world.address(40))
t.teardown(() => system.close())
const described = await addWsdlServices(world.admin.population, {
  provider: population.client,
  document: wsdl(`${system.url}/soap`, ['findPerson/v1', 'findPerson/v2', 'ping', 'pingAll']),
  grants: [tax.client],
})
await addService(world.admin.population, {
  provider: population.client,
  serviceCode: 'rest',
  url: system.url,
  grants: [{ client: tax.client }],
})

let asked = 0
const PERSON = { from: tax, to: population, code: 'findPerson', version: 'v1' }
const sha512 = (bytes: Buffer): string => createHash('sha512').update(bytes).digest('base64')

/** A message of its own id. */
function message(change: Partial<Envelope> = {}): { id: string; text: string } {
  const id = `soap-${asked++}`
  return { id, text: envelope({ ...PERSON, id, content: '<code>39001010000</code>', ...change }) }
}

async function send(body: string | Buffer, headers: Record<string, string> = {}): Promise<Reply> {
  return world.ask('tax', '/', {
    method: 'POST',
    headers: { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '""', ...headers },
    body,
  })
}

/** Answers with the response to the request that came. */
const respond =
  (change: (text: string) => string = (same) => same): Behaviour =>
  ({ body }, response) => {
    const text = body.toString()
    const answered = text.slice(text.indexOf('<?xml'), text.lastIndexOf('Envelope>') + 9)
    response.setHeader('Content-Type', 'text/xml; charset=utf-8')
    response.end(change(answered.replaceAll(/(<\/?p:)([A-Za-z]+)/g, '$1$2Response')))
  }

const faultOf = (reply: Reply): string | undefined => /<faultcode>([^<]*)</.exec(reply.body.toString())?.[1]

t.test(
  'a document goes both ways unchanged, and the hash of the request stands in the response',
  async (t) => {
    for (const change of [
      {},
      { version: 'v2', content: `<long>${'ä'.repeat(200_000)}</long>` },
      { code: 'ping', version: undefined as never, content: '<![CDATA[<a/>]]><!-- b -->' },
    ]) {
      const { text } = message(change)
      system.answer(respond())
      const reply = await send(text, { SOAPAction: '"http://population.example/findPerson"' })
      t.equal(reply.status, 200)
      t.match(reply.headers['content-type'], /^text\/xml/)
      const call = system.calls.at(-1)!
      t.equal(call.target, '/soap')
      t.equal(call.body.toString(), text, 'to the last byte')
      t.ok(call.rawHeaders.includes('"http://population.example/findPerson"'), 'with its SOAPAction')
      const hash = `<xro:requestHash algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">${sha512(Buffer.from(text))}</xro:requestHash>`
      const expected = text
        .replaceAll(/(<\/?p:)([A-Za-z]+)/g, '$1$2Response')
        .replace('</xro:id>', `</xro:id>\n    ${hash}`)
      t.equal(reply.body.toString(), expected)
    }
  },
)

const newestReplies = (name: 'tax' | 'population'): Promise<{ index: number }[]> =>
  world.admin[name].get('/message-log/records?limit=4&kind=reply')

const bundles = mkdtempSync(path.join(tmpdir(), 'concordat-soap-'))
t.teardown(() => rmSync(bundles, { recursive: true, force: true }))

/** The verdict on an exchange's bundle by the server's configuration; the second verifier's is the same. */
async function bundleOf(t: Test, name: 'tax' | 'population', index: number) {
  const admin = world.admin[name]
  await admin.send('POST', '/message-log/time-stamp')
  await admin.send('POST', '/message-log/checkpoint')
  const bytes = await admin.bytes(`/message-log/records/${index}/evidence-bundle?case=1&reason=test`)
  const folder = path.join(world.servers[name].directory, 'configuration/current/globalconf')
  const { indexes: configuration } = await loadConfiguration(folder, new Date())
  const judged = await judgeBundle({ bundle: await readBundle(bytes), configuration, now: new Date() })
  const file = path.join(bundles, `${name}-${index}.zip`)
  writeFileSync(file, bytes)
  const second = askSecondVerifier([[file]])
  if (second === undefined) skipFor(t, 'python3 or openssl is missing: apt-get install python3 openssl')
  else {
    const { verdict, reason } = JSON.parse(second.verdicts[0] ?? '{}') as {
      verdict?: string
      reason?: string
    }
    t.equal(verdict, judged.verdict, `second verifier, ${name} ${index}: ${reason} ${second.errors}`)
  }
  return judged
}

t.test(
  'attachments go both ways unchanged, each in the signature, and both containers have them',
  async (t) => {
    const sizes = [[0], [10, 0, 300_000], [2_000_000], [70_000, 70_000, 0]]
    for (const size of sizes) {
      const { id, text } = message()
      const files = size.map((one) => randomBytes(one))
      const attachments = files.map((bytes, i) => ({
        headers: `Content-Type: application/octet-stream;\r\n name="a${i}"\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <a${i}@tax>\r\nContent-Disposition: attachment; filename="Ä${i}.txt"`,
        bytes,
      }))
      const root = {
        headers: 'Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <root@tax>',
        bytes: Buffer.from(text),
      }
      system.answer(echoAttachments)
      const type = 'multipart/related; type="text/xml"; start="<root@tax>"; boundary="=_of tax"'
      const reply = await send(multipart('=_of tax', [root, ...attachments]), { 'Content-Type': type })
      t.equal(reply.status, 200)
      t.equal(faultOf(reply), undefined, reply.body.toString('latin1', 0, 600))
      const call = system.calls.at(-1)!
      const calledType = contentTypeOf(call.rawHeaders)
      t.match(calledType, /^multipart\/related; type="text\/xml"; start="<root@tax>"; boundary="xroad/)
      const reached = partsOf(call.body, calledType)
      t.equal(reached[0]!.bytes.toString(), text)
      t.match(reached[1]!.headers, /Content-Type: application\/octet-stream; name="a0"/i, 'unfolded')
      const back = partsOf(reply.body, reply.headers['content-type']!)
      for (const parts of [reached, back]) {
        t.strictSame(
          parts.slice(1).map(({ bytes }) => sha512(bytes)),
          files.map(sha512),
          `${size}`,
        )
        t.match(parts[1]!.headers, /content-id: <a0@tax>/)
      }

      for (const name of ['tax', 'population'] as const) {
        const rows = await world.admin[name].get<{ index: number; kind: string }[]>(
          `/message-log/records?limit=2&queryId=${id}`,
        )
        t.strictSame(rows.map(({ kind }) => kind).sort(), ['reply', 'request'])
        for (const { index, kind } of rows) {
          const container = await readContainer(
            await world.admin[name].bytes(`/message-log/records/${index}/container?case=1&reason=test`),
          )
          t.strictSame(
            container.attachments.map((one) => one.digest('SHA-512').toString('base64')),
            files.map(sha512),
            `${name} ${kind} ${size}`,
          )
        }
      }
    }
    for (const name of ['tax', 'population'] as const) {
      t.strictSame(await verifyLogOf(world.servers[name]), [], `the log of ${name} verifies`)
      for (const { index } of await newestReplies(name)) {
        const { verdict, reason } = await bundleOf(t, name, index)
        t.equal(verdict, 'TOTAL-PASSED', `${name} ${index}: ${reason}`)
      }
    }
  },
)

t.test('metadata services', async (t) => {
  const metadata = (code: string, content = ''): Promise<Reply> =>
    send(message({ code, version: undefined as never, content }).text)
  const listed = (await metadata('listMethods')).body.toString()
  for (const code of ['findPerson', 'ping']) t.match(listed, `<id:serviceCode>${code}</id:serviceCode>`)
  t.match(listed, '<id:serviceVersion>v2</id:serviceVersion>')
  t.notMatch(listed, '<id:serviceCode>rest<')
  t.match(listed, '<xrd:requestHash')
  t.match((await metadata('allowedMethods')).body.toString(), '<id:serviceCode>ping<')
  const reply = await metadata(
    'getWsdl',
    '<serviceCode>findPerson</serviceCode><serviceVersion>v1</serviceVersion>',
  )
  const [, document] = partsOf(reply.body, reply.headers['content-type']!)
  t.match(document!.bytes.toString(), '<soap:address location="http://example.org/xroad-endpoint"/>')
  t.match(document!.bytes.toString(), '<soap:address location="stays"/>', 'a comment stays as it is')
  t.notMatch(document!.bytes.toString(), system.url)
  t.match(faultOf(await metadata('getWsdl', '<serviceCode>none</serviceCode>')), /unknown_service$/)
  t.match(faultOf(await metadata('getWsdl')), /invalid_request$/)
  t.match(faultOf(await metadata('getWsdl', `<x>${'y'.repeat(70_000)}</x>`)), /invalid_request$/)
  const rest = await world.ask('tax', `/r1/${population.client}/listMethods`)
  t.match(rest.body.toString(), '"rest"')
  t.notMatch(rest.body.toString(), 'findPerson')
})

t.test('what is refused is answered with a SOAP fault, as X-Road does', async (t) => {
  const calls = system.calls.length
  const text = (change?: Partial<Envelope>): string => message(change).text
  const refused: [what: string, body: string | Buffer, code: RegExp, headers?: Record<string, string>][] = [
    ['no XML', 'hello', /^client\.invalid_soap$/],
    ['an entity', text().replace('?>', '?><!DOCTYPE a [<!ENTITY e "x">]>'), /^client\.invalid_soap$/],
    [
      'another charset',
      text(),
      /^client\.invalid_content_type$/,
      { 'Content-Type': 'text/xml; charset=iso-8859-1' },
    ],
    ['a SOAPAction without quotes', text(), /^client\.invalid_soap_action$/, { SOAPAction: 'a' }],
    ['two ids', text({ fields: '<xro:id>other</xro:id>' }), /^client\.duplicate_header_field$/],
    ['an old protocol', text().replace('4.0<', '3.1<'), /invalid_protocol_version$/],
    ['another element', text({ element: 'getOther' }), /^client\.inconsistent_headers$/],
    [
      'a fault',
      '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><Fault><faultcode>c</faultcode><faultstring>s</faultstring></Fault></Body></Envelope>',
      /^client\.invalid_soap$/,
    ],
    ['a service that is not there', text({ code: 'none' }), /unknown_service$/],
    ['a version that is not there', text({ version: 'v9' }), /unknown_service$/],
    ['a REST service', text({ code: 'rest', version: undefined as never }), /service_type$/],
    ['a foreign client', text({ from: population }), /unknown_member$/],
    ['a multipart without boundary', text(), /mime_parsing_failed$/, { 'Content-Type': 'multipart/related' }],
    [
      'a start that names another part',
      multipart('b', [{ headers: 'Content-Type: text/xml', bytes: Buffer.from(text()) }]),
      /mime_parsing_failed$/,
      { 'Content-Type': 'multipart/related; boundary=b; start="<evil>"' },
    ],
    [
      'no SOAP in the first part',
      multipart('b', [{ headers: 'Content-Type: text/plain', bytes: Buffer.from('x') }]),
      /invalid_content_type$/,
      { 'Content-Type': 'multipart/related; boundary=b' },
    ],
    [
      'an encoded document',
      multipart('b', [
        {
          headers: 'Content-Type: text/xml\r\nContent-Transfer-Encoding: base64',
          bytes: Buffer.from(text()),
        },
      ]),
      /invalid_content_type$/,
      { 'Content-Type': 'multipart/related; boundary=b' },
    ],
    [
      'an attachment with the id of the message',
      multipart('b', [
        { headers: 'Content-Type: text/xml\r\nContent-ID: <a>', bytes: Buffer.from(text()) },
        { headers: 'Content-Type: text/xml\r\nContent-ID: <a>', bytes: Buffer.from(text()) },
      ]),
      /mime_parsing_failed$/,
      { 'Content-Type': 'multipart/related; boundary=b; start="<a>"' },
    ],
    ['the element of a response', text({ element: 'findPersonResponse' }), /invalid_body$/],
    [
      'the element of another service',
      text({ code: 'ping', version: undefined as never, element: 'pingAll' }),
      /inconsistent_headers$/,
    ],
    [
      'too many parts',
      multipart('b', [
        { headers: 'Content-Type: text/xml', bytes: Buffer.from(text()) },
        ...new Array<Part>(1_001).fill({ headers: 'Content-Type: a/b', bytes: Buffer.from('x') }),
      ]),
      /mime_parsing_failed$/,
      { 'Content-Type': 'multipart/related; boundary=b' },
    ],
  ]
  for (const [what, body, code, headers] of refused) {
    const reply = await send(body, headers)
    t.equal(reply.status, 200, what)
    t.equal(reply.headers['soapaction'], '""')
    t.match(faultOf(reply), code, what)
  }
  const rest = await world.ask('tax', `/r1/${population.client}/ping`)
  t.match(rest.headers['x-road-error'], /service_type$/, 'REST to a SOAP service')
  t.equal(system.calls.length, calls, 'nothing of it reached the system')
})

t.test('what the system answers wrongly', async (t) => {
  const fault =
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Server.Own</faultcode><faultstring>no such person</faultstring><detail><e:NotFound xmlns:e="urn:e"><e:code>17</e:code></e:NotFound></detail></s:Fault></s:Body></s:Envelope>'
  const wrong: [what: string, behaviour: Behaviour, code: RegExp][] = [
    [
      'a fault of its own comes through',
      (_call, response) => response.writeHead(500, { 'Content-Type': 'text/xml' }).end(fault),
      /^s:Server\.Own$/,
    ],
    ...['server.serverproxy.access_denied', 'Server.ClientProxy.X', 'signer.x', 'client.access_denied'].map(
      (forged): (typeof wrong)[number] => [
        `a fault in the name of a server: ${forged}`,
        (_call, response) =>
          response.writeHead(500, { 'Content-Type': 'text/xml' }).end(fault.replace('s:Server.Own', forged)),
        /^server\.serverproxy\.service_failed$/,
      ],
    ),
    [
      'HTML',
      (_call, response) => response.setHeader('Content-Type', 'text/html').end('<p>'),
      /service_failed$/,
    ],
    [
      '404',
      (_call, response) => response.writeHead(404, { 'Content-Type': 'text/xml' }).end(fault),
      /service_failed$/,
    ],
    ['another id', respond((text) => text.replace(/<xro:id>/, '<xro:id>x')), /service_failed$/],
    [
      'the request itself',
      ({ body }, response) => response.setHeader('Content-Type', 'text/xml').end(body),
      /service_failed$/,
    ],
    ['nothing', (_call, response) => response.setHeader('Content-Type', 'text/xml').end(), /service_failed$/],
  ]
  for (const [what, behaviour, code] of wrong) {
    system.answer(behaviour)
    t.match(faultOf(await send(message().text)), code, what)
  }
  system.answer((_call, response) => response.writeHead(500, { 'Content-Type': 'text/xml' }).end(fault))
  const { id, text } = message()
  t.equal((await send(text)).body.toString(), fault, 'a fault stays as the system wrote it')
  for (const name of ['tax', 'population'] as const) {
    const [ended] = await world.admin[name].get<{ index: number; kind: string }[]>(
      `/message-log/records?limit=1&queryId=${id}`,
    )
    t.equal(ended!.kind, 'outcome-unknown')
    const { verdict, reason, records } = await bundleOf(t, name, ended!.index)
    t.equal(verdict, 'TOTAL-PASSED', reason)
    t.match(
      await world.admin[name].get(`/message-log/exchanges/${ended!.index}/verification`),
      { verdict },
      'the server says the same',
    )
    t.match(records.at(-1), {
      form: { kind: 'outcome-unknown' },
      container: { signer: memberOf(parseClientId(population.client)) },
    })
    t.strictSame(await verifyLogOf(world.servers[name]), [], `the log of ${name} verifies`)
  }
  system.answer(respond())
  t.equal(faultOf(await send(message().text)), undefined, 'and works again')
  const twins = message({ id: 'twin' }).text
  t.strictSame(
    (await Promise.all([send(twins), send(twins)])).map(faultOf),
    [undefined, undefined],
    'twins are no replay',
  )
})

t.test('a new version of the WSDL keeps what stays', async (t) => {
  const path = `/service-descriptions/${described.descriptionId}`
  const document = Buffer.from(wsdl('http://127.0.0.1:1/other', ['findPerson/v1', 'added']))
  const { population } = world.admin
  const shown = await population.send<{ digest: string; services: Record<string, object[]> }>(
    ...(['POST', `${path}/document`, document] as const),
  )
  t.match(shown.services, {
    added: [{ serviceCode: 'added' }],
    changed: [{ what: 'address', to: 'http://127.0.0.1:1/other' }],
  })
  const changed = await population.send<{
    services: { serviceCode: string; url: string; accessRights: [] }[]
  }>('PUT', `${path}/document?accept=${shown.digest}&ignoreWarnings=true`, document)
  t.strictSame(
    changed.services
      .map(({ serviceCode, url, accessRights }) => [serviceCode, url, accessRights.length])
      .sort(),
    [
      ['added', 'http://127.0.0.1:1/other', 0],
      ['findPerson', `${system.url}/soap`, 1],
    ],
  )
})
t.test('a WSDL in parts', (t) => describeInParts(t, { world, system, answers: respond(), send }))
