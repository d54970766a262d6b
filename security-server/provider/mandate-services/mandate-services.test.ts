/**
 * Mandate services by their real interfaces, and answers by which nobody can decide: spoilt, about others,
 * late, without end. How long an answer serves.
 */
import dns from 'node:dns'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type http from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { MandateServiceCheck } from '#schemas/contract.ts'
import type { Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { aheadOfMidnight } from '#test/day-clock.ts'
import { sendJson, startMandateServices } from '#test/fakes/mandate-services.ts'
import { createMandateServices } from './mandate-services.ts'
import { checkMandateServices, type MandateServiceSettings } from './settings.ts'

const fake = await startMandateServices(t)
const ORACLE = 'EE/GOV/70006317/volitused/oraakel'
const SUOMI = 'suomi.fi/hpa'
const THEME = 'http://valtuusrekisteri.suomi.fi/asiakastietojen_selailu'
const folder = mkdtempSync(path.join(tmpdir(), 'concordat-mandates-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const apiKeyFile = path.join(folder, 'key')
writeFileSync(apiKeyFile, `${fake.suomiFi.apiKey}\n`, { mode: 0o600 })

const oracleAt = (more: Partial<MandateServiceSettings> = {}): MandateServiceSettings => ({
  ...{ name: ORACLE, url: `${fake.url}/oraakel/`, country: 'EE', timeoutSeconds: 30 },
  kind: 'paasuke',
  ...more,
})
const suomiAt = (more: Partial<MandateServiceSettings> = {}): MandateServiceSettings => ({
  ...{ name: SUOMI, url: fake.url, country: 'FI', timeoutSeconds: 30 },
  kind: 'suomifi',
  ...{ clientId: fake.suomiFi.clientId, apiKeyFile, ...more },
})
const clock = { skew: 0 }
// Mandates end with a day.
const aheadMs = aheadOfMidnight()
const now = (): number => Date.now() + aheadMs
const openServices = async (...settings: MandateServiceSettings[]) => {
  const services = await createMandateServices({
    ...{ settings, server: parseServerId('DEV/GOV/2000/ss2'), clock: () => now() + clock.skew },
  })
  t.teardown(() => services.close())
  return services
}
const mandateServices = await openServices(oracleAt(), suomiAt())
const asks = (more: Partial<MandateServiceCheck> = {}): MandateServiceCheck => ({
  ...{ service: ORACLE, roles: ['EMTA:FILER', 'STAT:*'] },
  check: 'mandateService',
  delegate: 'user',
  ...more,
})
const PEOPLE = { partyClass: '', representee: '10391131', delegate: 'EE38302250123', userId: 'EE38302250123' }

t.beforeEach(() => {
  Object.assign(fake, { mandates: [], people: new Map(), asked: [], spoil: undefined })
  clock.skew = 0
})

function grant(role: string, validityPeriod?: { from?: string | null; through?: string | null }): void {
  fake.people.set('EE10391131', 'LEGAL_PERSON').set('EE38302250123', 'NATURAL_PERSON')
  fake.mandates.push({
    ...{ representee: 'EE10391131', delegate: 'EE38302250123', role },
    ...(validityPeriod && { validityPeriod }),
  })
}

t.test('Pääsuke by its interface', async (t) => {
  const oracle = await openServices(oracleAt({ client: 'EE/GOV/1/sub' }))
  const ask = (more: Partial<MandateServiceCheck> = {}) => oracle.ask({ ...PEOPLE, rule: asks(more) })
  t.match(await ask(), { isMandated: false }, 'people whom it does not know')
  t.match(fake.asked[0], {
    target: '/oraakel/representees/EE10391131/delegates/EE38302250123/mandates?ns=EMTA&ns=STAT',
    headers: {
      'x-road-client': 'EE/GOV/1/sub',
      'x-road-id': /^[0-9a-f-]{36}$/,
      'x-road-userid': PEOPLE.userId,
    },
  })
  await ask({ roles: ['EMTA:FILER', 'EMTA:READER'] })
  t.match(fake.asked[1]!.target, /\?role=EMTA%3AFILER&role=EMTA%3AREADER$/)
  const day = (days: number): string => new Date(now() + days * 86_400_000).toISOString().slice(0, 10)
  for (const [role, period, isMandated] of [
    ['EMTA:FILER', undefined, true],
    ['STAT:ANYTHING', undefined, true],
    ['EMTA:FILERS', undefined, false],
    ['EMTA:filer', undefined, false],
    ['STATE:FILER', undefined, false],
    ['EMTA:FILER', { from: day(-1), through: null }, true],
    ['EMTA:FILER', { through: day(0) }, true],
    ['EMTA:FILER', { from: day(-9), through: day(-1) }, false],
    ['EMTA:FILER', { from: day(1) }, false],
    ['EMTA:FILER', { from: new Date(now() - 60_000).toISOString() }, true],
    ['EMTA:FILER', { through: '2020-01-01T00:00:00+02:00' }, false],
  ] as const) {
    fake.mandates.length = 0
    grant(role, period)
    t.equal((await ask()).isMandated, isMandated, `${role} ${JSON.stringify(period)}`)
  }
  fake.mandates.length = 0
  grant('EMTA:FILER')
  const companies = await openServices(oracleAt({ partyClasses: ['COM'] }))
  const asParty = (partyClass: string) => companies.ask({ ...PEOPLE, partyClass, rule: asks() })
  for (const known of ['COM', '']) t.match(await asParty(known), { isMandated: true }, `of class ${known}`)
  const asked = fake.asked.length
  for (const other of ['GOV', 'com', 'COM ', 'toString'])
    await t.rejects(asParty(other), { code: 'representation_refused', what: /of the class/ }, other)
  t.equal(fake.asked.length, asked, 'which is not asked about')
  fake.people.delete('EE38302250123')
  t.equal((await ask()).isMandated, false, 'nobody unknown holds a mandate, whatever is listed')
})

t.test('Suomi.fi by its interface', async (t) => {
  const ask = (roles: string[]) =>
    mandateServices.ask({
      rule: asks({ service: SUOMI, roles }),
      ...{ partyClass: '', representee: '010101-123N', delegate: 'FI010190+900X', userId: undefined },
    })
  t.match(await ask([THEME]), { isMandated: false })
  t.match(fake.asked[0], {
    headers: {
      'x-userid': 'DEV/GOV/2000/ss2',
      'x-asiointivaltuudetauthorization': /^ab12cd34 \S+Z \S{43}=$/,
    },
  })
  t.match(
    fake.asked[0]!.target,
    /^\/service\/rest\/hpa\/authorization\/ab12cd34\/010190%2B900X\/010101-123N\?requestId=/,
  )
  fake.mandates.push({ representee: '010101-123N', delegate: '010190+900X', role: THEME })
  t.match(await ask(['urn:other', THEME]), { isMandated: true }, 'one theme suffices')
  t.equal(fake.asked.length, 3, 'each is asked by itself')
  fake.suomiFi.apiKey += '!'
  await t.rejects(
    ask([THEME]),
    { code: 'mandate_service_unavailable', what: /401/ },
    'a key that is not ours',
  )
  fake.suomiFi.apiKey = fake.suomiFi.apiKey.slice(0, -1)
  clock.skew = 6 * 60_000
  await t.rejects(ask([THEME]), { code: 'mandate_service_unavailable' }, 'a clock that is wrong')
})

t.test('answers by which nobody can decide', async (t) => {
  grant('EMTA:FILER')
  const ask = (services = mandateServices, rule = asks({ answerSeconds: 60 })) =>
    services.ask({ ...PEOPLE, rule })
  const refused = async (...q: Parameters<typeof ask>): Promise<Fault> =>
    ask(...q).then(
      () => t.fail('it was granted') as never,
      (thrown: Fault) => thrown,
    )
  const person = (identifier: unknown) => ({ type: 'NATURAL_PERSON', identifier })
  const honest = { representee: person('EE10391131'), delegate: person('EE38302250123') }
  const mandates = [{ role: 'EMTA:FILER' }]
  const json = (body: unknown, status?: number) => (response: http.ServerResponse) =>
    sendJson(response, body, status)
  const raw =
    (text: string | Buffer, headers: Record<string, string> = {}) =>
    (response: http.ServerResponse) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers })
      response.end(text)
    }
  const whole = JSON.stringify({ ...honest, mandates })
  const cases: Record<string, (response: http.ServerResponse, body: unknown) => void> = {
    html: raw('<html>EE38302250123</html>', { 'content-type': 'text/html' }),
    'html that says it is JSON': raw('<html>EE38302250123</html>'),
    nothing: raw(''),
    'half of it': raw(whole.slice(0, -3)),
    'two of it': raw(whole + whole),
    'a name twice': raw(whole.replace('"mandates"', '"mandates":[],"mandates"')),
    huge: raw(whole.replace('{', `{${' '.repeat(70_000)}`)),
    'huge, in pieces without end': (response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = (): void => {
        while (response.write(' '.repeat(10_000)));
      }
      response.on('drain', more)
      more()
    },
    'packed ': raw(whole, { 'content-encoding': 'gzip' }),
    'a redirect': (response) => response.writeHead(302, { location: `${fake.url}/oraakel` }).end(),
    'an error with the mandate in it': json({ ...honest, mandates }, 500),
    'no content': (response) => response.writeHead(204).end(),
    'a list': json([{ ...honest, mandates }]),
    null: json(null),
    'a text': json('ALLOWED'),
    'no mandates': json(honest),
    'mandates as an object': json({ ...honest, mandates: { 0: mandates[0] } }),
    'a mandate as a text': json({ ...honest, mandates: ['EMTA:FILER'] }),
    'another delegate': json({ ...honest, delegate: person('EE38302250124'), mandates }),
    'another representee': json({ ...honest, representee: person(10391131), mandates }),
    nobody: json({ mandates }),
    'a period as a text': json({ ...honest, mandates: [{ ...mandates[0], validityPeriod: 'always' }] }),
    'an end that is none': json({
      ...honest,
      mandates: [{ ...mandates[0], validityPeriod: { through: '' } }],
    }),
    'a day that is none': json({
      ...honest,
      mandates: [{ ...mandates[0], validityPeriod: { through: '2999-13-01' } }],
    }),
    'a day that JavaScript takes for another': json({
      ...honest,
      mandates: [{ ...mandates[0], validityPeriod: { through: '2998-02-31T00:00:00Z' } }],
    }),
    'a connection that breaks': (response) => void response.socket?.destroy(),
    'a connection that breaks off': (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '9999' })
      response.write(whole, () => response.socket?.destroy())
    },
  }
  for (const [name, spoil] of Object.entries(cases)) {
    fake.spoil = spoil
    const fault = await refused()
    t.equal(fault.code, 'mandate_service_unavailable', name)
    t.notMatch(fault.what, /EE\d/, 'and nobody is named')
    t.notMatch(String((fault.cause as Error | undefined)?.message), /EE\d/, 'in the log neither')
  }
  fake.spoil = undefined
  t.match(await ask(), { isMandated: true }, 'and then it is well again')

  t.match(await refused(undefined, asks({ service: 'nobody/knows' })), { what: /settings/ })
  const gone = await openServices(oracleAt({ url: 'http://127.0.0.1:1' }))
  t.match(await refused(gone), {
    ...{ code: 'mandate_service_unavailable', what: /refused the connection/ },
  })
  const hurried = await openServices(oracleAt({ timeoutSeconds: 0.05 }))
  const held: http.ServerResponse[] = []
  for (const begin of [
    () => undefined,
    (response: http.ServerResponse) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
  ]) {
    fake.spoil = (response) => {
      held.push(response)
      begin(response)
    }
    const fault = await refused(hurried)
    t.match(fault, { code: 'mandate_service_unavailable', what: /in time/ })
  }
  for (const one of held) one.destroy()
})

t.test('how long an answer serves', async (t) => {
  // Known by its name: a question that was given up before may still arrive.
  const client = 'EE/GOV/1/patient'
  const services = await openServices(oracleAt({ client }))
  const asked = () => fake.asked.filter(({ headers }) => headers['x-road-client'] === client).length
  const ask = async (more: Partial<MandateServiceCheck> = {}, representee = PEOPLE.representee) =>
    (await services.ask({ ...PEOPLE, representee, rule: asks({ answerSeconds: 60, ...more }) })).isMandated
  t.equal(await ask(), false)
  grant('EMTA:FILER')
  t.equal(await ask(), true, 'a refusal serves nobody')
  t.equal(asked(), 2)
  fake.mandates.length = 0
  clock.skew = 50_000
  t.equal(await ask(), true, 'withdrawn, and still held within the time that was agreed')
  t.equal(asked(), 2)
  t.equal(await ask({ answerSeconds: 0 }), false, 'not under a contract that allows no such time')
  t.equal(await ask({ answerSeconds: 30 }), false, 'nor one that allows less')
  t.equal(await ask({ roles: ['EMTA:OTHER'] }), false, 'nor one that asks for another role')
  t.equal(await ask({}, '10391132'), false, 'nor for somebody else')
  clock.skew = -60_000
  t.equal(await ask(), false, 'nor before it was given')
  clock.skew = 61_000
  t.equal(await ask(), false)
  clock.skew = 0
  const through = new Date(now()).toISOString().slice(0, 10)
  grant('EMTA:FILER', { through })
  const midnight = Date.parse(through) + 86_400_000 - now()
  clock.skew = midnight - 30_000
  t.equal(await ask(), true)
  const before = asked()
  t.equal(await ask(), true)
  t.equal(asked(), before)
  clock.skew = midnight + 1000
  t.equal(await ask(), false, 'a mandate that has ended serves nobody')
  t.equal(asked(), before + 1)
})

t.test('how many answers are kept', async (t) => {
  const services = await createMandateServices({
    ...{ settings: [oracleAt()], server: parseServerId('DEV/GOV/2000/ss2'), clock: Date.now, mostKept: 2 },
  })
  t.teardown(() => services.close())
  const ask = async (representee: string) => {
    fake.people.set(`EE${representee}`, 'LEGAL_PERSON').set('EE38302250123', 'NATURAL_PERSON')
    fake.mandates.push({ representee: `EE${representee}`, delegate: 'EE38302250123', role: 'STAT:X' })
    t.ok((await services.ask({ ...PEOPLE, representee, rule: asks({ answerSeconds: 300 }) })).isMandated)
    return fake.asked.length
  }
  for (const [representee, asked] of [
    ...([
      ['1', 1],
      ['2', 2],
      ['1', 2],
      ['3', 3],
      ['2', 3],
      ['1', 4],
      ['3', 4],
    ] as const),
  ])
    t.equal(await ask(representee), asked, `${representee}: the oldest goes`)
})

t.test('whatever a name resolves to, nothing is asked where no service may lie', async (t) => {
  const { port } = new URL(fake.url)
  const own = [{ host: '127.0.0.1', port: Number(port) }]
  const q = { server: parseServerId('DEV/GOV/2000/ss2'), clock: Date.now }
  for (const url of [
    `http://127.0.0.1:${port}`,
    `http://localhost:${port}`,
    'https://169.254.169.254',
    'https://[fe80::1]',
  ])
    await t.rejects(
      createMandateServices({ ...q, own, settings: [oracleAt({ url })] }),
      { code: 'invalid_configuration', what: /^mandateServices: / },
      url,
    )
  const { lookup } = dns
  t.teardown(() => {
    dns.lookup = lookup
    syncBuiltinESMExports()
  })
  const askAt = async (address: string, guarded: typeof own) => {
    dns.lookup = ((_host: string, { all }: { all?: boolean }, callback: (...all: unknown[]) => void) =>
      all === true ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4)) as never
    syncBuiltinESMExports()
    const settings = [oracleAt({ url: `http://mandates.example:${port}/oraakel/` })]
    const services = await createMandateServices({ ...q, settings, own: guarded })
    t.teardown(() => services.close())
    return services.ask({ ...PEOPLE, rule: asks() })
  }
  const refused = { code: 'mandate_service_unavailable', what: /no service may lie|back to this server/ }
  await t.rejects(askAt('127.0.0.1', own), refused, 'a listener of this server')
  await t.rejects(askAt('169.254.169.254', []), refused, 'the metadata of a cloud')
  t.equal(fake.asked.length, 0)
  grant('EMTA:FILER')
  t.match(await askAt('127.0.0.1', []), { isMandated: true }, 'and elsewhere it is asked')
})

t.test('settings', async (t) => {
  const wrong = (...all: MandateServiceSettings[]) =>
    t.throws(() => checkMandateServices(all), { code: 'invalid_configuration', what: /^mandateServices: / })
  t.doesNotThrow(() =>
    checkMandateServices([oracleAt(), suomiAt(), oracleAt({ name: 'b', url: 'https://o.example/x' })]),
  )
  wrong(oracleAt(), oracleAt())
  wrong(oracleAt({ url: 'http://o.example' }))
  wrong(oracleAt({ url: 'https://me:secret@o.example' }))
  wrong(suomiAt({ apiKeyFile: undefined } as never))
  wrong(oracleAt({ keyFile: '/a' }))
  await t.rejects(openServices(oracleAt({ authorityFile: '/nowhere.pem' })), {
    code: 'invalid_configuration',
  })
  chmodSync(apiKeyFile, 0o644)
  await t.rejects(openServices(suomiAt()), { code: 'invalid_configuration' }, 'a key that others can read')
})
