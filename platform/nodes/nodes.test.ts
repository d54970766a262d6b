/** Beats of nodes with wrong clocks and one name, and secrets to join by: once, in time, for who has them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { newClusterKey, parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import { createBeat } from './beat.ts'
import { makeBundle } from './bundle.ts'
import { type Claimed, claimName, endedOf, placeOf } from './claim.ts'
import { createFollowing } from './following.ts'
import { nodeHandlers } from './handlers.ts'
import { createJoining, type Joining } from './join.ts'
import { openBundle, proofOf, readJoinSecret } from './join-secret.ts'
import { type NodeTables, nodeMigrations } from './migrations.ts'
import { nodesOfOtherSchemas, refuseBeside, schemaDigest } from './older-nodes.ts'
import { type NodeGround, openNodes } from './open-nodes.ts'
import { settingValues } from './setting-values.ts'
import { createSettingsOfNodes } from './settings-of-nodes.ts'
import { createNodeStore } from './store.ts'
import { ALONE_SECONDS, BEAT_SECONDS, LIVE_MS } from './told.ts'

t.test('a node that a newer version has overtaken ends', async (t) => {
  const lines: string[] = []
  let isTooNew = false
  const ground = {
    ...{ node: 'older', database: {}, cluster: undefined },
    claimed: { instance: 'i', startedAt: '', schema: '' },
    isTooNew: async () => isTooNew,
    log: createLog({ name: 'test', destination: { write: (line: string) => void lines.push(line) } }),
  }
  const parts = { ownFolders: [], rooms: [], marks: [] }
  const { jobs } = await openNodes(
    { ...ground, settings: { admin: { address: '::1', port: 1 } } } as unknown as NodeGround,
    parts as unknown as Parameters<typeof openNodes>[1],
  )
  const look = jobs!.find(({ kind }) => kind === 'look-at-schema')!
  let signals = 0
  const count = (): void => void signals++
  process.on('SIGTERM', count)
  t.teardown(() => process.off('SIGTERM', count))
  const run = () => look.run({} as never)
  await run()
  isTooNew = true
  await run()
  await until('the signal', () => signals > 0)
  t.same([signals, lines.length], [1, 1])
  t.match(lines[0], /a newer version has changed the database/)
})

await eachDatabase(t, async (database, t) => {
  await migrate(database, nodeMigrations)
  const store = createNodeStore(database)
  const keys = parseClusterKeys(newClusterKey(), 'k')
  const health = { report: async () => ({ ready: true, checks: [] }) }
  const left: string[] = []
  const claim = (node: string, place: string, hasOthers = true, schema = schemaDigest(nodeMigrations)) =>
    claimName(store, { node, place, hasOthers, schema })
  const beatOf = async (
    node: string,
    more: {
      claimed?: Claimed
      everySeconds?: number
      settings?: object
      isApart?: (other: string) => boolean
      store?: typeof store
      clock?: () => number
    } = {},
  ) => {
    const compared = more.settings
    const schema = { schema: { properties: { limits: {} } }, ofAMachine: new Set<string>() }
    const settings =
      compared &&
      createSettingsOfNodes({
        ...{ node, store, keys, scope: 's', compared, ...schema },
        values: settingValues(compared, schema),
      })
    await settings?.tell()
    return createBeat({
      ...{ node, store, health, everySeconds: BEAT_SECONDS },
      claimed: more.claimed ?? (await claim(node, node)),
      clock: Date.now,
      sharedFiles: undefined,
      isApart: () => false,
      onLeft: () => void left.push(node),
      ...more,
      settings,
    } as Parameters<typeof createBeat>[0])
  }
  const seenAgo = (name: string, ms: number) =>
    tablesOf<NodeTables>(database)
      .updateTable('node')
      .set({ seen_at: new Date(Date.now() - ms).toISOString() })
      .where('name', '=', name)
      .execute()

  await t.test('a change that older versions cannot live with waits for them', async (t) => {
    const change = { up: async () => {} }
    const known = { ...nodeMigrations, 'y-added': { ...change, olderVersionsGoOn: true as const } }
    const breaking = { ...known, 'z-changed': change }
    const others = (node: string, migrations: object) =>
      nodesOfOtherSchemas(database, { node, schema: schemaDigest({ ...migrations }) })
    const refused = async (): Promise<void> => refuseBeside(await others('newer', breaking))
    await (await beatOf('older')).run()
    await migrate(database, known, refused)
    const conflict = { code: 'conflict', message: /nodes of another version run: older \(\d/ }
    // The number of the version is the same in both.
    await t.rejects(migrate(database, breaking, refused), conflict)
    t.same(await others('older', breaking), [], 'a node that starts again is not beside itself')
    t.same(await others('newer', nodeMigrations), [])
    const silent = JSON.stringify({ ready: true })
    await tablesOf<NodeTables>(database).updateTable('node').set({ told: silent }).execute()
    t.match(await others('newer', nodeMigrations), [/^older/], 'a version that tells nothing of its schema')
    await t.rejects(migrate(database, breaking, refused), conflict)
    await seenAgo('older', LIVE_MS + 1000)
    await migrate(database, breaking, refused)
  })

  await t.test('a wrong clock', async (t) => {
    // Both stand still: a statement that a busy machine is late with would be a difference, too.
    const now = Date.now()
    let aheadMs = 0
    const clocks = { store: { ...store, now: async () => now }, clock: () => now + aheadMs }
    const beat = await beatOf('a', { settings: { limits: 'x' }, ...clocks })
    await beat.run()
    t.same(beat.finding(), { ok: true })
    for (const [ms, ok] of [
      [15_000, true],
      [-15_000, true],
      [400_000, false],
      [-400_000, false],
    ] as const) {
      aheadMs = ms
      await beat.run()
      t.match(beat.finding(), { ok })
      t.match(String(beat.finding().reason), /differ by (15|400) s:/)
    }
    aheadMs = 0
    await beat.run()
    t.same(beat.finding(), { ok: true })
  })

  await t.test('one name twice, settings that differ, and a node that left', async (t) => {
    const one = await beatOf('twin')
    await one.run()
    // Both began at one moment, or a running machine was copied with its memory.
    const other = await beatOf('twin', {
      ...{
        claimed: { instance: 'elsewhere', startedAt: new Date().toISOString(), schema: '' },
        settings: { limits: 'x' },
      },
    })
    await other.run()
    await one.run()
    for (const each of [one, other]) {
      t.equal(each.finding().ok, false)
      t.match(String(each.finding().reason), /under the name of this node/)
    }
    const third = await beatOf('third', { settings: { limits: 'y' } })
    // However long ago its beat was.
    await seenAgo('a', 0)
    await third.run()
    t.match(String(third.finding().reason), /settings differ from those of the node a: limits/)
    const now = new Date(Date.now() + 60_000).toISOString()
    t.equal(await store.leave('third', { at: now, unseenSince: '2000-01-01T00:00:00.000Z' }), false, 'alive')
    t.equal(await store.leave('third', { at: now, unseenSince: now }), true)
    await third.run()
    await third.run()
    t.match(String(third.finding().reason), /was made to leave/)
    t.same(left, ['third'], 'it ends')
    await t.rejects(claim('third', 'third'), { code: 'conflict', message: /was made to leave/ })
  })

  await t.test('bodies that another node has on a disk of its own are told', async (t) => {
    const one = await beatOf('one', { isApart: (other) => other === 'two' })
    await (await beatOf('two')).run()
    await one.run()
    t.match(one.finding(), { ok: true })
    t.match(String(one.finding().reason), /bodies over 64 KiB that the node two logs cannot be had here/)
    await seenAgo('two', LIVE_MS + 1000)
    await one.run()
    t.notMatch(String(one.finding().reason), /bodies/)
  })

  await t.test('a name is taken before anything is done under it', async (t) => {
    const first = await claim('named', 'here')
    const restarted = await claim('named', 'here')
    t.not(restarted.instance, first.instance, 'the same folder, after a crash')
    const beat = await beatOf('named', { claimed: restarted })
    const copy = claim('named', 'there')
    const beats: Promise<void>[] = []
    const beating = setInterval(() => void beats.push(beat.run()), 100)
    await t.rejects(copy, { code: 'conflict', message: /another process works under the name/ })
    clearInterval(beating)
    await Promise.all(beats)
    t.equal((await store.get('named'))?.instance, restarted.instance, 'nothing was changed')
    await seenAgo('named', LIVE_MS + 1000)
    t.match(await claim('named', 'there'), { instance: /^there\./ }, 'a moved machine')
    const directory = mkdtempSync(path.join(tmpdir(), 'concordat-place-'))
    const copied = mkdtempSync(path.join(tmpdir(), 'concordat-place-'))
    t.equal(await placeOf(directory), await placeOf(directory))
    t.not(await placeOf(directory), await placeOf(copied))
    for (const each of [directory, copied]) rmSync(each, { recursive: true })
  })

  await t.test('a name of before is over unless a process elsewhere works under it', async (t) => {
    await claim('lives', 'there')
    await claim('renamed', 'here')
    await claim('silent', 'there')
    await seenAgo('silent', LIVE_MS + 1000)
    const names = ['lives', 'renamed', 'silent', 'of-before-rows']
    t.same(await endedOf(store, { names, place: 'here' }), ['renamed', 'silent', 'of-before-rows'])
  })

  await t.test(
    'a server that is one node is never silent between its beats, nor made to leave',
    async (t) => {
      const beat = await beatOf('alone', { everySeconds: ALONE_SECONDS })
      await beat.run()
      await seenAgo('alone', 3 * LIVE_MS)
      const rooms = {
        ...{ node: 'alone', store, ownFolders: [], ownUrl: 'https://a.example' },
        takeOver: async () => undefined,
      }
      const handlers = nodeHandlers({ ...rooms, joining: undefined, settings: undefined })
      const list = (await handlers['getNodes']!({} as never)) as {
        ownFolders: string[]
        nodes: { name: string; state: string }[]
      }
      t.strictSame(list.ownFolders, [])
      t.equal(list.nodes.find(({ name }) => name === 'alone')?.state, 'READY')
      const remove = (q: Handlers) =>
        Promise.resolve(q['removeNode']!({ params: { node: 'alone' } } as never))
      await t.rejects(remove(handlers), { code: 'conflict', message: /is one node/ })
      const ofMany = nodeHandlers({ ...rooms, joining: {} as Joining, settings: undefined })
      await t.rejects(remove(ofMany), { code: 'conflict', message: /is alive/ }, 'not itself')
      t.equal((await store.get('alone'))?.left_at, null)
    },
  )

  await t.test('a secret is shown once, used once, and ends', async (t) => {
    const bundle = {
      version: 1 as const,
      program: 'security-server' as const,
      server: 's',
      settings: 'text',
      files: {},
      clusterKey: 'k',
      seen: '3',
    }
    const refused: string[] = []
    const joining = createJoining({
      ...{ store, keys: parseClusterKeys(newClusterKey(), 'k'), server: 'DEV/GOV/1/ss1' },
      onRefused: (id) => void refused.push(id),
      bundle: async () => ({ ...bundle, missing: [], marks: {} }),
    })
    const asked = await joining.ask({ caller: 'anna', url: 'https://a.example:4000', minutes: 60 })
    await t.rejects(joining.show({ caller: 'boris', id: asked.id }), { code: 'not_found' })
    const secret = readJoinSecret(await joining.show({ caller: 'anna', id: asked.id }))
    await t.rejects(joining.show({ caller: 'anna', id: asked.id }), { code: 'not_found' })
    await t.rejects(joining.use({ id: asked.id, proof: 'A'.repeat(43) }), { code: 'unauthorized' })
    const uses = await Promise.allSettled(
      Array.from({ length: 4 }, () => joining.use({ id: asked.id, proof: proofOf(secret) })),
    )
    const good = uses.flatMap((use) => (use.status === 'fulfilled' ? [use.value] : []))
    t.equal(good.length, 1)
    t.match(JSON.parse(openBundle(secret, good[0]!).toString()), bundle)
    t.throws(() => openBundle({ ...secret, key: Buffer.alloc(32) }, good[0]!), { code: 'invalid_input' })
    t.ok(refused.includes(asked.id), 'a wrong proof is told')
    t.equal((await store.secret(asked.id))?.sealed.length, 0, 'a used secret is nowhere')
    const rows = tablesOf<NodeTables>(database)
    for (const changed of [
      { expires_at: new Date(Date.now() + 9_000_000).toISOString() },
      { asked_by: 'boris' },
      { url: 'https://evil.example' },
    ]) {
      const altered = await joining.ask({ caller: 'anna', url: 'https://a.example', minutes: 60 })
      await rows.updateTable('join_secret').set(changed).where('id', '=', altered.id).execute()
      for (const caller of ['anna', 'boris'])
        await t.rejects(joining.show({ caller, id: altered.id }), { code: 'not_found' })
    }
    const over = await joining.ask({ caller: 'anna', url: 'https://a.example', minutes: 0 })
    await t.rejects(joining.show({ caller: 'anna', id: over.id }), { code: 'not_found' })
  })
})

t.test('what one room cannot take over keeps no other back, and is tried again', async (t) => {
  const did: string[] = []
  let isBroken = true
  const known: string[] = []
  const parts = {
    log: { error: () => undefined },
    known: (changes: ReadonlyMap<string, number>) => void known.push(...changes.keys()),
  }
  const following = createFollowing(parts, [
    [
      'keys',
      async () => {
        if (isBroken) throw new Fault('io_error', { what: 'keys' })
        did.push('keys')
      },
    ],
    ['log-keys', async () => did.push('log-keys')],
    ['configuration', async () => did.push('configuration')],
  ])
  const names = ['keys/token.json', 'log-keys/x', 'configuration/anchor.xml', 'witness-key.pem']
  await following.follow(new Map(names.map((name, n) => [name, n + 1])))
  t.same(did, ['log-keys', 'configuration'])
  t.same(
    known,
    ['witness-key.pem', 'log-keys/x', 'configuration/anchor.xml'],
    'the room of keys has not read',
  )
  t.equal(following.waits(), true)
  t.match(following.trouble(), { code: 'io_error' })
  isBroken = false
  await following.again()
  t.same(did, ['log-keys', 'configuration', 'keys'])
  t.equal(known.at(-1), 'keys/token.json')
  t.equal(following.waits(), false)
  t.equal(following.trouble(), undefined)
})

t.test('a mark that is absent is passed over, one that cannot be read is told', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-bundle-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const [settingsFile, clusterKeyFile] = ['settings.yaml', 'cluster-key'].map((name) => {
    writeFileSync(path.join(directory, name), '{}')
    return path.join(directory, name)
  }) as [string, string]
  writeFileSync(path.join(directory, 'there'), '7')
  const bundleWith = (...marks: string[]) =>
    makeBundle({
      ...{ program: 'central-registry', server: 's', schema: {}, seen: '' },
      ...{ settingsFile, clusterKeyFile, directory, marks },
    })
  t.same((await bundleWith('there', 'absent')).marks, { there: '7' })
  // A folder in its place, since whoever runs the tests may read every file.
  mkdirSync(path.join(directory, 'unreadable'))
  await t.rejects(bundleWith('unreadable'), { code: 'io_error' })
})

t.test('what is no secret is refused, and never repeated', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.base64String()), (text) => {
      for (const one of [text, `concordat-join-1.${Buffer.from(text).toString('base64url')}`])
        try {
          readJoinSecret(one)
          return false
        } catch (thrown) {
          if ((thrown as { code?: string }).code !== 'invalid_input') return false
        }
      return true
    }),
    { numRuns: 300 },
  )
  t.end()
})
