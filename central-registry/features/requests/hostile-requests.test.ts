import t from 'tap'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import {
  authenticationParty,
  headOf,
  ocspFor,
  type Party,
  signedDocument,
  signingParty,
} from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import {
  actsOf,
  approve,
  authority,
  FILE,
  GUEST,
  guest,
  OWNER,
  owner,
  registrationOf,
  SERVER,
  start,
  stranger,
} from '#test/fakes/request-world.ts'
import type { RegisterTables } from '../../register/tables.ts'

const DAY = 86_400_000
const ADDRESS = { kind: 'addressChange', address: 'b.example' }

void t.test('each proof broken in each way is refused, without a row', async (t) => {
  const { world, node, file } = await start(t)
  const now = world.clock.now
  const code = async (reply: ReturnType<typeof file>): Promise<string> => {
    const { status, body } = await reply
    return status < 300 ? 'accepted' : (body.type ?? '')
  }
  const refused = async (expected: string, reply: ReturnType<typeof file>, what: string) =>
    t.equal(await code(reply), expected, what)

  const foreign = await signingParty(stranger, OWNER)
  await refused(
    'cert_validation',
    file(ADDRESS, { by: foreign }),
    'a CA of the same name that nobody approved',
  )
  const expired = await signingParty(authority, OWNER, {
    notBefore: new Date(now - 2 * DAY),
    notAfter: new Date(now - DAY),
  })
  await refused('cert_validation', file(ADDRESS, { by: expired }), 'expired')
  const early = await signingParty(authority, OWNER, { notBefore: new Date(now + DAY) })
  await refused('cert_validation', file(ADDRESS, { by: early }), 'not valid yet')
  const revoked = await signingParty(authority, OWNER)
  authority.revoke(revoked.certificate.serialNumber)
  const revocation = ocspFor(revoked, { at: new Date() })
  await refused('incorrect_validation_info', file(ADDRESS, { by: revoked, ocsp: revocation }), 'revoked')
  await refused('incorrect_validation_info', file(ADDRESS, { ocsp: [] }), 'no OCSP answer')
  const [leaf, intermediate] = ocspFor(owner) as [Buffer, Buffer]
  await refused('incorrect_validation_info', file(ADDRESS, { ocsp: [leaf] }), 'none for the intermediate')
  await refused('incorrect_validation_info', file(ADDRESS, { ocsp: [intermediate] }), 'none for the signer')
  const old = ocspFor(owner, { at: new Date(now - 3 * 3_600_000) })
  await refused('incorrect_validation_info', file(ADDRESS, { ocsp: old }), 'a stale OCSP answer')
  await refused('incorrect_validation_info', file(ADDRESS, { ocsp: ocspFor(guest) }), "another's OCSP answer")
  await refused(
    'malformed_ocsp',
    file(ADDRESS, { ocsp: [Buffer.from('3000', 'hex')] }),
    'no OCSP answer at all',
  )
  await refused(
    'incorrect_certificate',
    file(ADDRESS, { by: guest, signer: OWNER }),
    'signed by another member',
  )
  await refused('access_denied', file(ADDRESS, { by: guest }), 'a member that has no say')
  await refused(
    'access_denied',
    file({ kind: 'clientRename', client: GUEST, subsystemName: 'x' }),
    "another's name",
  )
  const authentication = await authenticationParty(authority)
  await refused(
    'malformed_signature',
    file(ADDRESS, { by: authentication }),
    'by a key that is not for signing',
  )
  await refused('stale_request', file(ADDRESS, { at: now - 301_000 }), 'too old')
  await refused('stale_request', file(ADDRESS, { at: now + 301_000 }), 'from the future')
  await refused('invalid_input', file({ ...ADDRESS, server: 'XX/GOV/1234/SS1' }), 'another instance')
  await refused('conflict', file({ ...ADDRESS, server: 'DEV/GOV/1234/NONE' }), 'an unknown server')
  await refused('conflict', file({ ...ADDRESS, address: 'ss1.example' }), 'what is so already')
  await refused('invalid_input', file({ ...ADDRESS, address: 'http://x' }), 'no address')
  await refused('missing_signature', file(ADDRESS, { authentication }), 'one signature too many')

  const wanted = registrationOf(authentication)
  await refused('missing_signature', file(wanted), 'the authentication key did not sign')
  const other = await authenticationParty(authority)
  await refused(
    'incorrect_certificate',
    file(wanted, { authentication: other }),
    'another authentication key signed',
  )
  const impostor: Party = { ...authentication, key: other.key }
  await refused(
    'invalid_signature_value',
    file(wanted, { authentication: impostor }),
    'without the key of the certificate',
  )
  const badly = async (party: Party, expected: string, what: string): Promise<void> =>
    void (await refused(expected, file(registrationOf(party), { authentication: party }), what))
  await badly(await authenticationParty(stranger), 'cert_validation', 'certificate of a foreign CA')
  await badly(
    await authenticationParty(authority, {
      notBefore: new Date(now - 2 * DAY),
      notAfter: new Date(now - DAY),
    }),
    'cert_validation',
    'expired certificate',
  )
  await badly(await signingParty(authority, GUEST), 'incorrect_certificate', 'a signing certificate')
  const unknown = await signingParty(authority, 'DEV/GOV/9999')
  await refused(
    'conflict',
    file(registrationOf(authentication, 'DEV/GOV/9999/S'), {
      by: unknown,
      signer: 'DEV/GOV/9999',
      authentication,
    }),
    'a member that was not admitted',
  )

  const good = signedDocument('file', { ...headOf(OWNER, now), server: SERVER, ...ADDRESS }, owner)
  for (let at = 3; at < good.length; at += Math.floor(good.length / 40)) {
    const bytes = Buffer.from(good)
    bytes[at]! ^= 1
    const reply = await node.register(FILE, bytes)
    t.ok(reply.status >= 400 && reply.status < 500, `byte ${at}: ${reply.status}`)
  }
  for (const [what, body] of [
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['cut', good.subarray(0, -1)],
    ['a megabyte', Buffer.alloc(1_000_000, 0x20)],
  ] as const) {
    const { status } = await node.register(FILE, body)
    t.ok(status >= 400 && status < 500, `${what}: ${status}`)
  }
  for (const type of ['application/json', 'text/plain', 'application/jose'])
    t.equal((await node.register(FILE, good, type)).status, 400, type)
  t.same(await node.must('GET', '/management-requests'), [], 'nothing of all that became a row')
  t.equal((await node.register(FILE, good)).status, 201, 'the whole one is taken after its broken copies')
  t.match(await node.register(FILE, good), { body: { type: 'replayed_request' } })
  world.clock.now += 5 * 60_000
  t.match(
    await node.register(FILE, good),
    { body: { type: 'replayed_request' } },
    'as long as its time would pass',
  )
  const metrics = await fetchMetrics(node.settings.admin.address)
  t.match(metrics, /concordat_registration_documents_total\{purpose="file",outcome="stale_request"\} 2/)
  t.match(metrics, /outcome="replayed_request"\} 2/)
  t.match(metrics, /purpose="file",outcome="ok"\} 1/)
})

async function fetchMetrics(address: string): Promise<string> {
  const reply = await fetch(`http://${address}:4000/metrics`)
  return reply.text()
}

void t.test('strangers are slowed down', async (t) => {
  const { node } = await start(t)
  const { request, Agent } = await import('undici')
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
  t.teardown(() => dispatcher.close())
  const ask = async (): Promise<number> => {
    const { statusCode, body } = await request(`https://${node.settings.public.address}:4001${FILE}`, {
      method: 'POST',
      headers: { 'content-type': 'application/jose+json' },
      body: '{}',
      dispatcher,
    })
    await body.dump()
    return statusCode
  }
  // The limits are 10 a second, which a busy machine may not reach, and 300 a minute, which it does.
  let isSlowedDown = false
  for (let sent = 0; sent <= 300 && !isSlowedDown; sent += 15)
    isSlowedDown = (await Promise.all(Array.from({ length: 15 }, ask))).includes(429)
  t.ok(isSlowedDown)
})

void t.test('concurrent and late decisions, a restart in between', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const all = await start(t, url)
    const { world, node, file, detail } = all
    const authentication = await authenticationParty(authority)
    const wanted = registrationOf(authentication)
    const filings = await Promise.all([1, 2, 3].map(() => file(wanted, { authentication })))
    t.same(filings.map(({ status }) => status).sort(), [201, 409, 409], 'one of three equal ones is taken')
    const { request } = filings.find(({ status }) => status === 201)!.body
    const { contentHash } = await detail(request)
    const rival = { ...wanted, address: 'other.example' }
    t.equal((await file(rival, { authentication })).status, 201, 'the same certificate with another address')
    await node.stop()

    const again = await world.start({ registration: true })
    const after = { ...all, node: again, ...actsOf(world, again) }
    const decisions = await Promise.all([
      again.call('POST', `/management-requests/${request}/approve`, { contentHash }),
      again.call('POST', `/management-requests/${request}/approve`, { contentHash }),
      again.call('POST', `/management-requests/${request}/decline`, { reason: 'No.' }),
      again.call('POST', `/management-requests/${request}/revoke`),
    ])
    t.same(
      decisions.map(({ status }) => status).sort(),
      [200, 409, 409, 409],
      'one wins, the others are told',
    )
    const settled = await after.detail(request)
    const servers = (await again.must('GET', '/security-servers?q=SS2')) as unknown[]
    t.equal(servers.length, settled.state === 'APPROVED' ? 1 : 0, 'the register is as the winner says')
    if (settled.state === 'APPROVED') {
      const [late] = (await again.must('GET', '/management-requests?limit=1')) as { id: number }[]
      t.match((await after.detail(late!.id)).conflicts, [/registered for/])
      t.match(await approve(after, late!.id), { status: 409, body: { message: /registered for/ } })
      t.equal((await after.detail(late!.id)).state, 'SUBMITTED_FOR_APPROVAL', 'a conflict decides nothing')
    }
    const many = await Promise.all(
      Array.from({ length: 8 }, (_, i) => after.file({ ...ADDRESS, address: `h${i}.example` })),
    )
    t.ok(many.every(({ status }) => status === 201))
    const id = headOf(OWNER, 0).id
    const twins = await Promise.all(
      [1, 2].map((i) => after.file({ ...ADDRESS, address: `t${i}.example` }, { id })),
    )
    t.same(twins.map(({ status }) => status).sort(), [201, 400], 'one id, once')
  })
})

void t.test('a certificate that ran out while it waited is not registered', async (t) => {
  const all = await start(t)
  const { world, file, detail } = all
  const short = await authenticationParty(authority, { notAfter: new Date(world.clock.now + 60_000) })
  const { request } = (await file(registrationOf(short), { authentication: short })).body
  t.same((await detail(request)).conflicts, [])
  world.clock.now += 61_000
  t.match((await detail(request)).conflicts, [/has expired/])
  t.match(await approve(all, request), { status: 409, body: { message: /has expired/ } })
})

void t.test('a member cannot fill the work list, and takes no room from others', async (t) => {
  const { node, file } = await start(t)
  const party = await authenticationParty(authority)
  const register = (code: string) =>
    file(registrationOf(party, `${OWNER}/${code}`), { authentication: party })
  const first = (await register('X0')).body.request
  t.match(await register('X1'), {
    status: 409,
    body: { message: new RegExp(`request ${first} registers the same certificate for another`) },
  })
  t.equal((await node.call('POST', `/management-requests/${first}/revoke`)).status, 200)
  t.equal((await register('X1')).status, 201)

  const database = await openDatabase(node.settings.database)
  const tables = tablesOf<RegisterTables>(database)
  const guests = { kind: 'clientReg', client: `${GUEST}/s` }
  const { request } = (await file(guests, { by: guest })).body
  const { id: _id, ...row } = await tables
    .selectFrom('management_request')
    .selectAll()
    .where('id', '=', request)
    .executeTakeFirstOrThrow()
  const proof = await tables
    .selectFrom('management_request_proof')
    .selectAll()
    .where('request', '=', request)
    .executeTakeFirstOrThrow()
  for (let i = 1; i < 1000; i++) {
    const server = i < 100 ? SERVER : `${OWNER}/Y${i}`
    const copy = tables.insertInto('management_request').values({ ...row, server, subject_digest: `${i}` })
    const { id } = await copy.returning('id').executeTakeFirstOrThrow()
    await tables
      .insertInto('management_request_proof')
      .values({ ...proof, request: id })
      .execute()
  }
  await database.close()
  const more = (server: string) => file({ kind: 'clientReg', client: `${GUEST}/t`, server }, { by: guest })
  t.match(await more(SERVER), { status: 409, body: { message: /100 requests of this server/ } })
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:1234:SS3', address: 'ss3.example' })
  t.match(await more(`${OWNER}/SS3`), { status: 409, body: { message: /1000 requests of DEV.GOV.5678/ } })
  const replies = []
  for (let i = 0; i < 101; i++) replies.push(await file({ ...ADDRESS, address: `h${i}.example` }))
  t.equal(replies.filter(({ status }) => status === 201).length, 100)
  t.match(replies.at(-1), { status: 409, body: { message: /100 requests/ } })
})

void t.test('the management API takes no wrong input, and says what is missing', async (t) => {
  const { node, file, detail } = await start(t)
  const { request } = (await file(ADDRESS)).body
  const before = await detail(request)
  const { contentHash } = before
  const at = `/management-requests/${request}`
  const bad: [string, string, unknown, number][] = [
    ['GET', '/management-requests?kind=everything', undefined, 400],
    ['GET', '/management-requests?state=DONE', undefined, 400],
    ['GET', '/management-requests?q=%00', undefined, 400],
    ['GET', '/management-requests?limit=501', undefined, 400],
    ['GET', '/management-requests/0', undefined, 400],
    ['GET', '/management-requests/1e3', undefined, 400],
    ['GET', '/management-requests/999', undefined, 404],
    ['POST', '/management-requests/999/approve', { contentHash }, 404],
    ['POST', '/management-requests/999/decline', { reason: 'No.' }, 404],
    ['POST', '/management-requests/999/revoke', undefined, 404],
    ['POST', `${at}/approve`, {}, 400],
    ['POST', `${at}/approve`, { contentHash: contentHash.toUpperCase() }, 400],
    ['POST', `${at}/approve`, { contentHash: [contentHash] }, 400],
    ['POST', `${at}/approve`, { contentHash, force: true }, 400],
    ['POST', `${at}/approve`, { contentHash: contentHash.replace(/./g, '0') }, 409],
    ['POST', `${at}/decline`, { reason: '' }, 400],
    ['POST', `${at}/decline`, { reason: 'a\u202eb' }, 400],
    ['POST', `${at}/decline`, { reason: 'x'.repeat(1001) }, 400],
    ['POST', `${at}/decline`, { reason: { $ne: 1 } }, 400],
    ['PUT', '/automatic-approvals/addressChange/%00', undefined, 400],
    ['PUT', '/members/DEV:GOV:1234/webhook', { url: 'javascript:1' }, 400],
    ['PUT', '/members/DEV:GOV:1234/webhook', { url: 'http://u:p@a.example/' }, 400],
    ['PUT', '/members/DEV:GOV:1234:sub/webhook', { url: 'http://a.example/' }, 400],
  ]
  for (const [method, path, body, status] of bad) {
    const reply = await node.call(method, path, body)
    t.equal(reply.status, status, `${method} ${path} ${JSON.stringify(body)?.slice(0, 60)}`)
    t.match(reply.body, { type: /./, message: /./, detail: /./ })
  }
  t.match(await detail(request), before, 'still as it was')
  for (const q of ["'; drop table management_request; --", '%', '_', '\\', '🦆'])
    t.same(await node.must('GET', `/management-requests?q=${encodeURIComponent(q)}`), [], q)
  t.match(
    await node.must('GET', '/management-requests?q=dev:gov:1234:ss1'),
    [{ id: request }],
    'in either case',
  )
})
