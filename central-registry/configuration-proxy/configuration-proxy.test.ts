import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { anchorHash, parseAnchor, writeAnchor } from '#core/configuration/anchor.ts'
import { parseDirectory } from '#core/configuration/directory.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { codeOf, createWorld, MINUTE } from '#test/fakes/configuration-world.ts'
import { openRegistry, readerOf, suspendNow } from '#test/fakes/registry-reader.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { createImportClient } from '../configuration/other-instances/client.ts'
import { readFederated } from '../features/federation/read-federated.ts'
import { readLeaves } from './follow-log.ts'
import { folderOf } from './proxy.ts'
import { openProxy, signDirectory } from './proxy-fixture.ts'

void t.test("a zone's server learns by the proxy what the registry signed", async (t) => {
  const { world, node } = await openRegistry(t)
  const proxy = await openProxy(t, { anchor: await anchorOf(node), clock: world.clock })
  t.match(await proxy.get('/zone/conf?version=6'), { status: 503 }, 'nothing was fetched yet')
  await proxy.instance.refresh()
  await proxy.instance.refreshSuspensions()
  const anchor = await proxy.anchor()
  t.match(await parseAnchor(anchor), {
    instance: 'DEV',
    sources: [{ downloadUrl: `${proxy.url}/zone/conf` }],
  })
  const zone = await world.reader(anchor)
  await zone.refresh()
  const outside = await readerOf(t, world, node)
  await outside.configuration.refresh()
  const [inside, direct] = [zone.current(), outside.configuration.current()]
  t.equal(inside.version, direct.version, 'the same content')
  t.equal(inside.statementIndex, direct.statementIndex)
  t.equal(inside.configurationHead, direct.configurationHead, 'heads of both can be compared')
  t.ok(inside.expiresAt <= direct.expiresAt, 'it ends no later')
  t.same(inside.verificationFiles()[1]?.content, direct.verificationFiles()[1]?.content)

  const oldest = await proxy.get('/zone/conf')
  t.equal(parseDirectory(oldest.bytes).version, 4, 'as in X-Road a request without a version gets the oldest')
  t.match(await proxy.get('/zone/conf?version=7'), { status: 404 })
  t.match(await proxy.get('/zone/conf?version=../6'), { status: 404 })
  t.match(await proxy.get('/zone/V6/../../keys.json'), { status: 404 })
  t.match(await proxy.get('/zone/%2e%2e/keys.json'), { status: 404 })
  t.match(await proxy.get('/other/conf?version=6'), { status: 404 })
  t.match(await proxy.get('/zone/conf-log-proof?size=9007199254740993&from=0'), { status: 400 })
  t.match(await proxy.get('/zone/conf-log-proof?size=999999&from=0'), { status: 404 })

  await suspendNow(node)
  await proxy.instance.refreshSuspensions()
  await zone.refreshSuspensions()
  t.ok(zone.current().suspensionsIn('DEV').ofClient('DEV/GOV/1234'), 'a suspension reaches the zone')

  // The proxy has the proofs for servers that were away for some publications.
  for (let times = 0; times < 3; times++) await publish(node)
  await proxy.instance.refresh()
  await node.stop()
  await zone.refresh()
  t.ok(zone.current().statementIndex! > direct.statementIndex!)
  t.equal(zone.state().registry.fork, undefined)
  const late = await world.reader(anchor)
  await late.refresh()
  t.equal(late.current().configurationHead, zone.current().configurationHead, 'a new server too')
  t.match(await codeOf(outside.configuration.refresh()), 'network_error', 'the registry really is away')

  await proxy.restart()
  const { status, bytes } = await proxy.get('/zone/conf?version=6')
  t.equal(status, 200, 'a proxy that starts while the registry is away goes on')
  const end = direct.expiresAt.getTime() + MINUTE
  t.ok(parseDirectory(bytes).expireDate.getTime() <= end)
  t.equal(await codeOf(proxy.instance.refresh()), 'network_error')
  await zone.refresh()
  const lastEnd = zone.current().expiresAt
  world.clock.now = lastEnd.getTime() - 1000
  await codeOf(proxy.instance.refresh())
  t.match(await proxy.get('/zone/conf?version=6'), { status: 200 }, 'until the end that the registry signed')
  world.clock.now = lastEnd.getTime()
  await codeOf(proxy.instance.refresh())
  const refused = await proxy.get('/zone/conf?version=6')
  t.equal(refused.status, 503, 'not a second longer')
  t.match(refused.bytes.toString(), /ended at .*did not answer/, 'and it says why')
  t.equal(await codeOf(() => zone.current()), 'global_conf_outdated')
})

void t.test(
  'what goes back, is no proof or is not signed is refused, and the last good one stays',
  async (t) => {
    const world = await createWorld(t)
    const { source, clock } = world
    world.publish({ name: 'five', index: 5 })
    const proxy = await openProxy(t, { anchor: source.anchor(), clock })
    await proxy.instance.refresh()
    const read = await world.open()
    await read.installAnchor(await proxy.anchor())
    await read.refresh()
    const stays = async (): Promise<void> => {
      await read.refresh()
      t.equal(read.current().statementIndex, 5)
    }
    const refusals: [string, string, () => void][] = [
      ['a lower index', 'global_conf_rollback', () => world.publish({ name: 'four', index: 4 })],
      ['no statement any more', 'global_conf_rollback', () => world.publish({ name: 'none' })],
      [
        'the same index for other content',
        'global_conf_rollback',
        () => world.publish({ name: 'x', index: 5 }),
      ],
      [
        'a publication of before',
        'global_conf_rollback',
        () => world.publish({ name: 'old', index: 6, at: new Date(clock.now - 5 * MINUTE) }),
      ],
      [
        'another key',
        'invalid_global_conf_signature',
        () => world.publish({ name: 'y', index: 6, signer: createConfigurationSigner('another') }),
      ],
      [
        'an end that is past',
        'global_conf_outdated',
        () => world.publish({ name: 'z', index: 6, expireDate: new Date(clock.now) }),
      ],
      [
        'a statement of other parts',
        'malformed_global_conf',
        () => world.publish({ name: 'p', index: 6, statement: (honest) => ({ ...honest, parts: {} }) }),
      ],
      [
        'another instance',
        'malformed_global_conf',
        () => world.publish({ name: 'q', index: 6, instance: 'SE' }),
      ],
      [
        'a part that was changed',
        'malformed_global_conf',
        () => {
          world.publish({ name: 'changed', index: 6 })
          for (const [at, bytes] of source.files)
            if (at.endsWith('shared-params.xml'))
              source.files.set(at, Buffer.concat([bytes, Buffer.from(' ')]))
        },
      ],
    ]
    for (const [what, code, act] of refusals) {
      act()
      t.equal(await codeOf(proxy.instance.refresh()), code, what)
      await stays()
    }
    t.match(proxy.instance.state().attempt.fault, { code: 'malformed_global_conf' })
    await proxy.restart()
    world.publish({ name: 'four', index: 4 })
    t.equal(await codeOf(proxy.instance.refresh()), 'global_conf_rollback', 'after a restart too')
    await stays()
    world.publish({ name: 'six', index: 6 })
    await proxy.instance.refresh()
    await read.refresh()
    t.equal(read.current().statementIndex, 6)

    const folder = folderOf(proxy.settings, 'zone')
    const accepted = JSON.parse(readFileSync(path.join(folder, 'accepted.json'), 'utf8')) as {
      versions: { directory: string }[]
    }
    rmSync(path.join(folder, 'parts'), { recursive: true })
    await proxy.restart()
    t.match(await proxy.get('/zone/conf?version=6'), { status: 503 }, 'parts that are lost are not promised')
    await proxy.instance.refresh()
    t.match(await proxy.get('/zone/conf?version=6'), { status: 200 })
    accepted.versions[0]!.directory = Buffer.from('nonsense').toString('base64')
    writeFileSync(path.join(folder, 'accepted.json'), JSON.stringify(accepted))
    await proxy.restart()
    t.match(await proxy.get('/zone/conf?version=6'), { status: 503 }, 'nor what was damaged')
    writeFileSync(path.join(folder, 'accepted.json'), '{"format":1')
    t.equal(await codeOf(proxy.restart()), 'io_error', 'marks that are damaged are no permission to go back')
  },
)

void t.test('the key of the proxy is replaced without a break', async (t) => {
  const world = await createWorld(t)
  const proxy = await openProxy(t, { anchor: world.source.anchor(), clock: world.clock })
  world.publish({ name: 'one', index: 1 })
  await proxy.instance.refresh()
  const configuration = await world.open()
  const before = await proxy.anchor()
  await configuration.installAnchor(before)
  await configuration.refresh()
  await proxy.act('add-key', undefined, { algorithm: 'RSA-2048' })
  const [old, fresh] = await proxy.keys.list()
  t.same([old?.isActive, fresh?.isActive], [true, false])
  const both = await proxy.anchor()
  t.not(anchorHash(both), anchorHash(before))
  await configuration.installAnchor(both)
  await configuration.refresh()
  await proxy.act('use-key', fresh!.id)
  await proxy.instance.refresh()
  t.same(proxy.instance.published.state().signedBy, fresh!.certificate)
  await configuration.refresh()
  t.equal(configuration.current().statementIndex, 1)
  await configuration.installAnchor(before)
  t.equal(
    await codeOf(configuration.refresh()),
    'invalid_global_conf_signature',
    'who has the old anchor alone',
  )
  t.equal(await codeOf(proxy.act('remove-key', fresh!.id)), 'conflict', 'the key that signs stays')
  t.equal(await codeOf(proxy.act('remove-key', 'x')), 'key_not_found')
  await proxy.act('remove-key', old!.id)
  await configuration.installAnchor(await proxy.anchor())
  await configuration.refresh()
  t.equal((await proxy.keys.list()).length, 1)
})

void t.test('a registry that changes its key is followed, by the proxy and by its servers', async (t) => {
  const { world, node } = await openRegistry(t)
  const proxy = await openProxy(t, { anchor: await anchorOf(node), clock: world.clock })
  await proxy.instance.refresh()
  await proxy.instance.refreshSuspensions()
  const zone = await world.reader(await proxy.anchor())
  await zone.refresh()
  const added = (await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })) as {
    id: string
  }
  await publish(node)
  await proxy.instance.refresh()
  await zone.refresh()
  await node.must('PUT', `/configuration/signing-keys/${added.id}/activate?force=true`)
  await publish(node)
  await proxy.instance.refresh()
  await proxy.instance.refreshSuspensions()
  await proxy.restart()
  await zone.refresh()
  t.equal(zone.current().statementIndex, proxy.instance.state().index)
  await publish(node)
  await proxy.instance.refresh()
  await zone.refresh()
  t.equal(
    zone.current().statementIndex,
    proxy.instance.state().index,
    'a proxy that started anew knows the key',
  )
})

void t.test(
  'another instance by a proxy, as a registry reads it that trusts the anchor of the proxy',
  async (t) => {
    const { world, node } = await openRegistry(t)
    const external = await anchorOf(node, 'external')
    const proxy = await openProxy(t, { anchor: external, clock: world.clock, name: 'dev' })
    await proxy.instance.refresh()
    const anchor = await proxy.anchor([await beside(proxy.settings.directory, external)])
    const parsed = await parseAnchor(anchor)
    t.same(
      parsed.sources.map(({ downloadUrl }) => downloadUrl),
      [`${proxy.url}/dev/conf`, `${node.settings.publicUrl}/externalconf`],
      'one anchor, by the proxy and without it',
    )
    await node.stop()
    const read = await readFederated(
      parsed,
      { learned: [], index: undefined, shared: undefined },
      { client: createImportClient(), now: new Date(world.clock.now) },
    )
    t.match(read, { url: `${proxy.url}/dev/conf`, version: 6, index: proxy.instance.state().index })
    t.notMatch((await proxy.get('/dev/conf?version=6')).bytes.toString(), 'PRIVATE-PARAMETERS')
  },
)

async function beside(directory: string, anchor: Buffer): Promise<string> {
  const file = path.join(directory, 'beside.xml')
  writeFileSync(file, anchor)
  return file
}

void t.test('a proxy cannot lie to our servers, and proxies can stand in a row', async (t) => {
  const { world, node } = await openRegistry(t)
  const proxy = await openProxy(t, { anchor: await anchorOf(node), clock: world.clock })
  await proxy.instance.refresh()
  await proxy.instance.refreshSuspensions()
  const second = await openProxy(t, { anchor: await proxy.anchor(), clock: world.clock, name: 'inner' })
  await second.instance.refresh()
  await second.instance.refreshSuspensions()
  const zone = await world.reader(await second.anchor())
  await zone.refresh()
  t.equal(zone.current().statementIndex, proxy.instance.state().index)
  await publish(node)
  await proxy.instance.refresh()
  await second.instance.refresh()
  await zone.refresh()
  t.equal(zone.current().statementIndex, proxy.instance.state().index)

  const liar = await startConfigurationSource('DEV')
  t.teardown(() => liar.close())
  const { certificate, key } = (await proxy.keys.signer())!
  const honest = parseDirectory((await proxy.get('/zone/conf?version=6')).bytes)
  const parts = honest.parts.map((part) =>
    part.identifier === 'SHARED-PARAMETERS' ? { ...part, hash: Buffer.alloc(64, 1) } : part,
  )
  liar.files.set('/zone/conf?version=6', await signDirectory({ ...honest, parts }, { certificate, key }))
  const size = await proxy.instance.tree.size()
  for (const at of ['/zone/conf-statement?version=6', `/zone/conf-log-proof?size=${size}&from=0`])
    liar.files.set(at, (await proxy.get(at)).bytes)
  const anchor = await parseAnchor(await proxy.anchor())
  anchor.sources[0]!.downloadUrl = `${liar.url}/zone/conf`
  const deceived = await world.reader(writeAnchor(anchor))
  t.equal(await codeOf(deceived.refresh()), 'malformed_global_conf', 'parts that the registry did not state')
})

void t.test('what a source sends in place of entries', (t) => {
  for (const text of [
    '',
    '[]',
    'null',
    '{"entries":{}}',
    '{"entries":[{}]}',
    '{"entries":[{"leaf":"AAAA"}]}',
  ])
    t.throws(() => readLeaves(Buffer.from(text)), { code: 'malformed_global_conf' }, text)
  const leaf = Buffer.alloc(32, 7).toString('base64')
  const many = JSON.stringify({ entries: Array.from({ length: 501 }, () => ({ leaf })) })
  t.throws(() => readLeaves(Buffer.from(many)), { code: 'malformed_global_conf' })
  t.equal(readLeaves(Buffer.from(JSON.stringify({ entries: [{ leaf, form: null }] }))).length, 1)
  t.end()
})
