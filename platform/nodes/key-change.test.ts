/**
 * A cluster key that is replaced: which line seals, who is waited for, when it is done; nodes that start, go
 * silent, turn up late and leave.
 */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { newClusterKey, parseClusterKeys, sealingKey } from '#platform/shared-files/cluster-key.ts'
import { keyOf } from '#platform/shared-files/seal-file.ts'
import { eachDatabase } from '#test/databases.ts'
import { createBeat } from './beat.ts'
import { claimName } from './claim.ts'
import { nodeHandlers } from './handlers.ts'
import { beginSealing, createKeyChange } from './key-change.ts'
import { type NodeTables, nodeMigrations } from './migrations.ts'
import { createSettingsOfNodes } from './settings-of-nodes.ts'
import { createNodeStore } from './store.ts'
import { BEAT_SECONDS, LIVE_MS } from './told.ts'

await eachDatabase(t, async (database, t) => {
  await migrate(database, nodeMigrations)
  const store = createNodeStore(database)

  await t.test('it seals once every node has it, and then all is sealed under it', async (t) => {
    const [older, newer] = [newClusterKey(), newClusterKey()]
    const log = createLog({ name: 'test', destination: { write: () => undefined } })
    let [passes, left, laterMs] = [0, 1, 0]
    // It stands still but for what the test says, however slow the machine is.
    const begun = await store.now()
    const later = { ...store, now: async () => begun + laterMs }
    const rows = tablesOf<NodeTables>(database)
    await rows.deleteFrom('node').execute()
    /** A process that starts with these lines, as `openNode` and `openNodes` do it. */
    const started = async (node: string, lines: string[], { used = [] as string[] } = {}) => {
      const keys = parseClusterKeys(lines.join('\n'), 'cluster-key')
      const clusterKeys = keys.lines.map(({ id }) => id)
      const q = { node, place: node, hasOthers: true, schema: '', clusterKeys }
      const claimed = await claimName(later, q)
      beginSealing(keys, { rows: await store.list(), used: new Set(used) })
      const keyChange = createKeyChange({
        ...{ node, keys, store: later, log },
        rooms: [async () => ({ sealed: ++passes, left })],
        tell: async () => beat.run(),
      })
      const settings = createSettingsOfNodes({
        ...{ node, store: later, keys, scope: 's', compared: {}, schema: {}, ofAMachine: new Set<string>() },
        values: {},
      })
      await settings.tell()
      const beat: ReturnType<typeof createBeat> = createBeat({
        ...{ node, claimed, keyChange, settings, store: later, clock: () => begun + laterMs },
        health: { report: async () => ({ ready: true, checks: [] }) },
        ...{ everySeconds: BEAT_SECONDS, sharedFiles: undefined, isApart: () => false },
        onLeft: () => undefined,
      })
      await beat.run()
      const { job } = keyChange
      return {
        ...{ beat, id: clusterKeys.at(-1)!, sealsBy: () => sealingKey(keys).id, state: keyChange.state },
        told: () => String(beat.finding().reason),
        isDue: job.isDue,
        run: () => job.run({ signal: new AbortController().signal } as never),
      }
    }
    type Started = Awaited<ReturnType<typeof started>>
    const beatAll = async (...nodes: Started[]): Promise<void> => {
      for (const { beat } of nodes) await beat.run()
    }
    /** Past what was under way when the last one changed. */
    const settle = async (...nodes: Started[]): Promise<void> => {
      laterMs += 11_000
      await beatAll(...nodes)
    }
    const rooms = { node: 'k1', store, ownFolders: [], ownUrl: '', joining: undefined, settings: undefined }
    const handlers = nodeHandlers({ ...rooms, takeOver: async () => undefined })
    const change = (waitsFor: string[], isDone: boolean, rest = 0) => ({
      clusterKeys: { lines: 2, waitsFor, isDone, left: rest },
    })
    const one = await started('k1', [older])
    t.equal(one.told(), 'undefined', 'nothing is replaced')
    const two = await started('k2', [older, newer], { used: [one.id] })
    t.equal(two.sealsBy(), one.id, 'a node that has the older line alone could not read on')
    t.match(two.beat.finding(), { ok: true })
    t.match(two.told(), /: k1 does not seal under the newest line/)
    await settle(one, two)
    await two.run()
    // As after an outage of the database: nobody was seen lately.
    laterMs += 10 * LIVE_MS
    await two.run()
    await two.beat.run()
    await two.run()
    t.same([passes, two.sealsBy()], [0, one.id], 'nor one that is silent and comes back')
    const turned = await started('k1', [newer, older], { used: [one.id] })
    t.equal(turned.sealsBy(), one.id)
    await beatAll(two, turned)
    t.equal(two.sealsBy(), two.id, 'it opens what the newest line seals')
    t.same(two.state()?.waitsFor, ['k1'], 'but seals by another')
    const sealed = (await store.settings()).find(({ name }) => name === 'k2')!.sealed
    t.equal(keyOf(sealed), two.id, 'what it tells of its settings too')
    const first = await started('k1', [older, newer], { used: [one.id] })
    t.equal(first.sealsBy(), two.id)
    await two.beat.run()
    t.same([two.isDue(), two.state()?.waitsFor], [false, []], 'what was under way is waited for')
    await two.run()
    t.equal(passes, 0)
    await settle(first, two)
    t.equal(two.isDue(), true)
    await two.run()
    t.equal(passes, 1)
    await beatAll(first, two)
    t.match(two.told(), /^1 rows .* are under a cluster key that is not in the key file/)
    t.match(await handlers['getNodes']!({} as never), change([], false, 1))
    await two.run()
    t.same([passes, two.isDue()], [1, false], 'not again and again')
    laterMs += 3_601_000
    left = 0
    await beatAll(first, two, first)
    await two.run()
    t.equal(passes, 2)
    await first.beat.run()
    for (const each of [first, two]) t.match(each.told(), /remove the older lines/)
    await two.run()
    t.equal(passes, 2, 'it is done')
    t.match(await handlers['getNodes']!({} as never), change([], true))

    const stray = await started('k3', [older], { used: [two.id] })
    await beatAll(first, two)
    t.same([first.sealsBy(), two.sealsBy()], [two.id, two.id], 'no step back, which nodes of one line refuse')
    t.match(await handlers['getNodes']!({} as never), change(['k3'], false), 'what was done is not any more')
    await stray.beat.run()
    laterMs += LIVE_MS + 1000
    const at = new Date(await later.now()).toISOString()
    t.equal(await store.leave('k3', { at, unseenSince: at }), true)
    await beatAll(first, two)
    t.match(await handlers['getNodes']!({} as never), change([], false), 'it may have sealed something')
    await settle(first, two)
    await first.run()
    t.equal(passes, 3)
    t.match(await handlers['getNodes']!({} as never), change([], true))
    const alone = await started('k1', [newer], { used: [two.id] })
    t.equal(alone.sealsBy(), two.id)
    t.match(await handlers['getNodes']!({} as never), { clusterKeys: null })
    await rows.deleteFrom('node').execute()
    await settle()
    await two.run()
    t.equal(passes, 3, 'a node without a row of its own decides nothing')

    const told = JSON.stringify({ clusterKeys: null, sealsUnder: null, sealedAnew: { key: 7 } })
    const strange = { name: 'k4', instance: 'i', version: 'x', started_at: '', seen_at: '9', told }
    await rows
      .insertInto('node')
      .values({ ...strange, cloned_at: null, left_at: null })
      .execute()
    await two.beat.run()
    t.same(two.state()?.waitsFor, ['k4'], 'a version that tells otherwise of its keys')
    await rows.deleteFrom('node').execute()

    const restored = await started('k1', [newer], { used: [two.id] })
    await settle(restored)
    left = 4
    await restored.run()
    t.match(restored.told(), /^4 rows/, 'with one line, as after a start with a database of before')
    t.match(await handlers['getNodes']!({} as never), { clusterKeys: { lines: 1, left: 4 } })
  })
})
