/**
 * Everything that an exchange depends on fails in turn: the provider's system, the peer, the network,
 * time-stamps, certificate status, the registry, a hardware token. Each time there is a clear fault or no
 * harm, no hang, true records, and recovery without help.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { hasChromium } from '../browser.ts'
import { addService, type Behaviour, startProviderSystem } from '../fakes/provider-system.ts'
import { changed, type Recording, record, serve } from '../fakes/recorded-registry.ts'
import { addSigningKey, serveAlso } from '../fakes/second-server.ts'
import { startTcpProxy, type TcpFault } from '../fakes/tcp-proxy.ts'
import { freeze } from '../freeze-process.ts'
import { openRequests, readLog, storyOf, verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import { prepareInstance } from '../processes.ts'
import { hasSoftHsm, LABEL, PIN, startSoftHsm } from '../softhsm.ts'
import { until } from '../until.ts'
import { colons, type Reply } from '../world.ts'
import { watchOutage } from './outage-in-consoles.ts'

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const { population, tax, business } = instance.servers
const { registryAdmin, admin } = instance
const target = `/r1/${population.client}/echo/persons`
/** The consumer gives up on a peer after 5 s while networks swallow what is sent; else it may take longer. */
const IMPATIENT = { CONCORDAT_LIMITS_REPLY_TIMEOUT_SECONDS: '5' }

const system = await startProviderSystem(instance.address(40))
t.teardown(() => system.close())
// Between consumer and provider from the beginning: the registry knows the proxy's address.
const proxyHost = instance.address(41)
const proxy = await startTcpProxy({ host: proxyHost, port: population.messagePort, to: population.address })
const ocspProxy = await startTcpProxy({ host: proxyHost, port: population.ocspPort, to: population.address })
t.teardown(() => Promise.all([proxy.close(), ocspProxy.close()]))

const hsm = hasSoftHsm() ? await startSoftHsm() : undefined
if (hsm !== undefined)
  appendFileSync(tax.settingsFile, `hardwareTokens: [{ id: 1, socket: ${hsm.socket}, label: ${LABEL} }]\n`)

await Promise.all([instance.start('trust'), instance.start('registry')])
await Promise.all([instance.start('population'), instance.start('tax')])
await registryAdmin.send('PATCH', `/security-servers/${colons(population.id)}`, { address: proxyHost })
await instance.publish()
const { serviceId } = await addService(admin.population, {
  provider: population.client,
  serviceCode: 'echo',
  url: system.url,
  grants: [{ client: tax.client }],
  timeoutMs: 1000,
})

let asked = 0

type Outcome = { id: string; status: number; error: string | undefined; reply: Reply | undefined }

/** One exchange; with a body it is a POST. `error` is the last part of X-Road-Error. */
async function exchange(body?: Buffer): Promise<Outcome> {
  const id = `outage-${asked++}`
  const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': id, 'Content-Type': 'text/plain' }
  const question = body === undefined ? { headers } : { headers, body, method: 'POST' }
  const reply = await instance.ask('tax', target, question)
  return { id, status: reply.status, error: reply.headers['x-road-error']?.split('.').at(-1), reply }
}

/** The records of one exchange on both sides, and how many times the provider's system was called for it. */
async function storiesOf(id: string): Promise<[consumer: string, provider: string, calls: number]> {
  const [consumer, provider] = await Promise.all([readLog(tax), readLog(population)])
  const calls = system.calls.filter(({ rawHeaders }) => rawHeaders.includes(id)).length
  return [storyOf(consumer, id), storyOf(provider, id), calls]
}

/** Sends requests until the answer has `status`, and returns it. What expires here lives for minutes. */
const untilStatus = (status: number): Promise<Outcome> =>
  until(
    `an answer with ${status}`,
    async (saw) => {
      const outcome = await exchange()
      saw([outcome.status, outcome.error])
      return outcome.status === status && outcome
    },
    // Each request is two signatures on both sides, and what is waited for takes up to a minute.
    { deadlineMs: 300_000, pauseMs: 1000 },
  )

t.test("the provider's system fails", async (t) => {
  const answers: Record<string, [Behaviour, string]> = {
    slow: [() => undefined, 'service_timeout'],
    garbage: [(_call, { socket }) => socket?.end('what is HTTP?\r\n\r\n'), 'service_failed'],
    silence: [(_call, { socket }) => socket?.destroy(), 'service_failed'],
    'a cut body': [
      (_call, response) => {
        response.writeHead(200, { 'Content-Length': '1000' }).write('the beginning')
        setTimeout(() => response.destroy(), 50)
      },
      'service_failed',
    ],
  }
  for (const [what, [behaviour, code]] of Object.entries(answers)) {
    if (what !== 'slow') await admin.population.send('PATCH', `/services/${serviceId}`, { timeoutMs: 10_000 })
    system.answer(behaviour)
    const { id, error, status } = await exchange()
    t.equal(error, code, what)
    t.ok(status >= 500)
    const unknown = `request, outcome-unknown`
    t.strictSame(
      await storiesOf(id),
      [`${unknown} (server.serverproxy.${code})`, `${unknown} (${code})`, 1],
      'nobody says that it was not carried out',
    )
  }
  system.answer((_call, response) => response.writeHead(302, { Location: `${system.url}/elsewhere` }).end())
  const redirected = await exchange()
  t.equal(redirected.status, 302, 'a redirect is an answer like any other')
  t.equal(redirected.reply?.headers['location'], `${system.url}/elsewhere`)
  t.equal((await storiesOf(redirected.id))[2], 1, 'and is not followed')
  system.answer(undefined)

  const impostor = https.createServer({
    cert: readFileSync(business.systemCertificateFile),
    key: readFileSync(business.systemKeyFile),
  })
  await new Promise<void>((resolve) => void impostor.listen(0, instance.address(42), resolve))
  const ports = { impostor: (impostor.address() as AddressInfo).port, nobody: 1 }
  const urls: [what: string, url: string, code: string][] = [
    [
      'a wrong certificate',
      `https://${instance.address(42)}:${ports.impostor}`,
      'service_certificate_untrusted',
    ],
    ['nobody there', `http://${instance.address(42)}:${ports.nobody}`, 'service_failed'],
  ]
  for (const [what, url, code] of urls) {
    await admin.population.send('PATCH', `/services/${serviceId}`, { url })
    const { id, error } = await exchange()
    t.equal(error, code, what)
    t.strictSame(
      await storiesOf(id),
      [`request, refusal (server.serverproxy.${code})`, `request, refusal (${code})`, 0],
      'refused: not a byte was sent',
    )
  }
  impostor.close()
  await admin.population.send('PATCH', `/services/${serviceId}`, { url: system.url, timeoutMs: 10_000 })
  t.equal((await exchange()).status, 200, 'and works again')
})

async function restart(name: 'tax' | 'trust', environment: Record<string, string> = {}): Promise<void> {
  await instance.process(name).stop()
  await instance.start(name, environment)
}

const LOST = ['connection_lost', 'peer_timeout', 'network_error', 'incorrect_validation_info']

t.test('the network between the servers fails', async (t) => {
  await restart('tax', IMPATIENT)
  const body = Buffer.alloc(100_000, 'x')
  const faults: TcpFault[] = [
    { kind: 'slow', delayMs: 50 },
    { kind: 'black hole' },
    ...(['client', 'server'] as const).flatMap((from) =>
      [1, 2, 4, 400, 3000, 5000, 12_000, 65_536].map((after) => ({ kind: 'cut' as const, from, after })),
    ),
    { kind: 'half-open', from: 'client', after: 20_000 },
    { kind: 'half-open', from: 'server', after: 5000 },
  ]
  for (const fault of faults) {
    await proxy.set(fault)
    const { id, status, error } = await exchange(body)
    const name = Object.values(fault).join(' ')
    t.ok(status === 200 || LOST.includes(error ?? ''), `${name}: ${status} ${error ?? ''}`)
    // The provider may still work on a request that it did not receive completely, until its connection ends.
    await proxy.set({ kind: 'none' })
    const [consumer, , calls] = await storiesOf(id)
    if (status === 200) t.strictSame([consumer, calls], ['request, reply', 1], name)
    else if (consumer === `request, refusal (${error})`) t.equal(calls, 0, 'not sent means not called')
    else t.equal(consumer, `request, outcome-unknown (${error})`, name)
    t.ok(calls <= 1)
  }
  // The client chooses among its connections, and one that a fault above has ended is made anew: then the
  // exchange ends while it connects.
  await until('an exchange on a connection that only looks open', async (saw) => {
    if (saw((await exchange()).status) !== 200) return false
    proxy.freeze()
    const { error } = await exchange()
    await proxy.set({ kind: 'none' })
    return saw(error) === 'peer_timeout'
  })
  await ocspProxy.set({ kind: 'black hole' })
  t.equal((await untilStatus(200)).status, 200, 'statuses that are known are not asked for again')
  await ocspProxy.set({ kind: 'none' })
  await restart('tax')
})

t.test('one of two servers of the provider fails', async (t) => {
  const other = await startProviderSystem(instance.address(43))
  t.teardown(() => other.close())
  await instance.start('business')
  await serveAlso(instance, 'business', 'population')
  await instance.publish()
  await addService(admin.business, {
    ...{ provider: population.client, serviceCode: 'echo', url: other.url },
    grants: [{ client: tax.client }],
  })
  const countCalls = (): [number, number] => [system.calls.length, other.calls.length]

  await instance.process('population').kill()
  const before = countCalls()
  t.equal((await exchange(Buffer.from('x'))).status, 200, 'the second takes over before the first byte')
  t.strictSame(countCalls(), [before[0], before[1] + 1])
  await instance.start('population')
  await instance.process('business').stop()
  t.equal((await exchange()).status, 200, 'and the first for the second')
  await instance.start('business')
  await proxy.set({ kind: 'cut', from: 'client', after: 20_000 })
  // The one that is preferred has half a second before the other is tried beside it, which would answer.
  await freeze([instance.process('business').pid])
  const calls = countCalls()
  const { id, error } = await exchange(Buffer.alloc(100_000, 'x'))
  process.kill(instance.process('business').pid, 'SIGCONT')
  t.equal(error, 'connection_lost', 'never after it')
  t.strictSame(countCalls(), calls, 'nobody was asked twice')
  t.equal((await storiesOf(id))[0], 'request, outcome-unknown (connection_lost)')
  await proxy.set({ kind: 'none' })
  await instance.process('business').stop()
})

t.test('no time-stamps', async (t) => {
  const oldest = async (): Promise<string | null> =>
    (await admin.tax.get<{ oldestUnstamped: string | null }>('/message-log')).oldestUnstamped
  await admin.tax.send('POST', '/message-log/time-stamp')
  await instance.fault('tsa', 'down')
  t.equal((await exchange()).status, 200, 'exchange goes on')
  t.equal((await admin.tax.call('POST', '/message-log/time-stamp')).status, 503)
  const since = await oldest()
  // Seven seconds in place of four hours.
  const limits = { CONCORDAT_LIMITS_UNSTAMPED_HOURS: '0.002' }
  await restart('tax', limits)
  const { error } = await untilStatus(503)
  t.equal(error, 'timestamping_failed', 'until the limit')
  await instance.process('tax').kill()
  await instance.start('tax', limits)
  t.equal((await exchange()).error, 'timestamping_failed', 'which a restart does not move')
  t.equal(await oldest(), since)
  for (const mode of ['malformed', 'wrong-signer', 'stale', 'revoked']) {
    await instance.fault('tsa', mode)
    const refused = await admin.tax.call('POST', '/message-log/time-stamp')
    t.ok(refused.status >= 500, `${mode}: ${refused.body.toString()}`)
  }
  await instance.fault('tsa', 'none')
  // The job would do it by itself, as recovery.test.ts shows.
  await admin.tax.send('POST', '/message-log/time-stamp')
  t.equal(await oldest(), null, 'the backlog is stamped')
  await untilStatus(200)
  await restart('tax')
})

t.test('no certificate status', async (t) => {
  /** Fetches OCSP responses; resolves to whether all were good. */
  const refresh = async (): Promise<boolean> => {
    type Certificates = { ocsp: { state: string; error?: string } }[]
    const all = await admin.tax.send<Certificates>('PUT', '/token-certificates/refresh-ocsp')
    return all.every(({ ocsp }) => ocsp.state === 'good' && ocsp.error === undefined)
  }
  for (const mode of ['malformed', 'stale', 'wrong-signer', 'down']) {
    await instance.fault('ocsp', mode)
    t.notOk(await refresh(), mode)
    t.equal((await exchange()).status, 200, 'what is known is good until its freshness ends')
  }
  // From here on responses live for 20 s; the known ones, which live longer, must be replaced first.
  await restart('trust', { TRUST_SERVICES_OCSP_VALIDITY_SECONDS: '20' })
  await instance.fault('ocsp', 'none')
  for (const name of ['population', 'tax'] as const)
    await admin[name].send('PUT', '/token-certificates/refresh-ocsp')
  await instance.fault('ocsp', 'down')
  const { error } = await untilStatus(500)
  // The status may expire between the call and its reply; before the call nothing is carried out.
  t.match(error, /^(incorrect_validation_info|reply_not_made)$/, 'then nothing is signed any more')
  await instance.fault('ocsp', 'none')
  await untilStatus(200)
  t.pass('and it comes back by itself')
  for (const mode of ['revoked', 'unknown']) {
    await instance.fault('ocsp', mode)
    t.notOk(await refresh(), mode)
    t.equal((await exchange()).error, 'incorrect_validation_info', 'takes effect at once')
    await instance.fault('ocsp', 'none')
    t.ok(await refresh())
    // The provider's server asks every 10 s, and may have heard the same just then.
    await untilStatus(200)
  }
  await restart('trust')
  await instance.publish()
})

t.test('no registry, or one that lies', async (t) => {
  const { publicUrl } = instance.registry
  const lastError = async (): Promise<string | undefined> => {
    await admin.tax.call('PUT', '/global-configuration/refresh')
    const state = await admin.tax.get<{ attempt: { lastError?: { code: string } } }>('/global-configuration')
    return state.attempt.lastError?.code
  }
  t.equal(await lastError(), undefined)
  const watch = hasChromium() ? await watchOutage(t, instance) : undefined
  await watch?.registryStops()
  await registryAdmin.send('POST', '/configuration/publish')
  const older = await record(publicUrl)
  await registryAdmin.send('POST', '/global-groups', { code: 'newer', description: 'Makes a difference' })
  await instance.publish()
  const newest = await record(publicUrl)
  // It asks every 30 s, and is not to have the next one.
  await freeze([instance.process('tax').pid])
  await registryAdmin.send('POST', '/global-groups', { code: 'newest', description: 'Nobody has it yet' })
  await registryAdmin.send('POST', '/configuration/publish')
  const unseen = await record(publicUrl)
  await watch?.registryDies()
  await instance.process('registry').kill()
  process.kill(instance.process('tax').pid, 'SIGCONT')
  await watch?.goesOn()

  const sources: [string, Recording, string][] = [
    ['rolled back', older, 'global_conf_rollback'],
    [
      'without its statement',
      new Map([...newest].filter(([name]) => !name.includes('statement'))),
      'global_conf_rollback',
    ],
    [
      'forged directory',
      changed(newest, /^\/internalconf\?/, (body) => body.replace(/Expire-date: 20/i, 'Expire-date: 21')),
      'invalid_global_conf_signature',
    ],
    [
      'forged part',
      changed(unseen, /shared-params/, (body) => body.replace(proxyHost, instance.address(99))),
      'invalid_global_conf_signature',
    ],
    ['silent', new Map(), 'network_error'],
  ]
  for (const [what, recording, code] of sources) {
    const end = await serve(recording, publicUrl)
    t.equal(await lastError(), code, what)
    await end()
    t.equal((await exchange()).status, 200, 'the last good one serves')
  }
  t.equal(await lastError(), 'network_error', 'nobody there')
  // Only what it publishes now is over soon: what is served above may take its time.
  const shortLived = {
    CONCORDAT_REGISTRY_CONFIGURATION_VALIDITY_SECONDS: '60',
    CONCORDAT_REGISTRY_CONFIGURATION_RENEW_SECONDS: '30',
  }
  await instance.start('registry', shortLived)
  await instance.publish()
  await instance.process('registry').kill()
  const { error } = await untilStatus(503)
  t.equal(error, 'global_conf_outdated', 'until it expires')
  await watch?.stopped()
  await instance.process('tax').kill()
  await instance.start('tax')
  t.equal((await exchange()).error, 'global_conf_outdated', 'also after a restart')
  await instance.start('registry')
  await untilStatus(200)
  t.pass('and it comes back by itself')
  await watch?.registryIsBack()
})

t.test('the token by which the consumer signs', async (t) => {
  if (hsm === undefined) return skipFor(t, 'SoftHSM, p11-kit or OpenSC is not installed')
  type Certificate = { sha256: string; active: boolean }
  type Token = { keys: { usage: string; certificates: Certificate[] }[] }
  const [software] = await admin.tax.get<Token[]>('/tokens')
  await admin.tax.send('PUT', '/tokens/1/login', { pin: PIN })
  await addSigningKey(instance, 'tax', { token: '1' })
  for (const { usage, certificates } of software!.keys)
    for (const { sha256 } of usage === 'SIGNING' ? certificates : [])
      await admin.tax.send('PUT', `/token-certificates/${sha256}/disable`)
  const body = Buffer.alloc(100_000, 'x')
  const signed = await exchange(body)
  t.strictSame([signed.status, signed.error], [200, undefined])
  t.strictSame(await storiesOf(signed.id), ['request, reply', 'request, reply', 1])
  await hsm.stop()
  const { id, error } = await exchange(body)
  t.equal(error, 'token_unavailable', 'no other key signs')
  t.strictSame(await storiesOf(id), ['', '', 0])
  await hsm.start()
  await untilStatus(200)
  t.pass('and it comes back by itself')
})

t.test('at the end both logs hold, nothing is open, and nothing was carried out twice', async (t) => {
  // Now is time for a second call to have come.
  const ids = system.calls.flatMap(({ rawHeaders }) => rawHeaders.filter((one) => one.startsWith('outage-')))
  t.equal(new Set(ids).size, ids.length)
  for (const server of [population, tax]) {
    t.strictSame(openRequests(await readLog(server)), [])
    t.strictSame(await verifyLogOf(server), [])
  }
})
