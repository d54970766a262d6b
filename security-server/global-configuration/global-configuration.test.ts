import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { anchorHash, writeAnchor } from '#core/configuration/anchor.ts'
import { candidateLocations } from '#platform/configuration-documents/candidates.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import type { ConfigurationSource } from '#test/fakes/configuration-source.ts'
import { codeOf, createWorld, MINUTE, nameIn, START } from '#test/fakes/configuration-world.ts'
import { until } from '#test/until.ts'
import { type ConfigurationClient, createConfigurationClient } from './client.ts'
import { folderName } from './generations.ts'

void t.test('who asks for a fetch gets what was published before', async (t) => {
  const world = await createWorld(t)
  const { source } = world
  const configuration = await world.ready({ name: 'one' })
  const asked = Promise.withResolvers<void>()
  source.intercept = (at, _request, response) => {
    if (at !== '/internalconf?version=6') return false
    source.intercept = undefined
    response.end(source.files.get(at))
    world.publish({ name: 'two' })
    asked.resolve(configuration.refresh())
    return true
  }
  // It has read the directory of before, whose parts may be gone.
  await configuration.refresh().catch(() => undefined)
  await asked.promise
  t.equal(nameIn(configuration), 'two', 'by a fetch of its own')
})

void t.test('from the anchor to a configuration, and on disk as X-Road has it', async (t) => {
  const world = await createWorld(t)
  const { source, directory, clock } = world
  world.publish({ name: 'one' })
  const configuration = await world.open()
  t.equal(await codeOf(() => configuration.current()), 'anchor_file_not_found')
  t.equal(await codeOf(configuration.refresh()), 'anchor_file_not_found')
  t.equal(await codeOf(configuration.installAnchor(Buffer.from('<x/>'))), 'malformed_anchor')
  const shown = await configuration.readAnchor(source.anchor())
  t.match(shown, { hash: anchorHash(source.anchor()), instance: 'DEV' })
  t.same(await configuration.installAnchor(source.anchor()), shown)
  t.equal(await codeOf(() => configuration.current()), 'global_conf_outdated', 'nothing fetched yet')

  const heard: string[] = []
  const stop = configuration.onChange((snapshot) => heard.push(snapshot.version))
  await Promise.all([configuration.refresh(), configuration.refresh(), configuration.refresh()])
  t.same(
    source.requests.filter((request) => request.startsWith('/internalconf?')),
    ['/internalconf?version=6'],
    'three at once fetch once',
  )
  t.equal(nameIn(configuration), 'one')
  const first = configuration.current()
  t.same(first.expiresAt, new Date(START + 10 * MINUTE))
  t.equal(first.statementIndex, undefined)
  t.match(configuration.state(), {
    anchor: shown,
    own: { instance: 'DEV', version: 6, isExpired: false, source: `${source.url}/internalconf` },
    attempt: { lastSuccess: new Date(START), lastError: undefined },
  })

  const layout = path.join(directory, 'current', 'globalconf')
  t.equal(readFileSync(path.join(layout, 'instance-identifier'), 'utf8'), 'DEV')
  t.same(readdirSync(path.join(layout, 'DEV')).sort(), [
    'private-params.xml',
    'private-params.xml.metadata',
    'shared-params.xml',
    'shared-params.xml.metadata',
  ])
  const readMetadata = () =>
    JSON.parse(readFileSync(path.join(layout, 'DEV', 'shared-params.xml.metadata'), 'utf8')) as {
      expirationDate: string
    }
  const metadata = readMetadata()
  t.match(metadata, {
    contentIdentifier: 'SHARED-PARAMETERS',
    instanceIdentifier: 'DEV',
    configurationVersion: '6',
  })
  t.same(new Date(metadata.expirationDate), first.expiresAt)
  t.same(
    first.verificationFiles().map((file) => file.name),
    ['instance-identifier', 'DEV/shared-params.xml', 'DEV/shared-params.xml.metadata'],
  )

  clock.now += MINUTE
  source.requests.length = 0
  world.publish({ name: 'one' })
  await configuration.refresh()
  t.same(
    source.requests,
    ['/internalconf?version=6', '/internalconf-statement?version=6'],
    'parts with the same hash are not fetched again',
  )
  t.equal(configuration.current().version, first.version, 'a renewal keeps the version')
  t.same(configuration.current().expiresAt, new Date(START + 11 * MINUTE))
  t.same(first.expiresAt, new Date(START + 10 * MINUTE), 'a snapshot does not change')
  t.same(new Date(readMetadata().expirationDate), new Date(START + 11 * MINUTE))

  world.publish({ name: 'two' })
  await configuration.refresh()
  t.equal(nameIn(configuration), 'two')
  t.equal(heard.length, 2, 'told of both contents, not of the renewal')
  stop()
  world.publish({ name: 'three' })
  await configuration.refresh()
  t.equal(heard.length, 2)
  t.equal(readdirSync(path.join(directory, 'generations')).length, 2, 'old copies go')
  t.equal(folderName("Ä b'*~"), '%C3%84+b%27*%7E', 'folders are named as Java does')
})

void t.test('forged, altered and misplaced configurations leave the old one in use', async (t) => {
  const world = await createWorld(t)
  const { source } = world
  const configuration = await world.ready({ name: 'good' })
  const attempts: [string, string, () => void][] = [
    [
      'a stranger signs',
      'invalid_global_conf_signature',
      () => world.publish({ signer: createConfigurationSigner('Stranger') }),
    ],
    ['another instance', 'malformed_global_conf', () => world.publish({ instance: 'OTHER' })],
    [
      'a part is altered',
      'invalid_global_conf_signature',
      () => alter(source, 'shared-params.xml', (body) => body.subarray(1)),
    ],
    ['a part is missing', 'network_error', () => remove(source, 'shared-params.xml')],
    [
      'the directory is altered',
      'invalid_global_conf_signature',
      () => alterDirectories(source, (text) => text.replace('Version: 6', 'Version: 7')),
    ],
    [
      'the directory is cut',
      'malformed_global_conf',
      () => alterDirectories(source, (text) => text.slice(0, 900)),
    ],
    ['it is none', 'malformed_global_conf', () => alterDirectories(source, () => '<html>hello</html>')],
    [
      'an older format under a newer number',
      'malformed_global_conf',
      () => {
        const v5 = source.files.get('/internalconf?version=5') as Buffer
        source.files.set('/internalconf?version=6', v5)
      },
    ],
    ['nothing at all', 'network_error', () => source.files.clear()],
  ]
  for (const [what, code, spoil] of attempts) {
    world.clock.now += 1000
    world.publish({ name: 'evil' })
    spoil()
    t.equal(await codeOf(configuration.refresh()), code, what)
    t.equal(nameIn(configuration), 'good', what)
    t.equal(nameIn(await world.open()), 'good', `${what}: on disk too`)
  }
  world.publish({ name: 'better' })
  await configuration.refresh()
  t.equal(nameIn(configuration), 'better')
})

function alter(source: ConfigurationSource, name: string, change: (body: Buffer) => Buffer): void {
  for (const [file, body] of source.files) if (file.endsWith(name)) source.files.set(file, change(body))
}

function remove(source: ConfigurationSource, name: string): void {
  for (const file of source.files.keys()) if (file.endsWith(name)) source.files.delete(file)
}

function alterDirectories(source: ConfigurationSource, change: (text: string) => string): void {
  for (const [file, body] of source.files) {
    if (file.startsWith('/internalconf?')) source.files.set(file, Buffer.from(change(body.toString())))
  }
}

void t.test('sources that hang, trickle, flood or break off', async (t) => {
  const world = await createWorld(t)
  await world.ready({ name: 'good' })
  const hasty = createConfigurationClient({ timeoutMs: 500, totalTimeoutMs: 1500 })
  t.teardown(() => hasty.close())
  const configuration = await world.open({ client: hasty })
  const answers: [string, ConfigurationSource['intercept']][] = [
    ['silence', () => true],
    [
      'a body that stalls',
      (_path, _request, response) => {
        response.writeHead(200).write('Content-Type')
        return true
      },
    ],
    [
      'a flood',
      (_path, _request, response) => {
        response.writeHead(200)
        const pour = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        }
        response.on('drain', pour)
        pour()
        return true
      },
    ],
    [
      'a broken connection',
      (_path, request) => {
        request.socket.destroy()
        return true
      },
    ],
    [
      'a body shorter than announced',
      (path, _request, response) => {
        const body = world.source.files.get(path) ?? Buffer.alloc(0)
        response.writeHead(200, { 'content-length': body.length + 10 }).write(body)
        response.socket?.end()
        return true
      },
    ],
    [
      'a redirect',
      (_path, _request, response) => {
        response.writeHead(302, { location: '/internalconf?version=6&x' }).end()
        return true
      },
    ],
  ]
  for (const [what, answer] of answers) {
    world.source.intercept = answer
    t.equal(await codeOf(configuration.refresh()), 'network_error', what)
    t.equal(nameIn(configuration), 'good')
  }
  world.source.intercept = undefined
  await until('what comes in time', async (saw) => saw(await codeOf(configuration.refresh())) === 'accepted')
})

void t.test('the newest version that a source has', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready({ versions: [4] })
  const asked = (): string[] =>
    world.source.requests.filter((request) => request.startsWith('/internalconf?'))
  t.same(
    asked(),
    ['6', '5', '4'].map((version) => `/internalconf?version=${version}`),
  )
  t.equal(configuration.state().own?.version, 4)
  world.source.requests.length = 0
  world.clock.now += MINUTE
  world.publish({ versions: [6, 5, 4] })
  await configuration.refresh()
  t.same(asked(), ['/internalconf?version=4'], 'remembered')
  world.clock.now += 61 * MINUTE
  world.publish({ versions: [6, 5, 4] })
  await configuration.refresh()
  t.equal(configuration.state().own?.version, 6, 'but not for ever')
  world.publish({ versions: [5] })
  await configuration.refresh()
  t.equal(configuration.state().own?.version, 5, 'gone again')
})

void t.test('where to ask first', async (t) => {
  const [a, b, c] = [Buffer.from('a'), Buffer.from('b'), Buffer.from('c')]
  const anchor = {
    generatedAt: new Date(0),
    instance: 'DEV',
    sources: [
      { downloadUrl: 'http://one/internalconf', verificationCerts: [a] },
      { downloadUrl: 'http://two:8080/internalconf', verificationCerts: [a] },
    ],
  }
  const sources = [
    { address: 'three', internalVerificationCerts: [b], externalVerificationCerts: [c] },
    { address: 'user@evil', internalVerificationCerts: [b], externalVerificationCerts: [] },
    { address: 'no-keys', internalVerificationCerts: [], externalVerificationCerts: [c] },
  ]
  const shuffle = <T>(items: T[]): T[] => items
  const found = candidateLocations({ anchor, sources, learned: [b, c], lastUrl: undefined, shuffle })
  t.same(
    found.map(({ url, certificates }) => [url, certificates.join()]),
    [
      ['https://three/internalconf', 'b'],
      ['http://three/internalconf', 'b'],
      ['https://one/internalconf', 'a'],
      ['http://one/internalconf', 'a'],
      ['http://two:8080/internalconf', 'a'],
    ],
  )
  for (const { certificates, documentCertificates } of found)
    t.same(documentCertificates, certificates, 'an address of the registry has one list for all')
  const again = candidateLocations({
    ...{ anchor, sources, learned: [], shuffle },
    lastUrl: 'http://one/internalconf',
  })
  t.equal(again[0]?.url, 'http://one/internalconf', 'the last that worked')
  t.equal(again.length, found.length)
  const proxy = candidateLocations({
    anchor: { ...anchor, sources: [{ downloadUrl: 'https://proxy/DEV/conf', verificationCerts: [a] }] },
    ...{ sources: sources.slice(0, 1), learned: [b, c] },
    lastUrl: undefined,
    shuffle,
  })
  t.equal(proxy.at(-1)?.documentCertificates.join(), 'b,c', 'a key of the proxy signs directories alone')
  t.equal(proxy[0]?.certificates.join(), 'b,c', 'the path of a proxy says neither internal nor external')

  const world = await createWorld(t)
  world.publish({ name: 'second source' })
  const configuration = await world.open()
  await configuration.installAnchor(
    writeAnchor({
      ...anchor,
      sources: ['http://127.0.0.1:1/internalconf', `${world.source.url}/internalconf`].map((downloadUrl) => ({
        downloadUrl,
        verificationCerts: [world.source.signer.certificate],
      })),
    }),
  )
  await configuration.refresh()
  t.equal(nameIn(configuration), 'second source')
})

const VECTORS = path.join(import.meta.dirname, '../../test/vectors/x-road/configuration')

void t.test("the files of X-Road's central server", async (t) => {
  const world = await createWorld(t)
  let refusedVersions: string[] = []
  const client: ConfigurationClient = {
    get: async (address) => {
      const { protocol, pathname, searchParams } = new URL(address)
      if (protocol === 'https:') throw new Error('no https here')
      const version = searchParams.get('version')
      const file = path.join(VECTORS, version === null ? '' : `V${version}`, pathname)
      if (!existsSync(file) || refusedVersions.includes(version ?? ''))
        return { status: 404, body: Buffer.alloc(0) }
      return { status: 200, body: readFileSync(file) }
    },
    close: async () => undefined,
  }
  const configuration = await world.open({ client })
  await configuration.installAnchor(readFileSync(path.join(VECTORS, 'configuration_anchor_CS_internal.xml')))
  await configuration.refresh()
  const { index } = configuration.current()
  t.match(configuration.state().own, {
    instance: 'DEV',
    version: 6,
    source: 'http://cs/internalconf',
    warnings: [],
  })
  t.equal(index.memberName({ instance: 'DEV', memberClass: 'COM', memberCode: '4321' }), 'Test client')
  t.equal(index.caCertificates().anchors.length, 2)
  t.equal((await world.open({ client })).current().instance, 'DEV', 'restored from disk')
  refusedVersions = ['6']
  t.equal(
    await codeOf(configuration.refresh()),
    'invalid_global_conf_signature',
    'older keys signed the older versions',
  )
})
