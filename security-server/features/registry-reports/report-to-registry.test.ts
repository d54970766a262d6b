/**
 * A security server's reports to a real registry over real TLS: what they contain, what the registry answers,
 * and invalid answers.
 */
import t from 'tap'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import type { ReportAnswer } from '#schemas/fleet.ts'
import { kept } from '#schemas/said.ts'
import { authenticationParty, ocspFor } from '#test/fakes/management-requests.ts'
import { anchorOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { authority, OWNER, owner } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { createPostDocument, type PostDocument } from '../../global-configuration/registration/client.ts'
import type { CertificateInfo, Keys, TokenInfo } from '../../keys/keys.ts'
import { createCallReports, namedAndRest } from './report-calls.ts'
import { createRegistryReports } from './report-to-registry.ts'

const SERVER = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', serverCode: 'SS1' }
const MINUTE = 60_000
const DAY = 86_400_000

type Fleet = {
  version: string
  reportedAt: string
  worst: string
  troubles: { kind: string; message: string }[]
  report: { certificates: { authority?: string; ocspFailure?: string }[]; clockErrorMs?: number }
}

void t.test('what a server says and what it is told', async (t) => {
  const world = registryWorld(t)
  const node = await world.start({ registration: true })
  await setUp(node, authority)
  await publish(node)
  const globalConfiguration = await world.reader(await anchorOf(node))
  await globalConfiguration.refresh()
  let ahead = 0
  const clock = (): number => world.clock.now + ahead
  const authentication = await authenticationParty(authority)
  const info = (of: typeof owner, usage: 'AUTHENTICATION' | 'SIGNING', more: object) =>
    ({
      ...{ sha256: of.certificate.sha256, usage, active: true, ocsp: { state: 'good' } },
      notAfter: of.certificate.notAfter.toISOString(),
      ...more,
    }) as CertificateInfo
  const certificates = [
    info(owner, 'SIGNING', { member: OWNER }),
    info(authentication, 'AUTHENTICATION', { ocsp: { state: 'stale', error: 'no\nanswer \u202e' } }),
    info(authentication, 'AUTHENTICATION', { sha256: 'f'.repeat(64), active: false }),
  ]
  const keys: Pick<Keys, 'tokens' | 'certificateDer' | 'signJson'> = {
    tokens: () => [{ keys: [{ certificates }] }] as unknown as TokenInfo[],
    certificateDer: (sha256) =>
      [owner, authentication].find((one) => one.certificate.sha256 === sha256)!.certificate.der,
    signJson: async ({ document, type }) =>
      writeSignedJson(document as object, type, [
        { certificates: [owner.certificate], ocspResponses: ocspFor(owner), key: owner.key },
      ]),
  }
  const real = createPostDocument(
    () => globalConfiguration.current().index.privateParameters?.managementService,
  )
  let post: PostDocument = real
  const heard: number[] = []
  const reports = createRegistryReports({
    ...{ server: SERVER, version: '9.9', clock, keys, globalConfiguration, random: () => 0.5 },
    messageLog: { oldestUnstamped: () => new Date(clock() - 20 * MINUTE) },
    jobs: {
      state: async () => [
        {
          ...{ kind: 'time-stamp', waiting: 1, lastEndedAt: null, lastSucceededAt: null },
          lastError: kept('no authority answered'),
        },
      ],
    },
    post: (...q) => post(...q),
    heard: ({ time }) => void heard.push(time.getTime()),
  })
  const seen = async (): Promise<Fleet> => (await node.must('GET', '/fleet/DEV:GOV:1234:SS1')) as Fleet
  await reports.reportWhenDue()
  const first = await seen()
  t.match(first, {
    version: '9.9',
    worst: 'error',
    report: {
      certificates: [{ authority: authority.intermediate.sha256 }, { ocspFailure: 'no answer' }],
      configuration: { index: globalConfiguration.state().own!.statementIndex, failure: undefined },
      clockErrorMs: undefined,
    },
  })
  t.equal(first.report.certificates.length, 2, 'active ones')
  t.match(first.troubles.map(({ kind }) => kind).sort(), ['ocsp', 'timeStamping'])
  t.ok(first.troubles.some(({ message }) => message.endsWith(': no authority answered')))
  t.equal(reports.clockErrorMs(), 0)

  const until = new Date(world.clock.now + 10 * MINUTE).toISOString()
  await node.must('POST', '/outages', { message: 'Works', until })
  world.clock.now += 59_000
  await reports.reportWhenDue()
  t.equal((await seen()).reportedAt, first.reportedAt, 'it is not time yet')
  t.same(reports.outages(), [])
  world.clock.now += 1000
  await reports.reportWhenDue()
  t.match(reports.outages(), [{ message: 'Works', until }])

  ahead = 20_000
  world.clock.now += MINUTE
  await reports.reportWhenDue()
  t.equal(reports.clockErrorMs(), 20_000)
  world.clock.now += MINUTE
  await reports.reportWhenDue()
  t.ok((await seen()).troubles.some(({ kind }) => kind === 'clock'))
  t.equal(heard.at(-1), world.clock.now, 'the time that was signed is passed on')
  // The time of the next report was set while the clock was ahead.
  ahead = 0
  world.clock.now += 20_000

  let old: Buffer = Buffer.alloc(0)
  const lies: [string, (bytes: Buffer) => Buffer, RegExp][] = [
    ['kept for later', (bytes) => (old = bytes), /never/],
    ['an older answer', () => old, /invalid_global_conf_signature/],
    ['nobody signed it', () => Buffer.from('{}'), /malformed/],
    [
      "signed by a member, not by the configuration's key",
      () => {
        const answer: ReportAnswer = {
          ...{ instance: 'DEV', server: `${OWNER}/SS1`, answers: crypto.randomUUID() },
          ...{ generatedAt: new Date(clock()).toISOString(), outages: [] },
        }
        const by = { certificates: [owner.certificate], ocspResponses: [], key: owner.key }
        return Buffer.from(writeSignedJson(answer, 'concordat-server-report-answer', [by]))
      },
      /invalid_global_conf_signature/,
    ],
  ]
  for (const [what, lie, code] of lies) {
    world.clock.now += 61_000
    post = async (...q) => lie(await real(...q))
    const told = await reports.reportWhenDue().then(
      () => 'never thrown',
      (thrown: { code: string }) => thrown.code,
    )
    t.match(told, code, what)
    t.ok(old.length > 0)
    t.equal(reports.outages().length, 1, 'what was told holds')
  }
  world.clock.now += 10 * MINUTE
  t.same(reports.outages(), [], 'it is over by itself')
})

void t.test(
  'what a server exchanges: the running day now and then, others once, secret ones unnamed',
  async (t) => {
    const world = registryWorld(t)
    // A quarter of an hour passes below: neither a day ends with it, nor the time after which the one before
    // is final.
    const since2340 = (world.clock.now + 20 * MINUTE) % DAY
    world.clock.now += Math.max(0, 30 * MINUTE - since2340)
    const node = await world.start({ registration: true })
    await setUp(node, authority)
    await node.must('POST', '/security-servers/DEV:GOV:1234:SS1/clients', { client: 'DEV:GOV:1234:plain' })
    const { certificate } = await authenticationParty(authority)
    await node.must('POST', '/security-servers/DEV:GOV:1234:SS1/authentication-certificates', certificate.der)
    await publish(node)
    const globalConfiguration = await world.reader(await anchorOf(node))
    await globalConfiguration.refresh()
    const clock = (): number => world.clock.now
    const asked: string[] = []
    const sent: string[] = []
    const real = createPostDocument(
      () => globalConfiguration.current().index.privateParameters?.managementService,
    )
    const pair = { client: 'OTHER/COM/5/x', service: 'DEV/GOV/1234/plain/persons' }
    const total = { answered: 30, failed: 5, refused: 6 }
    let post: PostDocument = real
    const reports = createCallReports({
      ...{ server: SERVER, clock, globalConfiguration, random: () => 0.5 },
      keys: {
        signJson: async ({ document, type }) => {
          const by = { certificates: [owner.certificate], ocspResponses: ocspFor(owner), key: owner.key }
          sent.push(JSON.stringify(document))
          return writeSignedJson(document as object, type, [by])
        },
      },
      messageLog: {
        callsOf: async ({ day }) => {
          asked.push(day)
          const calls = { ...pair, direction: 'out', answered: 20, failed: 1, refused: 0 }
          return { pairs: [calls, { ...calls, direction: 'in', answered: 0, refused: 2 }], total }
        },
      },
      post: (...q) => post(...q),
    })
    for (let i = 0; i < 4; i++) await reports.reportWhenDue()
    const days = new Set(asked)
    t.ok(days.size === 31 || days.size === 30, `the running day and all before, in parts: ${days.size}`)
    const count = asked.length
    await reports.reportWhenDue()
    t.equal(asked.length, count, 'it is not time yet')
    const later = async (minutes: number): Promise<void> => {
      world.clock.now += minutes * MINUTE
      // The registry publishes again without a request.
      await until('a configuration that is not over', async (saw) => {
        await globalConfiguration.refresh().catch(() => undefined)
        return saw(globalConfiguration.state().own!.expiresAt).getTime() > clock()
      })
    }
    await later(15)
    await reports.reportWhenDue()
    t.ok(asked.length - count <= 2, 'the others are there')
    const told = (await node.must(
      'GET',
      '/consequences?operation=deleteSecurityServer&id=DEV:GOV:1234:SS1',
    )) as {
      calls: { pairs: { first: { answered: number }[] }; unnamed: number; notReportedBy: { total: number } }
    }
    const days31 = days.size
    t.match(told.calls.pairs.first, [
      { consumer: 'OTHER:COM:5:x', answered: 20 * days31, failed: 2 * days31 },
    ])
    t.match(told.calls, { unnamed: (41 - 24) * days31, notReportedBy: { total: 0 } })

    post = async () => Buffer.from('{}')
    await later(30)
    await t.rejects(reports.reportWhenDue(), 'an answer that is none')
    t.ok(!sent.some((text) => text.includes('undefined')))
  },
)

t.test('pairs of others, and beyond those that are told, are counted together', (t) => {
  const one = (n: number) => ({
    ...{ client: `DEV/GOV/1/c${n}`, service: 'DEV/GOV/2/p/s', direction: 'in' },
    ...{ answered: 1, failed: 0, refused: 0 },
  })
  const total = { answered: 400, failed: 0, refused: 9 }
  const pairs = Array.from({ length: 300 }, (_, n) => one(n))
  const both = namedAndRest({ pairs, total }, () => true)
  t.equal(both.calls.length, 200)
  t.same(both.rest, { answered: 200, failed: 0, refused: 9 })
  t.equal(both.calls[0]?.side, 'consumer', 'both ends are here: what came in ended it at the consumer')
  t.equal(namedAndRest({ pairs, total }, (id) => id === 'DEV/GOV/2/p').calls[0]?.side, 'provider')
  t.equal(namedAndRest({ pairs, total }, (id) => id === 'DEV/GOV/1/c7').calls.length, 1)
  t.same(
    namedAndRest({ pairs, total }, () => false),
    { calls: [], rest: total },
  )
  const long = { ...one(0), client: `DEV/GOV/1/${'c'.repeat(400)}` }
  t.same(namedAndRest({ pairs: [long], total }, () => true).calls, [])
  t.end()
})
