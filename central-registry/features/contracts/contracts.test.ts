/**
 * Contracts at a real registry, on both databases: signed documents of members, decisions, notices, and lists
 * for servers.
 */
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { eachDatabase } from '#test/databases.ts'
import {
  act,
  agreed,
  code,
  decide,
  fetch,
  listFor,
  options,
  post,
  propose,
  REASON,
  seal,
  startContracts,
  stateOf,
  THIRD,
  third,
} from '#test/fakes/contract-world.ts'
import { contentAt, contractDocument, hashOf, inDays, sealOf } from '#test/fakes/contracts.ts'
import { headerOf, startMailServer } from '#test/fakes/mail-server.ts'
import { type Party, signingParty } from '#test/fakes/management-requests.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { GUEST, OWNER, owner, stranger } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { contractMigrations } from '../../register/migrations/contracts.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import { createContractReading } from './reading-store.ts'

t.test('a grace is published when a contract grants it and the registry has switched it on', async (t) => {
  const w = await startContracts(t)
  const publish = async (node = w.node) =>
    (await node.must('POST', '/configuration/publish')) as { expiresAt: string; graceUntil?: string }
  await agreed(w, { outageGraceHours: 3 })
  t.equal((await publish()).graceUntil, undefined, 'older servers would refuse it, so it is off')
  t.match(await w.node.must('GET', '/configuration'), { outageGrace: false })
  await w.node.stop()
  const { configuration } = w.node.settings
  const node = await w.world.start({ settings: { configuration: { ...configuration, outageGrace: true } } })
  const { expiresAt, graceUntil = '' } = await publish(node)
  t.equal(Date.parse(graceUntil) - Date.parse(expiresAt), 3 * 3_600_000)
  const text = (await node.get('/internalconf-statement?version=6')).bytes.toString()
  t.match(JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()), { graceUntil })
  t.match(await node.must('GET', '/configuration'), { outageGrace: true, newest: { graceUntil } })
})

t.test('from proposal to end', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const content = await agreed(w)
    t.equal(await stateOf(w, content), 'ACTIVE')
    const [row] = (await w.node.must('GET', '/contracts?q=taxation&member=DEV:GOV:5678')) as object[]
    t.match(row, {
      contract: content.contract,
      contentHash: hashOf(content),
      endsInDays: 365,
      overdue: false,
    })
    t.same(await w.node.must('GET', '/contracts?member=DEV:GOV:9'), [])
    t.equal((await w.node.call('GET', '/contracts?limit=1')).headers['x-total-count'], '1')

    const next = contentAt(w.world.clock.now, {
      ...content,
      version: 2,
      supersedes: hashOf(content),
      purpose: 'Assessment of income and property tax',
    })
    t.match(await propose(w, next, OWNER), { status: 200, body: { state: 'PROPOSED', version: 2 } })
    t.match(await seal(w, next, OWNER), { status: 200 })
    t.match(await seal(w, next, OWNER), code(409, 'contract_not_possible'), 'one member, one seal')
    t.match(await seal(w, next, GUEST), { body: { state: 'ACTIVE' } })
    t.equal(await stateOf(w, content), 'SUPERSEDED')
    const approved = new Date(w.world.clock.now).toISOString()
    t.match(
      (await listFor(w, GUEST)).contracts.map(({ state, inForceAt }) => ({ state, inForceAt })),
      [
        { state: 'SUPERSEDED', inForceAt: approved },
        { state: 'ACTIVE', inForceAt: approved },
      ],
      'servers know since when',
    )
    const whole = (await w.node.must('GET', `/contracts/${content.contract}`)) as {
      versions: { changes: object[]; seals: object[] }[]
      events: { act: string }[]
    }
    t.match(whole.versions[1], {
      changes: [{ path: '/purpose' }, { path: '/supersedes' }, { path: '/version' }],
      seals: [{ member: OWNER, mandated: ['Director (1)', 'Lawyer (2)'] }, { member: GUEST }],
    })
    t.same(
      whole.events.map((one) => one.act),
      ['propose', 'seal', 'seal', 'complete', 'propose', 'seal', 'seal', 'complete', 'supersede'],
    )

    await w.node.must('POST', '/configuration/publish')
    const { entries } = (await w.node.get('/internalconf-log-entries?from=0')).body as {
      entries: { form: string }[]
    }
    const leaves = entries.map(({ form }) => JSON.parse(form) as { contract?: string; act?: string })
    t.same(
      leaves.filter((one) => one.contract === content.contract).map((one) => one.act),
      whole.events.map((one) => one.act),
      'each is a leaf of the transparency log, once',
    )

    t.match(await decide(w, next, 'suspend', REASON), { status: 200, body: { state: 'SUSPENDED' } })
    t.match(await decide(w, next, 'suspend', REASON), code(409, 'contract_not_possible'))
    const third = { ...next, version: 3, supersedes: hashOf(next) }
    t.match(await propose(w, third), code(409, 'contract_not_possible'), 'no way round it')
    t.match(await decide(w, next, 'resume', REASON), { body: { state: 'ACTIVE' } })
    t.match(await act(w, next, THIRD, 'terminate'), code(400, 'access_denied'))
    const alone = await act(w, next, GUEST, 'terminate', ['Director (1)'])
    t.match(alone, code(403, 'second_signatory_needed'))
    for (const wrong of [[], ['a', 'a'], ['a', 'b', 'c'], ['x'.repeat(300), 'b']])
      t.match(await act(w, next, GUEST, 'terminate', wrong), code(400, 'invalid_contract'))
    t.match(await act(w, next, GUEST, 'terminate'), { body: { state: 'TERMINATED' } })
    const { events } = (await w.node.must('GET', `/contracts/${next.contract}`)) as { events: object[] }
    t.match(events.at(-1), { act: 'terminate', by: `${GUEST} (Director (1), Lawyer (2))` })
    t.match(await propose(w, third), code(409, 'contract_not_possible'))
    t.match(await decide(w, next, 'approve'), code(409, 'contract_not_possible'))

    const free = await w.node.call('DELETE', '/subsystems/DEV:GOV:5678:tax')
    t.match(free, { status: 409, body: { message: /registration/ } })
    t.notMatch(free, { body: { message: /service contracts/ } }, 'what has ended holds nobody')
  }),
)

t.test('what is about personal data takes effect when the registry agrees', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const content = await agreed(w, { personalData: true })
    t.equal(await stateOf(w, content), 'ACCEPTED')
    const wrong = { contentHash: 'a'.repeat(64) }
    t.match(
      await w.node.call('POST', `/contracts/${content.contract}/approve`, wrong),
      code(409, 'contract_not_possible'),
      'other content than was read',
    )
    // Two administrators decide at the same time.
    const replies = await Promise.all([
      decide(w, content, 'approve'),
      decide(w, content, 'decline', REASON),
      decide(w, content, 'approve'),
    ])
    t.same(replies.map(({ status }) => status).sort(), [200, 409, 409], 'one wins, the others are told')
    await w.node.must('PUT', '/contract-policy', { contractRequired: true, approveAll: true })
    t.same(await w.node.must('GET', '/contract-policy'), {
      ...{ contractRequired: true, approveAll: true, confirmedContacts: 'none' },
    })
    const other = contentAt(w.world.clock.now, {
      services: [{ serviceCode: 'horses', endpoints: [{ method: '*', path: '**' }] }],
    })
    await propose(w, other)
    await seal(w, other, OWNER)
    t.match(await seal(w, other, GUEST), { body: { state: 'ACCEPTED' } }, 'the policy asks for all')
    t.match((await listFor(w, GUEST)).contractRequired, true)
  }),
)

t.test('changed content voids what was agreed to', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const content = contentAt(w.world.clock.now)
    await propose(w, content)
    await seal(w, content, GUEST)
    const changed = { ...content, retentionDays: 1 }
    t.match(await propose(w, changed, OWNER), { status: 200, body: { version: 1, hash: hashOf(changed) } })
    t.match(await seal(w, content, OWNER), code(409, 'contract_not_possible'), 'the old one is no more')
    t.match(await seal(w, changed, OWNER), { body: { state: 'PROPOSED' } }, 'the first seal is void')
    t.match(await propose(w, changed, THIRD), code(400, 'access_denied'))
    const abroad = { ...changed, consumers: { subsystems: ['FI/GOV/1/a', 'SE/GOV/2/b'] } }
    t.match(await propose(w, abroad, THIRD), code(400, 'access_denied'), 'it learns of no instance')
    // One member seals while the other changes the proposal: only one of the two succeeds.
    const again = { ...content, retentionDays: 2 }
    const [sealed, proposed] = await Promise.all([seal(w, changed, GUEST), propose(w, again, OWNER)])
    t.same([sealed.status, proposed.status].sort(), [200, 409])
    const both = await Promise.all([propose(w, { ...again, retentionDays: 3 }), propose(w, again)])
    const last = await stateOf(w, content)
    t.ok(last === 'ACTIVE' ? both.every(({ status }) => status === 409) : last === 'PROPOSED')
  }),
)

t.test('forged, foreign and repeated documents', async (t) => {
  const w = await startContracts(t)
  const content = contentAt(w.world.clock.now)
  const proposal = contractDocument('proposal', { content }, options(w, GUEST))
  t.match(await post(w, '', proposal), { status: 200 })
  t.match(await post(w, '', proposal), code(400, 'replayed_request'))
  const one = sealOf(content, options(w, GUEST))
  t.match(await post(w, '/acts', one), code(400, 'malformed_signature'), 'a seal is no act')
  const bent = Buffer.from(one.toString().replace(/"payload":"....../, '"payload":"eyJhYX'))
  t.ok((await post(w, '/seals', bent)).status >= 400)
  const by = (party: Party, signer = GUEST) =>
    post(w, '/seals', sealOf(content, { ...options(w, signer), by: party }))
  t.match(await by(owner), code(400, 'incorrect_certificate'), "another member's key")
  t.ok((await by(await signingParty(stranger, GUEST))).status >= 400, 'of a CA that nobody approved')
  t.match(await by(third, THIRD), code(400, 'contract_seal_wrong'), 'of no party')
  const late = sealOf(content, { ...options(w, GUEST), at: w.world.clock.now + 360_000 })
  t.match(await post(w, '/seals', late), code(400, 'stale_request'))
  const unknown = { ...content, contract: randomUUID() }
  t.match(await seal(w, unknown, GUEST), { status: 404 })
  t.match(await post(w, '/seals', one), { status: 200 })
  t.match(await post(w, '/seals', one), code(400, 'replayed_request'))
  t.match(
    await act(w, content, OWNER, 'withdraw'),
    code(400, 'access_denied'),
    'who proposed it withdraws it',
  )
  for (const bytes of [Buffer.alloc(0), Buffer.from('{}'), Buffer.from('[]'), Buffer.from('{"payload":1}')])
    for (const path of ['', '/seals', '/acts', '/lists', '/items'])
      t.ok((await post(w, path, bytes)).status >= 400)
  const foreign = contractDocument('query', { server: `${OWNER}/SS1` }, options(w, GUEST))
  t.match(await post(w, '/lists', foreign), code(400, 'access_denied'), "another owner's server")
  const vanished = { ...contentAt(w.world.clock.now), consumers: { subsystems: [`${GUEST}/none`] } }
  t.match(await propose(w, vanished), { status: 409, body: { message: /DEV\/GOV\/5678\/none is not in/ } })
})

t.test('who has vanished meanwhile, and who overlaps', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const content = await agreed(w, { personalData: true })
    t.match(
      await w.node.call('DELETE', '/subsystems/DEV:GOV:1234:plain'),
      { status: 409, body: { message: /1 service contracts/ } },
      'what a contract names stays',
    )
    const twin = contentAt(w.world.clock.now)
    t.match(await propose(w, twin), { status: 409, body: { message: new RegExp(content.contract) } })
    await decide(w, content, 'decline', REASON)
    t.match(await propose(w, twin), { status: 200 })
    const rival = contentAt(w.world.clock.now)
    t.match(await propose(w, rival), { status: 200 }, 'proposals may compete')
    await seal(w, twin, GUEST)
    await seal(w, rival, GUEST)
    const replies = await Promise.all([seal(w, twin, OWNER), seal(w, rival, OWNER)])
    t.same(replies.map(({ status }) => status).sort(), [200, 409], 'one of them comes into force')
  }),
)

t.test('a group joins one by one, each server sees its own part', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    await w.node.must('POST', '/global-groups', { code: 'readers', description: 'Readers' })
    for (const client of ['DEV:GOV:5678:tax', 'DEV:GOV:9:other'])
      await w.node.must('POST', '/global-groups/readers/members', { client })
    const terms = contentAt(w.world.clock.now, { consumers: { globalGroup: 'readers' } })
    t.match(await propose(w, terms, GUEST), code(400, 'access_denied'), "standard terms are the provider's")
    await propose(w, terms, OWNER)
    t.match(await seal(w, terms, OWNER), { body: { state: 'ACTIVE' } })
    t.match(await w.node.call('DELETE', '/global-groups/readers'), { status: 409 })
    const join = (signer: string, ...subsystems: string[]) => seal(w, terms, signer, { subsystems })
    t.match(await join(GUEST, `${THIRD}/other`), code(400, 'contract_seal_wrong'))
    t.match(await join(GUEST, `${GUEST}/none`), { status: 409, body: { message: /not in the global group/ } })
    t.match(await join(GUEST, `${GUEST}/tax`), { status: 200 })
    t.match(await join(GUEST, `${GUEST}/tax`), code(409, 'contract_not_possible'), 'once')
    t.match(await join(THIRD, `${THIRD}/other`), { status: 200 })

    const own = contentAt(w.world.clock.now)
    t.match(await propose(w, own), { status: 409, body: { message: /covers calls of DEV\/GOV\/5678\/tax/ } })

    const lists = {
      owner: await listFor(w, OWNER),
      guest: await listFor(w, GUEST),
      third: await listFor(w, THIRD),
    }
    t.equal(lists.owner.contracts[0]?.seals.length, 3, 'the provider sees all who joined')
    t.equal(lists.guest.contracts[0]?.seals.length, 2, 'a consumer the provider and itself')
    const [foreign] = lists.third.contracts[0]!.seals.filter(
      (one) => !lists.guest.contracts[0]!.seals.includes(one),
    )
    t.same(await fetch(w, GUEST, [foreign!]), [], "another's seal is not given")
    const given = await fetch(w, GUEST, [hashOf(terms), ...lists.guest.contracts[0]!.seals, 'a'.repeat(64)])
    t.equal(given.length, 3)
  }),
)

t.test('services of contracts from before they were searched for are found too', (t) =>
  eachDatabase(t, async (database, t) => {
    // A later one changes a table of another room.
    const { 'registry-contracts-006-grace': _later, ...before } = contractMigrations
    await migrate(database, before)
    const tables = tablesOf<RegisterTables>(database)
    const services = [{ serviceCode: 'a b', endpoints: [] }]
    const rows = Array.from({ length: 1001 }, (_, number): Omit<ContractRow, 'origin' | 'agreed_at'> => {
      const content = contentAt(Date.now(), { services, version: (number % 2) + 1 })
      const contract = `c${Math.floor(number / 2)}`
      const days = { valid_from: 'a', valid_until: 'b', review_at: 'b', proposed_at: 'a', changed_at: 'a' }
      return {
        ...{ ...days, contract, version: content.version, hash: 'h', state: 'ACTIVE', title: 't' },
        ...{ content: JSON.stringify(content), parties: `${contract} DEV/GOV/1/x`, proposed_by: 'DEV/GOV/1' },
        ...{ critical: 0, global_group: null, reason: null },
      }
    })
    for (let from = 0; from < rows.length; from += 100)
      await tables
        .insertInto('contract_version')
        .values(rows.slice(from, from + 100))
        .execute()
    await contractMigrations['registry-contracts-003-services']!.up(database.kysely)
    const reading = createContractReading(database)
    t.equal(await reading.count({ q: 'a b' }), 1001)
    t.equal(await reading.count({ q: 'DEV:GOV:1:x' }), 1001)
  }),
)

t.test('only parties learn that there is a contract', async (t) => {
  const w = await startContracts(t)
  const content = await agreed(w)
  t.same((await listFor(w, THIRD)).contracts, [])
  t.same(await fetch(w, THIRD, [hashOf(content)]), [])
  t.match((await listFor(w, OWNER)).contracts, [
    { contract: content.contract, state: 'ACTIVE', waitsFor: [] },
  ])
  const query = contractDocument('query', {}, options(w, OWNER))
  t.match(await post(w, '/lists', query), { status: 200 })
  t.match(await post(w, '/lists', query), code(400, 'replayed_request'), 'an overheard question is no key')
})

t.test('the end is announced to both, and comes', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const mail = await startMailServer(t)
    const w = await startContracts(t, url, { mailServer: mail.server })
    await w.node.must('PUT', '/members/DEV:GOV:1234/mail-addresses', { addresses: ['owner@gov.example'] })
    const mailed = (address: string): string[] =>
      mail.received
        .filter(({ to }) => to.includes(address))
        .map(({ raw }) => headerOf(raw, 'Subject') ?? '')
        .filter((subject) => !subject.startsWith('Does this address reach'))
        .map((subject) => /^Service contract (.*):/.exec(subject)?.[1] ?? 'proposed')
    const heard: { event: string; contract: string }[] = []
    const listener = http.createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        heard.push(JSON.parse(Buffer.concat(chunks).toString()) as never)
        response.end()
      })
    })
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    t.teardown(() => listener.close())
    const { port } = listener.address() as AddressInfo
    await w.node.must('PUT', '/members/DEV:GOV:5678/webhook', { url: `http://127.0.0.1:${port}/hook` })
    const { now } = w.world.clock
    const content = await agreed(w, { validUntil: inDays(now, 20), reviewAt: inDays(now, 20) })
    const critical = await agreed(w, {
      ...{ validUntil: inDays(now, 20), reviewAt: inDays(now, 20), critical: true },
      services: [{ serviceCode: 'horses', endpoints: [{ method: 'GET', path: '/**' }] }],
    })
    // A notice may be sent twice, because the lease of its job ends when the clock jumps.
    const events = (of: ContractContent) => [
      ...new Set(heard.filter(({ contract }) => contract === of.contract).map(({ event }) => event)),
    ]
    // The clock advances while we wait: a job that ends after a jump is due a minute later.
    const hear = (holds: () => boolean) =>
      until(`${holds}`, (saw) => {
        w.world.clock.now += 1000
        saw([heard.length, mail.received.length])
        return holds()
      })
    await hear(() => events(content).includes('ends-30'))
    w.world.clock.now = Date.parse(content.validUntil) + 1000
    // Jobs run in parallel, so notices come in any order, also one of before after one of now.
    const all = ['ACTIVE', 'EXPIRED', 'PROPOSED', 'ends-30']
    await hear(() => all.every((one) => events(content).includes(one)))
    await hear(() => events(critical).includes('overdue-0'))
    t.same(events(content).toSorted(), all)
    t.equal(await stateOf(w, critical), 'ACTIVE', 'critical: it goes on, and is shown')
    t.match(await w.node.must('GET', `/contracts?endsBefore=${inDays(now, 30)}`), [
      { contract: critical.contract, overdue: true },
    ])
    w.world.clock.now += 86_400_000
    await hear(() => events(critical).includes('overdue-1'))
    const ends = ['in force', 'ends in 30 days or less', 'is now expired', 'is overdue']
    await hear(() => ends.every((one) => mailed('desk@tax.example').includes(one)))
    t.notOk(mailed('desk@tax.example').includes('proposed'), 'a proposal is for the parties alone')
    await hear(() => [...ends, 'proposed'].every((one) => mailed('owner@gov.example').includes(one)))
    const { notices } = (await w.node.must('GET', `/contracts/${critical.contract}`)) as { notices: object[] }
    t.match(notices, [{ notice: 'ends-30' }, { notice: 'overdue-0' }, {}])
  }),
)
