/**
 * X-Road's own SOAP cases (proxy-core, testsuite/testcases), its messages as they are except for the names of
 * members, with its line ends: each has X-Road's outcome, or the one that docs/divergences.md says. The table
 * of docs/interoperability.md is this list.
 */
import { readdirSync, readFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import t from 'tap'
import { type Behaviour, startProviderSystem } from '../fakes/provider-system.ts'
import { ocspByHash, startStatus } from '../fakes/rogue-provider.ts'
import * as R from '../fakes/rogue-server.ts'
import { addWsdlServices, wsdl } from '../fakes/soap-service.ts'
import {
  CONSUMER_CASES,
  PROVIDER_CASES,
  type ProviderCase,
  SYSTEM_CASES,
  type SystemCase,
} from '../fakes/xroad-soap-cases.ts'
import { shareWorld } from '../running-world.ts'
import { ask, colons, type Reply } from '../world.ts'

const FOLDER = path.join(import.meta.dirname, '../vectors/x-road/soap')
const GUIDE = path.join(import.meta.dirname, '../../docs/interoperability.md')

const world = await shareWorld()
const { tax, population } = world.servers
const system = await startProviderSystem(world.address(40))
t.teardown(() => system.close())

/** The codes of a member's subsystem with the prefix that the document has for identifiers. */
function codes(id: string, prefix: string): string {
  const names = ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode']
  return id
    .split('/')
    .map((code, i) => `<${prefix}${names[i]}>${code}</${prefix}${names[i]}>`)
    .join('')
}

type Change = Pick<SystemCase, 'keep' | 'service' | 'nowhere' | 'boundary'> & { provider?: string }

/** The document with our client and our provider in place of X-Road's; what is missing stays missing. */
function adapted(text: string, o: Change): string {
  const provider = o.nowhere === true ? nowhere : (o.provider ?? population.client)
  const place = (id: string) => (_all: string, start: string, inner: string, end: string) => {
    const prefix = /<([\w-]+:)?xRoadInstance/.exec(inner)?.[1] ?? ''
    const [rest = ''] = new RegExp(`<${prefix}serviceCode>[\\s\\S]*`).exec(inner) ?? []
    return `${start.replace(/"(?:MEMBER|SUBSYSTEM)"/, '"SUBSYSTEM"')}${codes(id, prefix)}${rest}${end}`
  }
  const asked =
    o.keep === true
      ? text
      : text.replace(/(<(?:[\w-]+:)?client\b[^>]*>)([\s\S]*?)(<\/(?:[\w-]+:)?client>)/, place(tax.client))
  const moved = asked
    .replace(/(<(?:xroad:|xrd:|ns\d:)?id>)[^<]*(<)/, '$1an-id-of-the-case$2')
    .replace(/(<(?:[\w-]+:)?service\b[^>]*>)([\s\S]*?)(<\/(?:[\w-]+:)?service>)/, place(provider))
    .replaceAll('jetty771207119h3h10dty', o.boundary ?? 'jetty771207119h3h10dty')
  const [, code] = /<(?:[\w-]+:)?serviceCode>([^<]+)</.exec(text) ?? []
  return o.service === undefined
    ? moved
    : moved.replaceAll(new RegExp(`(?<=[:>])${code}(?=[ </>])`, 'g'), o.service)
}

const read = (name: string): string => readFileSync(path.join(FOLDER, name), 'latin1')

/** As X-Road's tests put it on the wire, with their LF. */
const onWire = (name: string, change: Change = {}): Buffer =>
  name === 'empty.query' ? Buffer.alloc(0) : Buffer.from(adapted(read(name), change), 'latin1')

const BOM = Buffer.from([0xef, 0xbb, 0xbf])
const XML = 'text/xml; charset=UTF-8'

const services = new Set(
  readdirSync(FOLDER).flatMap((name) => {
    const text = read(name)
    const code = /<(?:[\w-]+:)?serviceCode>([^<]+)</.exec(text)?.[1]
    const version = /<(?:[\w-]+:)?serviceVersion>([^<]+)</.exec(text)?.[1]
    return code === undefined ? [] : [version === undefined ? code : `${code}/${version}`]
  }),
)
for (const metadata of ['listMethods', 'allowedMethods', 'getWsdl']) services.delete(metadata)
const offer = (url: string, operations: Iterable<string>, grants = [tax.client]) =>
  addWsdlServices(world.admin.population, {
    provider: population.client,
    document: wsdl(url, [...operations]),
    grants,
  })
await offer(`${system.url}/soap`, services)
await offer('http://non.existing.invalid/service', ['elsewhere'])
await offer(`${system.url}/forbidden`, ['forbidden'], [])
const { descriptionId } = await offer(`${system.url}/resting`, ['resting'])
await world.admin.population.send('PUT', `/service-descriptions/${descriptionId}/disable`, {
  notice: 'Service is disabled',
})
// X-Road's test has a provider without an address; here a subsystem that no server has as its client.
const nowhere = 'DEV/GOV/1005/nowhere'
const registry = world.registryAdmin
await registry.send('POST', '/members', { memberClass: 'GOV', memberCode: '1005', name: 'Nowhere' })
await registry.send('POST', `/members/${colons('DEV/GOV/1005')}/subsystems`, {
  subsystemCode: 'nowhere',
  name: 'Nowhere',
})
const rogue = await R.admitRogue(world, '1004', world.address(4))
await world.publish()

/** Answers as the provider's system of the case does. */
const behaviourOf =
  (one: SystemCase, isMarked: boolean): Behaviour =>
  (_call, response) => {
    const type = one.answerType ?? XML
    if (one.aborts === true) {
      response.writeHead(200, { 'Content-Length': 1_000 }).flushHeaders()
      return void response.destroy()
    }
    response.writeHead(one.status ?? 200, { 'Content-Type': type })
    if (one.answer === undefined) return void response.end()
    const end = Buffer.from(one.closes === true ? '--\n' : '')
    response.end(Buffer.concat([isMarked ? BOM : Buffer.alloc(0), onWire(one.answer), end]))
  }

/**
 * Between servers lines of a multipart end with CRLF (pr-messtransp), and so X-Road's server writes them; its
 * tests do not.
 */
const betweenServers = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').replaceAll(/\r?\n/g, '\r\n'), 'latin1')

/** The whole code of a fault; nothing when the answer is one. */
function codeIn(reply: Reply): string | undefined {
  const text = reply.body.toString()
  return /<faultcode>([^<]*)</.exec(text)?.[1] ?? reply.headers['x-road-error']
}

/** What our answer has to be: X-Road's code, without those it nests behind `service_failed`. */
const expectedOf = ({ fault, ours }: { fault?: string; ours?: string }): string | undefined =>
  ours ?? fault?.replace(/(?<=\.service_failed)\..*/, '')

t.test('systems of clients and providers', async (t) => {
  for (const [name, one] of Object.entries(SYSTEM_CASES)) {
    const isMarked = name === 'Utf8BomNormalSubsystem'
    const body = Buffer.concat([isMarked ? BOM : Buffer.alloc(0), onWire(one.query, one)])
    system.answer(behaviourOf(one, isMarked))
    const before = system.calls.length
    const { method = 'POST' } = one
    const reply = await world.ask('tax', '/', {
      method,
      headers: {
        'Content-Type': one.type ?? XML,
        ...(one.action !== undefined && { SOAPAction: one.action }),
      },
      ...(method === 'POST' && { body }),
    })
    const [text, expected] = [reply.body.toString(), expectedOf(one)]
    t.equal(codeIn(reply), expected, `${name}: ${text.slice(0, 300)}`)
    if (expected === undefined) t.match(text, /requestHash/, name)
    if (one.receives === undefined) continue
    const call = system.calls[before]!
    const head = call.rawHeaders.map((one, i) => (i % 2 === 0 ? `${one}: ` : `${one}\n`)).join('')
    t.match(head + call.body.toString(), one.receives, name)
  }
})

t.test("a consumer's server", async (t) => {
  for (const [name, one] of Object.entries(CONSUMER_CASES)) {
    const { method = 'POST' } = one
    const reply = await ask(`https://${population.address}:${population.messagePort}`, '/', {
      method,
      headers: {
        'content-type': one.type,
        'x-hash-algorithm': 'SHA-512',
        'x-proxy-version': '7.8.1',
        'x-road-request-id': R.newId(),
      },
      ...(method === 'POST' && { body: betweenServers(onWire(one.file)) }),
      certificate: rogue.authentication,
    })
    t.equal(codeIn(reply), expectedOf(one), `${name}: ${reply.body.toString().slice(0, 300)}`)
  }
})

t.test("a provider's server", async (t) => {
  let one: ProviderCase = {}
  const { cert, key } = rogue.authentication
  const options = { cert, key, requestCert: true, rejectUnauthorized: false }
  const server = https.createServer(options, (request, response) => {
    request.resume().once('end', () => {
      if (one.closes === 'at once') return void request.socket.destroy()
      const promised = one.closes === 'after the head' && { 'content-length': 1_000 }
      response.writeHead(one.status ?? 200, {
        ...(one.type !== undefined && { 'content-type': one.type }),
        ...promised,
        'x-hash-algorithm': 'SHA-512',
      })
      if (promised === false)
        return void response.end(one.file === undefined ? '' : betweenServers(onWire(one.file)))
      response.flushHeaders()
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => void server.listen(5500, rogue.address, resolve))
  const trust = await R.openTrust(world)
  const certificates = [rogue.authentication.certificate, trust.intermediate]
  const known: Parameters<typeof ocspByHash>[0] = []
  for (const one of certificates) known.push([one, await trust.ocsp(one)])
  const status = await startStatus(rogue.address, ocspByHash(known))
  t.teardown(() => void status.close())
  for (const [name, next] of Object.entries(PROVIDER_CASES)) {
    one = next
    server.closeAllConnections()
    if (one.closes === 'always') await new Promise((resolve) => server.close(resolve))
    const body = onWire('getstate.query', { provider: rogue.client })
    const reply = await world.ask('tax', '/', { method: 'POST', headers: { 'Content-Type': XML }, body })
    t.equal(codeIn(reply), expectedOf(one), `${name}: ${reply.body.toString().slice(0, 300)}`)
  }
})

t.test('the guide lists them', (t) => {
  const guide = readFileSync(GUIDE, 'utf8')
  const cases = { ...SYSTEM_CASES, ...CONSUMER_CASES, ...PROVIDER_CASES }
  for (const [name, { fault, ours }] of Object.entries<{ fault?: string; ours?: string }>(cases)) {
    const said = fault === undefined ? 'carried out' : `\`${fault}\``
    const line = `| ${name} | ${said} | ${ours === undefined ? 'the same' : `\`${ours}\``} |`
    t.ok(guide.includes(line), line)
  }
  t.end()
})
