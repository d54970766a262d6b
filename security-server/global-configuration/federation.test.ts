import t from 'tap'
import { createWorld, MINUTE, START } from '#test/fakes/configuration-world.ts'

void t.test('federation', async (t) => {
  const other = await createWorld(t, 'FI')
  const world = await createWorld(t)
  const anchors = [
    {
      generatedAt: new Date(START),
      instance: 'FI',
      sources: [
        {
          downloadUrl: `${other.source.url}/externalconf`,
          verificationCerts: [other.source.signer.certificate],
        },
      ],
    },
  ]
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

  let letGo: () => void = () => undefined
  other.source.intercept = (_path, _request, response) => {
    letGo = () => response.writeHead(500).end()
    return true
  }
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
  letGo()
  await refreshing
  t.equal(federated.current().index.shared.members[0]?.name, 'Renamed')

  other.source.intercept = (_path, _request, response) => {
    response.writeHead(500).end()
    return true
  }
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
