import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { children, parseDer, TAG } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { verifyValue } from '#core/signature/algorithms.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { certificationRequest, requestPem } from './certification-request.ts'
import { generateKey } from './generate-key.ts'
import type { Keys } from './keys.ts'
import { createWorld, member, PIN, second, subjectOf, type World } from './keys-fixture.ts'
import { proposeSubject } from './propose-subject.ts'
import { writeDurably } from './write-durably.ts'

function code(wanted: FaultCode) {
  return { code: wanted }
}

async function initialized(world: World): Promise<Keys> {
  const keys = await world.open()
  await keys.initialize(PIN)
  return keys
}

t.test('the token: PIN, lock, disk', async (t) => {
  const world = await createWorld(t)
  const keys = await world.open()
  t.match(keys.tokens()[0], { initialized: false, loggedIn: false, keys: [] })
  await t.rejects(keys.login(PIN), code('token_not_found'))
  await t.rejects(keys.createKey({ usage: 'SIGNING', label: '' }), code('token_not_active'))
  await t.rejects(keys.initialize('short'), code('invalid_input'))
  await keys.initialize(PIN)
  await t.rejects(keys.initialize(PIN), code('conflict'))
  const key = await keys.createKey({ usage: 'SIGNING', label: 'one' })
  const rsa = await keys.createKey({ usage: 'AUTHENTICATION', label: 'two', algorithm: 'RSA-2048' })
  t.equal(rsa.algorithm, 'RSA-2048')
  t.equal((await keys.renameKey(key.id, 'first')).label, 'first')

  const files = readdirSync(world.directory, { recursive: true, withFileTypes: true })
  for (const file of files) {
    const mode = statSync(path.join(file.parentPath, file.name)).mode & 0o777
    t.equal(mode, file.isDirectory() ? 0o700 : 0o600, file.name)
  }
  t.equal(statSync(world.directory).mode & 0o777, 0o700)
  const text = files
    .filter((file) => file.isFile())
    .map((file) => readFileSync(path.join(file.parentPath, file.name), 'utf8'))
    .join('')
  t.notOk(text.includes(PIN) || text.includes('PRIVATE KEY'), 'no secret stands in a file')

  const again = await world.open()
  t.match(again.tokens()[0], { initialized: true, loggedIn: false, keys: [{}, {}] })
  t.throws(() => again.signingIdentity(member), code('token_not_active'))
  for (let i = 0; i < 5; i++) await t.rejects(again.login('wrong horse 7'), code('pin_incorrect'))
  await t.rejects(again.login(PIN), { code: 'pin_incorrect', what: /too many wrong PINs, wait 30 s/ })
  world.now -= 86_400_000
  await again.login(PIN)
  world.now += 86_400_000 + 31_000
  t.equal(again.tokens()[0]?.loggedIn, true)
  await t.rejects(again.changePin('wrong horse 7', 'another horse 8'), code('pin_incorrect'))
  await again.changePin(PIN, 'another horse 8')
  again.logout()
  await t.rejects(again.login(PIN), code('pin_incorrect'), 'the old PIN is gone')
  await again.login('another horse 8')
  await again.deleteKey(rsa.id)
  t.throws(() => again.key(rsa.id), code('key_not_found'))
  const third = await world.open()
  t.equal(third.tokens()[0]?.keys.length, 1)
})

t.test('a key that is made while the token is locked is not open afterwards', async (t) => {
  const world = await createWorld(t)
  const keys: Keys = await world.open({
    async write(file, bytes) {
      await writeDurably(file, bytes)
      if (path.basename(path.dirname(file)) === 'keys') keys.logout()
    },
  })
  await keys.initialize(PIN)
  const { id } = await keys.createKey({ usage: 'SIGNING', label: 'one' })
  const request = { keyId: id, member, subject: subjectOf('SIGNING', member) }
  await t.rejects(keys.createRequest(request), code('token_not_active'))
  await keys.login(PIN)
  t.ok(await keys.createRequest(request))
})

t.test('damaged, swapped and too open files are refused with their name', async (t) => {
  const world = await createWorld(t)
  const keys = await initialized(world)
  const a = await keys.createKey({ usage: 'SIGNING', label: 'a' })
  const b = await keys.createKey({ usage: 'SIGNING', label: 'b' })
  const fileOf = (id: string) => path.join(world.directory, 'keys', `${id}.json`)
  const whole = readFileSync(fileOf(a.id), 'utf8')
  const other = JSON.parse(readFileSync(fileOf(b.id), 'utf8')) as Record<string, unknown>
  const damage = {
    cut: whole.slice(0, -20),
    empty: '',
    'a list': '[]',
    'another key': JSON.stringify({ ...JSON.parse(whole), spki: other['spki'] }),
    'no sealed value': JSON.stringify({ ...JSON.parse(whole), sealed: {} }),
    'a broken certificate': JSON.stringify({ ...JSON.parse(whole), certificates: [{ der: 'AAAA' }] }),
  }
  for (const [name, text] of Object.entries(damage)) {
    writeFileSync(fileOf(a.id), text)
    await t.rejects(world.open(), { code: 'io_error', what: new RegExp(a.id) }, name)
  }
  writeFileSync(fileOf(a.id), JSON.stringify({ ...JSON.parse(whole), sealed: other['sealed'] }))
  const swapped = await world.open()
  await t.rejects(swapped.login(PIN), code('io_error'), 'a private half of another key does not open')
  t.equal(swapped.tokens()[0]?.loggedIn, false)
  writeFileSync(fileOf(a.id), whole)
  chmodSync(fileOf(a.id), 0o640)
  await t.rejects(world.open(), { code: 'io_error', what: /chmod 600/ })
  chmodSync(fileOf(a.id), 0o600)
  const token = path.join(world.directory, 'token.json')
  const costs = JSON.parse(readFileSync(token, 'utf8')) as { kdf: object }
  writeFileSync(token, JSON.stringify({ ...costs, kdf: { ...costs.kdf, N: 2 ** 30 } }))
  await t.rejects(world.open(), code('io_error'), 'costs that would exhaust memory')
})

t.test('a crash before or after a write leaves the old or the new, never a part', async (t) => {
  const world = await createWorld(t)
  let mode: 'whole' | 'before' | 'half' | 'after' = 'whole'
  const write: typeof writeDurably = async (file, bytes) => {
    if (mode === 'half') writeFileSync(`${file}.0000.unfinished`, bytes.subarray(0, 40), { mode: 0o600 })
    if (mode === 'after' || mode === 'whole') await writeDurably(file, bytes)
    if (mode !== 'whole') throw new Fault('io_error', { what: 'no space left' })
  }
  const keys = await world.open({ write })
  await keys.initialize(PIN)
  const key = await keys.createKey({ usage: 'SIGNING', label: 'old' })
  for (mode of ['before', 'half'] as const) {
    await t.rejects(keys.renameKey(key.id, 'new'), code('io_error'))
    t.equal(keys.key(key.id).label, 'old', 'memory says what disk says')
    await t.rejects(keys.createKey({ usage: 'SIGNING', label: 'x' }), code('io_error'))
    const again = await world.open()
    await again.login(PIN)
    t.equal(again.key(key.id).label, 'old')
    t.equal(again.tokens()[0]?.keys.length, 1)
  }
  t.notOk(
    readdirSync(path.join(world.directory, 'keys')).some((name) => name.endsWith('.unfinished')),
    'what a crash left is cleared at the next start',
  )
  mode = 'after'
  await t.rejects(keys.renameKey(key.id, 'new'), code('io_error'))
  await t.rejects(keys.changePin(PIN, 'another horse 8'), code('io_error'))
  const again = await world.open()
  t.equal(again.key(key.id).label, 'new')
  await again.login('another horse 8')
  await t.rejects(
    writeDurably(path.join(world.directory, 'absent', 'file'), Buffer.alloc(1)),
    code('io_error'),
  )
})

t.test('certificate requests satisfy openssl', async (t) => {
  for (const algorithm of ['P-256', 'RSA-2048', 'RSA-3072'] as const) {
    const privateKey = await generateKey(algorithm)
    const subject = [...subjectOf('AUTHENTICATION', member), { type: '2.5.4.97', value: 'NTRFI-1000' }]
    const request = certificationRequest({ privateKey, subject, dnsNames: ['ss1.example', 'a.b.example'] })
    const input = requestPem(request)
    const args = ['req', '-verify', '-noout', '-text', '-nameopt', 'utf8,sep_comma_plus']
    const said = execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'pipe'] }).toString()
    t.match(said, /C\s?=\s?FI,O\s?=\s?Agency Ä,serialNumber\s?=\s?DEV\/ss1\/GOV,CN\s?=\s?ss1.example/)
    t.match(said, /DNS:ss1.example, DNS:a.b.example/)
  }
  const privateKey = await generateKey('P-256')
  const bad = [
    [],
    [{ type: 'X', value: 'a' }],
    [{ type: 'CN', value: '' }],
    [{ type: 'CN', value: 'a\nb' }],
    [{ type: 'CN', value: 'a'.repeat(256) }],
    [{ type: 'C', value: 'F' }],
    Array.from({ length: 17 }, () => ({ type: 'CN', value: 'a' })),
  ]
  for (const subject of bad)
    t.throws(() => certificationRequest({ privateKey, subject }), code('invalid_input'))
  const subject = [{ type: 'CN', value: 'a' }]
  for (const name of ['', '-a', 'a..b', 'a b', '*.a', `${'a'.repeat(300)}`]) {
    t.throws(
      () => certificationRequest({ privateKey, subject, dnsNames: [name] }),
      code('invalid_input'),
      name,
    )
  }
})

t.test("X-Road's PKCS#12 token files", async (t) => {
  const world = await createWorld(t)
  const keys = await initialized(world)
  const folder = path.join(world.directory, '..', 'xroad')
  mkdirSync(folder)
  const file = (name: string) => path.join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  /** As X-Road's files: the key with a meaningless self-signed certificate. */
  const softToken = (name: string, kind: string[]) => {
    openssl(
      'req',
      '-x509',
      '-newkey',
      ...kind,
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-days',
      '9',
      '-subj',
      '/CN=KeyHolder',
    )
    openssl(
      'pkcs12',
      '-export',
      '-inkey',
      `${name}.key`,
      '-in',
      `${name}.crt`,
      '-out',
      `${name}.p12`,
      '-passout',
      'pass:1234',
      '-name',
      name,
    )
    return readFileSync(file(`${name}.p12`))
  }
  const spkiOf = (name: string) =>
    openssl('pkey', '-in', `${name}.key`, '-pubout', '-outform', 'DER').toString('base64')
  const issued = async (name: string, of: typeof member, profile: 'signing' | 'authentication') => {
    openssl('req', '-new', '-key', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=x')
    const subject = subjectOf(profile === 'signing' ? 'SIGNING' : 'AUTHENTICATION', of)
    const request = readFileSync(file(`${name}.csr`))
    const certificate = await world.authority.issue({
      request,
      profile,
      at: new Date(world.now),
      subject: subject.map(({ type, value }): [string, string] => [type, value]),
    })
    return certificate.der.toString('base64')
  }
  const rsa = ['rsa:2048']
  const files = ['one', 'two', 'three'].map((name) => softToken(name, rsa))
  const keyOf = async (name: string, usage: string, of: typeof member) =>
    `<key usage="${usage}"><friendlyName>${name}</friendlyName><publicKey>${spkiOf(name)}</publicKey>
     <cert active="true"><contents>${await issued(name, of, usage === 'SIGNING' ? 'signing' : 'authentication')}</contents></cert></key>`
  const keyconf = Buffer.from(
    `<?xml version="1.0"?><ns3:keyConf xmlns:ns3="http://x-road.eu/xsd/xroad.xsd"><device><deviceType>softToken</deviceType>${[
      await keyOf('one', 'SIGNING', member),
      await keyOf('two', 'SIGNING', second),
      await keyOf('three', 'AUTHENTICATION', member),
    ].join('')}</device></ns3:keyConf>`,
  )
  await t.rejects(keys.importPkcs12({ files, password: 'wrong', keyconf }), code('pin_incorrect'))
  t.equal(keys.tokens()[0]?.keys.length, 0, 'a wrong password changes nothing')
  await t.rejects(keys.importPkcs12({ files: [files[0]!], password: '1234' }), {
    code: 'invalid_input',
    what: /usage/,
  })
  const imported = await keys.importPkcs12({ files, password: '1234', keyconf })
  t.match(imported, [{ label: 'one', usage: 'SIGNING' }, { label: 'two' }, { usage: 'AUTHENTICATION' }])
  for (const owner of [member, second]) {
    const identity = keys.signingIdentity(owner)
    const data = Buffer.from('x')
    t.ok(verifyValue(identity.method, publicKeyOf(identity.certificate), data, await identity.sign(data)))
  }
  t.ok(keys.authenticationIdentity())
  t.equal((await keys.importPkcs12({ files, password: '1234', keyconf })).length, 3, 'once more does no harm')
  t.equal(keys.tokens()[0]?.keys.length, 3)
  const bare = await keys.importPkcs12({
    files: [softToken('four', rsa)],
    password: '1234',
    usage: 'SIGNING',
  })
  t.match(bare, [{ usage: 'SIGNING', certificates: [] }], 'without keyconf.xml the usage is said')

  const ec = softToken('five', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'])
  await t.rejects(
    keys.importPkcs12({ files: [ec], password: '1234', usage: 'SIGNING' }),
    code('invalid_input'),
  )
  const small = softToken('six', ['rsa:1024'])
  await t.rejects(
    keys.importPkcs12({ files: [small], password: '1234', usage: 'SIGNING' }),
    code('invalid_input'),
  )
  const bad = [
    Buffer.alloc(0),
    Buffer.from('rubbish'),
    files[0]!.subarray(0, 900),
    Buffer.alloc(1_100_000, 0x30),
    Buffer.concat([files[0]!, Buffer.alloc(1)]),
    // Iteration counts that would take hours: in the checksum, and, in a file without checksum, in the
    // encrypted part.
    withCounts(files[0]!),
    der.sequence(
      ...children(parseDer(withCounts(files[0]!)))
        .slice(0, 2)
        .map(({ raw }) => raw),
    ),
  ]
  for (const one of bad)
    await t.rejects(keys.importPkcs12({ files: [one], password: '1234' }), code('invalid_input'))
  for (const xml of [
    '',
    '<a',
    '<!DOCTYPE a [<!ENTITY b "c">]><keyConf/>',
    '<ns3:keyConf xmlns:ns3="x"><device><key usage="SIGNING"><publicKey>!!</publicKey></key></device></ns3:keyConf>',
  ]) {
    await t.rejects(
      keys.importPkcs12({ files, password: '1234', keyconf: Buffer.from(xml) }),
      code('invalid_xml'),
      xml,
    )
  }
})

/** The PKCS#12 file with 2^31 - 1 iterations wherever it asks for the usual 2,048. */
function withCounts(bytes: Buffer): Buffer {
  const element = parseDer(bytes)
  const { tag, content } = element
  if (tag === TAG.integer && content.equals(Buffer.of(0x08, 0x00))) return der.integer(2 ** 31 - 1)
  if ((tag & 0x20) !== 0) {
    const whole = der.octetString(Buffer.concat(children(element).map(({ raw }) => withCounts(raw))))
    whole[0] = tag
    return whole
  }
  if (tag !== TAG.octetString) return bytes
  try {
    return der.octetString(withCounts(content))
  } catch {
    return bytes
  }
}

t.test('the country of a proposed subject', async (t) => {
  const country = (profile: string, instance: string, usage: 'SIGNING' | 'AUTHENTICATION' = 'SIGNING') =>
    proposeSubject({
      ...{ profile, usage, memberName: 'Agency', dnsName: 'ss.example' },
      member: { instance, memberClass: 'GOV', memberCode: '1' },
      server: { instance, memberClass: 'GOV', memberCode: '1', serverCode: 'ss1' },
    }).find(({ type }) => type === 'C')?.value
  const basic = 'BasicCertificateProfileInfoProvider'
  t.equal(country(basic, 'EE'), 'EE')
  t.equal(country(basic, 'ee-test'), 'EE')
  for (const instance of ['DEV', 'XX', 'XROAD-EE', 'QQ-1']) t.equal(country(basic, instance), '', instance)
  t.equal(country('FiVRKCertificateProfileInfoProvider', 'DEV'), 'FI')
  t.equal(country('SkKlass3CertificateProfileInfoProvider', 'DEV', 'AUTHENTICATION'), 'EE')
})
