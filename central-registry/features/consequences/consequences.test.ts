/**
 * Predicts the effects of acts at a real registry on both databases: the prediction comes true, and
 * predicting changes nothing.
 */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { readSignedJson } from '#core/signature/signed-json.ts'
import { type CallCountsAnswer, FLEET_DOCUMENT } from '#schemas/fleet.ts'
import { contentAt, contractDocument, sealOf } from '#test/fakes/contracts.ts'
import { callsAt, signedCalls, signedReport } from '#test/fakes/fleet.ts'
import { authenticationParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { newestOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, type Reply, registryWorld } from '#test/fakes/registry-world.ts'
import { authority, GUEST, guest, OWNER, owner } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { compare, type Snapshot } from './rules.ts'

type Named<T = string> = { total: number; first: T[] }
type Consequences = {
  possible: boolean
  refusal?: { type: string; message: string }
  notKnown: string[]
  certificates: Named<{ sha256: string; server: string }>
  contracts: Named<{ contract: string; title: string; calls: object | null }>
  services: Named<{ provider: string; serviceCode: string }>
  calls: {
    answered: number
    unnamed: number
    pairs: Named<{ consumer: string; serviceCode: string; answered: number }>
    subsystems: Named<{ id: string }>
    notReportedBy: Named
    partlyReportedBy: Named<{ server: string; days: number }>
  }
} & Record<'members' | 'clients' | 'withoutServer' | 'securityServers' | 'signers', Named>

const [first, second] = [await authenticationParty(authority), await authenticationParty(authority)]
const DAY = 86_400_000
const foresee = async (node: Node, query: string): Promise<Consequences> =>
  (await node.must('GET', `/consequences?operation=${query}`)) as Consequences

/** Counts of exchanges: accepted once, only from the owner, and only well-formed. */
async function refuseCounts(t: Test, node: Node, now: number): Promise<void> {
  const tell = (bytes: Buffer): Promise<Reply> => node.register('/registration/v1/call-counts', bytes)
  const first = callsAt(OWNER, now)
  const reply = await tell(signedCalls(first, owner))
  const answer = readSignedJson(reply.bytes, FLEET_DOCUMENT.callsAnswer).document as CallCountsAnswer
  const today = first.day
  t.match(answer, { instance: 'DEV', server: `${OWNER}/SS1`, answers: first.id })
  t.equal(answer.missing.length, 30)
  t.ok(answer.missing[0]! < today && answer.missing[0]! > answer.missing[29]!)
  t.match((await tell(signedCalls(first, owner))).body, { type: 'replayed_request' })
  const settled = await tell(signedCalls(callsAt(OWNER, now, { on: now - DAY }), owner))
  const then = readSignedJson(settled.bytes, FLEET_DOCUMENT.callsAnswer).document as CallCountsAnswer
  t.same(then.missing, answer.missing.slice(1))

  const one = {
    ...{ side: 'consumer', consumer: `${OWNER}/a`, service: `${OWNER}/b/c` },
    ...{ answered: 1, failed: 0, refused: 0 },
  }
  const bad = (more: object): Buffer => signedCalls({ ...callsAt(OWNER, now), ...more }, owner)
  for (const [what, bytes] of [
    ['of another server', signedCalls(callsAt(GUEST, now, { server: `${OWNER}/SS1` }), guest)],
    ["by another's key", signedCalls(callsAt(OWNER, now), guest)],
    ['of a server that is not registered', bad({ server: `${OWNER}/SS9` })],
    ['another document', signedReport(callsAt(OWNER, now), owner)],
    ['of tomorrow', bad({ day: new Date(now + DAY).toISOString().slice(0, 10) })],
    ['settled today', bad({ settled: true })],
    ['of no day', bad({ day: '2026-02-31' })],
    ['with more', bad({ more: 1 })],
    ['a pair twice', bad({ calls: [one, one] })],
    [
      'too many',
      bad({ calls: Array.from({ length: 201 }, (_, i) => ({ ...one, consumer: `${OWNER}/a${i}` })) }),
    ],
    ['less than nothing', bad({ rest: { answered: -1, failed: 0, refused: 0 } })],
    ['more than there are', bad({ rest: { answered: 2 ** 53 - 1, failed: 0, refused: 0 } })],
    ['half of one', bad({ calls: [{ ...one, answered: 0.5 }] })],
    ['no side', bad({ calls: [{ ...one, side: 'both' }] })],
    ['no service', bad({ calls: [{ ...one, service: `${OWNER}/b` }] })],
    ['too many parts', bad({ calls: [{ ...one, service: `${OWNER}/b/c/d/e` }] })],
    ['another form of an id', bad({ calls: [{ ...one, consumer: `${OWNER}/%61` }] })],
    ['a version in another form', bad({ calls: [{ ...one, service: `${OWNER}/b/c/%76` }] })],
    [
      'a long id',
      bad({
        calls: [
          {
            ...one,
            consumer: `${OWNER}/${'a'.repeat(250)}`,
            service: `${OWNER}/${'a'.repeat(250)}/${'b'.repeat(250)}`,
          },
        ],
      }),
    ],
    ['rubbish', Buffer.from('rubbish')],
  ] as const) {
    const { status } = await tell(bytes)
    t.ok(status >= 400 && status < 500, `${what}: ${status}`)
  }
}

void t.test('each act, before it is done', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, database.dialect === 'sqlite' ? undefined : url)
    const node = await world.start({ registration: true })
    await setUp(node, authority)
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '5678', name: 'Guest' })
    await node.must('POST', '/members/DEV:GOV:5678/subsystems', { subsystemCode: 'tax' })
    await node.must('POST', '/security-servers', { id: 'DEV:GOV:1234:SS2', address: 'ss2.example' })
    for (const [server, client, party] of [
      ['SS1', 'DEV:GOV:1234:plain', first],
      ['SS2', 'DEV:GOV:1234:plain', second],
      ['SS1', 'DEV:GOV:5678:tax', undefined],
    ] as const) {
      const at = `/security-servers/DEV:GOV:1234:${server}`
      await node.must('POST', `${at}/clients`, { client })
      if (party !== undefined)
        await node.must('POST', `${at}/authentication-certificates`, party.certificate.der)
    }
    const content = contentAt(world.clock.now)
    for (const [path, bytes] of [
      ['', contractDocument('proposal', { content }, { by: guest, signer: GUEST, at: world.clock.now })],
      ['/seals', sealOf(content, { by: guest, signer: GUEST, at: world.clock.now })],
      ['/seals', sealOf(content, { by: owner, signer: OWNER, at: world.clock.now })],
    ] as const)
      t.equal((await node.register(`/registration/v1/contracts${path}`, bytes)).status, 200)
    await publish(node)
    const newest = await newestOf(node)

    const server = await foresee(node, 'deleteSecurityServer&id=DEV:GOV:1234:SS1')
    t.match(server, {
      possible: true,
      securityServers: { total: 1, first: ['DEV:GOV:1234:SS1'] },
      certificates: { total: 1, first: [{ sha256: first.certificate.sha256, server: 'DEV:GOV:1234:SS1' }] },
      withoutServer: { total: 2, first: ['DEV:GOV:1234:pop ä', 'DEV:GOV:5678:tax'] },
      members: { total: 2, first: ['DEV:GOV:1234', 'DEV:GOV:5678'] },
      contracts: { total: 1, first: [{ contract: content.contract, title: content.title, state: 'ACTIVE' }] },
      services: { total: 1, first: [{ provider: 'DEV:GOV:1234:plain', serviceCode: 'persons' }] },
    })
    t.ok(server.clients.first.includes('DEV:GOV:1234:plain'), 'loses one of two ways')
    t.match(server.notKnown[0], /message logs/, 'calls are not invented')
    t.match(server.calls, { answered: 0, notReportedBy: { total: 2 }, partlyReportedBy: { total: 0 } })
    t.notMatch(JSON.stringify(server.contracts), /purpose/)

    const tell = async (more: Parameters<typeof callsAt>[2]) => {
      const counts = callsAt(OWNER, world.clock.now, more)
      return node.register('/registration/v1/call-counts', signedCalls(counts, owner))
    }
    const counts = (answered: number, failed = 0, refused = 0) => ({ answered, failed, refused })
    const persons = { consumer: 'DEV/GOV/5678/tax', service: 'DEV/GOV/1234/plain/persons' }
    const yesterday = world.clock.now - DAY
    const told: [object, number][] = [
      [{ calls: [{ side: 'provider', ...persons, ...counts(7, 1) }] }, 200],
      [
        {
          on: yesterday,
          calls: [
            { side: 'provider', ...persons, ...counts(100, 2, 3) },
            { side: 'consumer', ...persons, ...counts(90) },
            {
              ...{ side: 'provider', consumer: 'OTHER/COM/1/x' },
              ...{ service: 'DEV/GOV/1234/plain/old%20list/v2', ...counts(4) },
            },
            // Of a subsystem that is not a client of this server: no server may report for another's clients.
            { side: 'provider', ...persons, service: 'DEV/GOV/5678/tax/bills', ...counts(50) },
            { side: 'consumer', consumer: 'DEV/GOV/9/x', service: persons.service, ...counts(8) },
          ],
          rest: counts(10, 1, 1),
        },
        200,
      ],
      [{ on: yesterday - 40 * DAY, calls: [{ side: 'provider', ...persons, ...counts(999) }] }, 200],
      [{ on: yesterday - 70 * DAY }, 400],
      // A day that is settled cannot be reopened.
      [{ on: yesterday, settled: false }, 200],
    ]
    await refuseCounts(t, node, world.clock.now)
    for (const [more, status] of told) t.equal((await tell(more)).status, status)
    const counted = await foresee(node, 'deleteSecurityServer&id=DEV:GOV:1234:SS1')
    t.match(counted.calls, {
      ...{ answered: 111 + 50, failed: 3, refused: 3, unnamed: 20 },
      pairs: {
        total: 3,
        first: [
          {
            ...{ consumer: 'DEV:GOV:5678:tax', provider: 'DEV:GOV:1234:plain', serviceCode: 'persons' },
            ...{
              answered: 107,
              failed: 3,
              refused: 3,
              lastDay: new Date(world.clock.now).toISOString().slice(0, 10),
            },
          },
          { serviceCode: 'bills' },
          { consumer: 'OTHER:COM:1:x', serviceCode: 'old list', serviceVersion: 'v2', answered: 4 },
        ],
      },
      notReportedBy: { first: ['DEV:GOV:1234:SS2'] },
      partlyReportedBy: { first: [{ server: 'DEV:GOV:1234:SS1', days: 1 }] },
    })
    t.match(counted.contracts.first, [{ calls: { answered: 107, failed: 3, refused: 3 } }])
    t.match(
      counted.services.first.filter(({ provider }) => provider === 'DEV:GOV:1234:plain'),
      [
        { serviceCode: 'persons', answered: 107 },
        { serviceCode: 'old list', answered: 4 },
      ],
      'what was called without a contract is known too',
    )
    t.match(counted.notKnown.join(), /did not report.*other instances/)
    t.match((await foresee(node, `terminateContract&id=${content.contract}`)).calls, {
      ...{ answered: 107, pairs: { total: 1 } },
      notReportedBy: { first: ['DEV:GOV:1234:SS2'] },
    })
    const { id } = ((await node.must('GET', '/certification-services')) as { id: number }[])[0]!
    const top = await foresee(node, `deleteCertificationService&id=${id}`)
    const below = await foresee(node, `deleteIntermediateCa&id=${id}&sha256=${authority.intermediate.sha256}`)
    for (const ca of [top, below])
      t.match(ca, {
        securityServers: { total: 2 },
        certificates: { total: 2 },
        withoutServer: { total: 4 },
        signers: { total: 2, first: ['DEV:GOV:1234', 'DEV:GOV:5678'] },
      })
    const member = await foresee(node, 'addSuspension&kind=member&id=DEV:GOV:5678')
    t.match(member, {
      withoutServer: { total: 1, first: ['DEV:GOV:5678:tax'] },
      securityServers: { total: 0 },
    })
    t.equal(member.contracts.total, 1)
    const certificate = `addSuspension&kind=certificate&id=${second.certificate.sha256}`
    t.match(await foresee(node, certificate), {
      securityServers: { first: ['DEV:GOV:1234:SS2'] },
      certificates: { total: 1 },
      withoutServer: { total: 0 },
    })
    for (const act of ['terminateContract', 'suspendContract'])
      t.match(await foresee(node, `${act}&id=${content.contract}`), {
        contracts: { total: 1 },
        services: { total: 1 },
        members: { total: 2 },
        withoutServer: { total: 0 },
      })
    t.match(await foresee(node, 'deleteClient&id=DEV:GOV:1234:SS1&client=DEV:GOV:5678:tax'), {
      withoutServer: { first: ['DEV:GOV:5678:tax'] },
    })
    const tsa = ((await node.must('GET', '/timestamping-services')) as { id: number }[])[0]!
    t.match(await foresee(node, `deleteTimestampingService&id=${tsa.id}`), {
      possible: true,
      members: { total: 0 },
    })

    const secret = contentAt(world.clock.now, {
      ...{ title: 'Hidden', secret: { visibleTo: [OWNER] } },
      services: [{ serviceCode: 'bills', endpoints: [{ method: 'GET', path: '/*' }] }],
    })
    const as = [
      { by: guest, signer: GUEST, at: world.clock.now },
      { by: owner, signer: OWNER, at: world.clock.now },
    ] as const
    for (const [path, bytes] of [
      ['', contractDocument('proposal', { content: secret }, as[0])],
      ['/seals', sealOf(secret, as[0])],
      ['/seals', sealOf(secret, as[1])],
    ] as const)
      t.equal((await node.register(`/registration/v1/contracts${path}`, bytes)).status, 200)
    const hidden = await foresee(node, `terminateContract&id=${secret.contract}`)
    t.match(hidden, { contracts: { first: [{ title: 'Hidden', calls: null }] } })
    t.match(hidden.notKnown.join(), /secret contracts/)

    for (const [query, type] of [
      ['deleteMember&id=DEV:GOV:5678', 'conflict'],
      ['deleteSubsystem&id=DEV:GOV:5678:tax', 'conflict'],
      ['deleteMember&id=DEV:GOV:9', 'not_found'],
      ['deleteSecurityServer&id=DEV:GOV:1234:SS9', 'not_found'],
      ['deleteCertificationService&id=999', 'not_found'],
      ['deleteCertificationService&id=DEV:GOV:9', 'invalid_input'],
      ['deleteIntermediateCa&id=1', 'invalid_input'],
      ['addSuspension&id=DEV:GOV:1234', 'invalid_input'],
      ['addSuspension&kind=member&id=OTHER:GOV:1234', 'invalid_input'],
      [`terminateContract&id=${randomUUID()}`, 'not_found'],
    ])
      t.match(await foresee(node, query!), { possible: false, refusal: { type } }, query!)
    for (const query of [
      '',
      '?operation=addMember&id=1',
      '?operation=deleteMember',
      '?operation=deleteMember&id=',
    ])
      t.equal((await node.call('GET', `/consequences${query}`)).status, 400, query)

    t.same(await node.must('GET', '/suspensions'), [], 'nothing was done')
    t.equal(((await node.must('GET', '/security-servers')) as unknown[]).length, 2)
    t.same((await newestOf(node))?.index, newest?.index, 'and nothing published')
    // What was predicted happens.
    await node.must('POST', '/suspensions', { kind: 'member', subject: 'DEV:GOV:5678', reason: 'stolen' })
    t.match(await foresee(node, 'addSuspension&kind=member&id=DEV:GOV:5678'), { possible: false })
    t.equal(
      (await foresee(node, 'deleteClient&id=DEV:GOV:1234:SS1&client=DEV:GOV:5678:tax')).withoutServer.total,
      0,
    )
    await until('a publication', () => newestOf(node))
    await node.stop()
  })
})

t.test('owners exchange by their own servers; what was suspended before is not lost again', (t) => {
  const before: Snapshot = {
    servers: [{ id: 'A/B/C/S', owner: 'A/B/C' }],
    certificates: [{ sha256: 'a', server: 'A/B/C/S', notAfter: '' }],
    clients: [{ server: 'A/B/C/S', client: 'A/B/D/x' }],
    suspended: [],
  }
  const gone = compare(before, { ...before, certificates: [] })
  t.match(gone, { withoutServer: ['A/B/C', 'A/B/D/x'], servers: ['A/B/C/S'], members: ['A/B/C', 'A/B/D'] })
  const suspended = { ...before, suspended: [{ kind: 'certificate' as const, subject: 'a' }] }
  t.same(compare(before, suspended).certificates.length, 1)
  t.same(compare(suspended, suspended).certificates, [])
  const owner = { ...before, suspended: [{ kind: 'member' as const, subject: 'A/B/C' }] }
  t.same(compare(before, owner).withoutServer, ['A/B/C'], "others stay clients of a suspended owner's server")
  t.same(
    compare(before, { ...before, clients: [...before.clients, { server: 'A/B/C/S', client: 'A/B/E/y' }] }),
    {
      ...{ members: [], clients: [], withoutServer: [], servers: [], certificates: [] },
    },
  )
  t.end()
})
