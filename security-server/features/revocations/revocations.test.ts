/**
 * Revocation at the CA, while the peer goes on showing an OCSP response that is still fresh: it is noticed
 * with the next question, shared by all nodes, and no answer that is old, forged or about another certificate
 * changes anything. Real certificates and answers, both stores.
 */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import type { FetchOcsp } from '../../keys/client.ts'
import { createPeerWorld } from '../../peer/peer-fixture.ts'
import { createReliedOn } from '../../peer/relied-on.ts'
import { createPeerVerifier, registeredServer } from '../../peer/verify-peer.ts'
import { type Answered, createAuthorityQuestions } from './ask-authorities.ts'
import { revocationMigrations } from './migrations.ts'
import { createRevocationStore } from './store.ts'

const INTERVAL_MS = 30_000
const world = await createPeerWorld(t)
const log = createLog({ name: 'test', level: 'silent' })

/** What a node of the server has: its own list of peers, the table of all. */
function openNode(database: Database, fetchOcsp: FetchOcsp) {
  const reliedOn = createReliedOn(world.clock)
  const counted: Answered[] = []
  const obeyed: string[][] = []
  const questions = createAuthorityQuestions({
    ...{ clock: world.clock, log, reliedOn, fetchOcsp, intervalMs: INTERVAL_MS },
    store: createRevocationStore(database),
    globalConfiguration: {
      ...world.globalConfiguration,
      obeyRevocations(certificates) {
        obeyed.push([...certificates])
        world.revoked = new Set(certificates)
        world.reconfigure()
      },
    },
    count: (answered) => void counted.push(answered),
  })
  return { reliedOn, questions, obeyed, counted: () => counted.splice(0) }
}

t.test('revoked at the CA', (t) =>
  eachDatabase(t, async (database, t) => {
    world.restore()
    await migrate(database, revocationMigrations)
    const given: Buffer[] = []
    let answer: FetchOcsp = async (_url, request) => {
      given.push(world.authority.ocspAnswer(request, { at: new Date(world.clock()) }))
      return given.at(-1)!
    }
    const node = openNode(database, (url, request) => answer(url, request))
    const { questions } = node
    t.notOk(questions.isDue(), 'nobody is relied on yet')

    const { certificate, intermediates, ocspResponses } = world.provider.keys.authenticationIdentity()
    const verifier = createPeerVerifier(node.reliedOn.rely)
    const verify = (instance = 'DEV') =>
      verifier({
        ...{ presented: [certificate, ...intermediates], instance, ocspResponses, at: world.clock() },
        snapshot: world.globalConfiguration.current(),
      })
    verify()
    t.ok(questions.isDue())
    await questions.ask()
    t.same(node.counted(), ['good', 'good'], 'the server and its intermediate CA')
    t.notOk(questions.isDue(), 'until the interval has passed')
    world.skew += INTERVAL_MS

    const wrong: [string, FetchOcsp][] = [
      [
        'old',
        async (_url, request) =>
          world.authority.ocspAnswer(request, {
            mode: 'revoked',
            at: new Date(world.clock() - 2 * 3_600_000),
          }),
      ],
      [
        'from the future',
        async (_url, request) =>
          world.authority.ocspAnswer(request, { mode: 'revoked', at: new Date(world.clock() + 600_000) }),
      ],
      [
        'of a stranger',
        async (_url, request) => world.authority.ocspAnswer(request, { mode: 'wrong-signer' }),
      ],
      ['cut', async (_url, request) => world.authority.ocspAnswer(request).subarray(0, 99)],
      ['about another', async () => given[0]!],
      ['nothing', async () => Promise.reject(new Fault('network_error'))],
    ]
    for (const [what, one] of wrong) {
      answer = one
      await questions.ask()
      const counted = node.counted()
      t.equal(counted.length, 2, `${what}: both were asked about`)
      t.ok(
        counted.every((found) => found === 'failed' || found === 'good'),
        what,
      )
      verify()
      world.skew += 2 * INTERVAL_MS
    }
    t.same(node.obeyed, [], 'nothing changed')
    t.ok(questions.unansweredSeconds() >= 60, 'and how long nobody has answered is told')

    let requests = 0
    answer = async () => {
      requests++
      throw new Fault('network_error')
    }
    await questions.ask()
    t.match([requests, questions.isDue()], [2, false], 'a responder that is not reached rests')
    world.skew += 5_000
    t.ok(questions.isDue(), 'but not for the whole interval')
    world.skew += 3_600_000
    await questions.ask()
    world.skew -= 3_600_000
    t.ok(questions.isDue(), 'nor for an hour because the clock was an hour ahead when it failed')
    t.same(node.counted(), ['failed', 'failed', 'failed', 'failed'])
    let number = 0
    answer = async (_url, request) =>
      world.authority.ocspAnswer(
        request,
        number++ === 0 ? { mode: 'unknown' } : { at: new Date(world.clock()) },
      )
    await questions.ask()
    t.same(node.counted().sort(), ['good', 'unknown'], 'what it says of one is nothing to the others')
    world.skew += INTERVAL_MS

    answer = async (_url, request) =>
      world.authority.ocspAnswer(request, { mode: 'revoked', at: new Date(world.clock()) })
    await questions.ask()
    t.throws(verify, { code: 'incorrect_validation_info' }, 'though what it shows is fresh')
    t.throws(() => registeredServer(certificate, 'DEV', world.globalConfiguration.current()), /revoked/)
    t.equal(questions.revoked(), 2)

    const other = openNode(database, (url, request) => answer(url, request))
    world.revoked.clear()
    world.reconfigure()
    verify()
    await other.questions.obeyStored()
    t.throws(verify, { code: 'incorrect_validation_info' }, 'another node, or this one after a restart')

    world.skew += INTERVAL_MS
    const before = world.clock() - 2 * INTERVAL_MS
    answer = async (_url, request) => world.authority.ocspAnswer(request, { at: new Date(before) })
    await other.questions.ask()
    t.throws(
      verify,
      { code: 'incorrect_validation_info' },
      'an answer from before the revocation does not take it back',
    )
    world.skew += INTERVAL_MS
    answer = async (_url, request) => world.authority.ocspAnswer(request, { at: new Date(world.clock()) })
    await other.questions.ask()
    verify()
    t.equal(other.questions.revoked(), 0, 'its CA took it back: it was on hold')

    await createRevocationStore(database).put({ certificate, instance: 'DEV', since: new Date() })
    world.skew = certificate.notAfter.getTime() + 1 - Date.now()
    await questions.obeyStored()
    t.equal(questions.revoked(), 0, 'what has ended by itself is forgotten')
  }),
)

t.test('responders of another instance that keep silent delay no question to ours', (t) =>
  eachDatabase(t, async (database, t) => {
    world.restore()
    await migrate(database, revocationMigrations)
    const { shared } = world.globalConfiguration.current().index
    // It approves the same public CA, with a crowd of addresses of its own.
    const silent = ['1', '2', '3', '4', '5', '6'].map((name) => ({
      ...{ url: `http://silent.fi/${name}`, cert: undefined, costType: undefined },
    }))
    world.federated = [
      {
        ...{ ...shared, instance: 'FI', members: [], securityServers: [] },
        approvedCas: shared.approvedCas.map((ca) => ({
          ...ca,
          topCa: { ...ca.topCa, ocsp: silent },
          intermediateCas: ca.intermediateCas.map((one) => ({ ...one, ocsp: silent })),
        })),
      },
    ]
    world.reconfigure()
    const asked: string[] = []
    let giveUp: () => void = () => undefined
    const silence = new Promise<Buffer>((_resolve, reject) => {
      giveUp = () => void reject(new Fault('network_error'))
    })
    silence.catch(() => undefined)
    const node = openNode(database, async (url, request) => {
      asked.push(url)
      return url.startsWith('http://silent.fi') ? silence : world.authority.ocspAnswer(request)
    })
    const servers = [world.consumer, world.provider, world.second]
    const keys = servers.flatMap(({ keys, id }) => [
      keys.authenticationIdentity().certificate,
      keys.signingIdentity(memberOf(id)).certificate,
    ])
    const { authority } = world
    // More than are asked at once, all before ours.
    node.reliedOn.rely(
      [...keys, authority.intermediate, authority.tsa, authority.ocspResponder],
      'FI',
      world.clock() + 60_000,
    )
    node.reliedOn.rely([keys[0]!], 'DEV', world.clock() + 60_000)
    const round = node.questions.ask()
    await until('an answer about ours', (saw) => saw(node.counted()).includes('good'))
    giveUp()
    await round
    const addresses = new Set(asked.filter((url) => url.startsWith('http://silent.fi')))
    t.equal(addresses.size, 4, 'and no instance has more of its addresses asked')
  }),
)
