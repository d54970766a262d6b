/**
 * Two agencies' developers with the packed client package: one sends events, the other receives them, fetched
 * and pushed.
 */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { connect, ExchangeError, type PushedEvent, pushListener } from '#adapters/client/index.ts'
import { readExamples, runIn } from '../fakes/packed-client.ts'
import { addService } from '../fakes/provider-system.ts'
import { findProgram, SHORT_LIVED_JAVA } from '../outside-tools.ts'
import { RECEIPT_MS, until } from '../until.ts'
import type { ServerName } from '../world.ts'
import { project, world } from './client-world.ts'

const { tax, population } = world.servers
const trusted = readFileSync(world.trust.rootFile, 'utf8')
const INBOX = `${population.client}/assessments`

function connectAs(name: ServerName, certificateOf = name): ReturnType<typeof connect> {
  const { cert: certificate, key } = world.systemOf(certificateOf)
  const { httpsUrl: url, client } = world.servers[name]
  const server = connect({ url, client, tls: { certificate, key, trusted } })
  t.teardown(() => server.close())
  return server
}

const sender = connectAs('tax')
const receiver = connectAs('population')
const eventOf = (id: string, more: object = {}) => ({
  ...{ id, source: '/tax', type: 'org.example.assessed', data: { id }, ...more },
})

async function errorOf(promise: Promise<unknown>): Promise<ExchangeError> {
  const thrown: unknown = await promise.then(String, (cause: unknown) => cause)
  if (thrown instanceof ExchangeError) return thrown
  throw thrown
}

t.test('sent, received and acknowledged; both receipts come back to the sender', async (t) => {
  const sent = await sender.send(INBOX, eventOf('one', { partitionkey: 'k' }), { userId: 'EE1', issue: '7' })
  t.match(sent.accepted, { kind: 'accepted', eventId: 'one', server: tax.id })
  await sender.send(INBOX, eventOf('two', { partitionkey: 'k' }))
  t.equal((await sender.send(INBOX, eventOf('one', { partitionkey: 'k' }))).id, sent.id, 'again: the same')
  const seen: unknown[] = []
  for await (const one of receiver.inbox(INBOX).receive({ idleMs: 100 })) {
    seen.push(one.event.id)
    t.match(await one.acknowledge(), { kind: 'consumed', means: 'pull', server: population.id })
    if (seen.length === 2) break
  }
  t.strictSame(seen, ['one', 'two'])
  const isConsumed = async (saw: (state: string) => string): Promise<boolean> => {
    const { state, ended } = await sender.delivery(sent.id)
    saw(state)
    return state === 'consumed' && ended?.kind === 'consumed'
  }
  await until('the receipt of the inbox', isConsumed, { deadlineMs: RECEIPT_MS })
  t.match(await errorOf(connectAs('tax', 'population').send(INBOX, eventOf('x'))), {
    ...{ code: 'client.ssl_authentication_failed', mayHaveBeenCarriedOut: false, attempts: 1 },
  })
  t.match(await errorOf(sender.send('DEV/GOV/1/nobody/assessments', eventOf('x'))), {
    ...{ where: 'own security server', mayHaveBeenCarriedOut: false },
  })
})

t.test('pushed: only from the own security server, and again until it was taken', async (t) => {
  const { cert, key } = world.systemOf('population')
  const securityServer = (await world.admin.population.bytes('/system/certificate/export')).toString()
  const pushed: PushedEvent[] = []
  let failures = 1
  const listener = https.createServer(
    { cert, key, requestCert: true, rejectUnauthorized: false },
    pushListener({ securityServer, clients: [tax.client], maxEventBytes: 10_000 }, async (one) => {
      if (failures-- > 0) throw new Error('the database is away')
      pushed.push(one)
    }),
  )
  await once(listener.listen(0, world.address(43)), 'listening')
  t.teardown(() => {
    listener.closeAllConnections()
    listener.close()
  })
  const url = `https://${world.address(43)}:${(listener.address() as AddressInfo).port}/events`
  const { serviceId } = await addService(world.admin.population, {
    ...{ provider: population.client, serviceCode: 'pushed', url: `inbox:${url}` },
    grants: [{ client: tax.client }],
  })
  const own = Buffer.from(cert.slice(0, cert.indexOf('-----BEGIN', 1)) || cert)
  await world.admin.population.send('POST', `/services/${serviceId}/tls-certificates`, own)
  const sent = await sender.send(`${population.client}/pushed`, eventOf('p-1'))
  const isPushed = async (saw: (state: string) => string): Promise<boolean> => {
    const { state, ended, error } = await sender.delivery(sent.id)
    saw(`${state} ${error ?? ''}`)
    return state === 'consumed' && ended?.means === 'push'
  }
  await until('the sender has the receipt of a push', isPushed, { deadlineMs: RECEIPT_MS })
  t.match(pushed, [{ delivery: sent.id, sender: tax.client, event: { id: 'p-1', data: { id: 'p-1' } } }])
  t.equal(failures, -1, 'it came twice')

  const ask = async (q: {
    system?: { cert: string; key: string }
    headers?: object
    body?: string
    method?: string
  }): Promise<number> => {
    const { system, headers, body = JSON.stringify(eventOf('x')), method = 'POST' } = q
    const type = { 'content-type': 'application/cloudevents+json' }
    const names = { 'x-road-client': tax.client, 'x-road-id': 'DEV-1', ...type, ...headers }
    const request = https.request(url, {
      ...{ ...system, method, headers: names, rejectUnauthorized: false, agent: false },
    })
    request.on('error', () => undefined)
    request.end(body)
    const [{ statusCode }] = (await once(request, 'response')) as [{ statusCode: number }]
    return statusCode
  }
  t.equal(await ask({}), 401, 'without a certificate')
  t.equal(await ask({ system: world.systemOf('tax') }), 401, 'with that of another of the same authority')
  t.equal(pushed.length, 1)
})

t.test('the packed package and the examples of its README, in each runtime and without it', async (t) => {
  for (const [file, name] of [
    ['system.p12', 'tax'],
    ['population.p12', 'population'],
  ] as const) {
    const { systemCertificateFile: own, systemKeyFile: ownKey } = world.servers[name]
    const store = ['pkcs12', '-export', '-in', own, '-inkey', ownKey, '-out', file, '-passout', 'pass:secret']
    t.equal((await runIn(project, 'openssl', store)).code, 0)
  }
  const denoMay = project.startsWith('/dev/') ? ['--allow-all'] : ['--allow-net', '--allow-read']
  const python = findProgram(['python3'])
  const hasRequests =
    python !== undefined && (await runIn(project, python, ['-c', 'import requests'])).code === 0
  const programs: [tool: string, name: string, program: string | undefined, args: string[]][] = [
    ['node', 'node', process.execPath, []],
    ['node', 'deno', findProgram(['deno']), ['run', '--node-modules-dir=manual', ...denoMay]],
    ['node', 'bun', findProgram(['bun']), []],
    ['curl', 'curl', findProgram(['curl']) && '/bin/sh', []],
    ['python', 'python', hasRequests ? python : undefined, []],
    ['java', 'java', findProgram(['java']), SHORT_LIVED_JAVA],
  ]
  const examples = readExamples().filter(({ file }) => !/^ask/i.test(file))
  t.strictSame(
    examples.map(({ file }) => file),
    ['send.mjs', 'receive.mjs', 'deliver.sh', 'deliver.py', 'Deliver.java'],
  )
  for (const [tool, name, program, args] of programs) {
    if (program === undefined) {
      t.comment(`${name} is not on this machine: its examples are not run`)
      continue
    }
    let said = ''
    for (const { file, code } of examples.filter((one) => one.tool === tool)) {
      const here = code
        .replaceAll('.sandbox/', `${world.directory}/`)
        .replaceAll('https://127.0.1.2:8443', tax.httpsUrl)
        .replaceAll('https://127.0.1.1:8443', population.httpsUrl)
      writeFileSync(path.join(project, file), here)
      const ran = await runIn(project, program, [...args, file])
      t.equal(ran.code, 0, `${name}: ${ran.output}`)
      said += ran.output
    }
    t.match(said, /accepted|waiting/, name)
    t.match(said, /consumed/, name)
  }
  t.strictSame(await receiver.inbox(INBOX).fetch(), [], 'each example took what it had sent')
})
