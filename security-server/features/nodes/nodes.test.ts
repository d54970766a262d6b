/** Beats of nodes with wrong clocks and one name, and secrets to join by: once, in time, for who has them. */
import fc from 'fast-check'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { newClusterKey, parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { eachDatabase } from '#test/databases.ts'
import { createBeat } from './beat.ts'
import { createJoining } from './join.ts'
import { openBundle, proofOf, readJoinSecret } from './join-secret.ts'
import { nodeMigrations } from './migrations.ts'
import { createNodeStore } from './store.ts'

await eachDatabase(t, async (database, t) => {
  await migrate(database, nodeMigrations)
  const store = createNodeStore(database)
  let aheadMs = 0
  const health = { report: async () => ({ ready: true, checks: [] }) }
  const beatOf = (node: string, settings: Record<string, string> = {}) =>
    createBeat({
      ...{ node, store, health, settings },
      clock: () => Date.now() + aheadMs,
      sharedFiles: undefined,
    })

  await t.test('a wrong clock', async (t) => {
    const beat = beatOf('a')
    await beat.begin()
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
      t.match(String(beat.finding().reason), /differ by (15|400) seconds/)
    }
    aheadMs = 0
    await beat.run()
    t.same(beat.finding(), { ok: true })
  })

  await t.test('one name twice, settings that differ, and a node that left', async (t) => {
    const [one, other] = [beatOf('twin'), beatOf('twin', { limits: 'x' })]
    await one.begin()
    await other.begin()
    await one.run()
    await other.run()
    for (const each of [one, other]) {
      t.equal(each.finding().ok, false)
      t.match(String(each.finding().reason), /under the name of this node/)
    }
    const third = beatOf('third')
    await third.begin()
    await third.run()
    t.match(String(third.finding().reason), /settings differ from those of the node (a|twin): limits/)
    const now = new Date(Date.now() + 60_000).toISOString()
    t.equal(await store.leave('third', { at: now, unseenSince: '2000-01-01T00:00:00.000Z' }), false, 'alive')
    t.equal(await store.leave('third', { at: now, unseenSince: now }), true)
    await third.run()
    t.match(String(third.finding().reason), /was made to leave/)
    await t.rejects(beatOf('third').begin(), { code: 'conflict' })
  })

  await t.test('a secret is shown once, used once, and ends', async (t) => {
    const bundle = { version: 1, server: 's', settings: 'text', files: {}, clusterKey: 'k', seen: 3 } as const
    const joining = createJoining({
      ...{ store, keys: parseClusterKeys(newClusterKey(), 'k'), server: 'DEV/GOV/1/ss1' },
      bundle: async () => ({ ...bundle, newestCheckpoint: undefined }),
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
    const over = await joining.ask({ caller: 'anna', url: 'https://a.example', minutes: 0 })
    await t.rejects(joining.show({ caller: 'anna', id: over.id }), { code: 'not_found' })
  })
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
