/** What breaks in a proxy's own folder, and what a source does to fill it. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { codeOf, createWorld } from '#test/fakes/configuration-world.ts'
import { openRegistry, suspendNow } from '#test/fakes/registry-reader.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { ACTS } from './acts.ts'
import { followLog, MOST_UNPROVED } from './follow-log.ts'
import { openLeafTree } from './leaf-tree.ts'
import { folderOf } from './proxy.ts'
import { openProxy } from './proxy-fixture.ts'

void t.test('levels and leaves that a power failure damaged', async (t) => {
  const folder = t.testdir()
  const leaves = Array.from({ length: 64 }, (_, at) => createHash('sha256').update(String(at)).digest())
  const first = await openLeafTree(folder)
  await first.append(leaves)
  const head = { instance: 'DEV', index: 1, size: 64, root: (await first.root(64)).toString('base64') }
  await first.close()
  for (const [level, size] of [
    [3, 256],
    [6, 32],
  ] as const)
    writeFileSync(path.join(folder, `level-${level}`), Buffer.alloc(size))
  const tree = await openLeafTree(folder)
  t.teardown(() => tree.close())
  let asked = 0
  const entries = JSON.stringify({ entries: leaves.map((leaf) => ({ leaf: leaf.toString('base64') })) })
  const get = async () => {
    asked += 1
    return { status: 200, body: Buffer.from(entries) }
  }
  const q = { get, url: 'http://x/conf', tree, marked: head }
  await followLog({ ...q, head })
  t.equal(asked, 0, 'levels are computed from the leaves')
  await tree.truncate(0)
  await tree.append([...leaves.slice(0, 63), Buffer.alloc(32)])
  t.equal(await codeOf(followLog({ ...q, head })), 'invalid_proof')
  await followLog({ ...q, head })
  t.equal(asked, 1, 'leaves are fetched again')
  const endless = { ...head, size: 64 + MOST_UNPROVED + 1 }
  t.equal(await codeOf(followLog({ ...q, head: endless })), 'invalid_proof', 'a log without end')
  t.equal(asked, 1)
})

void t.test('the log of a proxy that lost leaves, and leaves that nothing proves', async (t) => {
  const { world, node } = await openRegistry(t)
  const lines: string[] = []
  const log = (line: string): void => void lines.push(line)
  const proxy = await openProxy(t, { anchor: await anchorOf(node), clock: world.clock, log })
  await proxy.instance.refresh()
  const folder = folderOf(proxy.settings, 'zone')
  const size = await proxy.instance.tree.size()
  await proxy.instance.tree.append([Buffer.alloc(32, 7)])
  t.match(JSON.parse((await proxy.get(`/zone/conf-log-entries?from=${size - 1}`)).bytes.toString()), {
    size,
    entries: { length: 1 },
  })
  writeFileSync(path.join(folder, 'log', 'level-0'), Buffer.alloc(32 * size))
  await proxy.restart()
  t.match(await proxy.get(`/zone/conf-log-proof?size=${size}&from=0`), { status: 503 })
  await proxy.instance.refresh()
  t.match(await proxy.get(`/zone/conf-log-proof?size=${size}&from=0`), { status: 200 })

  const { signer } = proxy.keys
  proxy.keys.signer = async () => {
    throw new Fault('io_error', { what: 'keys.json' })
  }
  await proxy.instance.refresh()
  await proxy.instance.refresh()
  t.equal(lines.filter((line) => line.includes('no directory can be signed')).length, 1, 'it says so once')

  // An older publication whose signature takes longer does not replace a newer one.
  await proxy.instance.refreshSuspensions().catch(() => undefined)
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  let isFirst = true
  const { promise: began, resolve: begin } = Promise.withResolvers<void>()
  proxy.keys.signer = async () => {
    if (!isFirst) return signer()
    isFirst = false
    begin()
    await gate
    return signer()
  }
  await suspendNow(node)
  const slow = proxy.instance.refreshSuspensions()
  await began
  await publish(node)
  const newer = proxy.instance.refresh()
  await Promise.race([newer, setTimeout(1000)])
  open()
  await Promise.all([slow, newer])
  const statement = (await proxy.get('/zone/conf-statement?version=6')).bytes.toString()
  const { index } = JSON.parse(Buffer.from(statement.split('.')[1]!, 'base64url').toString()) as {
    index: number
  }
  t.equal(index, proxy.instance.state().index)
})

void t.test(
  'acts of another user are refused, and a history is forgotten when the operator says so',
  async (t) => {
    const world = await createWorld(t)
    const { source, clock } = world
    world.publish({ name: 'five', index: 5 })
    const proxy = await openProxy(t, { anchor: source.anchor(), clock })
    await proxy.instance.refresh()
    const act = {
      ...{ settings: proxy.settings, pin: '1234', clock: () => clock.now, options: {}, word: undefined },
      ...{ print: () => undefined, user: 12_345 },
    }
    for (const name of ['add-key', 'keys', 'anchor', 'forget-history'])
      await t.rejects(
        ACTS[name]!(act),
        { code: 'invalid_input', message: /this is user 12345: sudo -u/ },
        name,
      )
    world.publish({ name: 'four', index: 4 })
    t.equal(await codeOf(proxy.instance.refresh()), 'global_conf_rollback')
    t.match(await proxy.act('forget-history'), /as at its first start/)
    await proxy.restart()
    await proxy.instance.refresh()
    t.equal(proxy.instance.state().index, 4)
    t.equal((await proxy.keys.list()).length, 1)
  },
)
