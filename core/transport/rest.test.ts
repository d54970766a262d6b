import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import yauzl from 'yauzl'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import golden from '#schemas/golden/transport/rest.json' with { type: 'json' }
import { idText } from '#schemas/identifiers.ts'
import { parseSoapFault, writeSoapFault } from './fault-xml.ts'
import { flatHeaders, type HeaderList } from './header-list.ts'
import {
  parseRestRequest,
  type RestRequest,
  readClientRequest,
  withIds,
  writeRestRequest,
} from './rest-request.ts'
import { parseRestResponse, requestHash, writeRestResponse } from './rest-response.ts'

const REQUEST_ID = '78b890f3-b1eb-45b2-a512-beec5d7ead23'
const sha512 = (data: Buffer | string): Buffer => createHash('sha512').update(data).digest()

function codeOf(act: () => unknown): FaultCode | 'accepted' {
  try {
    act()
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown.code
    throw thrown
  }
}

const edge = (url: string, ...rawHeaders: string[]): RestRequest =>
  readClientRequest({ method: 'GET', url, rawHeaders: ['X-Road-Client', 'DEV/COM/1/a', ...rawHeaders] })
const SERVICE = '/r1/DEV/GOV/1/pop/persons'

void t.test('golden vectors: message bytes and request hash', async (t) => {
  const requests: RestRequest[] = []
  for (const vector of golden.requests) {
    const read = readClientRequest(vector)
    const { request, bytes } = withIds(read, vector)
    requests.push(request)
    t.equal(bytes.toString('base64'), vector.messageBase64, vector.name)
    t.equal(sha512(bytes).toString('hex'), vector.messageSha512)
    const body = vector.body === null ? undefined : sha512(vector.body)
    t.equal(requestHash({ message: sha512(bytes), body }), vector.requestHash)
    t.strictSame(parseRestRequest(bytes), request, 'the provider reads what the consumer signed')
  }
  for (const vector of golden.responses) {
    const hash = golden.requests[vector.request]?.requestHash as string
    const headers: HeaderList = []
    for (let i = 0; i < vector.rawHeaders.length; i += 2) {
      headers.push([vector.rawHeaders[i] as string, vector.rawHeaders[i + 1] as string])
    }
    const request = requests[vector.request] as RestRequest
    const bytes = writeRestResponse({ ...vector, headers, request, requestId: REQUEST_ID, requestHash: hash })
    t.equal(bytes.toString('base64'), vector.messageBase64, vector.name)
    const read = parseRestResponse(bytes)
    t.match(read, { status: vector.status, reason: vector.reason, id: request.id, requestHash: hash })
    t.equal(idText(read.client), idText(request.client))
    t.equal(idText(read.service), idText(request.service))
  }
})

const CONTAINER = new URL('../../test/vectors/x-road/containers/valid-non-batch-rest.asice', import.meta.url)
void t.test('a response that X-Road signed', async (t) => {
  const message = await new Promise<Buffer>((resolve, reject) => {
    yauzl.fromBuffer(readFileSync(CONTAINER), { lazyEntries: true }, (error, zip) => {
      if (zip === undefined) return reject(error)
      zip.on('entry', (entry: yauzl.Entry) => {
        if (entry.fileName !== 'message.xml') return zip.readEntry()
        zip.openReadStream(entry, (_error, stream) => {
          const chunks: Buffer[] = []
          stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
          stream?.on('end', () => resolve(Buffer.concat(chunks)))
        })
      })
      zip.readEntry()
    })
  })
  const response = parseRestResponse(message)
  t.match(response, { status: 200, reason: 'OK', id: 'DEV-d75ea6fd-d24b-48ec-a320-53675c40fb86' })
  t.equal(idText(response.service), 'DEV/COM/1234/TestService/mock1')
  const again = writeRestResponse({
    ...response,
    request: response,
    headers: response.headers,
  })
  t.strictSame(again, message, 'printed again it is the same bytes')
})

void t.test('what a client may send', async (t) => {
  const cases: [FaultCode | 'accepted', () => unknown][] = [
    ['accepted', () => edge(SERVICE)],
    ['accepted', () => edge(`${SERVICE}/?q=[1]&u=a/b?c%00`)],
    ['invalid_request', () => edge(`${SERVICE}?q=|`)],
    ['invalid_request', () => edge(`${SERVICE}?q=%zz`)],
    ['invalid_request', () => edge(`${SERVICE}?q=#x`)],
    ['invalid_request', () => edge(`http://h${SERVICE}`)],
    ['invalid_request', () => edge(`/${SERVICE}`)],
    ['invalid_request', () => edge('/r2/DEV/GOV/1/pop/persons')],
    ['invalid_request', () => edge('/r1/DEV/GOV/1/pop')],
    ['invalid_client_identifier', () => edge('/r1/DEV/GOV//pop/persons')],
    ['invalid_client_identifier', () => edge('/r1/DEV/GOV/1/pop/..')],
    ['invalid_client_identifier', () => edge('/r1/DEV/GOV/1/pop/%2e%2e/x')],
    ['invalid_client_identifier', () => edge('/r1/DEV/GOV/1%2F2/pop/persons')],
    ['invalid_client_identifier', () => edge('/r1/DEV/GOV/1/po p/persons')],
    ['invalid_path', () => edge(`${SERVICE}/a/../b`)],
    ['invalid_path', () => edge(`${SERVICE}//b`)],
    ['headers_too_large', () => edge(`${SERVICE}/${'a'.repeat(9_000)}`)],
    ['headers_too_large', () => edge(SERVICE, 'a', 'x'.repeat(40_000), 'b', 'x'.repeat(40_000))],
    ['invalid_http_method', () => readClientRequest({ method: 'get', url: SERVICE, rawHeaders: [] })],
    ['invalid_http_method', () => readClientRequest({ method: 'CONNECT', url: SERVICE, rawHeaders: [] })],
    ['missing_header', () => readClientRequest({ method: 'GET', url: SERVICE, rawHeaders: [] })],
    ['duplicate_header_field', () => edge(SERVICE, 'x-road-client', 'DEV/COM/1/a')],
    ['duplicate_header_field', () => edge(SERVICE, 'X-Road-Id', 'a', 'x-road-id', 'a')],
    ['invalid_header', () => edge(SERVICE, 'X-Name', 'J\u00fcri')],
    ['invalid_header', () => edge(SERVICE, 'X Name', 'a')],
    ['invalid_header', () => edge(SERVICE, 'X_Road_Client', 'DEV/COM/2/b')],
    ['invalid_header', () => edge(SERVICE, 'X-Road.UserId', 'EE1')],
    ['invalid_header', () => edge(SERVICE, 'Content_Length', '5')],
    ['accepted', () => edge(SERVICE, 'X_Own', 'a', 'X-Roadside_Help', 'a', 'User_Agent', 'a')],
    ['invalid_header', () => edge(SERVICE, 'X-Name', 'a\r\nx-road-client:DEV/COM/2/b')],
    ['invalid_header', () => edge(SERVICE, 'X-Road-Id', 'x'.repeat(256))],
    ['invalid_header', () => edge(SERVICE, 'X-Road-Id', '')],
    ['invalid_client_identifier', () => edge(SERVICE, 'X-Road-Security-Server', 'DEV/GOV/1')],
    ['invalid_client_identifier', () => edge(SERVICE, 'X-Road-Represented-Party', 'a/b/c')],
  ]
  for (const [code, act] of cases) t.equal(codeOf(act), code, `${act}`)
  const read = edge(`${SERVICE}/a%2Fb;v=1?x`, 'X-Road-Represented-Party', '77', 'X-Road-Issue', '1')
  for (const raw of ['/a%20b', '/100%25', '/a%2520b', '/%61%7e?c=%20d+e&f=%25'])
    t.match(
      writeRestRequest(edge(SERVICE + raw))
        .toString()
        .split('\r\n')[1],
      SERVICE + raw,
      'signed as it was written',
    )
  t.match(read, { servicePath: '/a%2Fb;v=1', query: 'x', representedParty: { memberCode: '77' }, issue: '1' })
})

void t.test('a signed part is read only when a parse and print would not change it', async (t) => {
  const head = `GET\r\n${SERVICE}\r\n`
  const ids = `x-road-request-id:${REQUEST_ID}\r\nx-road-id:1\r\n`
  const full = `${head}X-Road-Client:DEV/COM/1/a\r\n${ids}`
  const cases: [FaultCode | 'accepted', string | Buffer][] = [
    ['accepted', full],
    ['accepted', `${full}X-Empty:\r\nx: leading: colon \r\nx:J\u00fcri \u{1f600}\r\n`],
    ['invalid_message', full.replaceAll('\r\n', '\n')],
    ['invalid_message', full.slice(0, -2)],
    ['invalid_message', full.slice(0, -1)],
    ['invalid_message', `${full}\r\n`],
    ['invalid_message', `${full}x:a\rb\r\n`],
    ['invalid_message', `${full}x:a\nb\r\n`],
    ['invalid_message', `${full}x:a\u0085b\r\n`],
    ['invalid_message', `${full}x:a\u0000\r\n`],
    ['invalid_message', `${full}no colon\r\n`],
    ['invalid_message', `${full}:empty name\r\n`],
    ['invalid_message', `${full} folded:1\r\n`],
    ['invalid_message', `${full}host:a\r\n`],
    ['invalid_message', `${full}X_Road_Client:DEV/COM/2/b\r\n`],
    ['invalid_message', `${full}transfer_encoding:chunked\r\n`],
    ['invalid_message', `${full}Transfer-Encoding:chunked\r\n`],
    ['invalid_message', full.replace('x-road-request-id', 'X-Road-Request-Id')],
    ['invalid_message', Buffer.concat([Buffer.from(`${full}x:`), Buffer.from('ff0d0a', 'hex')])],
    ['invalid_message', Buffer.concat([Buffer.from(`${full}x:`), Buffer.from('c0af0d0a', 'hex')])],
    ['invalid_message', Buffer.alloc(0)],
    ['invalid_http_method', `\ufeff${full}`],
    ['invalid_http_method', full.replace('GET', 'GET ')],
    ['duplicate_header_field', `${full}x-road-CLIENT:DEV/COM/1/a\r\n`],
    ['duplicate_header_field', `${full}${ids}`],
    ['missing_header', head + ids],
    ['missing_header', `${head}X-Road-Client:DEV/COM/1/a\r\nx-road-id:1\r\n`],
    ['missing_header', `${head}X-Road-Client:DEV/COM/1/a\r\nx-road-request-id:1\r\n`],
    ['invalid_client_identifier', full.replace('DEV/COM/1/a', ' DEV/COM/1/a')],
    ['invalid_path', full.replace('/persons', '/persons/%2e%2e/x')],
    ['headers_too_large', `${full}x:${'a'.repeat(70_000)}\r\n`],
  ]
  for (const [code, message] of cases) {
    const bytes = Buffer.from(message as string)
    t.equal(
      codeOf(() => parseRestRequest(bytes)),
      code,
      JSON.stringify(`${message}`.slice(-60)),
    )
    if (code === 'accepted') t.strictSame(writeRestRequest(parseRestRequest(bytes)), bytes)
  }
  const base = Buffer.from(full)
  fc.assert(
    fc.property(fc.nat(base.length - 1), fc.nat(255), fc.boolean(), (at, byte, insert) => {
      const rest = base.subarray(insert ? at : at + 1)
      const bytes = Buffer.concat([base.subarray(0, at), Buffer.of(byte), rest])
      if (codeOf(() => parseRestRequest(bytes)) !== 'accepted') return true
      return writeRestRequest(parseRestRequest(bytes)).equals(bytes)
    }),
    { numRuns: 3_000 },
  )
})

void t.test('hostile responses', async (t) => {
  const hash = sha512('x').toString('base64')
  const five = `x-road-id:1\r\nx-road-client:DEV/COM/1/a\r\nx-road-service:DEV/GOV/1/p/s\r\nx-road-request-id:2\r\nx-road-request-hash:${hash}\r\n`
  const code = (text: string): string => codeOf(() => parseRestResponse(Buffer.from(text)))
  t.equal(code(`200\r\n\r\n${five}`), 'accepted')
  for (const status of ['0200', '2000', '100', '600', '+20', '20', '']) {
    t.equal(code(`${status}\r\nOK\r\n${five}`), 'invalid_message')
  }
  for (const line of five.split('\r\n').slice(0, 5)) {
    t.equal(code(`200\r\nOK\r\n${five.replace(`${line}\r\n`, '')}`), 'missing_header')
    t.equal(code(`200\r\nOK\r\n${five}${line}\r\n`), 'duplicate_header_field')
  }
  t.equal(code(`200\r\nOK\r\n${five.replace(hash, 'no')}`), 'invalid_header')
  const request = {
    client: { instance: 'D', memberClass: 'C', memberCode: '1' },
    service: edge(SERVICE).service,
    id: '1',
  }
  const q = { status: 200, request, requestId: '2', requestHash: hash }
  t.throws(() => writeRestResponse({ ...q, reason: '', headers: [['a', 'b\r\nx-road-id:3']] }), {
    code: 'invalid_header',
  })
  const utf8 = Buffer.from('J\u00fcri').toString('latin1')
  const written = writeRestResponse({ ...q, reason: 'caf\u00e9', headers: [['x-name', utf8]] })
  const read = parseRestResponse(written)
  t.equal(read.reason, '')
  t.strictSame(
    flatHeaders(read.headers).slice(0, 2),
    ['x-name', utf8],
    'a UTF-8 header value leaves as it came',
  )
})

void t.test('faults as SOAP', async (t) => {
  const fault = {
    type: 'server.serverproxy.access_denied',
    message: `a <b> & "c" 'd' \u00f5\u0007`,
    detail: 'id-1',
  }
  const xml = writeSoapFault(fault)
  t.equal(
    xml.toString(),
    '<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>server.serverproxy.access_denied</faultcode><faultstring>a &lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; \u00f5</faultstring><detail><faultDetail xmlns="">id-1</faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>',
  )
  t.strictSame(parseSoapFault(xml), { ...fault, message: fault.message.replace('\u0007', '') })
  t.strictSame(parseSoapFault(writeSoapFault({ type: 'a', message: '', detail: '' })), {
    type: 'a',
    message: '',
    detail: '',
  })
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const message = text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '').replace(/\r\n?/g, '\n')
      return parseSoapFault(writeSoapFault({ type: 'x', message, detail: '' }))?.message === message
    }),
  )
  const text = xml.toString()
  const other =
    '\ufeff<?xml version="1.0"?>\n<!-- c --><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header/><e:Body>\n <e:Fault><faultcode> Server.X </faultcode><faultstring><![CDATA[a<b]]>&#65;&#x42;</faultstring><faultactor/><detail>why</detail></e:Fault></e:Body></e:Envelope>\n'
  t.strictSame(parseSoapFault(Buffer.from(other)), { type: 'Server.X', message: 'a<bAB', detail: 'why' })
  const refused: [string, string][] = [
    ['a document type', text.replace('?>', '?><!DOCTYPE x [<!ENTITY a "b">]>')],
    ['an unknown entity', text.replace('id-1', '&nbsp;')],
    ['a bare ampersand', text.replace('id-1', 'a & b')],
    ['a NUL reference', text.replace('id-1', '&#0;')],
    ['a surrogate reference', text.replace('id-1', '&#xd800;')],
    ['a processing instruction', text.replace('<detail>', '<?php ?><detail>')],
    ['two faults', text.replace(/<SOAP-ENV:Fault>.*<\/SOAP-ENV:Fault>/, '$&$&')],
    ['two codes', text.replace('<faultstring>', '<faultcode>x</faultcode><faultstring>')],
    ['a line break in the code', text.replace('access_denied', 'a\r\nSet-Cookie: x')],
    ['no text', text.replace(/<faultstring>.*<\/faultstring>/, '')],
    ['another namespace', text.replace('schemas.xmlsoap.org', 'example.org')],
    ['an undeclared prefix', text.replace('<detail>', '<x:a/><detail>')],
    ['a doubled attribute', text.replace('xmlns=""', 'a="1" a="2"')],
    ['text behind the root', `${text}x`],
    ['a second root', `${text}<a/>`],
    ['a truncated document', text.slice(0, -1)],
    ['crossed tags', text.replace('</faultDetail></detail>', '</detail></faultDetail>')],
    ['no document', ''],
    ['too deep', `${'<a>'.repeat(50)}${'</a>'.repeat(50)}`],
    ['too wide', `<a>${'<b/>'.repeat(3_000)}</a>`],
    ['over 64 KiB', text.replace('id-1', 'x'.repeat(70_000))],
  ]
  for (const [what, document] of refused) t.equal(parseSoapFault(Buffer.from(document)), undefined, what)
  t.equal(parseSoapFault(Buffer.from(text, 'utf16le')), undefined, 'UTF-16')
  t.equal(parseSoapFault(Buffer.concat([xml, Buffer.of(0xff)])), undefined, 'not UTF-8')
})
