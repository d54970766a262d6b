/**
 * What the key of a proxy can do in the hands of a thief who also has its address: nothing in the name of the
 * registry.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { parseDirectory } from '#core/configuration/directory.ts'
import type { DirectoryPart } from '#core/configuration/directory-parts.ts'
import { configurationEntry, signLogHead, writeLogProof } from '#core/configuration/log-head.ts'
import { documentSignerOf } from '#core/configuration/signed-document.ts'
import { signStatement } from '#core/configuration/statement.ts'
import { signSuspensionList } from '#core/configuration/suspension-list.ts'
import { leafHash } from '#core/merkle/hash.ts'
import type { ConfigurationStatement, SuspensionList } from '#schemas/global-configuration.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { openRegistry } from '#test/fakes/registry-reader.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { createImportClient } from '../configuration/other-instances/client.ts'
import { readFederated } from '../features/federation/read-federated.ts'
import { openProxy, signDirectory } from './proxy-fixture.ts'

void t.test('who stole the key of a proxy signs nothing in the name of the registry', async (t) => {
  const { world, node } = await openRegistry(t)
  const proxy = await openProxy(t, { anchor: await anchorOf(node), clock: world.clock })
  await proxy.instance.refresh()
  await proxy.instance.refreshSuspensions()
  const inner = await openProxy(t, { anchor: await proxy.anchor(), clock: world.clock, name: 'inner' })
  const zone = await world.reader(await proxy.anchor())
  for (const one of [inner.instance, zone]) {
    await one.refresh()
    await one.refreshSuspensions()
  }
  const external = await parseAnchor(await proxy.anchor())
  const client = createImportClient()
  const federated = { client, now: new Date(world.clock.now) }
  const seen = await readFederated(external, { learned: [], index: undefined, shared: undefined }, federated)
  const before = zone.current().statementIndex!
  const forged = await forge(proxy, 'DEV')
  await node.stop()

  const refusedBy = async (why: string): Promise<void> => {
    t.equal(await codeOf(zone.refresh()), 'invalid_global_conf_signature', why)
    t.equal(await codeOf(zone.refreshSuspensions()), 'invalid_global_conf_signature', `${why}: its list`)
    t.equal(zone.state().own?.statementIndex, before)
  }
  await refusedBy('by a server')
  zone.hear(forged.head)
  t.equal(zone.state().registry.behind, undefined, 'no peer makes a server believe its head')
  t.equal(await codeOf(inner.instance.refresh()), 'invalid_global_conf_signature', 'by a proxy behind it')
  t.equal(await codeOf(inner.instance.refreshSuspensions()), 'invalid_global_conf_signature')
  await inner.restart()
  t.equal(await codeOf(inner.instance.refresh()), 'invalid_global_conf_signature', 'after a restart too')
  await proxy.act('add-key')
  await zone.installAnchor(await proxy.anchor())
  await refusedBy('after the next anchor of the proxy')
  await inner.restart(await proxy.anchor())
  t.equal(await codeOf(inner.instance.refresh()), 'invalid_global_conf_signature', 'by a proxy likewise')
  t.equal(
    await codeOf(readFederated(external, seen, federated)),
    'invalid_global_conf_signature',
    'by a registry that trusts the anchor',
  )
  forged.end()
  await zone.refresh()
  t.equal(zone.current().statementIndex, before)
})

void t.test('who stole the key of a proxy cannot make all later configurations look old', async (t) => {
  const { world, node } = await openRegistry(t)
  const proxy = await openProxy(t, { anchor: await anchorOf(node), clock: world.clock })
  await proxy.instance.refresh()
  const zone = await world.reader(await proxy.anchor())
  await zone.refresh()
  const honest = parseDirectory((await proxy.get('/zone/conf?version=6')).bytes)
  const parts = honest.parts.map((part) => ({
    ...part,
    location: part.location.replace('/zone', '/zone/20990101000000000000000'),
  }))
  const { directory, part } = proxy.instance.published
  const bytes = await signDirectory({ ...honest, parts }, (await proxy.keys.signer())!)
  proxy.instance.published.directory = () => bytes
  proxy.instance.published.part = (at) => part(at.replace('/20990101000000000000000', ''))
  await codeOf(zone.refresh())
  Object.assign(proxy.instance.published, { directory, part })
  await publish(node)
  await proxy.instance.refresh()
  await proxy.instance.refreshSuspensions()
  await zone.refresh()
  t.equal(zone.current().statementIndex, proxy.instance.state().index)
})

/**
 * Lets the address of a proxy answer what its own key can sign: a changed configuration that the log proves,
 * and an empty list.
 */
async function forge(proxy: Awaited<ReturnType<typeof openProxy>>, instance: string) {
  const { certificate, key } = (await proxy.keys.signer())!
  const signer = documentSignerOf(certificate, key)
  const honest = parseDirectory((await proxy.get('/zone/conf?version=6')).bytes)
  const stated = payloadOf<ConfigurationStatement>((await proxy.get('/zone/conf-statement?version=6')).bytes)
  const files = new Map<string, string>()
  const parts: DirectoryPart[] = []
  for (const part of honest.parts) {
    const { bytes } = await proxy.get(part.location)
    const isShared = part.identifier === 'SHARED-PARAMETERS'
    const text = isShared
      ? bytes.toString().replace(/<\/(?:\w+:)?conf>/, '<!-- forged -->$&')
      : bytes.toString()
    const file = path.join(proxy.settings.directory, `forged-${parts.length}`)
    writeFileSync(file, text)
    files.set(part.location, file)
    const hash = createHash('sha512').update(text).digest()
    parts.push({ ...part, hash })
    stated.parts[`V6/${part.identifier}`]!.sha512 = hash.toString('base64')
  }
  stated.index += 1
  const { index, generatedAt } = stated
  const hashes = Object.entries(stated.parts).map(([name, { sha512 }]) => [name, sha512])
  const entry = configurationEntry({ instance, index, generatedAt, parts: Object.fromEntries(hashes) })
  const { tree, published } = proxy.instance
  const size = (await tree.size()) + 1
  await tree.append([leafHash(Buffer.from(entry.form))])
  const root = (await tree.root(size)).toString('base64')
  const head = await signLogHead({ instance, index, size, root }, signer)
  const statement = await signStatement({ ...stated, logHead: head }, signer)
  const list = payloadOf<SuspensionList>((await proxy.get('/zone/conf-suspensions')).bytes)
  const suspensions = await signSuspensionList({ ...list, number: list.number + 1, suspended: [] }, signer)
  const directory = await signDirectory({ ...honest, parts }, (await proxy.keys.signer())!)
  const real = { ...published }
  Object.assign(published, {
    ...{ directory: () => directory, statement: () => statement, suspensions: () => suspensions },
    proof: async (of: number, from: number) => writeLogProof({ ...entry, ...(await tree.proofs(of, from)) }),
    part: async (at: string) => {
      const file = files.get(`/zone${at}`)!
      return { file, size: readFileSync(file).length }
    },
    entries: async (from: number) => {
      const found = await tree.leaves(from, 500)
      return JSON.stringify({ entries: found.map((leaf) => ({ leaf: leaf.toString('base64') })) })
    },
  } satisfies Partial<typeof published>)
  return { head, end: () => Object.assign(published, real) }
}

function payloadOf<T>(jws: Buffer): T {
  return JSON.parse(Buffer.from(jws.toString().split('.')[1]!, 'base64url').toString()) as T
}
