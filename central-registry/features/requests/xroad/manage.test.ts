import { randomInt, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { parseSoapFault } from '#core/transport/fault-xml.ts'
import { checkSoapConsistency } from '#core/transport/soap-consistency.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { authenticationParty, ocspFor, type Party, signingParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { publish, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import {
  actsOf,
  approve,
  authority,
  GUEST,
  guest,
  OWNER,
  owner,
  type RequestWorld,
  registrationOf,
  SERVER,
  stranger,
} from '#test/fakes/request-world.ts'
import {
  type Answer,
  clientElement,
  managementService,
  managementSoap,
  passOn,
  signedManagementMessage,
  tlsIdentity,
} from '#test/fakes/xroad-management.ts'
import type { XRoadPart } from '#test/fakes/xroad-registration.ts'

const PLAIN = 'text/xml; charset=UTF-8'
const managementServer = tlsIdentity('management.example')
const next = tlsIdentity('management.example')
const other = tlsIdentity('management.example')

type World = RequestWorld & {
  send(body: Buffer, o?: Parameters<typeof passOn>[2]): Promise<Answer>
  /** Files a signed request, or a plain one without `by`; returns its number in the registry. */
  ask(kind: string, fields: string, by?: Party, soap?: object): Promise<number>
}

const text = (name: string, value: string): string => `<xroad:${name}>${value}</xroad:${name}>`

async function start(t: Test, url?: string): Promise<World> {
  const world = registryWorld(t, url)
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const listener = managementService(world.directory, address, [managementServer, next])
  const node = await world.start({ registration: true, settings: { managementService: listener } })
  await setUp(node, authority)
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
  const send: World['send'] = (body, o = {}) => passOn(listener, body, { by: managementServer, ...o })
  return {
    ...{ world, node, ...actsOf(world, node), send },
    ask: async (kind, fields, by, more = {}) => {
      const soap = managementSoap(kind, { server: SERVER, id: randomUUID(), fields, ...more })
      const reply =
        by === undefined
          ? await send(Buffer.from(soap), { type: PLAIN })
          : await send(signedManagementMessage(soap, by))
      if (reply.status !== 200) throw new Error(`${kind}: ${reply.status} ${reply.bytes.toString()}`)
      const [question, answer] = await Promise.all([Buffer.from(soap), reply.bytes].map(parseSoapMessage))
      t.ok(answer!.isResponse)
      checkSoapConsistency(question!, answer!)
      return Number(/<xroad:requestId>(\d+)<\/xroad:requestId>/.exec(reply.bytes.toString())?.[1])
    },
  }
}

void t.test('every kind that X-Road sends through the management services, to its approval', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { node, detail, ask, file } = all
    const approved = async (id: number): Promise<void> => {
      const reply = await approve(all, id)
      t.equal(reply.status, 200, reply.bytes.toString())
    }
    const server = async (): Promise<object> =>
      ((await node.must('GET', '/security-servers?q=SS1')) as object[])[0]!
    const clients = async (): Promise<unknown> =>
      node.must('GET', '/security-servers/DEV:GOV:1234:SS1/clients')

    const hosted = clientElement(`${GUEST}/vat`)
    const registered = await ask('clientReg', hosted + text('subsystemName', 'VAT'), guest)
    const seen = await detail(registered)
    t.match(seen, { state: 'SUBMITTED_FOR_APPROVAL', waitsFor: [], conflicts: [] })
    const [byOwner, byGuest] = [OWNER, GUEST].map((one) => seen.proofs.find(({ signer }) => signer === one))
    t.match(byGuest, {
      format: 'X-Road',
      signingCertificate: { sha256: guest.certificate.sha256 },
      passedOnBy: { subject: /management\.example/ },
    })
    t.match(byOwner, { format: 'X-Road', passedOnBy: { subject: /management\.example/ } })
    t.notOk(byOwner?.signingCertificate, 'the owner signed the message that the management server verified')
    await approved(registered)
    t.match(await clients(), [{ id: 'DEV:GOV:1234:pop ä' }, { id: 'DEV:GOV:5678:vat' }])

    await approved(await ask('clientDisable', hosted, guest))
    t.match(await server(), { disabledClients: ['DEV:GOV:5678:vat'] })
    await approved(await ask('clientEnable', hosted, guest))
    await approved(await ask('clientRename', hosted + text('subsystemName', 'Value added tax'), guest))
    t.match(await node.must('GET', '/subsystems?q=vat'), [{ name: 'Value added tax' }])
    await approved(await ask('addressChange', text('address', 'new.example'), owner))
    t.match(await server(), { address: 'new.example' })
    await approved(await ask('maintenanceModeEnable', text('message', 'Back at noon'), owner))
    t.match(await server(), { maintenance: { message: 'Back at noon' } })
    await approved(await ask('maintenanceModeDisable', '', owner))
    await approved(await ask('maintenanceModeEnable', '', owner))
    t.match(await server(), { maintenance: { message: '' } })
    await approved(await ask('clientDeletion', hosted))
    t.match(await clients(), [{ id: 'DEV:GOV:1234:pop ä' }])

    const waiting = await ask('clientReg', hosted, guest)
    t.equal(await ask('clientDeletion', hosted), waiting, 'a deletion takes an undecided registration back')
    t.match(await detail(waiting), { state: 'REVOKED', decidedBy: OWNER })

    const authentication = await authenticationParty(authority)
    await approved((await file(registrationOf(authentication, SERVER), { authentication })).body.request)
    const { der, sha256 } = authentication.certificate
    t.match(await server(), { certificates: [sha256] })
    await approved(await ask('authCertDeletion', text('authCert', der.toString('base64'))))
    t.match(await server(), { certificates: [] })

    await approved(await ask('clientReg', clientElement(GUEST), guest))
    const change = await ask('ownerChange', clientElement(GUEST), guest)
    t.match(await detail(change), { subject: { newOwner: GUEST }, waitsFor: [] })
    await approved(change)
    t.match(await server(), { id: 'DEV:GOV:5678:SS1' })
    await publish(node)

    await node.must('PUT', '/automatic-approvals/addressChange/GOV')
    const changed = { server: 'DEV/GOV/5678/SS1' }
    const automatic = await ask('addressChange', text('address', 'b.example'), guest, changed)
    t.match(await detail(automatic), { state: 'APPROVED', decidedBy: /^automatic approval/ })
  })
})

void t.test('only the management security server is heard', async (t) => {
  const { send, node, world } = await start(t)
  const soap = (): Buffer =>
    signedManagementMessage(
      managementSoap('addressChange', {
        server: SERVER,
        id: randomUUID(),
        fields: text('address', 'b.example'),
      }),
      owner,
    )
  for (const by of [undefined, other]) {
    const who = by === undefined ? 'nobody' : 'another of the same name'
    const reply = await send(soap(), { by })
    t.match(parseSoapFault(reply.bytes) ?? reply.bytes.toString(), { type: 'ssl_authentication_failed' }, who)
    const elsewhere = await send(Buffer.from('x'), { by, path: '/metrics' })
    t.not(elsewhere.status, 200)
    t.match(
      elsewhere.bytes.toString(),
      /ssl_authentication_failed/,
      'nor does a stranger learn what is there',
    )
  }
  t.same(await node.must('GET', '/management-requests'), [])
  t.equal((await send(soap(), { by: next })).status, 200, 'both certificates while it changes its own')
  t.equal((await node.register('/managementservice/manage/', soap())).status, 404, 'not at 4001')
  t.ok(world.lines.some((line) => line.includes('ssl_authentication_failed')))
})

void t.test('proofs and form, broken', async (t) => {
  const { send, node, ask, detail, world } = await start(t)
  const DAY = 86_400_000
  const codeOf = async (body: Buffer, o: Parameters<typeof passOn>[2] = {}): Promise<string> => {
    const reply = await send(body, o)
    if (reply.status === 200) return 'accepted'
    t.equal(reply.status, 500)
    t.match(reply.headers, { 'content-type': /^text\/xml/, 'cache-control': 'no-store' })
    return parseSoapFault(reply.bytes)?.type ?? `no SOAP fault: ${reply.bytes.toString().slice(0, 200)}`
  }
  const soapOf = (kind: string, fields: string, more: object = {}): string =>
    managementSoap(kind, { server: SERVER, id: randomUUID(), fields, ...more })
  const address = (value = 'b.example'): string => text('address', value)
  const signed = (
    kind: string,
    fields: string,
    by: Party,
    more: object = {},
    change?: (parts: XRoadPart[]) => XRoadPart[],
  ): Promise<string> => codeOf(signedManagementMessage(soapOf(kind, fields, more), by, change))
  const plain = (kind: string, fields: string, more: object = {}): Promise<string> =>
    codeOf(Buffer.from(soapOf(kind, fields, more)), { type: PLAIN })
  const replaced = (at: number, body: Buffer) => (parts: XRoadPart[]) =>
    parts.map((one, i) => (i === at ? { ...one, body } : one))
  const hosted = clientElement(`${GUEST}/vat`)
  const own = clientElement(`${OWNER}/plain`)
  const expired = await signingParty(authority, OWNER, {
    notBefore: new Date(world.clock.now - 2 * DAY),
    notAfter: new Date(world.clock.now - DAY),
  })
  const revoked = await signingParty(authority, OWNER)
  authority.revoke(revoked.certificate.serialNumber)
  const told = replaced(3, ocspFor(revoked, { at: new Date() })[0]!)
  const certificate = (await authenticationParty(authority)).certificate.der.toString('base64')
  const refused: [string, string, Promise<string>][] = [
    [
      "the host alone signs for a guest's subsystem",
      'incorrect_certificate',
      signed('clientReg', hosted, owner),
    ],
    [
      "the guest signs the host's address",
      'incorrect_certificate',
      signed('addressChange', address(), guest),
    ],
    [
      'a name by the host',
      'incorrect_certificate',
      signed('clientRename', hosted + text('subsystemName', 'x'), owner),
    ],
    [
      'taken over by the owner alone',
      'incorrect_certificate',
      signed('ownerChange', clientElement(GUEST), owner),
    ],
    [
      'the sender is not the owner',
      'inconsistent_headers',
      signed('clientReg', hosted, guest, { sender: GUEST }),
    ],
    [
      "the sender is the owner's subsystem",
      'inconsistent_headers',
      signed('clientReg', own, owner, { sender: `${OWNER}/plain` }),
    ],
    [
      "a deletion on another's server",
      'inconsistent_headers',
      plain('clientDeletion', own, { sender: GUEST }),
    ],
    [
      'the same for a certificate',
      'inconsistent_headers',
      plain('authCertDeletion', text('authCert', certificate), { sender: GUEST }),
    ],
    ['unsigned', 'missing_signature', plain('clientReg', own)],
    ['an address unsigned', 'missing_signature', plain('addressChange', address())],
    ['signed where X-Road does not', 'missing_signature', signed('clientDeletion', own, owner)],
    ['expired', 'cert_validation', signed('addressChange', address(), expired)],
    ['revoked', 'incorrect_validation_info', signed('addressChange', address(), revoked, {}, told)],
    [
      'a foreign CA',
      'cert_validation',
      signed('addressChange', address(), await signingParty(stranger, OWNER)),
    ],
    [
      'an authentication certificate',
      'malformed_signature',
      signed('addressChange', address(), await authenticationParty(authority)),
    ],
    [
      'the SOAP changed',
      'invalid_signature_value',
      signed(
        'addressChange',
        address(),
        owner,
        {},
        replaced(0, Buffer.from(soapOf('addressChange', address('evil.example')))),
      ),
    ],
    [
      'no OCSP answer',
      'malformed_ocsp',
      signed('addressChange', address(), owner, {}, replaced(3, Buffer.alloc(0))),
    ],
    [
      'no certificate',
      'malformed_certificate',
      signed('addressChange', address(), owner, {}, replaced(2, Buffer.from('x'))),
    ],
    [
      'three parts',
      'invalid_request',
      signed('addressChange', address(), owner, {}, (parts) => parts.slice(0, 3)),
    ],
    [
      'five parts',
      'mime_parsing_failed',
      signed('addressChange', address(), owner, {}, (parts) => [...parts, parts[3]!]),
    ],
    [
      'another provider',
      'unknown_service',
      signed('addressChange', address(), owner, { provider: `${OWNER}/other` }),
    ],
    [
      'a foreign provider',
      'unknown_service',
      signed('addressChange', address(), owner, { provider: 'XX/GOV/1234/plain' }),
    ],
    [
      'authCertReg belongs to 4001',
      'unknown_service',
      signed('authCertReg', address() + text('authCert', certificate), owner),
    ],
    ['an unknown kind', 'unknown_service', signed('serverDeletion', '', owner)],
    ['a name of Object', 'unknown_service', signed('constructor', '', owner)],
    [
      'body and header differ',
      'inconsistent_headers',
      signed('addressChange', address(), owner, { service: 'clientReg' }),
    ],
    [
      'another instance',
      'invalid_input',
      signed('addressChange', address(), owner, { server: 'XX/GOV/1234/SS1', sender: 'XX/GOV/1234' }),
    ],
    [
      'an unknown server',
      'conflict',
      signed('addressChange', address(), owner, { server: 'DEV/GOV/1234/SS9' }),
    ],
    ['no address', 'invalid_body', signed('addressChange', '', owner)],
    ['an empty address', 'invalid_input', signed('addressChange', address(''), owner)],
    ['an address with a port', 'invalid_input', signed('addressChange', address('b.example:80'), owner)],
    ['an address twice', 'invalid_body', signed('addressChange', address() + address(), owner)],
    [
      'an element too many',
      'invalid_body',
      signed('addressChange', address() + text('requestId', '1'), owner),
    ],
    ['markup in an address', 'invalid_soap', signed('addressChange', address('<a/>'), owner)],
    ['no client', 'invalid_body', signed('clientReg', text('subsystemName', 'x'), owner)],
    ['a subsystem becomes owner', 'invalid_client_identifier', signed('ownerChange', hosted, owner)],
    [
      'a subsystem becomes owner by itself',
      'invalid_client_identifier',
      signed('ownerChange', hosted, guest),
    ],
    ['an empty name', 'invalid_input', signed('clientRename', own + text('subsystemName', ''), owner)],
    [
      'a member has no name to change',
      'conflict',
      signed('clientRename', clientElement(OWNER) + text('subsystemName', 'x'), owner),
    ],
    [
      'a huge message',
      'invalid_input',
      signed('maintenanceModeEnable', text('message', 'x'.repeat(20_000)), owner),
    ],
    [
      'direction marks in a message',
      'invalid_input',
      signed('maintenanceModeEnable', text('message', 'a\u202eb'), owner),
    ],
    ['no base64', 'invalid_input', plain('authCertDeletion', text('authCert', '!!'))],
    ['an unknown certificate', 'conflict', plain('authCertDeletion', text('authCert', certificate))],
    ['what is not registered', 'conflict', plain('clientDeletion', hosted)],
    [
      'a document type',
      'invalid_soap',
      codeOf(Buffer.from(soapOf('clientDeletion', own).replace('?>', '?><!DOCTYPE x [<!ENTITY a "b">]>')), {
        type: PLAIN,
      }),
    ],
    ['not XML', 'invalid_soap', codeOf(Buffer.from('hello'), { type: PLAIN })],
    ['nothing', 'invalid_soap', codeOf(Buffer.alloc(0), { type: PLAIN })],
    ['JSON', 'invalid_soap', codeOf(Buffer.from('{}'), { type: 'application/json' })],
    ['no multipart', 'invalid_content_type', codeOf(Buffer.from('x'), { type: 'application/xml' })],
    ['too large', 'body_too_large', codeOf(Buffer.alloc(100_001))],
  ]
  for (const [what, code, reply] of refused) t.equal(await reply, code, what)
  t.same(await node.must('GET', '/management-requests'), [], 'nobody sees any of it')

  const soap = soapOf('addressChange', address())
  const message = signedManagementMessage(soap, owner)
  t.equal(await codeOf(message), 'accepted')
  t.equal(await codeOf(message), 'replayed_request')
  await node.must('POST', '/management-requests/1/decline', { reason: 'Not yet.' })
  world.clock.now += 2 * 3_600_000
  const [status] = ocspFor(owner, { at: new Date(world.clock.now) })
  t.equal(
    await codeOf(signedManagementMessage(soap, owner, replaced(3, status!))),
    'replayed_request',
    'nor with a fresh OCSP answer beside it',
  )
  world.clock.now -= 2 * 3_600_000
  const unsigned = Buffer.from(soapOf('clientDeletion', clientElement(`${OWNER}/pop ä`)))
  t.equal(await codeOf(unsigned, { type: PLAIN }), 'accepted')
  world.clock.now += 700 * DAY
  t.equal(await codeOf(unsigned, { type: PLAIN }), 'replayed_request', 'it holds no proof that ends')
  world.clock.now -= 700 * DAY

  await node.must('POST', '/suspensions', {
    kind: 'certificate',
    subject: owner.certificate.sha256,
    reason: 'Stolen.',
  })
  await t.rejects(ask('addressChange', address('c.example'), owner), /suspen/)
  t.match(await detail(1), { state: 'DECLINED' })
})
