/**
 * The day of a registry administrator: admitting and withdrawing, with immediate effect on exchanges. The day
 * of an auditor: messages are found, exported and proved without the servers, with our tools and with those
 * of others.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import t from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { parseCheckpoint, verifyMemberSignature } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { type LeafFields, leafForm, openCommitment } from '#core/merkle/leaf-form.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import { switchTrust } from '../fakes/credentials.ts'
import { findProgram, skipFor } from '../outside-tools.ts'
import { type Admin, colons, type Reply, startWorld } from '../world.ts'

const world = await startWorld()
t.teardown(() => world.stop())
const { tax, population, business } = world.servers
const PERSON = `/r1/${population.client}/persons/persons/P00000042`
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-audit-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
t.teardown(() => agent.destroy())
const askPerson = (client = tax.client): Promise<Reply> =>
  world.ask('tax', PERSON, { headers: { 'X-Road-Client': client }, agent })

/** The same API with a new key that has only these roles. */
async function withRoles(admin: Admin, ...roles: string[]): Promise<Admin> {
  const { secret } = await admin.send<{ secret: string }>('POST', '/api-keys', { name: roles[0], roles })
  return admin.withKey(secret)
}

/** The authentication certificate that a server presents to any client. */
function certificateOf(host: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port: 5500, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()!.raw)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

const typeOf = (reply: Reply): string => (reply.json() as { type: string }).type

t.test('a registration officer admits a subsystem, and no more than his role allows', async (t) => {
  const officer = await withRoles(world.registryAdmin, 'XROAD_REGISTRATION_OFFICER')
  const observer = await withRoles(world.registryAdmin, 'XROAD_OBSERVER')
  const member = { memberClass: 'GOV', memberCode: '1002' }
  t.equal(
    (await observer.call('POST', '/members/DEV:GOV:1002/subsystems', { subsystemCode: 'vat' })).status,
    403,
  )
  t.equal((await officer.call('POST', '/configuration/publish')).status, 403)
  t.equal((await officer.call('POST', '/members', { ...member, name: 'again' })).status, 409)
  t.equal((await officer.withKey('wrong').call('GET', '/members')).status, 401)

  const vat = 'DEV/GOV/1002/vat'
  t.equal(typeOf(await askPerson(vat)), 'client.unknown_member', 'unknown so far')
  await officer.send('POST', '/members/DEV:GOV:1002/subsystems', { subsystemCode: 'vat', name: 'VAT' })
  const registration = await withRoles(world.admin.tax, 'XROAD_REGISTRATION_OFFICER')
  const services = await withRoles(world.admin.tax, 'XROAD_SERVICE_ADMINISTRATOR')
  t.equal((await services.call('POST', '/clients', { id: colons(vat) })).status, 403)
  await registration.send('POST', '/clients', { id: colons(vat) })
  const system = readFileSync(tax.systemCertificateFile)
  await services.send(
    'POST',
    `/clients/${colons(vat)}/tls-certificates`,
    Buffer.from(new X509Certificate(system).toString()),
  )
  t.equal(typeOf(await askPerson(vat)), 'client.unknown_member', 'the registry has not registered it')
  await officer.send('POST', `/security-servers/${colons(tax.id)}/clients`, { client: colons(vat) })
  await world.publish()
  t.equal(typeOf(await askPerson(vat)), 'server.serverproxy.access_denied', 'known, without a right')

  const [description] = await world.admin.population.get<{ services: { id: number }[] }[]>(
    `/clients/${colons(population.client)}/service-descriptions`,
  )
  const rights = `/services/${description!.services[0]!.id}/access-rights`
  await officer.send('POST', '/global-groups', { code: 'revenue', description: 'Revenue offices' })
  await officer.send('POST', '/global-groups/revenue/members', { client: colons(vat) })
  await world.admin.population.send('POST', rights, { subjectType: 'GLOBALGROUP', subjectId: 'revenue' })
  await world.publish()
  t.equal((await askPerson(vat)).status, 200, 'allowed by a global group')
  await officer.send('DELETE', `/global-groups/revenue/members/${colons(vat)}`)
  await world.publish()
  t.equal(
    typeOf(await askPerson(vat)),
    'server.serverproxy.access_denied',
    'out of the group, out of the service',
  )
  await officer.send('POST', '/global-groups/revenue/members', { client: colons(vat) })
  await world.publish()
  t.equal((await askPerson(vat)).status, 200)
  await officer.send('DELETE', `/security-servers/${colons(tax.id)}/clients/${colons(vat)}`)
  await world.publish()
  t.equal(typeOf(await askPerson(vat)), 'client.unknown_member', 'withdrawn')
  const acts = await world.registryAdmin.get<{ operation: string }[]>('/audit-log?limit=20')
  t.ok(
    acts.some(({ operation }) => operation === 'deleteClient'),
    'every act is in the audit log',
  )
})

t.test('a withdrawn certificate ends exchanges at once, on open connections too', async (t) => {
  t.equal((await askPerson()).status, 200)
  for (const [server, expected] of [
    [tax, /unknown_peer|connection_lost/],
    [population, /^server\.clientproxy\.unknown_peer$/],
  ] as const) {
    const certificate = await certificateOf(server.address)
    const sha256 = createHash('sha256').update(certificate).digest('hex')
    const place = `/security-servers/${colons(server.id)}/authentication-certificates`
    await world.registryAdmin.send('DELETE', `${place}/${sha256}`)
    await world.publish()
    const refused = await askPerson()
    t.match(typeOf(refused), expected, `${server.id} is not spoken to any more`)
    await world.registryAdmin.send('POST', place, certificate)
    await world.publish()
    t.equal((await askPerson()).status, 200, 'and again when it is registered again, without a restart')
  }
})

t.test('an auditor finds an exchange on both sides and takes its containers away', async (t) => {
  const asked = await askPerson()
  const queryId = asked.headers['x-road-id']!
  const auditor = await withRoles(world.admin.tax, 'XROAD_AUDITOR')
  t.equal((await auditor.call('POST', '/clients', { id: 'DEV:GOV:1002:x' })).status, 403)
  const observer = await withRoles(world.admin.tax, 'XROAD_SECURITYSERVER_OBSERVER')
  t.equal((await observer.call('GET', `/message-log/records?queryId=${queryId}`)).status, 403)
  const [record] = await auditor.get<{ index: number }[]>('/message-log/records?limit=1')
  const content = `/message-log/records/${record!.index}/container`
  const why = '?case=2026-17&reason=complaint+of+a+citizen'
  t.equal((await auditor.call('GET', content + why)).status, 403, 'proofs, but no content')
  const reader = await withRoles(world.admin.tax, 'XROAD_CONTENT_AUDITOR')
  t.equal((await reader.call('GET', content)).status, 400, 'not without case and reason')
  t.equal((await reader.call('GET', content + why)).status, 200)
  const [look] = await auditor.get<object[]>('/audit-log?limit=1')
  t.match(look, {
    operation: 'downloadRecordContainer',
    target: `record ${record!.index}`,
    data: { case: '2026-17', reason: 'complaint of a citizen' },
  })
  for (const [admin, direction] of [
    [auditor, 'out'],
    [await withRoles(world.admin.population, 'XROAD_AUDITOR'), 'in'],
  ] as const) {
    const records = await admin.get<object[]>(`/message-log/records?queryId=${queryId}`)
    t.match(records, [
      {
        kind: 'reply',
        outcome: 'ok',
        clientId: colons(tax.client),
        direction: direction === 'out' ? 'in' : 'out',
      },
      { kind: 'request', direction, serviceId: `${colons(population.client)}:persons` },
    ])
  }

  const of = new URLSearchParams({
    xRoadInstance: 'DEV',
    memberClass: 'GOV',
    memberCode: '1002',
    subsystemCode: 'tax',
    queryId,
  })
  const asic = (more = ''): Promise<Reply> => world.ask('tax', `/asic?${of}${more}`, { headers: {} })
  // The time-stamping job may run at any moment.
  await switchTrust(world, 'tsa', { mode: 'down' })
  const fresh = new URLSearchParams(of)
  fresh.set('queryId', (await askPerson()).headers['x-road-id']!)
  t.equal(
    typeOf(await world.ask('tax', `/asic?${fresh}`, { headers: {} })),
    'server.clientproxy.timestamping_failed',
    'not stamped yet, and force was not said',
  )
  await switchTrust(world, 'tsa', { mode: 'none' })
  const wrong: [string, number, string][] = [
    ['&requestOnly&responseOnly', 400, 'client.invalid_request'],
    ['&unique', 400, 'client.invalid_request'],
    ['&queryId=twice', 400, 'client.invalid_request'],
  ]
  for (const [more, status, type] of wrong) {
    const reply = await asic(more)
    t.strictSame([reply.status, typeOf(reply)], [status, type], more)
  }
  const names = (zip: Buffer): string[] => {
    writeFileSync(path.join(folder, 'list.zip'), zip)
    return execFileSync('unzip', ['-Z1', 'list.zip'], { cwd: folder }).toString().trim().split('\n')
  }
  const both = await asic('&force')
  t.match(names(both.body), [/^DEV-.*-request-\d+\.asice$/, /^DEV-.*-response-\d+\.asice$/])
  t.match(both.headers, {
    'content-type': 'application/zip',
    'content-disposition': `attachment; filename="${queryId}.zip"`,
  })
  t.match(names((await asic('&requestOnly')).body), [/-request-/])
  const responses = await asic('&responseOnly')
  t.match(responses.headers['content-disposition'], /-response\.zip"$/)
  for (const [more, file] of [
    ['&requestOnly&unique', 'request'],
    ['&responseOnly&unique', 'reply'],
  ] as const) {
    const container = await asic(more)
    t.equal(container.headers['content-type'], 'application/vnd.etsi.asic-e+zip')
    writeFileSync(path.join(folder, `${file}.asice`), container.body)
  }
  const foreign = await world.ask('business', `/asic?${of}`, { headers: {} })
  t.equal(typeOf(foreign), 'client.unknown_member', 'another agency gets nothing')
  const uncertified = await world.ask('tax', `/asic?${of}`, {
    headers: {},
    certificate: world.systemOf('business'),
  })
  t.equal(typeOf(uncertified), 'client.ssl_authentication_failed')
  const nothing = await world.ask('tax', `/asic?${of}`.replace(queryId, 'none'), { headers: {} })
  t.strictSame([nothing.status, typeOf(nothing)], [404, 'client.not_found'])

  const configuration = await world.ask('tax', '/verificationconf', { headers: {} })
  writeFileSync(path.join(folder, 'verificationconf.zip'), configuration.body)
  t.match(names(configuration.body).sort(), [
    'verificationconf/DEV/shared-params.xml',
    /metadata/,
    /instance-identifier/,
  ])
})

const command = (...args: string[]): { status: number | null; stdout: string } => {
  const program = path.join(import.meta.dirname, '../../scripts/concordat')
  return spawnSync(program, args, { cwd: folder, encoding: 'utf8' })
}

t.test('containers are proved offline, with our verifier and with foreign programs', async (t) => {
  for (const name of ['request', 'reply']) {
    const said = command('verify', `${name}.asice`, '--conf', 'verificationconf.zip', '--json')
    t.equal(said.status, 0, said.stdout)
    t.match(JSON.parse(said.stdout), { verdict: 'TOTAL-PASSED' })
  }
  const bytes = readFileSync(path.join(folder, 'reply.asice'))
  bytes[Math.floor(bytes.length / 2)]! ^= 1
  writeFileSync(path.join(folder, 'altered.asice'), bytes)
  const altered = command('verify', 'altered.asice', '--conf', 'verificationconf.zip', '--json')
  t.equal(altered.status, 1)

  if (findProgram(['xmlsec1']) === undefined) return skipFor(t, 'xmlsec1 is missing: apt-get install xmlsec1')
  const run = (tool: string, ...args: string[]): string =>
    execFileSync(tool, args, { cwd: folder, stdio: 'pipe' }).toString()
  mkdirSync(path.join(folder, 'c'))
  run('unzip', '-q', 'reply.asice', '-d', 'c')
  const signatures = readFileSync(path.join(folder, 'c/META-INF/signatures.xml'), 'utf8')
  const der = /<ds:X509Certificate>([^<]+)</.exec(signatures)![1]!
  writeFileSync(path.join(folder, 'signer.pem'), new X509Certificate(Buffer.from(der, 'base64')).toString())
  const options = ['--insecure', '--id-attr:Id', 'SignedProperties', '--pubkey-cert-pem', 'signer.pem']
  const chained = ['--url-map:/sig-hashchainresult.xml', 'c/sig-hashchainresult.xml']
  const plain = ['--url-map:/message.xml', 'c/message.xml']
  const map = signatures.includes('URI="/sig-hashchainresult.xml"') ? chained : plain
  t.doesNotThrow(() => run('xmlsec1', '--verify', ...map, ...options, 'c/META-INF/signatures.xml'))
  for (const name of ['root', 'tsa']) {
    const reply = await fetch(`${world.trust.caUrl}/${name}`)
    writeFileSync(path.join(folder, `${name}.pem`), await reply.text())
  }
  const intermediate = await (await fetch(`${world.trust.caUrl}/intermediate`)).text()
  writeFileSync(
    path.join(folder, 'untrusted.pem'),
    intermediate + readFileSync(path.join(folder, 'tsa.pem'), 'utf8'),
  )
  const token = [
    '-in',
    'c/META-INF/timestamp.tst',
    '-token_in',
    '-CAfile',
    'root.pem',
    '-untrusted',
    'untrusted.pem',
  ]
  t.match(run('openssl', 'ts', '-verify', '-data', 'c/ts-hashchainresult.xml', ...token), /OK/)
  t.throws(() => run('openssl', 'ts', '-verify', '-data', 'c/message.xml', ...token))
})

t.test('a record is proved to stand in the log, and the whole log holds', async (t) => {
  const auditor = world.admin.population
  await auditor.send('POST', '/message-log/checkpoint')
  const [row] = await auditor.get<{ index: number }[]>('/message-log/records?kind=reply&limit=1')
  type Opening = { key: string; digest: string }
  const record = await auditor.get<{
    index: number
    leaf: string
    form: LeafFields
    proof: { size: number; path: string[]; checkpoint: string; openings: Record<string, Opening> }
  }>(`/message-log/records/${row!.index}`)
  const leaf = leafHash(Buffer.from(leafForm(record.form)))
  t.equal(leaf.toString('base64'), record.leaf, 'the leaf is the hash of the form that is shown')
  const { size, path: proof, checkpoint, openings } = record.proof
  const head = parseCheckpoint(checkpoint)
  t.strictSame([head.origin, head.size], [population.id, size])
  const question = {
    size,
    index: record.index,
    leaf,
    proof: proof.map((node) => Buffer.from(node, 'base64')),
  }
  t.doesNotThrow(() => verifyInclusion({ ...question, root: head.root }))
  t.throws(() => verifyInclusion({ ...question, index: record.index - 1, root: head.root }))
  const container = await auditor.bytes(`/message-log/records/${row!.index}/container?case=1&reason=dispute`)
  writeFileSync(path.join(folder, 'proved.asice'), container)
  execFileSync('unzip', ['-qo', 'proved.asice', '-d', 'proved'], { cwd: folder })
  const message = readFileSync(path.join(folder, 'proved/message.xml'))
  const { key, digest } = openings['message']!
  t.equal(createHash('sha512').update(message).digest('base64'), digest)
  const opened = openCommitment(Buffer.from(key, 'base64'), Buffer.from(digest, 'base64'))
  t.equal(opened.toString('base64'), record.form.message, 'the commitment opens to this message')
  const pem = /<ds:X509Certificate>([^<]+)</.exec(
    readFileSync(path.join(folder, 'proved/META-INF/signatures.xml'), 'utf8'),
  )!
  const { publicKey } = new X509Certificate(readCertificate(Buffer.from(pem[1]!, 'base64')).der)
  t.ok(verifyMemberSignature(head.note, population.member, publicKey), 'countersigned by the member')

  for (const { settingsFile } of [tax, population, business]) {
    const said = command('log', 'verify', settingsFile, '--json')
    t.equal(said.status, 0, said.stdout)
    t.match(JSON.parse(said.stdout), { ok: true })
  }
})

t.test('an exchange is proved by one file, offline, from both sides', async (t) => {
  for (const [name, admin] of [
    ['tax', world.admin.tax],
    ['population', world.admin.population],
  ] as const) {
    await admin.send('POST', '/message-log/time-stamp')
    const [row] = await admin.get<{ index: number; answers: number }[]>(
      '/message-log/records?kind=reply&outcome=ok&limit=1',
    )
    writeFileSync(
      path.join(folder, `${name}.zip`),
      await admin.bytes(`/message-log/records/${row!.index}/evidence-bundle?case=1&reason=dispute`),
    )
    for (const more of [[], ['--conf', 'verificationconf.zip']]) {
      const said = command('verify', `${name}.zip`, ...more, '--json')
      t.equal(said.status, 0, said.stdout)
      const { records, ...bundle } = JSON.parse(said.stdout)
      t.match(bundle, { verdict: 'TOTAL-PASSED', checkpoints: [{ signedByMember: true }] })
      t.match(records, [
        { index: row!.answers, form: { kind: 'request' }, container: { verdict: 'TOTAL-PASSED' } },
        { index: row!.index, form: { kind: 'reply' }, container: { verdict: 'TOTAL-PASSED' } },
      ])
    }
    t.match(command('verify', `${name}.zip`).stdout, /TOTAL-PASSED\n.*\n {2}log +DEV\/GOV\//)
  }
  if (findProgram(['python3']) === undefined) skipFor(t, 'python3 is missing: apt-get install python3')
  else {
    const second = path.join(import.meta.dirname, '../second-verifier/verify_bundle.py')
    for (const name of ['tax', 'population']) {
      const said = spawnSync('python3', [second, `${name}.zip`], { cwd: folder, encoding: 'utf8' })
      t.equal(said.status, 0, said.stdout + said.stderr)
      t.match(JSON.parse(said.stdout), {
        verdict: 'TOTAL-PASSED',
        records: [{ verdict: 'TOTAL-PASSED' }, { verdict: 'TOTAL-PASSED' }],
      })
    }
  }
  const tour = readFileSync(path.join(import.meta.dirname, '../../docs/tours/checking-evidence.md'), 'utf8')
  const block = /^mkdir evidence .*?(?=^```)/ms.exec(tour)![0]
  if (findProgram(['xmlsec1']) === undefined) skipFor(t, 'xmlsec1 is missing: apt-get install xmlsec1')
  else {
    mkdirSync(path.join(folder, '.sandbox'))
    copyFileSync(path.join(folder, 'tax.zip'), path.join(folder, '.sandbox/tax-evidence.zip'))
    const { stdout, stderr } = spawnSync('bash', ['-c', block], {
      cwd: folder,
      encoding: 'utf8',
    })
    const count = (text: string, what: RegExp): number => [...text.matchAll(what)].length
    t.equal(count(stderr, /^OK$/gm), 2, 'both signatures')
    t.equal(count(stdout, /^signer.pem: good$/gm), 2, 'both signers were good')
    t.notMatch(stderr, /Verify Failure/)
    t.match(stdout, /^Time stamp: /m)
    t.match(stdout + stderr, /^Verification: OK$/m)
    const signed = /^"\/(message\.xml|attachment1)"[^\n]*DigestValue>[\w+/]{86}==<$/gm
    t.equal(count(stdout, signed), 3, 'messages and body')
    t.notMatch(stdout, 'NOT what was signed')
    const page = readFileSync(path.join(folder, 'evidence/README.html'), 'utf8')
    const plain = page
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&amp;', '&')
    t.ok(plain.includes(block.slice(block.indexOf('\n') + 1).trim()), 'the page in the bundle says the same')
  }
  const altered = readFileSync(path.join(folder, 'tax.zip'))
  altered[altered.indexOf('application/vnd.etsi.asic-e+zip') + 3]! ^= 1
  writeFileSync(path.join(folder, 'altered.zip'), altered)
  t.match(command('verify', 'altered.zip'), { status: 1, stdout: /TOTAL-FAILED, FORMAT_FAILURE/ })
})
