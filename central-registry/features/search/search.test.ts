/**
 * What the search over everything finds, for whom, and by what is typed: in one registry with something of
 * every kind.
 */
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { PeopleTables } from '#platform/people/tables.ts'
import { createProposalStore } from '#platform/proposals/store.ts'
import { onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { createChange } from '../../changes/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { createCatalogueStore } from '../catalogue/store.ts'
import type { List } from './lists.ts'
import { searchHandlers } from './routes.ts'

type Found = { id: string; words?: string; state?: string; knownBy?: string }
type Group = { kind: string; total: number; found: Found[] }

const AT = '2026-03-01T12:00:00.000Z'
const PROVIDER = 'DEV/GOV/1234/pop%20%C3%A4'
const SERVICE = 'DEV:GOV:1234:pop ä:persons'
const PROPOSAL = '0b7f1c1e-5a53-4c39-9d0b-2f9f1d3f0a11'
const READERS = [
  ...['XROAD_REGISTRATION_OFFICER', 'XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR'],
  ...['XROAD_OBSERVER', 'XROAD_AUDITOR'],
]
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })

onEachRegistryDatabase('everything is found by those who may list it', async (t, url) => {
  const node = await registryWorld(t, url).start()
  await setUp(node, authority)
  await fill(t, url)
  const keys = new Map<string, string>()
  for (const role of READERS) {
    const { secret } = (await node.must('POST', '/api-keys', { name: role, roles: [role] })) as {
      secret: string
    }
    keys.set(role, secret)
  }
  const ask = searching(node, keys)

  await t.test('each kind, with what tells it apart', async (t) => {
    const found = async (q: string): Promise<Record<string, Found[]>> => {
      const groups = await ask.groups(q, 'XROAD_AUDITOR')
      return Object.fromEntries(groups.map((one) => [one.kind, one.found]))
    }
    t.same((await found('owners'))['group'], [
      { id: 'owners', words: 'Owners' },
      { id: 'security-server-owners', words: 'Security server owners' },
    ])
    t.same(await found('of the country'), {
      service: [{ id: SERVICE, words: 'Persons of the country', state: 'offered' }],
    })
    t.same(await found('who lives where'), {}, 'what a description says is searched in the list alone')
    t.same((await found('gov/1234/pop ä/persons'))['service']?.length, 1, 'by its id')
    t.same((await found('FI-b'))['anchor'], [{ id: 'ab'.repeat(32), words: 'FI-b', state: 'EXAMINED' }])
    t.match(await found('Test CA'), { certificationService: [{ words: 'Test CA' }] })
    t.match(await found('ocsp2.example'), { certificationService: [{ words: 'Test CA' }] }, 'by a responder')
    t.match(await found('fivrk'), { certificationService: [{ words: 'Test CA' }] }, 'by its profile')
    t.match(await found('tsa.example'), { timestampingService: [{ words: 'Test TSA' }] }, 'by its address')
    t.same((await found('mari'))['person'], [
      { id: 'p1', words: 'Mari', state: 'active', knownBy: 'mari@example.org' },
      { id: 'p2', words: 'Mari', state: 'locked', knownBy: 'subject-2' },
    ])
  })

  await t.test('nobody finds what they may not list', async (t) => {
    t.same(await ask.kinds('mari', 'XROAD_OBSERVER'), [])
    t.same(await ask.kinds('mari', 'XROAD_REGISTRATION_OFFICER'), [])
    for (const role of ['XROAD_AUDITOR', 'XROAD_SECURITY_OFFICER', 'XROAD_SYSTEM_ADMINISTRATOR'])
      t.same(await ask.kinds('mari', role), ['person'], role)
    t.same(await ask.kinds('mari', 'XROAD_OBSERVER', '&kind=person'), [], 'also when it is asked for')
    t.same(await ask.kinds(PROPOSAL.toUpperCase(), 'XROAD_REGISTRATION_OFFICER'), ['proposal'])
    t.same(await ask.kinds(PROPOSAL, 'XROAD_OBSERVER'), [])
    for (const role of READERS)
      t.ok((await ask.kinds('persons', role)).includes('service'), `${role} may see the catalogue`)
    t.equal((await node.call('GET', '/search?q=mari', undefined, '')).status, 401)
    t.equal((await node.call('GET', '/people', undefined, keys.get('XROAD_OBSERVER'))).status, 403)
  })

  await t.test('by page, and no more than asked for', async (t) => {
    const [first] = await ask.groups('mari', 'XROAD_AUDITOR', '&limit=1')
    t.match(first, { kind: 'person', total: 2, found: [{ id: 'p1' }] })
    const [second] = await ask.groups('mari', 'XROAD_AUDITOR', '&limit=1&offset=1&kind=person')
    t.match(second, { total: 2, found: [{ id: 'p2' }] })
    for (const wrong of ['limit=51', 'limit=0', 'offset=-1', 'kind=signing-key', 'kind=__proto__', 'kind='])
      t.equal((await ask.reply('mari', 'XROAD_AUDITOR', `&${wrong}`)).status, 400, wrong)
  })

  await t.test('what is typed is looked for as it is', async (t) => {
    for (const typed of ['%%', '__', '%_', '\\\\', "' or '1'='1", 'ma%', 'm_ri', 'mari\\', '") or 1=1 --'])
      t.same(await ask.kinds(typed, 'XROAD_AUDITOR'), [], typed)
    t.same(await ask.kinds('100%', 'XROAD_AUDITOR'), ['group'])
    t.same(await ask.kinds('Ä rühm', 'XROAD_AUDITOR'), ['group'], 'a code as it is read')
    t.same(await ask.kinds('  mari  ', 'XROAD_AUDITOR'), ['person'])
    t.same(await ask.kinds('x'.repeat(255), 'XROAD_AUDITOR'), [], 'as much as may be typed')
    t.same(await ask.kinds('%'.repeat(255), 'XROAD_AUDITOR'), [])
    t.same(await ask.kinds('\u202egnp\u0085\u2028\u{1f600}', 'XROAD_AUDITOR'), [])
    const refused = [
      '',
      'a',
      ' a ',
      '  ',
      '\u00a0 \u00a0',
      'x'.repeat(256),
      'ma\0ri',
      'ma\nri',
      '\x1b[2J',
      '\t\t',
    ]
    for (const typed of refused)
      t.equal((await ask.reply(typed, 'XROAD_AUDITOR')).status, 400, JSON.stringify(typed))
    const bad = await node.call('GET', '/search?q=%ff%fe%80', undefined, keys.get('XROAD_AUDITOR'))
    t.strictSame([bad.status, bad.body], [200, []], 'octets that are no text are marks that nothing has')
  })
})

void t.test('the lists of all searches together take few connections to the database', async (t) => {
  const waiting: (() => void)[] = []
  const list: List = {
    operation: 'getMembers',
    find: () => new Promise((resolve) => waiting.push(() => resolve([{ id: 'a' }]))),
    count: async () => 1,
  }
  const { findAnything } = searchHandlers({
    lists: { member: list, subsystem: list, server: list, group: list },
    rolesFor: () => ['XROAD_OBSERVER'],
  })
  const input = { query: { q: 'mari', offset: 0, limit: 5 }, caller: { roles: ['XROAD_OBSERVER'] } }
  const searches = [findAnything!(input as never), findAnything!(input as never)]
  for (let ended = 0; ended < 8; ended++) {
    await new Promise(setImmediate)
    t.equal(waiting.length, ended === 7 ? 1 : 2)
    waiting.shift()!()
  }
  for (const one of await Promise.all(searches)) t.equal((one as object[]).length, 4)
})

function searching(node: Node, keys: Map<string, string>) {
  const reply = (q: string, role: string, more = '') =>
    node.call('GET', `/search?q=${encodeURIComponent(q)}${more}`, undefined, keys.get(role))
  const groups = async (q: string, role: string, more = ''): Promise<Group[]> => {
    const { status, body } = await reply(q, role, more)
    if (status !== 200) throw new Error(`${q} as ${role}: ${status}`)
    return body as Group[]
  }
  const kinds = async (q: string, role: string, more = ''): Promise<string[]> =>
    (await groups(q, role, more)).map(({ kind }) => kind)
  return { reply, groups, kinds }
}

async function fill(t: Test, url: string): Promise<void> {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  const change = createChange(database, async () => undefined)
  const description = {
    ...{ title: 'Persons of the country', version: '1', description: 'Who lives where.' },
    ...{ contact: {}, access: 'everybody' as const },
  }
  await createCatalogueStore(database, change).keepAnswer(
    PROVIDER,
    [{ serviceCode: 'persons', type: 'REST', endpoints: [], description }],
    { begunAt: AT, at: AT, nextAt: '2999-01-01T00:00:00.000Z' },
  )
  const register = tablesOf<RegisterTables>(database)
  for (const code of ['100% sure', 'Ä rühm'])
    await register.insertInto('global_group').values({ code, description: '' }).execute()
  await register
    .insertInto('external_anchor')
    .values({
      ...{ sha256: 'ab'.repeat(32), anchor: Buffer.from('<a/>'), instance: 'FI-b', hash: 'AB:CD' },
      ...{ generated_at: AT, sources: '{}', state: 'EXAMINED', examined_at: AT, examined_by: 'Anna' },
      ...{ examination: '{}', decided_at: null, decided_by: null },
    })
    .execute()
  await addPeople(database)
  await createProposalStore(database).insert(
    {
      ...{ id: PROPOSAL, operation: 'addMember', target: '/api/v1/members', content: '{}', sha256: 'ab' },
      ...{ reason: 'it joins', proposer_kind: 'person', proposer_id: 'p', proposer_name: 'Anna' },
      ...{ proposer_maker: null, proposed_at: AT, expires_at: '2999-03-08T12:00:00.000Z', state: 'proposed' },
      ...{ decider_id: null, decider_name: null, decided_at: null, decision_reason: null },
      ...{ finished_at: null, result: null, failure: null },
    },
    10,
  )
}

async function addPeople(database: Database): Promise<void> {
  const mari = { issuer: null, name: 'Mari', roles: 'XROAD_OBSERVER', created_at: AT, last_login_at: null }
  await tablesOf<PeopleTables>(database)
    .insertInto('person')
    .values([
      { ...mari, id: 'p1', subject: null, email: 'mari@example.org', state: 'active' },
      { ...mari, id: 'p2', subject: 'subject-2', email: null, state: 'locked' },
    ])
    .execute()
}
