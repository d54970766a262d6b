import type { ServerResponse } from 'node:http'
import t from 'tap'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { createWorld, MINUTE, nameIn, START, type World } from '#test/fakes/configuration-world.ts'
import { until } from '#test/until.ts'

const anchorOf = ({ source }: World, instance: string, signer = source.signer) => ({
  generatedAt: new Date(START),
  instance,
  sources: [{ downloadUrl: `${source.url}/externalconf`, verificationCerts: [signer.certificate] }],
})

void t.test('federation', async (t) => {
  const other = await createWorld(t, 'FI')
  const world = await createWorld(t)
  const anchors = [anchorOf(other, 'FI')]
  other.publish({ name: 'Finland', expireDate: new Date(START + 5 * MINUTE) })
  const alone = await world.ready({ anchors })
  t.equal(alone.current().indexFor('FI'), undefined, 'none is allowed by default')
  t.same(other.source.requests, [])

  const federated = await world.open({ allowedFederations: ['FI'] })
  t.same(federated.state().federatedMissing, ['FI'])
  await federated.refresh()
  const finnish = { instance: 'FI', memberClass: 'GOV', memberCode: '1234' }
  t.equal(federated.current().indexFor('FI')?.memberName(finnish), 'Finland')
  t.equal(federated.current().index.isRegistered(finnish), false)
  t.same(federated.state().federatedMissing, [])
  t.same(
    federated
      .current()
      .indexes()
      .map((index) => index.instance),
    ['DEV', 'FI'],
  )
  t.same(
    federated
      .current()
      .verificationFiles()
      .map((file) => file.name),
    [
      'instance-identifier',
      'DEV/shared-params.xml',
      'DEV/shared-params.xml.metadata',
      'FI/shared-params.xml',
      'FI/shared-params.xml.metadata',
    ],
  )
  const restarted = await world.open({ allowedFederations: 'all' })
  t.equal(restarted.current().indexFor('FI')?.memberName(finnish), 'Finland')
  t.equal(
    (await world.open()).current().indexFor('FI'),
    undefined,
    'not any more when it is not allowed any more',
  )

  const { version } = federated.current()
  other.source.intercept = (_path, _request, response) => {
    response.writeHead(500).end()
    return true
  }
  world.clock.now += MINUTE
  world.publish({ anchors })
  await federated.refresh()
  t.equal(federated.current().indexFor('FI')?.memberName(finnish), 'Finland', 'its last copy serves')

  const refuse = other.source.intercept
  const held: ServerResponse[] = []
  other.source.intercept = (_path, _request, response) => held.push(response) > 0
  world.clock.now += MINUTE
  world.publish({ anchors, name: 'Renamed' })
  const renamed = new Promise<void>((resolve) => {
    const stop = federated.onChange(() => {
      stop()
      resolve()
    })
  })
  const refreshing = federated.refresh()
  await renamed
  t.equal(federated.current().index.shared.members[0]?.name, 'Renamed', 'our own part does not wait for it')
  t.equal(federated.current().indexFor('FI')?.memberName(finnish), 'Finland')
  other.source.intercept = refuse
  for (const response of held) response.writeHead(500).end()
  await refreshing
  t.equal(federated.current().index.shared.members[0]?.name, 'Renamed')

  world.clock.now += 5 * MINUTE
  world.publish({ anchors })
  await federated.refresh()
  t.equal(federated.current().indexFor('FI'), undefined, 'until it expires')
  t.not(federated.current().version, version)
  t.match(federated.state().federated, [{ instance: 'FI', isExpired: true }])

  other.source.intercept = undefined
  other.publish({ name: 'Forged', signer: world.source.signer })
  await federated.refresh()
  t.equal(federated.current().indexFor('FI'), undefined, 'our own key does not sign for it')
  world.publish({ anchors, name: 'Forged', signer: other.source.signer })
  await t.rejects(federated.refresh(), { code: 'invalid_global_conf_signature' }, 'nor does its key for us')
})

void t.test('another instance that never answers holds up neither ours nor a third', async (t) => {
  const [silent, other, world] = [
    await createWorld(t, 'FI'),
    await createWorld(t, 'SE'),
    // It gives up nobody whom the test keeps silent.
    await createWorld(t, 'DEV', 60_000),
  ]
  silent.publish()
  other.publish({ name: 'Sweden' })
  let held: ServerResponse[] = []
  silent.source.intercept = (_path, _request, response) => held.push(response) > 0
  const letGo = (): void => {
    silent.source.intercept = undefined
    for (const response of held) response.end(silent.source.files.get('/externalconf?version=6'))
    held = []
  }
  const anchors = [anchorOf(silent, 'FI'), anchorOf(other, 'SE')]
  await world.ready({ anchors, name: 'First' })
  const federated = await world.open({ allowedFederations: 'all' })
  const swedish = { instance: 'SE', memberClass: 'GOV', memberCode: '1234' }
  const isThere = new Promise<void>((resolve) =>
    federated.onChange(({ indexFor }) => {
      if (indexFor('SE')?.memberName(swedish) === 'Sweden') resolve()
    }),
  )
  for (const name of ['Second', 'Third', 'Fourth']) {
    world.clock.now += MINUTE
    world.publish({ anchors, name })
    await federated.refreshOwn()
    t.equal(nameIn(federated), name)
  }
  await isThere
  t.equal(held.length, 1, 'it is asked once at a time')

  // A configuration that was verified with an anchor which our registry no longer trusts is not installed
  // late.
  world.clock.now += MINUTE
  const replaced = anchorOf(silent, 'FI', createConfigurationSigner('Another key'))
  world.publish({ anchors: [replaced], name: 'Fifth' })
  const isNamed = new Promise<void>((resolve) =>
    federated.onChange(() => nameIn(federated) === 'Fifth' && resolve()),
  )
  const refreshing = federated.refresh()
  await isNamed
  letGo()
  await refreshing
  t.equal(silent.source.requests.at(-1)?.endsWith('shared-params.xml'), true, 'all of it came')
  t.equal(federated.current().indexFor('FI'), undefined)
  world.publish({ anchors })
  await federated.refresh()
  t.equal(federated.current().indexFor('FI')?.instance, 'FI')

  // `refresh` waits for all instances, but with a bound, and a slow location leaves time for the next one.
  silent.source.intercept = (_path, _request, response) => {
    const drop = setInterval(() => response.write('x'), 20)
    response.on('close', () => clearInterval(drop))
    return true
  }
  const mirror = await startConfigurationSource('FI', silent.source.signer)
  t.teardown(() => mirror.close())
  mirror.publish({
    at: new Date(world.clock.now),
    expireDate: new Date(world.clock.now + MINUTE),
    name: 'New',
  })
  const [first] = anchorOf(silent, 'FI').sources
  const second = { ...first!, downloadUrl: `${mirror.url}/externalconf` }
  world.publish({ anchors: [{ ...anchorOf(silent, 'FI'), sources: [first!, second] }] })
  const bounded = await world.open({
    ...{ allowedFederations: 'all', federatedWithinMs: 3000, shuffle: (items) => items },
  })
  const finnish = { instance: 'FI', memberClass: 'GOV', memberCode: '1234' }
  await until('what the mirror has', async (saw) => {
    await bounded.refresh()
    return saw(bounded.current().indexFor('FI')?.memberName(finnish)) === 'New'
  })
})
