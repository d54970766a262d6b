import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { parseDirectory } from '#core/configuration/directory.ts'
import { parsePrivateParameters } from '#core/configuration/private-parameters.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import { authenticationParty, headOf, signedDocument } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { publish } from '#test/fakes/registry-sample.ts'
import type { Node } from '#test/fakes/registry-world.ts'
import {
  approve,
  authority,
  FILE,
  type File,
  GUEST,
  guest,
  NEW_SERVER,
  OWNER,
  owner,
  registrationOf,
  SERVER,
  start,
} from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { postNotice } from '../../members/webhooks/client.ts'

async function published(node: Node, version = 6) {
  await publish(node)
  return newest(node, version)
}

/** The newest shared parameters, as servers read them. */
async function newest(node: Node, version = 6) {
  const directory = parseDirectory((await node.get(`/internalconf?version=${version}`)).bytes)
  const [shared, privateParts] = await Promise.all(
    directory.parts.map(async ({ location }) => (await node.get(location)).bytes),
  )
  return {
    shared: await parseSharedParameters(shared!),
    privateParameters: await parsePrivateParameters(privateParts!),
  }
}

void t.test('a new server and its client, from request to configuration', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { node, file, detail } = all
    const authentication = await authenticationParty(authority)
    await publish(node)
    const filed = await file(registrationOf(authentication), { authentication })
    t.match(filed, {
      status: 201,
      body: { kind: 'authCertReg', state: 'SUBMITTED_FOR_APPROVAL', server: NEW_SERVER },
    })
    const id = filed.body.request
    const seen = await detail(id)
    t.match(seen, {
      state: 'SUBMITTED_FOR_APPROVAL',
      owner: 'DEV:GOV:1234',
      server: 'DEV:GOV:1234:SS2',
      conflicts: [],
      waitsFor: [],
      changes: [
        { what: 'security server' },
        { what: 'address', after: 'ss2.example' },
        { after: authentication.certificate.sha256 },
      ],
      proofs: [
        {
          signer: OWNER,
          signingCertificate: { sha256: owner.certificate.sha256, subject: /1234/ },
          authenticationCertificate: { sha256: authentication.certificate.sha256 },
        },
      ],
    })
    t.match(await file(registrationOf(authentication), { authentication }), { status: 409 }, 'twice')
    t.match(
      await node.call('POST', `/management-requests/${id}/approve`, { contentHash: 'a'.repeat(64) }),
      { status: 409 },
      'not what the administrator saw',
    )
    t.match(await approve(all, id), { status: 200, body: { state: 'APPROVED', decidedBy: /^initial \(key/ } })
    t.match(await approve(all, id), { status: 409, body: { message: /approved already/ } })
    t.match(await detail(id), { conflicts: [], changes: seen.changes }, 'what was changed stays with it')
    t.match(await file(registrationOf(authentication), { authentication }), {
      status: 409,
      body: { message: /registered for/ },
    })

    // Nobody asks for the publication: the approval itself does.
    await until('the new server', async (saw) => {
      all.world.clock.now += 100
      const { securityServers } = (await newest(node)).shared
      return saw(securityServers).some((one) => one.id.serverCode === 'SS2')
    })
    const client = { kind: 'clientReg', server: NEW_SERVER, client: `${OWNER}/fresh`, subsystemName: 'Fresh' }
    const second = await file(client)
    t.match(second, { status: 201, body: { state: 'SUBMITTED_FOR_APPROVAL' } })
    t.match(await detail(second.body.request), { changes: [{ what: 'subsystem' }, { after: 'enabled' }] })
    t.match(await approve(all, second.body.request), { status: 200 })
    const { shared, privateParameters } = await published(node)
    const server = shared.securityServers.find(({ id: { serverCode } }) => serverCode === 'SS2')!
    t.equal(server.address, 'ss2.example')
    t.same(server.authCertHashes, [Buffer.from(authentication.certificate.sha256, 'hex')])
    t.match(server.clients, [{ subsystemCode: 'fresh' }])
    t.match(
      shared.members.flatMap(({ subsystems }) => subsystems),
      [{}, {}, {}].map(() => ({})),
    )
    t.ok(shared.members.some(({ subsystems }) => subsystems.some(({ name }) => name === 'Fresh')))
    const { managementService } = privateParameters
    t.match(managementService?.authCertRegServiceAddress, /^https:\/\/127\.[\d.]+:4001\/managementservice\/$/)
    t.ok(managementService?.authCertRegServiceCert !== undefined, 'servers learn whom to trust there')

    const deletion = await file({
      kind: 'authCertDeletion',
      server: NEW_SERVER,
      certificateSha256: authentication.certificate.sha256,
    })
    t.match(await approve(all, deletion.body.request), { status: 200 })
    const after = (await published(node)).shared.securityServers
    t.same(after.find(({ id: { serverCode } }) => serverCode === 'SS2')!.authCertHashes, [])
  })
})

void t.test('the life of a client, maintenance, address and owner', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { node, file, detail } = all
    const done = async (subject: object, o: Parameters<File>[1] = {}): Promise<void> => {
      const filed = await file(subject, o)
      t.equal(filed.status, 201, filed.bytes.toString())
      const reply = await approve(all, filed.body.request)
      t.equal(reply.status, 200, reply.bytes.toString())
    }
    const client = `${OWNER}/pop%20%C3%A4`
    const [server] = (await published(node)).shared.securityServers
    t.equal(server!.clients.length, 1)
    await done({ kind: 'clientDisable', client })
    t.same(
      (await published(node)).shared.securityServers[0]!.clients,
      [],
      'X-Road leaves a disabled client out',
    )
    t.match(await node.must('GET', '/security-servers'), [{ disabledClients: ['DEV:GOV:1234:pop ä'] }])
    t.match(await file({ kind: 'clientDisable', client }), {
      status: 409,
      body: { message: /disabled already/ },
    })
    await done({ kind: 'clientEnable', client })
    await done({ kind: 'clientRename', client, subsystemName: 'Renamed' })
    await done({ kind: 'addressChange', address: 'moved.example' })
    await done({ kind: 'maintenanceModeEnable', message: 'until <noon>' })
    const six = (await published(node)).shared
    t.match(six.securityServers, [
      { address: 'moved.example', maintenance: { message: 'until <noon>' }, clients: [{}] },
    ])
    t.ok(six.members[0]!.subsystems.some(({ name }) => name === 'Renamed'))
    t.equal((await published(node, 4)).shared.securityServers[0]!.maintenance, undefined, 'V4 cannot say it')
    t.match(await node.must('GET', '/security-servers'), [{ maintenance: { message: 'until <noon>' } }])
    await done({ kind: 'maintenanceModeDisable' })
    await done({ kind: 'maintenanceModeEnable' })
    t.same((await published(node)).shared.securityServers[0]!.maintenance, { message: undefined })
    await done({ kind: 'maintenanceModeDisable' })

    const joins = { kind: 'clientReg', client: GUEST }
    const hosted = await file(joins)
    t.match(hosted, { status: 201, body: { state: 'WAITING' } })
    const before = await detail(hosted.body.request)
    t.match(before, { state: 'WAITING', waitsFor: ['DEV:GOV:5678'] })
    t.match(await approve(all, hosted.body.request), {
      status: 409,
      body: { message: /complementary request/ },
    })
    t.equal((await file(joins)).status, 409, 'the same side twice completes nothing')
    const complemented = await file(joins, { by: guest })
    t.match(complemented, {
      status: 201,
      body: { request: hosted.body.request, state: 'SUBMITTED_FOR_APPROVAL' },
    })
    const old = { contentHash: before.contentHash }
    t.match(await node.call('POST', `/management-requests/${hosted.body.request}/approve`, old), {
      status: 409,
      body: { message: /another now/ },
    })
    t.equal((await detail(hosted.body.request)).proofs.length, 2)
    t.equal((await approve(all, hosted.body.request)).status, 200)

    const waiting = await file({ kind: 'addressChange', address: 'never.example' })
    t.match(waiting, { body: { state: 'SUBMITTED_FOR_APPROVAL' } })
    const takesOver = { kind: 'ownerChange', newOwner: GUEST }
    t.match(await file(takesOver, { by: guest }), { body: { state: 'WAITING' } }, 'either side may begin')
    const change = await file(takesOver)
    t.match(await approve(all, change.body.request), { status: 200, body: { state: 'APPROVED' } })
    t.match(await detail(waiting.body.request), {
      state: 'REVOKED',
      decidedBy: `the security server ${SERVER} left the register`,
    })
    t.equal(
      (await approve(all, waiting.body.request)).status,
      409,
      'what asked for the server of before is over',
    )
    const [moved] = (await published(node)).shared.securityServers
    t.match(moved, { id: { memberCode: '5678', serverCode: 'SS1' }, address: 'moved.example' })
    t.same(
      moved!.clients.map(({ memberCode, subsystemCode }) => `${memberCode} ${subsystemCode ?? ''}`).sort(),
      ['1234 ', '1234 pop ä'],
      'the old owner stays as a client',
    )
    const ends = { kind: 'clientDeletion', server: 'DEV/GOV/5678/SS1', client }
    t.equal((await file(ends, { signer: OWNER })).status, 201, 'the guest may leave by itself')
    t.match(await node.must('GET', '/management-requests?kind=ownerChange'), [{ state: 'APPROVED' }])
    t.match(await node.must('GET', '/management-requests?q=pop ä&state=SUBMITTED_FOR_APPROVAL'), [
      { kind: 'clientDeletion' },
    ])
    const page = (await node.must('GET', '/management-requests?limit=2&offset=1')) as { id: number }[]
    t.equal(page.length, 2)
    t.ok(page[0]!.id > page[1]!.id, 'the newest first')
  })
})

void t.test('the owner is told by webhook, as often as it takes', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { world, node, file } = all
    const heard: { path: string; body: Record<string, unknown> }[] = []
    const statuses = [500, 302, 200]
    const receiver = createServer(async (request, response) => {
      heard.push({
        path: request.url ?? '',
        body: JSON.parse(await text(request)) as Record<string, unknown>,
      })
      response.writeHead(statuses.shift() ?? 204, { location: '/elsewhere' }).end()
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    t.teardown(() => receiver.close())
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/decisions`
    const at = '/members/DEV:GOV:1234/webhook'
    t.equal((await node.call('GET', at)).status, 404)
    t.equal((await node.call('PUT', at, { url: 'ftp://a/' })).status, 400)
    t.equal((await node.call('PUT', '/members/DEV:GOV:9/webhook', { url: hook })).status, 404)
    await node.must('PUT', at, { url: hook })
    t.match(await node.must('GET', at), { url: hook })
    const filed = await file({ kind: 'addressChange', address: 'b.example' })
    const request = filed.body.request
    const reason = 'Not yours.'
    await node.must('POST', `/management-requests/${request}/decline`, { reason })
    // The back-off uses the world's clock, which stands still.
    await until('three attempts', (saw) => {
      world.clock.now += 500
      return saw(heard.length) >= 3
    })
    t.ok(
      heard.every(({ path }) => path === '/decisions'),
      'no redirect is followed',
    )
    t.match(heard.at(-1)!.body, { request, state: 'DECLINED', reason, kind: 'addressChange', server: SERVER })
    await node.must('DELETE', at)
    t.equal((await node.call('DELETE', at)).status, 404)
    for (const host of [
      '169.254.169.254',
      '2852039166',
      '[fe80::1]',
      '[::ffff:169.254.1.1]',
      '0.0.0.0:1',
      '[::]',
    ])
      await t.rejects(postNotice(`http://${host}/`, {}, AbortSignal.timeout(5000)), {
        message: /no webhook may lie/,
      })
    const second = await file({ kind: 'addressChange', address: 'c.example' })
    t.equal((await approve(all, second.body.request)).status, 200, 'whoever has none is told nothing')
    t.equal(heard.length, 3)
  })
})

void t.test('declined, revoked and automatic; the requester is told', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { world, node, file } = all
    const ask = async (path: string, document: object, purpose: 'query' | 'revoke', by = owner) =>
      node.register(`${FILE}/${path}`, signedDocument(purpose, { server: SERVER, ...document }, by))
    const head = (signer = OWNER) => headOf(signer, world.clock.now)
    const states = async (): Promise<RequestStatus[]> => {
      const reply = await ask('states', head(), 'query')
      t.equal(reply.status, 200, reply.bytes.toString())
      return reply.body as RequestStatus[]
    }
    const address = { kind: 'addressChange', address: 'b.example' }
    const one = (await file(address)).body.request
    t.equal((await node.call('POST', `/management-requests/${one}/decline`, {})).status, 400)
    t.equal((await node.call('POST', `/management-requests/${one}/decline`, { reason: ' ' })).status, 400)
    const reason = 'The address is not yours.'
    t.match(await node.call('POST', `/management-requests/${one}/decline`, { reason }), { status: 200 })
    t.match(await states(), [{ request: one, state: 'DECLINED', reason, kind: 'addressChange' }])
    t.match(await approve(all, one), { status: 409, body: { message: /declined already/ } })

    const two = (await file(address)).body.request
    t.match(await ask('revocations', { ...head(GUEST), request: two }, 'revoke', guest), { status: 404 })
    const suspension = { kind: 'certificate', subject: owner.certificate.sha256, reason: 'It was stolen.' }
    const { id } = (await node.must('POST', '/suspensions', suspension)) as { id: number }
    const stopped = { status: 403, body: { type: 'suspended' } }
    t.match(await ask('revocations', { ...head(), request: two }, 'revoke'), stopped)
    t.match(await ask('states', head(), 'query'), stopped)
    t.equal((await node.call('DELETE', `/suspensions/${id}`)).status, 204)
    const revocation = { ...head(), request: two }
    t.match(await ask('revocations', revocation, 'revoke'), { status: 200, body: { state: 'REVOKED' } })
    t.match(await ask('revocations', revocation, 'revoke'), { body: { type: 'replayed_request' } })
    t.match(await ask('revocations', { ...head(), request: two }, 'revoke'), { status: 409 })
    t.match(await ask('revocations', { ...head(), request: 999 }, 'revoke'), { status: 404 })
    const three = (await file(address)).body.request
    t.match(await node.call('POST', `/management-requests/${three}/revoke`), { status: 200 })
    t.equal((await states()).length, 3)
    t.match((await ask('states', head(GUEST), 'query', guest)).body, [], 'others are told nothing')
    const query = head()
    t.equal((await ask('states', query, 'query')).status, 200)
    t.match(await ask('states', query, 'query'), { body: { type: 'replayed_request' } })
    t.match(
      await node.register(`${FILE}/states`, signedDocument('file', { ...head(), server: SERVER }, owner)),
      { body: { type: 'malformed_signature' } },
      'a document of another purpose',
    )

    t.match(await node.must('GET', '/automatic-approvals'), [], 'off by default')
    t.equal((await node.call('PUT', '/automatic-approvals/addressChange/NONE')).status, 404)
    t.equal((await node.call('PUT', '/automatic-approvals/everything/GOV')).status, 400)
    await node.must('PUT', '/automatic-approvals/addressChange/GOV')
    await node.must('PUT', '/automatic-approvals/addressChange/GOV')
    t.match(await node.must('GET', '/automatic-approvals'), [{ kind: 'addressChange', memberClass: 'GOV' }])
    t.equal((await node.call('DELETE', '/member-classes/GOV')).status, 409)
    const content = '{}'
    const sha256 = createHash('sha256').update(content).digest('hex')
    await node.must('POST', '/revisions', { content, sha256, reason: 'As it should be.' })
    t.match(await node.must('GET', '/drift'), { revision: { number: 1 }, acts: [] })
    t.match(await file(address), { status: 201, body: { state: 'APPROVED' } })
    t.match(
      await node.must('GET', '/drift'),
      { acts: [{ operation: 'approvedAutomatically', caller: { name: 'registry' } }], more: false },
      'what a rule approved differs from the file that was applied',
    )
    t.match(await node.must('GET', '/management-requests?limit=1'), [
      { decidedBy: 'automatic approval of addressChange for GOV' },
    ])
    t.match(await node.must('GET', '/audit-log?q=approvedAutomatically'), [
      {
        ...{ caller: { name: 'registry' }, target: /management-requests.\d+$/ },
        data: { server: SERVER, rule: { kind: 'addressChange', memberClass: 'GOV' } },
      },
    ])
    t.equal((await published(node)).shared.securityServers[0]!.address, 'b.example')
    t.match(
      await file({ kind: 'maintenanceModeEnable' }),
      { body: { state: 'SUBMITTED_FOR_APPROVAL' } },
      'another kind',
    )
    await node.must('DELETE', '/automatic-approvals/addressChange/GOV')
    t.equal((await node.call('DELETE', '/automatic-approvals/addressChange/GOV')).status, 404)
    t.match(await file({ ...address, address: 'c.example' }), { body: { state: 'SUBMITTED_FOR_APPROVAL' } })
  })
})

void t.test('whoever is suspended files nothing, and nothing of theirs is approved', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { node, file, detail } = all
    const client = `${OWNER}/pop%20%C3%A4`
    const suspend = async (kind: string, subject: string): Promise<() => Promise<unknown>> => {
      const made = await node.must('POST', '/suspensions', { kind, subject, reason: 'r' })
      return () => node.call('DELETE', `/suspensions/${(made as { id: number }).id}`)
    }
    const filed = await file({ kind: 'clientDisable', client })
    t.equal(filed.status, 201)
    const { signingCertificate } = (await detail(filed.body.request)).proofs[0]!
    const cases: [string, string][] = [
      ['member', 'DEV:GOV:1234'],
      ['server', 'DEV:GOV:1234:SS1'],
      ['subsystem', 'DEV:GOV:1234:pop ä'],
      ['certificate', signingCertificate.sha256],
    ]
    for (const [kind, subject] of cases) {
      const lift = await suspend(kind, subject)
      const refused = { status: 409, body: { message: /is suspended/ } }
      t.match(await file({ kind: 'clientDeletion', client }), refused, `${kind}: filed`)
      t.match(await approve(all, filed.body.request), refused, `${kind}: approved`)
      t.match((await detail(filed.body.request)).conflicts, [/is suspended/], `${kind}: shown`)
      await lift()
    }
    const lift = await suspend('member', 'DEV:GOV:5678')
    t.equal((await approve(all, filed.body.request)).status, 200, 'another member is no hindrance')
    const subject = { kind: 'clientReg', client: `${GUEST}/x` }
    t.match(await file(subject, { by: guest }), { status: 409 }, 'nor does a suspended guest move in')
    await lift()
  })
})
