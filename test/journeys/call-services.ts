/**
 * An agency's developer with the packed client package: asks through two real security servers, and is asked.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t from 'tap'
import {
  CallerRefused,
  type ConnectOptions,
  connect,
  ExchangeError,
  verifyCaller,
} from '#adapters/client/index.ts'
import { compileIn, readExamples, runIn } from '../fakes/packed-client.ts'
import type { paths } from '../fakes/population-paths.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { findProgram, SHORT_LIVED_JAVA, skipFor } from '../outside-tools.ts'
import { project, world } from './client-world.ts'

const { tax, population } = world.servers
const system = await startProviderSystem(world.address(41))
t.teardown(() => system.close())
const provider = population.client
const grants = [{ client: tax.client }]
await addService(world.admin.population, { provider, serviceCode: 'files', url: system.url, grants })

const { cert: certificate, key } = world.systemOf('tax')
const root = readFileSync(world.trust.rootFile, 'utf8')
const tls = { certificate, key, trusted: root }
const server = connect({ url: tax.httpsUrl, client: tax.client, tls })
t.teardown(() => server.close())
const persons = server.service<paths>(`${provider}/persons`)
const files = server.service(`${provider}/files`)

async function errorOf(promise: Promise<unknown>): Promise<ExchangeError> {
  const thrown: unknown = await promise.then(String, (cause: unknown) => cause)
  if (thrown instanceof ExchangeError) return thrown
  throw thrown
}

t.test('a call is typed, answered by the provider, and found in the logs by its id', async (t) => {
  const found = await persons.call('GET', '/persons/{code}', {
    path: { code: 'P00000007' },
    userId: 'EE1',
    issue: '7',
  })
  if (found.status !== 200) throw new Error(`answered ${found.status}`)
  const { code, familyName } = await found.json()
  t.equal(code, 'P00000007')
  const many = await persons.call('GET', '/persons', { query: { familyName, limit: 3 } })
  t.ok((await many.json()).persons.length > 0)
  const looked = await persons.call('POST', '/persons/lookup', { json: { codes: ['P00000001'] } })
  t.match(await looked.json(), { persons: [{ code: 'P00000001' }] })
  t.equal(
    await persons.call('GET', '/persons/{code}', { path: { code: 'nobody' } }).then((a) => a.status),
    404,
  )
  t.match(found.requestHash, /^[A-Za-z0-9+/]{86}==$/)
  const query = new URLSearchParams({
    queryId: found.id,
    xRoadInstance: 'DEV',
    memberClass: 'GOV',
    memberCode: '1002',
  })
  const proof = await world.ask('tax', `/asic?${query}&subsystemCode=tax&requestOnly&unique&force`)
  t.equal(proof.status, 200, proof.body.toString().slice(0, 200))
})

t.test('what the provider gets is what was sent, large bodies too', async (t) => {
  system.calls.length = 0
  const sent = {
    path: { name: 'a/b' },
    query: { tag: ['x', 'y'] },
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < 100; at++) yield new Uint8Array(65_536).fill(at)
  }
  system.answer(({ body }, response) => response.end(body))
  const got = await files.call('PUT', '/files/{name}', {
    ...sent,
    path: { name: 'a b' },
    body: chunks(),
    id: 'file-1',
  })
  let read = 0
  for await (const chunk of got.body!) read += chunk.length
  t.equal(read, 100 * 65_536)
  const [call] = system.calls
  t.equal(call!.target, '/files/a%20b?tag=x&tag=y')
  const headers = new Headers(
    Array.from(
      { length: call!.rawHeaders.length / 2 },
      (_, i) => call!.rawHeaders.slice(i * 2, i * 2 + 2) as [string, string],
    ),
  )
  t.equal(headers.get('x-road-client'), tax.client)
  t.equal(headers.get('x-road-id'), 'file-1')
  t.equal(headers.get('traceparent'), sent.traceparent)
  const slash = await errorOf(files.call('GET', '/files/{name}', { path: { name: 'a/b' } }))
  t.match(slash, { code: 'server.serverproxy.invalid_path', mayHaveBeenCarriedOut: false }, slash.message)
  t.equal(system.calls.length, 1)
  system.answer(undefined)
})

t.test('what goes wrong says where, and whether the provider may have done it', async (t) => {
  system.calls.length = 0
  const unknown = await errorOf(server.service(`${provider}/none`).call('GET', ''))
  t.match(unknown, {
    code: 'server.serverproxy.unknown_service',
    where: "provider's security server",
    mayHaveBeenCarriedOut: false,
    attempts: 1,
  })
  t.match(unknown.detail, /^[0-9a-f-]{36}$/)
  const nobody = await errorOf(server.service('DEV/GOV/1/none/x').call('GET', ''))
  t.match(nobody, { where: 'own security server', mayHaveBeenCarriedOut: false, attempts: 1 }, nobody.code)
  // The provider's system takes the request and breaks off.
  system.answer((_, response) => response.socket?.destroy())
  const broken = await errorOf(files.call('GET', '/a'))
  t.match(broken, { code: 'server.serverproxy.service_failed', mayHaveBeenCarriedOut: true, attempts: 1 })
  t.equal(system.calls.length, 1, 'it is not asked again')
  system.answer(undefined)
})

t.test('the security server is known by its certificate, and knows its systems by theirs', async (t) => {
  const arrive = (change: Partial<ConnectOptions['tls']>, url = tax.httpsUrl) =>
    connect({ url, client: tax.client, tls: { ...tls, ...change } }).service(`${provider}/files`)
  const exported = (await world.admin.tax.bytes('/system/certificate/export')).toString()
  const leaf = exported.slice(0, exported.indexOf('-----BEGIN', 1)) || exported
  t.equal(
    (await arrive({ trusted: leaf }).call('GET', '/a')).status,
    200,
    'its own certificate, without its issuer',
  )
  t.equal((await arrive({ trusted: [certificate, root] }).call('GET', '/a')).status, 200)
  system.calls.length = 0
  const own = certificate.slice(0, certificate.indexOf('-----BEGIN', 1)) || certificate
  const stranger = await errorOf(arrive({ trusted: own }).call('GET', '/a'))
  t.match(stranger, { code: 'untrusted_server', where: 'network', mayHaveBeenCarriedOut: false, attempts: 1 })
  const elsewhere = await errorOf(
    arrive({}, tax.httpsUrl.replace(/\/\/[\d.]+/, '//localhost')).call('GET', '/a', { retries: 0 }),
  )
  t.match(elsewhere, { mayHaveBeenCarriedOut: false }, elsewhere.code)
  const unnamed = await errorOf(arrive({ certificate: undefined, key: undefined }).call('GET', '/a'))
  t.match(unnamed, { code: 'client.ssl_authentication_failed', mayHaveBeenCarriedOut: false })
  t.throws(() => arrive({ key: 'no key' }), { code: 'invalid_argument' })
  t.equal(system.calls.length, 0)
})

t.test("a provider's system believes its own security server alone", async (t) => {
  const { cert, key: ownKey } = world.systemOf('population')
  const options = {
    securityServer: (await world.admin.population.bytes('/system/certificate/export')).toString(),
    clients: [tax.client],
  }
  const secure = https.createServer(
    { cert, key: ownKey, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      try {
        response.end(JSON.stringify(verifyCaller(request, options)))
      } catch (refused) {
        if (!(refused instanceof CallerRefused)) throw refused
        response.writeHead(refused.status).end(refused.code)
      }
    },
  )
  await once(secure.listen(0, world.address(42)), 'listening')
  t.teardown(() => {
    secure.closeAllConnections()
    secure.close()
  })
  const { port } = secure.address() as AddressInfo
  const url = `https://${world.address(42)}:${port}`
  const { serviceId } = await addService(world.admin.population, {
    provider,
    serviceCode: 'secure',
    url,
    grants,
  })
  const trusted = Buffer.from(cert.slice(0, cert.indexOf('-----BEGIN', 1)) || cert)
  await world.admin.population.send('POST', `/services/${serviceId}/tls-certificates`, trusted)
  const called = await server
    .service(`${provider}/secure`)
    .call('GET', '/', { userId: 'EE1', representedParty: 'COM/7' })
  t.match(await called.json(), {
    client: tax.client,
    id: called.id,
    userId: 'EE1',
    representedParty: 'COM/7',
  })

  const direct = async (system?: { cert: string; key: string }): Promise<string> => {
    const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': 'x', 'X-Road-Request-Id': 'x' }
    const request = https.request(url, { ...system, headers, rejectUnauthorized: false, agent: false }).end()
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
    return text(response)
  }
  t.equal(await direct(), 'no_certificate')
  t.equal(await direct(world.systemOf('tax')), 'unknown_certificate', 'one of the same authority')
  options.clients = ['DEV/GOV/1002']
  const refused = await server.service(`${provider}/secure`).call('GET', '/')
  t.strictSame([refused.status, await refused.text()], [403, 'client_not_allowed'])
})

t.test('the packed package works by itself', async (t) => {
  const population = readFileSync(path.join(import.meta.dirname, '../fakes/population-paths.ts'), 'utf8')
  const start = `import { connect } from '@concordat/client'
import type { paths } from './paths.ts'
const persons = connect({ url: 'https://127.0.0.1', client: 'A/B/C' }).service<paths>('A/B/C/D/E')
`
  const right = `${start}
const found = await persons.call('GET', '/persons/{code}', { path: { code: 'a' }, deadlineMs: 5 })
if (found.status === 200) console.log((await found.json()).familyName.length)
const many = await persons.call('GET', '/persons', { query: { familyName: 'a' } })
console.log((await many.json()).persons[0]?.status === 'abroad')
await persons.call('POST', '/persons/lookup', { json: { codes: ['a'] } })
const any = connect({ url: 'https://127.0.0.1', client: 'A/B/C' }).service('A/B/C/D/E')
const one: unknown = await (await any.call('PUT', '/a/{b}', { path: { b: 1 }, query: { c: [1, 'd'] }, json: {} })).json()
console.log(one, await any.call('GET', ''))
`
  const wrong = [
    `persons.call('GET', '/person/{code}', { path: { code: 'a' } })`,
    `persons.call('PUT', '/persons/{code}', { path: { code: 'a' } })`,
    `persons.call('GET', '/persons/{code}')`,
    `persons.call('GET', '/persons/{code}', { path: { code: 1 } })`,
    `persons.call('GET', '/persons', { query: { limit: 1 } })`,
    `persons.call('GET', '/persons', { query: { familyName: 'a' }, json: {} })`,
    `persons.call('POST', '/persons/lookup', { json: { codes: [1] } })`,
    `persons.call('GET', '/persons/{code}', { path: { code: 'a' } }).then((a) => a.status === 418)`,
  ]
  const files = { 'paths.ts': population, 'right.ts': right, 'wrong.ts': start + wrong.join('\n') }
  const { output } = await compileIn(project, files)
  const found = [...output.matchAll(/^(\S+)\((\d+),/gm)].map(([, file, line]) => `${file} ${line}`)
  const each = wrong.map((_, i) => `wrong.ts ${i + 4}`)
  t.strictSame([...new Set(found)], each, output)
  t.notMatch(output, /^error TS/m, 'of files, not of the compilation')

  const java = findProgram(['java'])
  const python = findProgram(['python3'])
  // Below /dev Deno reads nothing but with all rights.
  const denoMay = project.startsWith('/dev/') ? ['--allow-all'] : ['--allow-net', '--allow-read']
  const programs: Record<string, { program: string | undefined; args: string[] }> = {
    node: { program: process.execPath, args: [] },
    deno: { program: findProgram(['deno']), args: ['run', '--node-modules-dir=manual', ...denoMay] },
    bun: { program: findProgram(['bun']), args: [] },
    curl: { program: findProgram(['curl']) && '/bin/sh', args: [] },
    python: { program: python, args: [] },
    java: { program: java, args: SHORT_LIVED_JAVA },
  }
  if (python !== undefined && (await runIn(project, python, ['-c', 'import requests'])).code !== 0)
    programs['python']!.program = undefined
  if (java !== undefined) {
    const [own, ownKey] = [tax.systemCertificateFile, tax.systemKeyFile]
    const store = [
      'pkcs12',
      '-export',
      '-in',
      own,
      '-inkey',
      ownKey,
      '-out',
      'system.p12',
      '-passout',
      'pass:secret',
    ]
    t.equal((await runIn(project, 'openssl', store)).code, 0)
  }
  // Two calls on one connection, which breaks with the second: whoever sends that again has doubled a call.
  const cutting = await startCutting()
  t.teardown(() => cutting.close())
  writeFileSync(
    path.join(project, 'twice.mjs'),
    `import { connect } from '@concordat/client'
const server = connect({ url: '${cutting.url}', client: '${tax.client}' })
const service = server.service('${provider}/files')
await (await service.call('GET', '/kept')).bytes()
await service.call('GET', '/cut').catch((error) => console.log(error.code, error.mayHaveBeenCarriedOut))
server.close()
`,
  )
  for (const tool of ['node', 'deno', 'bun']) {
    const { program, args } = programs[tool]!
    if (program === undefined) continue
    cutting.targets.length = 0
    const ran = await runIn(project, program, [...args, 'twice.mjs'])
    t.match(ran.output, 'connection_lost true', tool)
    t.strictSame(cutting.targets, ['kept', 'cut'], `${tool}: each was sent once`)
  }
  const examples = readExamples().filter(({ file }) => /^ask/i.test(file))
  const [soap, rest] = [true, false].map((wanted) =>
    examples.filter(({ file }) => /soap/i.test(file) === wanted).map(({ tool }) => tool),
  )
  t.strictSame(rest, Object.keys(programs), 'an example for each')
  t.strictSame(soap, ['node', 'curl', 'python', 'java'])
  for (const { tool, file, code } of examples) {
    const { program, args } = programs[tool]!
    if (program === undefined) {
      t.comment(`${tool} is not on this machine: its example is not run`)
      continue
    }
    const here = code
      .replaceAll('.sandbox/', `${world.directory}/`)
      .replaceAll('https://127.0.1.2:8443', tax.httpsUrl)
    writeFileSync(path.join(project, file), here)
    const ran = await runIn(project, program, [...args, file])
    t.equal(ran.code, 0, `${tool}: ${ran.output}`)
    t.match(ran.output, /P00000007/, tool)
  }
})

t.test('README and the guides to call and to publish a service run as they are printed', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-guides-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const programs: Record<string, string | undefined> = {
    ...{ curl: findProgram(['curl']) && '/bin/sh', node: process.execPath },
    ...{ python: findProgram(['python3']), java: findProgram(['java']) },
  }
  const readme = readFileSync(path.join(import.meta.dirname, '../../README.md'), 'utf8')
  const guides = ['README.md', 'docs/call-a-service.md', 'docs/publish-a-service.md']
  const examples = guides.flatMap((guide) => readExamples(guide))
  t.strictSame(
    examples.map(({ file }) => file),
    [
      ...['ask.sh', 'call.sh', 'call.py', 'call.mjs', 'Call.java'],
      ...['rates.py', 'rates.mjs', 'Rates.java', 'publish.sh', 'call-rates.sh'],
      ...['exchange.wsdl', 'soap-rates.mjs', 'publish-soap.sh', 'call-soap.sh'],
    ],
  )
  // Elsewhere than the sandbox: another folder and another network, nothing else.
  for (const { file, code } of examples) {
    const here = code
      .replaceAll('.sandbox/', `${world.directory}/`)
      .replaceAll('https://127.0.1.2:8443', tax.httpsUrl)
      .replaceAll('http://127.0.1.1:4000', world.servers.population.adminUrl)
      .replaceAll('127.0.0.1', world.address(43))
      .replaceAll('npm exec -- concordat', path.join(import.meta.dirname, '../../scripts/concordat'))
    writeFileSync(path.join(folder, file), here)
  }
  for (const { tool, file } of examples) {
    const program = programs[tool]
    const args = [...(tool === 'java' ? SHORT_LIVED_JAVA : []), file]
    if (program === undefined) skipFor(t, `${tool} is not on this machine: ${file} is not run`)
    else if (/^(ask|call)\./i.test(file)) {
      const ran = await runIn(folder, program, args)
      if (file === 'ask.sh') t.ok(readme.includes(`\n${ran.output}\n`), ran.output)
      t.match(ran, { code: 0, output: /P00000007/ }, `${file}: ${ran.output}`)
    } else if (/^(soap-)?rates\./i.test(file)) {
      const system = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = once(system, 'exit')
      const [url = ''] = (await once(createInterface(system.stdout), 'line')) as [string]
      const isSoap = file.startsWith('soap')
      const scripts = isSoap ? ['publish-soap.sh', 'call-soap.sh'] : ['publish.sh', 'call-rates.sh']
      const [publish, call] = scripts as [string, string]
      const name = isSoap ? [] : [`rates-${tool}`]
      const published = await runIn(folder, '/bin/sh', [publish, ...name, url])
      t.equal(published.code, 0, published.output)
      const { output } = await runIn(folder, '/bin/sh', [call, ...name])
      if (isSoap) t.match(output, /<xrd:requestHash [\s\S]*<rate>1\.0853<\/rate>/, published.output)
      else t.strictSame(JSON.parse(output), { rate: 1.0853, for: tax.client }, file)
      system.kill()
      await ended
    }
  }
})

/** A listener in place of a security server that answers a call, and breaks the connection of one to /cut. */
async function startCutting(): Promise<{ url: string; targets: string[]; close(): void }> {
  const targets: string[] = []
  const listener = http.createServer(({ url = '', headers, socket }, response) => {
    const target = url.split('/').at(-1)!
    targets.push(target)
    if (target === 'cut') return void socket.destroy()
    const names = ['x-road-id', 'x-road-client']
    for (const name of names) response.setHeader(name, `${headers[name] as string}`)
    response.setHeader('x-road-service', `${provider}/files`).end('{}')
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  const { port } = listener.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    targets,
    close() {
      listener.closeAllConnections()
      listener.close()
    },
  }
}
