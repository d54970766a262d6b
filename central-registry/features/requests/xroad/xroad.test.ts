import { randomUUID } from 'node:crypto'
import t from 'tap'
import { parseSoapFault } from '#core/transport/fault-xml.ts'
import { checkSoapConsistency } from '#core/transport/soap-consistency.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { authenticationParty, ocspFor, signingParty } from '#test/fakes/management-requests.ts'
import {
  approve,
  authority,
  GUEST,
  guest,
  NEW_SERVER,
  OWNER,
  owner,
  registrationOf,
  start,
  stranger,
} from '#test/fakes/request-world.ts'
import {
  authCertRegMessage,
  authCertRegSoap,
  type Faults,
  REGISTRATION_TYPE,
  type XRoadPart,
} from '#test/fakes/xroad-registration.ts'

const PATH = '/managementservice/'
const DRY = '<xroad:dryRun>true</xroad:dryRun>'

void t.test("an X-Road server's registration becomes a request like any other", async (t) => {
  const all = await start(t)
  const { node, detail, file } = all
  const authentication = await authenticationParty(authority)
  const { der, sha256 } = authentication.certificate
  const soapOf = (more: object = {}): string =>
    authCertRegSoap({
      server: NEW_SERVER,
      address: 'ss2.example',
      certificate: der,
      id: randomUUID(),
      ...more,
    })

  const dry = soapOf({ more: DRY })
  const tried = await node.register(PATH, authCertRegMessage(dry, authentication, owner), REGISTRATION_TYPE)
  t.equal(tried.status, 200, tried.bytes.toString())
  t.notMatch(tried.bytes.toString(), /requestId/)
  t.same(await node.must('GET', '/management-requests'), [], 'a dry run leaves no row')

  const soap = soapOf()
  const message = authCertRegMessage(soap, authentication, owner)
  const reply = await node.register(PATH, message, REGISTRATION_TYPE)
  t.equal(reply.status, 200, reply.bytes.toString())
  t.match(reply.headers['content-type'], /^text\/xml; charset=UTF-8$/i)
  const [question, answer] = await Promise.all(
    [soap, reply.bytes].map((one) => parseSoapMessage(Buffer.from(one))),
  )
  t.ok(answer!.isResponse)
  checkSoapConsistency(question!, answer!)
  const number = Number(/<xroad:requestId>(\d+)<\/xroad:requestId>/.exec(reply.bytes.toString())?.[1])
  const seen = await detail(number)
  t.match(seen, {
    kind: 'authCertReg',
    state: 'SUBMITTED_FOR_APPROVAL',
    server: 'DEV:GOV:1234:SS2',
    conflicts: [],
    proofs: [
      {
        signer: OWNER,
        format: 'X-Road',
        document: question!.id,
        signingCertificate: { sha256: owner.certificate.sha256 },
        authenticationCertificate: { sha256 },
      },
    ],
  })
  t.equal((await file(registrationOf(authentication), { authentication })).status, 409, 'the same by our API')
  const again = await node.register(PATH, message, REGISTRATION_TYPE)
  t.match(parseSoapFault(again.bytes), { type: 'replayed_request' })
  await node.must('POST', `/management-requests/${number}/decline`, { reason: 'Not yet.' })
  all.world.clock.now += 20 * 60_000
  t.match(
    parseSoapFault((await node.register(PATH, message, REGISTRATION_TYPE)).bytes),
    { type: 'replayed_request' },
    'a declined one does not come back by a copy of it',
  )
  const second = await node.register(
    PATH,
    authCertRegMessage(soapOf(), authentication, owner),
    REGISTRATION_TYPE,
  )
  t.equal(second.status, 200, second.bytes.toString())
  t.equal((await approve(all, number + 1)).status, 200)
  t.match(await node.must('GET', '/security-servers?q=SS2'), [
    { certificates: [sha256], address: 'ss2.example' },
  ])
})

void t.test('each of the three proofs and the form, broken', async (t) => {
  const { node, world, detail } = await start(t)
  const authentication = await authenticationParty(authority)
  const other = await authenticationParty(authority)
  const base = { server: NEW_SERVER, address: 'ss2.example', certificate: authentication.certificate.der }
  const soapOf = (more: object = {}): string => authCertRegSoap({ ...base, id: randomUUID(), ...more })
  const codeOf = async (body: Buffer, type = REGISTRATION_TYPE): Promise<string> => {
    const reply = await node.register(PATH, body, type)
    if (reply.status === 200) return 'accepted'
    t.equal(reply.status, 500)
    return parseSoapFault(reply.bytes)?.type ?? `no SOAP fault: ${reply.bytes.toString().slice(0, 200)}`
  }
  const send = (faults: Faults, soap = soapOf(), [by, signer] = [authentication, owner]) =>
    codeOf(authCertRegMessage(soap, by, signer, faults))
  const change = (at: number, body: Buffer) => ({
    parts: (parts: XRoadPart[]) => parts.map((one, i) => (i === at ? { ...one, body } : one)),
  })
  const day = 86_400_000
  const expired = await signingParty(authority, OWNER, {
    notBefore: new Date(world.clock.now - 2 * day),
    notAfter: new Date(world.clock.now - day),
  })
  const refused: [string, string, Promise<string>][] = [
    [
      'the SOAP changed after it was signed',
      'invalid_signature_value',
      send({ soap: soapOf({ address: 'evil.example' }) }),
    ],
    [
      'signatures exchanged',
      'invalid_signature_value',
      send({ parts: ([a, b, c, ...d]) => [a!, c!, b!, ...d] }),
    ],
    [
      'certificates exchanged',
      'invalid_signature_value',
      send({ parts: ([a, b, c, d, e, f]) => [a!, b!, c!, e!, d!, f!] }),
    ],
    ['another authentication key', 'incorrect_certificate', send({}, soapOf(), [other, owner])],
    ['signed by another member', 'incorrect_certificate', send({}, soapOf(), [authentication, guest])],
    ['expired signing certificate', 'cert_validation', send({}, soapOf(), [authentication, expired])],
    [
      'a foreign CA',
      'cert_validation',
      send({}, soapOf(), [authentication, await signingParty(stranger, OWNER)]),
    ],
    ['no OCSP answer', 'malformed_ocsp', send(change(5, Buffer.alloc(0)))],
    ["another's OCSP answer", 'incorrect_validation_info', send(change(5, ocspFor(guest)[0]!))],
    [
      'a stale OCSP answer',
      'incorrect_validation_info',
      send(change(5, ocspFor(owner, { at: new Date(world.clock.now - 3 * 3_600_000) })[0]!)),
    ],
    ['no signature', 'invalid_signature_value', send(change(2, Buffer.alloc(0)))],
    ['no certificate', 'malformed_certificate', send(change(3, Buffer.from('x')))],
    ['SHA-1', 'missing_signature', send({ algorithm: 'SHA1withECDSA' })],
    ['an algorithm of another key', 'missing_signature', send({ algorithm: 'SHA512withRSA' })],
    ['an algorithm of Object', 'missing_signature', send({ algorithm: 'constructor' })],
    [
      'no algorithm',
      'missing_signature',
      send({ parts: (all) => all.map((one) => ({ ...one, headers: one.headers.slice(0, 1) })) }),
    ],
    ['five parts', 'invalid_request', send({ parts: (all) => all.slice(0, 5) })],
    [
      'the SOAP message alone, by which an X-Road server tries its connection',
      'invalid_request',
      send({ parts: ([soap]) => [soap!] }, soapOf({ address: '', certificate: Buffer.alloc(0), more: DRY })),
    ],
    ['seven parts', 'mime_parsing_failed', send({ parts: (all) => [...all, all[5]!] })],
    [
      'no SOAP type',
      'invalid_content_type',
      send({
        parts: (all) =>
          all.map((one) => ({ ...one, headers: [all[1]!.headers[0]!, ...one.headers.slice(1)] })),
      }),
    ],
    ['another boundary', 'mime_parsing_failed', send({ boundary: 'other' })],
    ['an epilogue', 'mime_parsing_failed', send({ epilogue: 'x' })],
    ['no multipart', 'invalid_content_type', codeOf(Buffer.from('x'), 'text/xml')],
    ['JSON', 'mime_parsing_failed', codeOf(Buffer.from('{}'), 'application/json')],
    ['nothing', 'mime_parsing_failed', codeOf(Buffer.alloc(0))],
    ['too large', 'body_too_large', codeOf(Buffer.alloc(100_001))],
    ['not the owner asks', 'inconsistent_headers', send({}, soapOf({ client: GUEST }))],
    ['another provider', 'unknown_service', send({}, soapOf({ provider: 'other' }))],
    ['another service', 'unknown_service', send({}, soapOf({ service: 'clientReg' }))],
    ['another instance', 'unknown_service', send({}, soapOf({ server: 'XX/GOV/1234/SS2' }))],
    ['a server of an unknown member', 'incorrect_certificate', send({}, soapOf({ server: 'DEV/GOV/9/SS2' }))],
    ['no address', 'invalid_input', send({}, soapOf({ address: '' }))],
    ['no certificate in the SOAP', 'invalid_input', send({}, soapOf({ certificate: Buffer.alloc(0) }))],
    [
      'another certificate in the SOAP',
      'incorrect_certificate',
      send({}, soapOf({ certificate: other.certificate.der })),
    ],
    [
      'a signing certificate in the SOAP',
      'incorrect_certificate',
      send({}, soapOf({ certificate: owner.certificate.der })),
    ],
    [
      'an element too many',
      'invalid_body',
      send({}, soapOf({ more: '<xroad:requestId>1</xroad:requestId>' })),
    ],
    [
      'an address twice',
      'invalid_body',
      send({}, soapOf({ more: '<xroad:address>b.example</xroad:address>' })),
    ],
    ['dryRun perhaps', 'invalid_body', send({}, soapOf({ more: '<xroad:dryRun>maybe</xroad:dryRun>' }))],
    ['a document type', 'invalid_soap', send({}, soapOf().replace('?>', '?><!DOCTYPE x [<!ENTITY a "b">]>'))],
    ['not XML', 'invalid_soap', send({}, 'hello')],
  ]
  for (const [what, code, reply] of refused) t.equal(await reply, code, what)
  const good = authCertRegMessage(soapOf(), authentication, owner)
  let accepted = 0
  for (let at = 0; at < good.length; at += Math.floor(good.length / 60)) {
    const bytes = Buffer.from(good)
    bytes[at]! ^= 1
    if ((await codeOf(bytes)) === 'accepted') accepted++
  }
  // Nobody signs the parameters of part headers and the certificates next to an OCSP answer. So one of these
  // copies may be accepted, which uses up the message's id.
  t.ok(accepted <= 1)
  const rows = (await node.must('GET', '/management-requests')) as { id: number }[]
  t.equal(rows.length, accepted)
  for (const { id } of rows)
    t.match(await detail(id), { subject: { address: 'ss2.example', server: NEW_SERVER } })
})
