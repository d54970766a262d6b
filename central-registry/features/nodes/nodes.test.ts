/**
 * Two nodes of a registry on one PostgreSQL, each with a folder of its own: they have the same keys, and
 * publish one history.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { headOf } from '#core/configuration/log-head.ts'
import { verifyStatement } from '#core/configuration/statement.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { newClusterKey } from '#platform/shared-files/cluster-key.ts'
import { anchorOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { createLogStore } from '../../configuration/transparency-log/store.ts'
import type { RegisterTables } from '../../register/tables.ts'

type NodeView = {
  name: string
  isThis: boolean
  state: string
  differingSettings: { name: string; there: string | null }[]
}
type Nodes = { sharesFiles: boolean; clusterKeys: { isDone: boolean } | null; nodes: NodeView[] }

const PUBLISHERS = 2
const ROUNDS = 4

await t.test('a registry without nodes lists nobody', async (t) => {
  const node = await registryWorld(t).start()
  t.same(await node.must('GET', '/nodes'), {
    sharesFiles: false,
    ownFolders: [],
    clusterKeys: null,
    nodes: [],
  })
  t.equal((await node.call('POST', '/join-secrets', {})).status, 409)
})

await t.test('two nodes on one PostgreSQL', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  return twoNodes(t, await (await postgresql()).freshDatabase())
})

async function twoNodes(t: Test, url: string): Promise<void> {
  // Racing publishers wait for each other, on a busy machine longer than a statement may.
  const world = registryWorld(t, `${url}${url.includes('?') ? '&' : '?'}statementMs=60000`)
  const clusterKeyFile = path.join(world.directory, 'cluster-key')
  writeFileSync(clusterKeyFile, `${newClusterKey()}\n`, { mode: 0o600 })
  const folderOf = (name: string): string => path.join(world.directory, name)
  const start = (name: string, own: object = { nodes: { clusterKeyFile } }): Promise<Node> =>
    world.start({
      directory: folderOf(name),
      settings: {
        // As behind one name.
        publicUrl: 'http://registry.example:8001',
        publicLog: { name: 'registry.example/log' },
        witness: { name: 'registry.example/witness' },
        ...own,
      },
    })
  const keysIn = (name: string): Record<string, string> => {
    // A file that is just being written has another name until it is whole.
    const names = readdirSync(folderOf(`${name}/signing-keys`)).filter((file) => !file.endsWith('.tmp'))
    const files = names.map((file) => `signing-keys/${file}`)
    return Object.fromEntries(
      [...files, 'witness-key.pem']
        .sort()
        .map((file) => [file, readFileSync(path.join(folderOf(name), file), 'latin1')]),
    )
  }
  const untilSame = (): Promise<unknown> =>
    until('the same keys in both folders', (saw) => {
      const [a, b] = [keysIn('a'), keysIn('b')]
      return saw(Object.keys(b).join()) === Object.keys(a).join() && JSON.stringify(a) === JSON.stringify(b)
    })
  const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
  let a!: Node
  let b!: Node

  await t.test('both start for the first time at once, and have the same keys', async (t) => {
    ;[a, b] = await Promise.all([start('a'), start('b')])
    const made = ['a', 'b'].map((name) => path.join(folderOf(name), 'initial.key')).filter(existsSync)
    t.equal(made.length, 1, 'and one made the first API key')
    t.equal(((await a.must('GET', '/api-keys')) as unknown[]).length, 1)
    const told = world.lines.filter((line) => line.includes('another node made the first API key'))
    t.ok(told.length === 1 && told[0]!.includes(made[0]!), 'the other one logs where it is')
    await setUp(a, authority)
    await untilSame()
    t.ok(Object.keys(keysIn('b')).length >= 5, 'of configuration, log, credentials, histories and witness')
    const list = (await a.must('GET', '/nodes')) as Nodes
    t.equal(list.sharesFiles, true)
    t.same(list.nodes.map(({ isThis }) => isThis).toSorted(), [false, true])
    t.same(
      list.nodes.flatMap(({ differingSettings }) => differingSettings),
      [],
    )
    for (const node of [a, b]) t.equal((await publish(node)).index > 0, true)
  })

  await t.test('a key that is made, made to sign and destroyed on one is so on both', async (t) => {
    const keys = async (node: Node) =>
      (
        (await node.must('GET', '/configuration')) as {
          signingKeys: { id: string; token: string | null; active: boolean }[]
        }
      ).signingKeys
    const added = (await a.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })) as {
      id: string
    }
    t.match(
      await b.call('PUT', `/configuration/signing-keys/${added.id}/activate?force=true`),
      { status: 204 },
      'at once: whoever lacks it looks',
    )
    await publish(b)
    await publish(a)
    for (const { id, active } of await keys(a))
      if (!active) await b.must('DELETE', `/configuration/signing-keys/${id}`)
    t.match(await keys(a), [{ id: added.id, token: 'software', active: true }])
    await untilSame()
    t.equal(
      readdirSync(folderOf('a/signing-keys')).filter((name) => /^[0-9a-f-]{36}\.pem$/.test(name)).length,
      1,
    )
    await publish(a)
  })

  await t.test('two that publish at once publish one history', async (t) => {
    const certificates = (await parseAnchor(await anchorOf(a))).sources[0]!.verificationCerts
    /** What anybody was ever given, by index. */
    const seen = new Map<number, Set<string>>()
    const heads = new Map<number, Set<string>>()
    const look = async (node: Node): Promise<void> => {
      const text = (await node.get('/internalconf-statement?version=6')).bytes.toString()
      const statement = verifyStatement(text, certificates)
      const digests = seen.get(statement.index) ?? new Set()
      seen.set(statement.index, digests.add(createHash('sha256').update(text).digest('hex')))
      const { size, root } = headOf(statement, certificates)!.head
      heads.set(size, (heads.get(size) ?? new Set()).add(root))
    }
    const published: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const member = { memberClass: 'GOV', memberCode: `race${round}`, name: `Race ${round}` }
      const racing = [a, b].flatMap((node) =>
        Array.from({ length: PUBLISHERS }, async () => {
          const { index } = await publish(node)
          await Promise.all([look(a), look(b)])
          return index
        }),
      )
      await (round % 2 === 0 ? a : b).must('POST', '/members', member)
      published.push(...(await Promise.all(racing)))
    }
    t.equal(new Set(published).size, 2 * PUBLISHERS * ROUNDS, 'no index twice')
    t.ok(seen.size > 1, `${seen.size} publications were seen`)
    for (const [index, digests] of seen) t.equal(digests.size, 1, `one configuration under index ${index}`)
    const database = await openDatabase(url)
    t.teardown(() => database.close())
    const log = createLogStore(database)
    for (const [size, roots] of heads)
      t.same([...roots], [(await log.rootAt(size)).toString('base64')], `the log of size ${size} is one`)
    const logged = (await log.entries(0, 1000)).flatMap(({ form }) => {
      const { kind, index } = JSON.parse(form ?? '{}') as { kind?: string; index?: number }
      return kind === 'configuration' ? [index!] : []
    })
    t.same(
      logged,
      [...new Set(logged)].sort((x, y) => x - y),
      'the index only rises in the log',
    )
    t.same(
      published.filter((index) => !logged.includes(index)),
      [],
    )
  })

  await t.test('strangers and clones are refused, settings that differ are told', async (t) => {
    await t.rejects(start('b'), { code: 'conflict', message: /another process works with/ })
    await t.rejects(start('alone', {}), { code: 'invalid_configuration', message: /share their keys/ })
    const other = path.join(world.directory, 'other-key')
    writeFileSync(other, `${newClusterKey()}\n`, { mode: 0o600 })
    await t.rejects(start('other', { nodes: { clusterKeyFile: other } }), {
      ...{ code: 'invalid_configuration', message: /another cluster key|cluster key that this node/ },
    })
    mkdirSync(folderOf('own/signing-keys'), { recursive: true })
    writeFileSync(folderOf('own/signing-keys/identity-log.pem'), 'a key of its own', { mode: 0o600 })
    await t.rejects(start('own'), { code: 'conflict', message: /starts with an empty folder/ })
    t.equal(((await a.must('GET', '/nodes')) as Nodes).nodes.length, 2, 'who was refused is no node')
    t.equal((await a.call('DELETE', '/nodes/nobody')).status, 404)
    await b.stop()
    b = await start('b', {
      nodes: { clusterKeyFile },
      witness: { name: 'registry.example/witness', logs: [] },
    })
    await until('settings that differ', async (saw) => {
      const { nodes } = (await a.must('GET', '/nodes')) as Nodes
      const names = nodes.flatMap(({ differingSettings }) => differingSettings.map(({ name }) => name))
      return saw(names.join()) === 'witness.logs'
    })
  })

  await t.test('a cluster key is replaced, one node after the other', async (t) => {
    const [older, newer] = [readFileSync(clusterKeyFile, 'utf8'), `${newClusterKey()}\n`]
    /** The one that has just started makes a key, and the one that goes on as it was uses it. */
    const write = async (newer: Node, other: Node): Promise<void> => {
      const keys = '/configuration/signing-keys'
      const { id } = (await newer.must('POST', keys, { algorithm: 'P-256' })) as { id: string }
      await other.must('PUT', `${keys}/${id}/activate?force=true`)
      await publish(other)
    }
    const startWith = async (lines: string): Promise<void> => {
      writeFileSync(clusterKeyFile, lines)
      await a.stop()
      a = await start('a')
      await write(a, b)
      await b.stop()
      b = await start('b')
      await write(b, a)
    }
    const keyChange = async (): Promise<Nodes['clusterKeys']> => {
      // Nodes beat by this clock, and the database's has gone on.
      world.clock.now = Date.now()
      return ((await a.must('GET', '/nodes')) as Nodes).clusterKeys
    }
    await startWith(`${older}${newer}`)
    await until('all is sealed under the new line', async (saw) => saw(await keyChange())?.isDone === true)
    const before = path.join(world.directory, 'key-before')
    writeFileSync(before, older, { mode: 0o600 })
    await t.rejects(start('late', { nodes: { clusterKeyFile: before } }), {
      ...{ code: 'invalid_configuration', message: /cluster key that this node does not have/ },
    })
    await startWith(newer)
    await untilSame()
    await until('one line', async (saw) => saw(await keyChange()) === null)
  })

  await t.test('with one gone the other publishes, and its successor has no older mark', async (t) => {
    const { index } = await publish(a)
    await a.stop()
    t.ok((await publish(b)).index > index)
    await b.stop()
    // Files of keys do not come back from the folder of a node that was away.
    a = await start('a')
    await untilSame()
    t.ok((await publish(a)).index > index)
  })

  await t.test('a node notices a database that was set back by what others published', async (t) => {
    b = await start('b')
    // Behind what it does at its start.
    await publish(b)
    const { index } = await publish(a)
    const markOf = (name: string): number => Number(readFileSync(path.join(folderOf('b'), name), 'utf8'))
    const database = await openDatabase(url)
    t.teardown(() => database.close())
    const tables = tablesOf<RegisterTables>(database)
    const leavesOf = (node: string): Buffer =>
      readFileSync(path.join(folderOf(node), 'transparency-log-leaves'))
    await until('the marks and leaves of the other node', async (saw) => {
      saw(`${markOf('highest-published-index')}, ${markOf('highest-suspension-list')}`)
      const list = await tables.selectFrom('suspension_list').select('number').executeTakeFirstOrThrow()
      const hasMarks =
        markOf('highest-published-index') >= index && markOf('highest-suspension-list') >= list.number
      return hasMarks && leavesOf('b').equals(leavesOf('a'))
    })
    // Who publishes from now on is the node that did not publish the lost ones.
    await a.stop()
    await tables.deleteFrom('published_file').where('configuration_index', '>=', index).execute()
    await tables.deleteFrom('publication').where('configuration_index', '>=', index).execute()
    t.match((await b.call('POST', '/configuration/publish')).body, { type: 'registry_restored' })
    await b.stop()
    b = await start('b')
    t.match(
      await b.must('GET', '/restoration'),
      { state: 'waiting', known: { index: markOf('highest-published-index') } },
      'also after its next start',
    )
  })
}
