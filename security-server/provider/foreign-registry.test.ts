/**
 * The registry of another instance publishes the certificates of our servers as those of its own. Real keys
 * and messages.
 */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { parseServerId } from '#schemas/identifiers.ts'
import { createReliedOn } from '../peer/relied-on.ts'
import { createPeerVerifier, instancesOf } from '../peer/verify-peer.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'

const made = await createProviderWorld(t)
const { world, rooms, log, system } = made
const THEIRS = parseServerId('FI/GOV/1/ss')

/** What it publishes: our CAs, and one server that has the certificates of all of ours. */
function takeOver(): void {
  const { shared } = world.globalConfiguration.current().index
  world.federated = [
    {
      ...shared,
      instance: 'FI',
      members: [
        {
          ...shared.members[0]!,
          id: { instance: 'FI', memberClass: 'GOV', memberCode: '1' },
          subsystems: [],
        },
      ],
      securityServers: [
        {
          id: THEIRS,
          address: world.consumer.address,
          authCertHashes: shared.securityServers.flatMap(({ authCertHashes }) => authCertHashes),
          clients: [],
        },
      ],
      globalGroups: [],
    },
  ]
  world.reconfigure()
}

t.beforeEach(() => {
  world.restore()
  log.records.length = 0
  system.calls.length = 0
})

t.test('servers of an honest instance stay its own', async (t) => {
  takeOver()
  const { certificate, intermediates, ocspResponses } = world.consumer.keys.authenticationIdentity()
  const snapshot = world.globalConfiguration.current()
  t.same(snapshot.indexes()[0]?.instance, 'FI', 'it stands before ours')
  t.same(instancesOf(certificate, snapshot).sort(), ['DEV', 'FI'])
  const reliedOn = createReliedOn(world.clock)
  const verify = createPeerVerifier(reliedOn.rely)
  const presented = [certificate, ...intermediates]
  const as = (instance: string) =>
    verify({ presented, instance, ocspResponses, snapshot, at: world.clock() }).server.id
  // The same connection, one after the other: no cached verdict of one instance is another's.
  t.same(as('FI'), THEIRS)
  t.same(as('DEV'), world.consumer.id)
  t.same(as('FI'), THEIRS)
  t.same(
    reliedOn.list().map(({ instance }) => instance),
    ['FI', 'FI', 'DEV', 'DEV'],
    'the CA is asked by what each instance approves',
  )
  t.throws(() => as('SE'), { code: 'unknown_peer' })

  const reply = await exchange(await made.ask(), rooms)
  t.equal(reply.headers['x-hash-algorithm'], 'SHA-512')
  t.strictSame(log.told(), ['request:', 'reply:ok'])
  t.same(log.records[0]?.peer, world.consumer.id, 'the server of the client that it speaks for')
})

t.test('what it says of its own servers is nothing to ours', async (t) => {
  takeOver()
  const { certificate } = world.consumer.keys.authenticationIdentity()
  world.revoked.add(`FI ${certificate.sha256}`)
  world.reconfigure()
  t.same(instancesOf(certificate, world.globalConfiguration.current()), ['DEV'])
  await exchange(await made.ask(), rooms)
  t.strictSame(log.told(), ['request:', 'reply:ok'])
  world.suspended = [{ kind: 'certificate', id: certificate.sha256, since: '2026-01-01T00:00:00.000Z' }]
  world.reconfigure()
  const elsewhere = world.globalConfiguration.current()
  t.same(instancesOf(certificate, { ...elsewhere, isRevoked: () => false }), ['FI'], 'nor ours to it')
  t.throws(() => instancesOf(certificate, elsewhere), { name: 'Fault' })
})

t.test('a certificate that it alone has is of its server alone', async (t) => {
  takeOver()
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) =>
      one.id.serverCode === 'ss1' ? { ...one, authCertHashes: [] } : one,
    ),
  }))
  const refusal = await refusalIn(made, exchange(await made.ask({ requestId: randomUUID() }), rooms))
  t.match(refusal.fault, { code: 'unknown_member', what: /is no client of FI\/GOV\/1\/ss/ })
  t.equal(system.calls.length, 0)
})
