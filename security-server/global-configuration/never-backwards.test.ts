import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { writeAnchor } from '#core/configuration/anchor.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import type { Publication } from '#test/fakes/configuration-source.ts'
import { codeOf, createWorld, MINUTE, nameIn, START } from '#test/fakes/configuration-world.ts'
import { type DurableFiles, durableFiles } from './durable-files.ts'

void t.test("X-Road's central server: never older than its signed time allows", async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready({ name: 'new' })
  const publishOld = (seconds: number): void =>
    world.publish({ at: new Date(world.clock.now - seconds * 1000), name: `${seconds}` })
  publishOld(119)
  await configuration.refresh()
  t.equal(nameIn(configuration), '119', 'another node of the same server')
  publishOld(121)
  t.equal(await codeOf(configuration.refresh()), 'global_conf_rollback')
  t.equal(nameIn(configuration), '119')
  t.equal(await codeOf((await world.open()).refresh()), 'global_conf_rollback', 'after a restart too')
  rmSync(path.join(world.directory, 'generations'), { recursive: true })
  t.equal(
    await codeOf((await world.open()).refresh()),
    'global_conf_rollback',
    'and when the copies are lost',
  )

  const restored = await world.open()
  await restored.installAnchor(world.source.anchor())
  t.equal(await codeOf(restored.refresh()), 'global_conf_rollback', 'the anchor alone does not forget')
  await restored.installAnchor(world.source.anchor(), { forgetHistory: true })
  await restored.refresh()
  t.equal(nameIn(restored), '121')
})

void t.test('a restored backup of the copies is not used, damaged marks are not passed over', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready({ name: 'old' })
  const marks = path.join(world.directory, 'marks.json')
  const before = JSON.parse(readFileSync(marks, 'utf8')) as { instances: { publishedAt: number }[] }
  before.instances[0]!.publishedAt += 121_000
  writeFileSync(marks, JSON.stringify(before))
  t.equal(await codeOf(async () => (await world.open()).current()), 'global_conf_outdated')
  writeFileSync(marks, '{"format":1,')
  t.equal(await codeOf(world.open()), 'io_error')
  rmSync(marks)
  t.equal(nameIn(await world.open()), 'old', 'the copy itself says how new it is')
  t.equal(nameIn(configuration), 'old')
})

void t.test('statements', async (t) => {
  const world = await createWorld(t)
  const { source, clock } = world
  const configuration = await world.ready({ name: 'five', index: 5 })
  t.equal(configuration.current().statementIndex, 5)
  const refused: [string, string, Partial<Publication>][] = [
    ['a lower index', 'global_conf_rollback', { index: 4 }],
    ['none any more', 'global_conf_rollback', {}],
    ['the same index for other content', 'global_conf_rollback', { index: 5 }],
    [
      'another instance',
      'malformed_global_conf',
      { index: 6, statement: (s) => ({ ...s, instance: 'OTHER' }) },
    ],
    [
      'expired',
      'global_conf_outdated',
      { index: 6, statement: (s) => ({ ...s, expireDate: new Date(clock.now).toISOString() }) },
    ],
    [
      'another location',
      'malformed_global_conf',
      { index: 6, statement: (s) => withParts(s, (part) => ({ ...part, location: '/x' })) },
    ],
    [
      'another hash',
      'malformed_global_conf',
      {
        index: 6,
        statement: (s) => withParts(s, (part) => ({ ...part, sha512: Buffer.alloc(64).toString('base64') })),
      },
    ],
    [
      'a part less',
      'malformed_global_conf',
      {
        index: 6,
        statement: (s) => ({ ...s, parts: { 'V6/SHARED-PARAMETERS': s.parts['V6/SHARED-PARAMETERS']! } }),
      },
    ],
    [
      'a part more',
      'malformed_global_conf',
      {
        index: 6,
        statement: (s) => ({
          ...s,
          parts: { ...s.parts, 'V6/MONITORING': s.parts['V6/SHARED-PARAMETERS']! },
        }),
      },
    ],
  ]
  for (const [what, code, publication] of refused) {
    clock.now += 1000
    world.publish({ name: 'evil', ...publication })
    t.equal(await codeOf(configuration.refresh()), code, what)
    t.equal(nameIn(configuration), 'five', what)
  }
  world.publish({ name: 'evil', index: 6 })
  source.files.set('/internalconf-statement?version=6', Buffer.from('a.b.c'))
  t.equal(await codeOf(configuration.refresh()), 'malformed_global_conf')
  t.equal(await codeOf((await world.open()).refresh()), 'malformed_global_conf')

  world.publish({ name: 'five', index: 5 })
  await configuration.refresh()
  t.equal(configuration.current().statementIndex, 5, 'the same content may keep its index')
  world.publish({ name: 'seven', index: 7 })
  await configuration.refresh()
  world.publish({ name: 'six', index: 6 })
  t.equal(
    await codeOf((await world.open()).refresh()),
    'global_conf_rollback',
    'the index outlives a restart',
  )
  t.equal((await world.open()).current().statementIndex, 7)
  const shorter = new Date(clock.now + MINUTE)
  world.publish({ index: 8, statement: (s) => ({ ...s, expireDate: shorter.toISOString() }) })
  await configuration.refresh()
  t.same(configuration.current().expiresAt, shorter, 'the earlier expiry counts')
})

function withParts(
  statement: Parameters<NonNullable<Publication['statement']>>[0],
  change: (part: { location: string; sha512: string }) => { location: string; sha512: string },
): typeof statement {
  const entries = Object.entries(statement.parts).map(([name, part]) => [name, change(part)] as const)
  return { ...statement, parts: Object.fromEntries(entries) }
}

void t.test('publications between directory and statement are a race, some times in a row', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready({ name: 'one', index: 1 })
  let publications = 0
  const publishBetween = (limit: number): void => {
    publications = 0
    world.source.intercept = (path) => {
      if (path.startsWith('/internalconf-statement') && publications < limit) {
        publications += 1
        world.clock.now += 1000
        world.publish({ name: `race ${publications}`, index: world.clock.now })
      }
      return false
    }
  }
  for (const [times, name] of [
    [1, 'race 1'],
    [3, 'race 3'],
  ] as const) {
    publishBetween(times)
    await configuration.refresh()
    t.equal(nameIn(configuration), name)
  }
  publishBetween(Number.POSITIVE_INFINITY)
  t.equal(await codeOf(configuration.refresh()), 'malformed_global_conf', 'for ever is not')
  t.equal(publications, 4)
})

void t.test(
  'keys: a named new one is taken, one from nowhere is not, an anchor drops what it did not sign',
  async (t) => {
    const world = await createWorld(t)
    const { source } = world
    const [old, fresh] = [source.signer, createConfigurationSigner('Fresh key', 'rsa')]
    const configuration = await world.ready({ name: 'old key', named: [old, fresh] })
    world.publish({ name: 'new key', signer: fresh, named: [old, fresh] })
    await configuration.refresh()
    t.equal(nameIn(configuration), 'new key')
    t.equal(
      nameIn(await world.open()),
      'new key',
      'verified again at the start, though the anchor knows only the old key',
    )
    world.publish({ name: 'third key', signer: createConfigurationSigner('Third key') })
    t.equal(await codeOf(configuration.refresh()), 'invalid_global_conf_signature')

    const same = await configuration.installAnchor(source.anchor())
    t.equal(nameIn(configuration), 'new key', 'the installed anchor again changes nothing')
    const anchor = writeAnchor({
      generatedAt: new Date(START),
      instance: 'DEV',
      sources: [{ downloadUrl: `${source.url}/internalconf`, verificationCerts: [old.certificate] }],
    })
    const changed = await configuration.installAnchor(anchor)
    t.not(changed.hash, same.hash)
    t.equal(
      await codeOf(() => configuration.current()),
      'global_conf_outdated',
      'a key of the old trust signed the copy',
    )
    t.equal(
      await codeOf(async () => (await world.open()).current()),
      'global_conf_outdated',
      'nor after a restart',
    )
    world.publish({ name: 'new key', signer: fresh, named: [old, fresh] })
    t.equal(await codeOf(configuration.refresh()), 'invalid_global_conf_signature')
    world.publish({ name: 'old again' })
    await configuration.refresh()
    t.equal(nameIn(configuration), 'old again')
  },
)

void t.test('a crash at any write leaves the old configuration whole or the new one', async (t) => {
  const world = await createWorld(t)
  await world.ready({ name: 'before', index: 1 })
  let index = 1
  for (const when of ['before', 'after'] as const) {
    for (let step = 1; ; step++) {
      index += 1
      world.clock.now += 1000
      const name = `${when} ${step}`
      world.publish({ name, index })
      const failing = failAt(step, when)
      const outcome = await codeOf((await world.open({ files: failing })).refresh())
      const restarted = await world.open()
      const files = restarted.current().verificationFiles()
      const present = nameIn(restarted)
      const xml = files.find((file) => file.name === 'DEV/shared-params.xml')?.content.toString() ?? ''
      t.ok(xml.includes(`<name>${present}</name>`), `${name}: disk and memory say ${present}`)
      await restarted.refresh()
      t.equal(nameIn(restarted), name, `${name}: the next refresh succeeds`)
      if (outcome === 'accepted') break
      if (step > 60) return t.fail('the last write was never reached')
    }
  }
  const configuration = await world.open({ files: failAt(5, 'before') })
  world.clock.now += 1000
  world.publish({ name: 'once more', index: index + 1 })
  t.not(await codeOf(configuration.refresh()), 'accepted')
  t.equal(await codeOf(configuration.refresh()), 'accepted', 'the same process goes on after a failed write')
  t.equal(nameIn(await world.open()), 'once more')
})

/** File operations of which the n-th fails once, before or after its effect. */
function failAt(n: number, when: 'before' | 'after'): DurableFiles {
  let count = 0
  const acts = Object.entries(durableFiles).map(([name, act]) => [
    name,
    async (...given: [string, string & Buffer]) => {
      count += 1
      const fails = count === n
      if (fails && when === 'before') throw new Error('disk')
      await act(...given)
      if (fails) throw new Error('disk')
    },
  ])
  return Object.fromEntries(acts) as DurableFiles
}

void t.test(
  'expiry: the last good copy serves until then, across a restart, and comes back by itself',
  async (t) => {
    const world = await createWorld(t)
    const configuration = await world.ready({ name: 'kept' })
    world.source.intercept = (_path, _request, response) => {
      response.writeHead(503).end()
      return true
    }
    world.clock.now += 9 * MINUTE
    t.equal(await codeOf(configuration.refresh()), 'network_error')
    t.equal(nameIn(configuration), 'kept')
    t.equal(configuration.state().attempt.lastError?.code, 'network_error')
    const restarted = await world.open()
    t.equal(nameIn(restarted), 'kept', 'a restart during the outage works')
    t.equal(await codeOf(restarted.refresh()), 'network_error')

    world.source.intercept = undefined
    t.equal(await codeOf(configuration.refresh()), 'accepted', 'a source that is frozen but not expired')
    world.clock.now += MINUTE
    t.equal(await codeOf(() => configuration.current()), 'global_conf_outdated', 'to the second')
    t.equal(await codeOf(() => restarted.current()), 'global_conf_outdated')
    t.equal(await codeOf(configuration.refresh()), 'global_conf_outdated', 'a source frozen past expiry')
    t.equal((await world.open()).state().own?.isExpired, true)

    world.publish({ name: 'back' })
    await configuration.refresh()
    t.equal(nameIn(configuration), 'back')
    t.equal(configuration.state().attempt.lastError, undefined)
  },
)
