import { hash, randomBytes } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import { verifySuspensionList } from '#core/configuration/suspension-list.ts'
import { fillRegistry } from '#scripts/bench/registry/store.ts'
import { startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { eachRegistryDatabase, onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { listText } from '#test/fakes/registry-reader.ts'
import { anchorOf, newestOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { until } from '#test/until.ts'
import { createHighWater } from './high-water.ts'
import { createLeafFile } from './transparency-log/leaf-file.ts'

/** Whether one of these certificates signed the suspension list. */
function isListOf(list: string, certificates: Buffer[]): boolean {
  try {
    verifySuspensionList(list, certificates)
    return true
  } catch {
    return false
  }
}

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })

onEachRegistryDatabase(
  'a security server takes it, follows changes, and a rotation of keys does not cut it off',
  async (t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start()
    await setUp(node, authority)
    const first = await publish(node)
    const member = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234' }
    const own = await world.reader(await anchorOf(node))
    await own.refresh()
    t.ok(own.current().index.isRegistered({ ...member, subsystemCode: 'pop ä' }))
    t.ok(own.current().statementIndex! >= first.index)
    t.same(own.current().index.warnings, [])

    // The external configuration is for the servers of another instance, whose anchor list has our anchor.
    const other = await startConfigurationSource('OTHER')
    t.teardown(() => other.close())
    const at = new Date(world.clock.now)
    const anchors = [await parseAnchor(await anchorOf(node, 'external'))]
    other.publish({ at, expireDate: new Date(world.clock.now + 600_000), anchors })
    const federated = await world.reader(other.anchor(), 'all')
    await federated.refresh()
    t.equal(federated.current().indexFor('DEV')!.memberName(member), 'Ämter & "Söhne" <1>')
    t.equal(federated.current().indexFor('DEV')!.privateParameters, undefined)

    const firstAnchor = await anchorOf(node)
    const server = await world.reader(firstAnchor)
    await server.refresh()
    // What a leap of the clock makes due may publish twice during one reading, which then fails; the next one
    // does not.
    const read = () => until('a reading', async (saw) => saw(await codeOf(server.refresh())) === 'accepted')
    const old = ((await node.must('GET', '/configuration')) as { signingKeys: { id: string }[] })
      .signingKeys[0]!
    for (const algorithm of ['RSA-2048', 'P-256']) {
      const added = (await node.must('POST', '/configuration/signing-keys', { algorithm })) as {
        id: string
        certificateSha256: string
      }
      t.match(added, {
        ...{ active: false, state: 'ANNOUNCED', knownFrom: null },
        algorithm: algorithm === 'P-256' ? 'EC' : 'RSA',
      })
      const activate = `/configuration/signing-keys/${added.id}/activate`
      t.match(await node.call('PUT', activate), { status: 409 }, 'no server can know it yet')
      await publish(node)
      await read()
      world.clock.now += 600_000
      await publish(node)
      await read()
      t.match(await node.call('PUT', activate), { status: 204 })
      t.match(await node.call('PUT', activate), { status: 204 }, 'twice is once')
      const [source] = (await parseAnchor(await anchorOf(node))).sources
      const certificates = source!.verificationCerts.filter(
        (der) => hash('sha256', der) === added.certificateSha256,
      )
      t.equal(certificates.length, 1)
      await until('a list by the new key', async () => isListOf(await listText(node), certificates))
      const { index } = await publish(node)
      await read()
      t.ok(server.current().statementIndex! >= index)
      t.not((await anchorOf(node)).toString(), firstAnchor.toString())
    }
    t.match(await node.call('DELETE', `/configuration/signing-keys/${old.id}`), { status: 204 })
    t.match(await node.call('DELETE', `/configuration/signing-keys/${old.id}`), { status: 404 })
    t.equal(readdirSync(path.join(world.directory, 'signing-keys')).length, 2, 'the key is destroyed')
    const { index } = await publish(node)
    await read()
    t.ok(server.current().statementIndex! >= index)
    const late = await world.reader(firstAnchor)
    t.equal(
      await codeOf(late.refresh()),
      'invalid_global_conf_signature',
      'the first anchor has served its time',
    )

    const keys = (
      (await node.must('GET', '/configuration')) as { signingKeys: { id: string; active: boolean }[] }
    ).signingKeys
    const active = keys.find((key) => key.active)!
    t.equal(keys.filter((key) => key.active).length, 1)
    t.match(await node.call('DELETE', `/configuration/signing-keys/${active.id}`), { status: 409 })
    const unknown = '00000000-0000-4000-8000-000000000000'
    t.equal((await node.call('PUT', `/configuration/signing-keys/${unknown}/activate`)).status >= 400, true)
    const fresh = (await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })) as {
      id: string
    }
    const forced = `/configuration/signing-keys/${fresh.id}/activate?force=true`
    t.match(await node.call('PUT', forced), { status: 204 }, 'after a theft nobody waits')
  },
)

void t.test(
  'the index rises over restarts, and a clock that goes back does not lower the time',
  async (t) => {
    const world = registryWorld(t)
    let node = await world.start()
    await setUp(node, authority)
    const indexes: number[] = []
    const times: string[] = []
    const server = await world.reader(await anchorOf(node))
    const { address } = node.settings.public
    for (let round = 0; round < 4; round++) {
      const { index, generatedAt } = await publish(node)
      indexes.push(index)
      times.push(generatedAt)
      await server.refresh()
      const [certificate] = (await parseAnchor(await anchorOf(node))).sources[0]!.verificationCerts
      const text = (await node.get('/internalconf-statement?version=6')).bytes.toString()
      const statement = verifyStatement(text, [certificate!])
      t.equal(
        Date.parse(statement.generatedAt),
        world.clock.now,
        'the statement says what the clock says now',
      )
      await node.stop()
      world.clock.now -= round === 1 ? 30_000 : 0
      node = await world.start({
        settings: {
          public: { address, port: 8001 },
          publicUrl: `http://${address}:8001`,
        },
      })
    }
    t.same(
      indexes,
      [...new Set(indexes)].sort((a, b) => a - b),
    )
    t.same(times, [...new Set(times)].sort())
  },
)

void t.test('two nodes on one PostgreSQL', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    if (database.dialect === 'sqlite') return void t.pass('one process only on the embedded store')
    // Racing publishers wait for each other, on a busy machine longer than a statement may.
    const world = registryWorld(t, `${url}&statementMs=60000`)
    const alone = [await world.start(), await world.start()]
    await setUp(alone[0]!, authority)
    // Each node has the other's URL: whichever node publishes, the configuration names both.
    const urls = alone.map((node) => node.settings.publicUrl)
    const nodes: Node[] = []
    for (const [at, node] of alone.entries()) {
      const { public: listener, publicUrl, configuration } = node.settings
      await node.stop()
      const otherUrls = [urls[1 - at]!]
      nodes.push(
        await world.start({
          settings: { public: listener, publicUrl, configuration: { ...configuration, otherUrls } },
        }),
      )
    }
    const [a, b] = nodes as [Node, Node]
    t.same((await parseAnchor(await anchorOf(a))).sources.length, 2)
    t.ok((await anchorOf(a)).equals(await anchorOf(b)), 'one anchor, whichever gives it')
    const published = await Promise.all(Array.from({ length: 12 }, (_, i) => publish(i % 2 === 0 ? a : b)))
    const indexes = published.map(({ index }) => index)
    t.equal(new Set(indexes).size, 12)
    t.equal(new Set(published.map(({ generatedAt }) => generatedAt)).size, 12)
    // A change on one node and publications on both at the same time: a later index never has older content.
    const countAt = async (node: Node): Promise<{ index: number; members: number }> => {
      const statement = (await node.get('/internalconf-statement?version=6')).bytes.toString()
      const anchor = await parseAnchor(await anchorOf(node))
      const { index, parts } = verifyStatement(statement, anchor.sources[0]!.verificationCerts)
      const xml = (await node.get(parts['V6/SHARED-PARAMETERS']!.location)).bytes
      return { index, members: (await parseSharedParameters(xml)).members.length }
    }
    const seen: { index: number; members: number }[] = []
    for (let round = 0; round < 6; round++) {
      const name = { memberClass: 'GOV', memberCode: `n${round}`, name: `N ${round}` }
      await Promise.all([publish(a), a.must('POST', '/members', name), publish(b), publish(b)])
      seen.push(await countAt(a), await countAt(b))
    }
    const inOrder = seen.toSorted((x, y) => x.index - y.index)
    t.same(
      inOrder.map(({ members }) => members),
      inOrder.map(({ members }) => members).toSorted((x, y) => x - y),
    )

    // A node on another machine has its own folder: it needs the key's file, and its error says so.
    const elsewhere = await world.start({ directory: path.join(world.directory, 'elsewhere') })
    t.match((await elsewhere.call('POST', '/configuration/publish')).body, { type: 'cannot_sign' })
    const leavesIn = (folder: string): Buffer =>
      readFileSync(path.join(world.directory, folder, 'transparency-log-leaves'), { flag: 'a+' })
    // What is published just now may be in one folder before it is in the other.
    await until('the leaves of what the others published, in the folder of this node too', () => {
      const kept = leavesIn('elsewhere')
      return kept.length > 0 && leavesIn('.').indexOf(kept) === 0
    })
    const other = leavesIn('.')
    other[31]! ^= 1
    const ofAnother = createLeafFile(path.join(world.directory, 'another-history'))
    await ofAnother.follow(async (from) => (from === 0 ? [other.subarray(0, 32)] : []))
    const follow = ofAnother.follow(async (from) => [leavesIn('.').subarray(32 * from, 32 * from + 32)])
    t.equal(await codeOf(follow), 'log_inconsistent', 'a folder of another history takes none')
    const short = { size: async () => 0 } as Parameters<typeof ofAnother.restore>[0]
    t.equal(
      await codeOf(ofAnother.restore(short, 9)),
      'global_conf_rollback',
      'leaves that were accepted and lie in the folder of another node come back before others take their places',
    )
    const added = (await a.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })) as {
      id: string
    }
    const activate = `/configuration/signing-keys/${added.id}/activate?force=true`
    t.match(
      (await elsewhere.call('PUT', activate)).body,
      { type: 'cannot_sign' },
      'nor can it activate a key',
    )
    const keys = 'signing-keys'
    cpSync(path.join(world.directory, keys), path.join(world.directory, 'elsewhere', keys), {
      recursive: true,
    })
    t.match(await elsewhere.call('PUT', activate), { status: 204 })
    const newest = Math.max(
      ...(await Promise.all([publish(elsewhere), publish(a)])).map(({ index }) => index),
    )
    // This node names only itself.
    await elsewhere.stop()
    await publish(b)
    const server = await world.reader(await anchorOf(b))
    await server.refresh()
    t.ok(server.current().statementIndex! >= newest)
    const { sources } = server.current().index.shared
    t.same(sources.map(({ address }) => `http://${address}`).toSorted(), urls.toSorted())
    await a.stop()
    await b.must('POST', '/members', { memberClass: 'GOV', memberCode: 'later', name: 'Later' })
    const { index: alive } = await publish(b)
    await server.refresh()
    t.ok(server.current().statementIndex! >= alive, 'with one of them gone')
  })
})

onEachRegistryDatabase('a large register is published beside everything else', async (t, url) => {
  const world = registryWorld(t, url)
  const node = await world.start()
  await setUp(node, authority)
  await fillRegistry(
    node.settings.database,
    { members: 1000, subsystems: 3000, servers: 20, contracts: 0 },
    () => ({
      sha256: randomBytes(32).toString('hex'),
      der: authority.root.der,
    }),
  )
  const server = await world.reader(await anchorOf(node))
  /** How many requests were answered between the start of the thread and the end of the publication. */
  let read = 0
  let written = 0
  for (let round = 0; round < 20 && (read === 0 || written === 0); round++) {
    let isPublished = false
    const publishing = publish(node).finally(() => {
      isPublished = true
    })
    await until('the beginning or the end', () => isPublished || isPreparing(), { pauseMs: 1 })
    const name = { memberClass: 'GOV', memberCode: `during-${round}`, name: `During ${round}` }
    await node.must('POST', '/members', name)
    const mustBeThere = !isPublished
    if (mustBeThere) written += 1
    while (!isPublished) {
      await node.must('GET', '/members?limit=1')
      if (!isPublished) read += 1
    }
    const { index } = await publishing
    if (!mustBeThere) continue
    await server.refresh()
    const { index: held, statementIndex } = server.current()
    t.ok(statementIndex! >= index)
    t.ok(
      held.isRegistered({ instance: 'DEV', memberClass: 'GOV', memberCode: name.memberCode }),
      'what was changed before it was published is in it',
    )
  }
  t.ok(read > 0 && written > 0, `${read} lists and ${written} changes answered meanwhile`)
})

/**
 * Whether a thread of this process prepares a publication, recognised by the thread name that the operating
 * system shows.
 */
function isPreparing(): boolean {
  return readdirSync('/proc/self/task').some((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith('publication')
    } catch {
      return false
    }
  })
}

void t.test('a restored older database is noticed, and gone on from only when it was accepted', async (t) => {
  const world = registryWorld(t)
  let node = await world.start()
  await setUp(node, authority)
  await publish(node)
  const server = await world.reader(await anchorOf(node))
  await node.stop()
  const backup = path.join(world.directory, 'backup.db')
  cpSync(path.join(world.directory, 'registry.db'), backup)
  const { address } = node.settings.public
  const settings = { public: { address, port: 8001 }, publicUrl: `http://${address}:8001` }
  node = await world.start({ settings })
  const { index } = await publish(node)
  await publish(node)
  await server.refresh()
  await node.stop()

  const restore = (): void => {
    for (const end of ['-wal', '-shm']) cpSync('/dev/null', path.join(world.directory, `registry.db${end}`))
    cpSync(backup, path.join(world.directory, 'registry.db'))
  }
  restore()
  node = await world.start({ settings })
  t.match((await node.call('POST', '/configuration/publish')).body, { type: 'registry_restored' })
  const { contentSha256 } = (await node.must('GET', '/restoration')) as { contentSha256: string }
  await node.must('POST', '/restoration/acceptance', { contentSha256 })
  const next = await publish(node)
  t.ok(next.index > index + 1)
  await server.refresh()
  t.ok(server.current().statementIndex! >= next.index, 'and servers that saw the lost ones go on')
  await node.stop()
  node = await world.start({ settings })
  // By itself, too. Behind that nothing writes the mark beside this test.
  await until('the next start needs no telling', async (saw) => saw(await newestOf(node))!.index > next.index)
  await publish(node)

  // Also while a node runs.
  const highWater = createHighWater(path.join(world.directory, 'highest-published-index'))
  await highWater.raise(1_000_000)
  await highWater.raise(5)
  t.equal(await highWater.read(), 1_000_000)
  t.match((await node.call('POST', '/configuration/publish')).body, { type: 'registry_restored' })
  for (const damaged of ['', 'x', '-1', '1e3', '99999999999999999']) {
    writeFileSync(path.join(world.directory, 'highest-published-index'), damaged)
    t.match((await node.call('POST', '/configuration/publish')).body, { type: 'io_error' }, damaged)
  }
})
