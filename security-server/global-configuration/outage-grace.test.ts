/**
 * A registry that cannot be reached, and contracts that may go on: for how long, by which clock, after a
 * restart, and never longer.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { writeSuspensionList } from '#core/configuration/configuration-fixture.ts'
import { documentSigner } from '#core/configuration/signed-document.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { ConfigurationStatement } from '#schemas/global-configuration.ts'
import { codeOf, createWorld, MINUTE, nameIn, START, type World } from '#test/fakes/configuration-world.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import type { KeptContract } from './contracts/verify-contract.ts'
import { graceInWords, graceNow } from './findings.ts'
import type { GlobalConfiguration } from './global-configuration.ts'
import { ANY_GRACE } from './snapshot.ts'

const HOUR = 60 * MINUTE
const END = START + 10 * MINUTE
let index = 0

/** A publication whose statement lets contracts go on for so many hours. */
const grace = (hours: number, more: Partial<ConfigurationStatement> = {}) => ({
  index: ++index,
  statement: (honest: ConfigurationStatement): ConfigurationStatement => ({
    ...honest,
    graceUntil: new Date(Date.parse(honest.expireDate) + hours * HOUR).toISOString(),
    ...more,
  }),
})

/** The registry can no longer be reached. */
const cut = ({ source }: World): void => {
  source.intercept = (_path, request) => {
    request.socket.destroy()
    return true
  }
}

const within = (configuration: GlobalConfiguration, hours: number): Promise<string> =>
  codeOf(() => configuration.currentWithin(hours * HOUR))

t.test('as long as it was published and granted, the shorter of both', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready({ name: 'one', ...grace(12) })
  const current = configuration.current()
  t.equal(configuration.currentWithin(ANY_GRACE).version, current.version, 'verdicts are shared')
  t.equal(current.overdue(['DEV']), undefined)
  cut(world)
  const seen: [minutes: number, ...codes: string[]][] = []
  for (const minutes of [9, 10, 69, 70, 71, 10 + 12 * 60 - 1, 10 + 12 * 60]) {
    world.clock.now = START + minutes * MINUTE
    await configuration.refresh().catch(() => undefined)
    const ordinary = await codeOf(() => configuration.current())
    const any = await codeOf(() => configuration.currentWithin(ANY_GRACE))
    seen.push([
      minutes,
      ...[ordinary, await within(configuration, 1), await within(configuration, 24), any].map((code) =>
        code === 'global_conf_outdated' ? 'outdated' : code,
      ),
    ])
  }
  const [on, off] = ['accepted', 'outdated']
  t.strictSame(seen, [
    [9, on, on, on, on],
    [10, off, on, on, on],
    [69, off, on, on, on],
    [70, off, off, on, on],
    [71, off, off, on, on],
    [729, off, off, on, on],
    [730, off, off, off, off],
  ])
  t.strictSame(current.overdue(['DEV', 'SE']), {
    ...{ code: 'global_conf_outdated', since: END, forMs: 12 * HOUR },
  })

  world.source.intercept = undefined
  world.publish({ name: 'two' })
  t.equal(await codeOf(configuration.refresh()), 'global_conf_rollback', 'it does not go back meanwhile')
  world.publish({ name: 'two', ...grace(12) })
  await configuration.refresh()
  t.equal(nameIn(configuration), 'two', 'and all is well')
  world.publish({ name: 'three', index: ++index })
  await configuration.refresh()
  world.clock.now += 11 * MINUTE
  t.equal(await within(configuration, 24), 'global_conf_outdated', 'nothing was published')
})

t.test('after a restart by what is on disk, and with a clock that was turned back', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready(grace(2))
  cut(world)
  world.clock.now = END + HOUR
  t.equal(await within(configuration, 2), 'accepted')
  world.clock.now = START + MINUTE
  t.equal(await codeOf(() => configuration.current()), 'global_conf_outdated', 'turned back it is over still')
  t.equal(configuration.currentWithin(ANY_GRACE).overdue(['DEV'])?.forMs, HOUR)
  await configuration.refresh().catch(() => undefined)

  const restarted = await world.open()
  t.equal(await codeOf(() => restarted.current()), 'global_conf_outdated', 'in a new process as well')
  t.equal(await within(restarted, 1), 'global_conf_outdated')
  t.equal(await within(restarted, 2), 'accepted')
  world.clock.now = END + 2 * HOUR
  t.equal(await within(restarted, 24), 'global_conf_outdated')

  // The same publication once more, by a clock that says that it is young, proves no time.
  world.source.intercept = undefined
  world.clock.now = START + MINUTE
  await restarted.refresh()
  t.equal(await within(restarted, 24), 'global_conf_outdated')
  world.publish(grace(2))
  await restarted.refresh()
  t.equal(await codeOf(() => restarted.current()), 'accepted', 'a newer one does')
  world.clock.now = START - 5 * HOUR
  const earlier = await world.open()
  t.equal(
    earlier.currentWithin(ANY_GRACE).expiresAt.getTime() - START,
    11 * MINUTE,
    'and no process believes that it is earlier than that',
  )
  world.clock.now = START + 5 * MINUTE
  t.equal(await codeOf(() => earlier.current()), 'accepted')
})

t.test('a clock that was ahead is forgiven with the next publication', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready(grace(1))
  world.clock.now += 30 * 24 * HOUR
  t.equal(await within(configuration, 24), 'global_conf_outdated')
  world.clock.now = START + MINUTE
  t.equal(await within(configuration, 24), 'global_conf_outdated')
  world.publish(grace(1))
  await configuration.refresh()
  t.equal(await codeOf(() => configuration.current()), 'accepted')
})

t.test('a registry whose clock was ahead once, and was put right', async (t) => {
  for (const isOlder of [false, true]) {
    const world = await createWorld(t)
    const configuration = await world.ready(grace(1))
    world.clock.now += 3 * HOUR
    world.publish(grace(1))
    const ahead = new Date(world.clock.now).toISOString()
    world.clock.now = START + MINUTE
    await configuration.refresh()
    t.equal(await codeOf(() => configuration.current()), 'accepted', 'its own publication can be used')
    const { now } = world.clock
    // The location's time goes on from the wrong one; an older registry signed a time that did so, too.
    world.source.publish({
      ...{ at: new Date(Date.parse(ahead) + 1), expireDate: new Date(now + 10 * MINUTE) },
      ...grace(1, {
        generatedAt: new Date(isOlder ? Date.parse(ahead) + 1 : now).toISOString(),
      }),
    })
    await configuration.refresh()
    t.equal(await codeOf(() => configuration.current()), 'accepted', `with an older one: ${isOlder}`)
    t.equal(await codeOf(() => configuration.currentWithin(ANY_GRACE)), 'accepted')
    const restarted = await world.open()
    t.equal(await codeOf(() => restarted.current()), 'accepted', 'and after a restart')
    cut(world)
    world.clock.now = now + 11 * MINUTE
    t.equal(await codeOf(() => restarted.current()), 'global_conf_outdated', 'it ends as any other')
    t.equal(await within(restarted, 1), 'accepted')
  }
})

t.test('the suspension list alone is withheld, or never came', async (t) => {
  const world = await createWorld(t)
  const { source, clock } = world
  const publish = (): void => world.publish(grace(1, { hasSuspensionList: true }))
  publish()
  const configuration = await world.open()
  await configuration.installAnchor(source.anchor())
  await configuration.refresh()
  t.equal(
    await within(configuration, 24),
    'suspension_list_outdated',
    'without a first one there is no grace',
  )
  const issuedAt = new Date(clock.now).toISOString()
  const expiresAt = new Date(clock.now + 10 * MINUTE).toISOString()
  const suspended = [{ kind: 'member', id: 'DEV/GOV/1234', since: issuedAt }] as const
  const list = { instance: 'DEV', number: 1, issuedAt, expiresAt, suspended: [...suspended] }
  const signer = documentSigner(source.signer.certificate, source.signer.key)
  source.files.set('/internalconf-suspensions', Buffer.from(writeSuspensionList(list, signer)))
  await configuration.refreshSuspensions()
  t.equal(await codeOf(() => configuration.current()), 'accepted')

  source.files.delete('/internalconf-suspensions')
  for (const [minutes, ordinary, granted] of [
    [9, 'accepted', 'accepted'],
    [10, 'suspension_list_outdated', 'accepted'],
    [69, 'suspension_list_outdated', 'accepted'],
    [70, 'suspension_list_outdated', 'suspension_list_outdated'],
  ] as const) {
    clock.now = START + minutes * MINUTE
    publish()
    await configuration.refresh()
    t.equal(await codeOf(() => configuration.current()), ordinary, `${minutes} minutes`)
    t.equal(await within(configuration, 24), granted, 'a new configuration does not lengthen it')
    t.ok(
      configuration.state().own?.suspensionList?.suspended === 1 &&
        (granted !== 'accepted' ||
          configuration.currentWithin(ANY_GRACE).suspensionsIn('DEV').ofClient('DEV/GOV/1234') !== undefined),
      'who was suspended stays so',
    )
  }
})

t.test('another instance is away, and ours is not', async (t) => {
  const world = await createWorld(t)
  const other = await createWorld(t, 'SE')
  const anchors = [
    {
      ...{ generatedAt: new Date(START), instance: 'SE' },
      sources: [
        {
          downloadUrl: `${other.source.url}/externalconf`,
          verificationCerts: [other.source.signer.certificate],
        },
      ],
    },
  ]
  const { statement, ...publication } = grace(3)
  other.publish({
    ...publication,
    // An external configuration has no private parameters.
    statement: (honest) => {
      const shared = Object.entries(honest.parts).filter(([name]) => !name.includes('PRIVATE'))
      return statement({ ...honest, parts: Object.fromEntries(shared) })
    },
  })
  for (const [name, content] of [...other.source.files])
    if (name.startsWith('/internalconf-statement'))
      other.source.files.set(name.replace('internal', 'external'), content)
  world.publish({ anchors, ...grace(3) })
  const configuration = await world.open({ allowedFederations: 'all' })
  await configuration.installAnchor(world.source.anchor())
  await configuration.refresh()
  t.ok(configuration.current().indexFor('SE'))
  cut(other)
  world.clock.now = END + HOUR
  world.publish({ anchors, ...grace(3) })
  await configuration.refresh()
  const known = (hours: number): boolean =>
    configuration.currentWithin(hours * HOUR).indexFor('SE') !== undefined
  t.strictSame([0, 1, 2, 24].map(known), [false, false, true, true])
  const told = (consumer: string) => {
    const content = contentAt(START, { outageGraceHours: 2, consumers: { subsystems: [consumer] } })
    const one = { content, listed: { state: 'ACTIVE' }, joined: [], seals: [] } as unknown as KeptContract
    const view = () => ({
      asOf: new Date(START).toISOString(),
      required: true,
      refused: [],
      contracts: [one],
    })
    const contracts = { view, isSuspended: () => false }
    return graceNow({ globalConfiguration: configuration, contracts }, 'SE')?.until
  }
  t.equal(told('SE/GOV/1/a'), new Date(END + 2 * HOUR).toISOString())
  t.equal(told('DEV/GOV/5678/tax'), undefined, 'a contract with nobody of that instance')
  const { overdue } = configuration.current()
  t.equal(overdue(['DEV']), undefined, 'our own members are not concerned')
  t.match(overdue(['DEV', 'SE']), { code: 'global_conf_outdated', since: END, forMs: HOUR })
  t.not(configuration.current().version, configuration.currentWithin(ANY_GRACE).version, 'other verdicts')
})

t.test('one index has one grace', async (t) => {
  const world = await createWorld(t)
  const publication = grace(2)
  const configuration = await world.ready(publication)
  world.publish({ ...grace(24), index: publication.index })
  t.equal(await codeOf(configuration.refresh()), 'global_conf_rollback')
  world.publish({ index: publication.index })
  t.equal(await codeOf(configuration.refresh()), 'global_conf_rollback')
})

t.test('a registry that signed two histories has no grace', async (t) => {
  const world = await createWorld(t)
  await world.ready(grace(2))
  cut(world)
  const fork = { kind: 'unproven', what: 'two heads', at: new Date(START).toISOString(), heads: [] }
  const file = path.join(world.directory, 'fork.json')
  for (const kind of ['unproven', 'contradiction']) {
    world.clock.now = END - MINUTE
    writeFileSync(file, JSON.stringify({ ...fork, kind }))
    const configuration = await world.open()
    t.equal(await within(configuration, 24), 'accepted', 'until the ordinary end')
    world.clock.now = END
    const isProved = kind === 'contradiction'
    t.equal(await within(configuration, 24), isProved ? 'global_conf_outdated' : 'accepted', kind)
  }
})

t.test('what is said of it counts only the contracts under which calls go on', async (t) => {
  const world = await createWorld(t)
  const globalConfiguration = await world.ready(grace(3))
  cut(world)
  world.clock.now = END + MINUTE
  const said = (
    more: Partial<ContractContent>,
    o: { state?: string; asOf?: number; suspended?: boolean } = {},
  ) => {
    const content = contentAt(START, { outageGraceHours: 2, ...more })
    const one = { content, listed: { state: o.state ?? 'ACTIVE' }, joined: [], seals: [] }
    const asOf = new Date(o.asOf ?? START).toISOString()
    const view = () => ({ asOf, required: true, refused: [], contracts: [one as unknown as KeptContract] })
    return graceNow({ globalConfiguration, contracts: { view, isSuspended: () => o.suspended === true } })
  }
  const at = (ms: number): string => new Date(ms).toISOString()
  t.match(said({}), { since: at(END), contracts: 1, until: at(END + 2 * HOUR) })
  t.equal(String(graceInWords(said({})!)).includes('failed'), false)
  await globalConfiguration.refresh().catch(() => undefined)
  t.match(String(graceInWords(said({})!)), /outage grace: 1, .*; the last attempt failed: ./)
  t.equal(said({ outageGraceHours: 24 })?.until, at(END + 3 * HOUR), 'as long as was published')
  t.equal(said({ validUntil: at(END + HOUR) })?.until, at(END + HOUR), 'not beyond its own end')
  for (const [why, nothing] of [
    ['ended', said({ validUntil: at(END) })],
    ['critical, with no grace', said({ validUntil: at(END), critical: true, outageGraceHours: 0 })],
    ['not begun', said({ validFrom: at(END + HOUR) })],
    ['not in force', said({}, { state: 'SUSPENDED' })],
    ['on the suspension list', said({}, { suspended: true })],
    ['of an old list', said({}, { asOf: END - 3 * HOUR })],
    ['people are asked', said({ preview: { minutes: 30 } })],
  ] as const)
    t.equal(nothing, undefined, why)
})

t.test('marks that say how late it was are read as any other', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready(grace(1))
  cut(world)
  world.clock.now = END + MINUTE
  await configuration.refresh().catch(() => undefined)
  const file = path.join(world.directory, 'marks.json')
  const marks = JSON.parse(readFileSync(file, 'utf8')) as { passed?: unknown }
  t.equal(marks.passed, world.clock.now)
  for (const passed of ['1', 1.5, null]) {
    writeFileSync(file, JSON.stringify({ ...marks, passed }))
    t.equal(await codeOf(world.open()), 'io_error', JSON.stringify(passed))
  }
})
