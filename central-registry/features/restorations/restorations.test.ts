/** A restored registry: closed until two administrators accept its content, then above every index. */

import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { restoreBackup } from '#central-registry/features/backups/restore-backup.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { SessionTables } from '#platform/sessions/store.ts'
import { baseOf as consoleOf, hasChromium, openBrowser, visitor } from '#test/browser.ts'
import { reportAt, signedReport } from '#test/fakes/fleet.ts'
import { baseOf, install, sessionOf } from '#test/fakes/installed-registry.ts'
import { type Browser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, newestOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { BACKUP_KEY, type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { actsOf, authority, OWNER, owner } from '#test/fakes/request-world.ts'
import { postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import type { Reach } from '../../configuration/restored-store.ts'
import { registryMigrations } from '../../features.ts'
import { openMemory } from './memory.ts'
import { contentOf, endingKeys, highest, isBehind, judged } from './rules.ts'
import { type Standing, type TakenAway, takenAwayFrom, takenAwayInWords, withdrawn } from './taken-away.ts'

const issuer = await startOpenIdProvider(t)
const WHY = { 'x-reason': encodeURIComponent('the machine burnt') }

type Proposal = { id: string; contentSha256: string; state: string; failure: string | null }
type Shown = {
  state: string
  contentSha256: string
  content: string
  restored: Reach & { backup: string }
  known: Reach
  lost: Reach
  claims: { source: string; index: number; counts: boolean }[]
  comesBack: { people: { id: string }[]; apiKeys: { id: string }[] }
  takenAway: TakenAway
  accepted: { proposedBy: string; acceptedBy: string; nextIndexAbove: number }[]
}

/** The memory file in a node's folder. */
const remembered = async (directory: string) => {
  const database = { kysely: undefined as never }
  const kept = await openMemory({ database, directory, clock: Date.now }).read()
  return kept ?? { suspended: [], trust: [] }
}

/**
 * The page for the acceptance, wide and narrow: which persons have access again, and which keys stay valid.
 */
async function lookAt(t: Test, node: Node, anna: Browser, old: string): Promise<void> {
  const chromium = await openBrowser()
  for (const [size, context] of [
    ['wide', {}],
    ['narrow', { viewport: { width: 320, height: 640 } }],
  ] as const) {
    const visit = { base: consoleOf(node), context: { ...sessionOf(anna, node), ...context } }
    const { page, ...one } = await visitor(t, chromium, visit)
    await one.open('/backups')
    t.match(await page.locator('main').textContent(), /Who comes in again.*anna.*ben.*Old key.*ends/s)
    const taken = page.getByRole('table', { name: 'Trust withdrawn since' })
    t.match(await taken.textContent(), /Test TSA.*withdrawn again/s)
    await page
      .getByRole('table', { name: /^Suspended since/ })
      .getByText(OWNER)
      .waitFor()
    await one.check(`restored-${size}`)
    await page.getByRole('button', { name: 'Accept what was restored' }).click()
    const kept = page.getByRole('dialog').getByRole('checkbox', { name: /^Old key/ })
    t.notOk(await kept.isChecked(), `${old} ends, unless somebody says otherwise`)
    await kept.check()
    await page.getByRole('checkbox', { name: /Test TSA/ }).waitFor()
    await one.check(`restored-accept-${size}`)
  }
}

t.test('rules', async (t) => {
  const at = (index: number, suspensionList = 0, leaves = 0): Reach => ({ index, suspensionList, leaves })
  t.notOk(isBehind(at(5, 5, 5), at(0), at(5, 5, 5)))
  for (const mark of [at(6), at(0, 6), at(0, 0, 6)]) t.ok(isBehind(at(5, 5, 5), at(0), mark))
  t.notOk(isBehind(at(5), at(9, 9, 9), at(9, 9, 9)), 'it was accepted')
  t.same(highest([at(1, 5), at(4, 2, 1)]), at(4, 5, 1))
  t.same(highest([]), at(0))
  const claim = { source: 'DEV/GOV/1/SS', kind: 'server' as const }
  t.ok(judged({ ...claim, index: 1_000_000_005 }, at(5)).counts)
  t.notOk(judged({ ...claim, index: 1_000_000_006 }, at(5)).counts, 'nobody has seen that')
  const restored = { ...at(1), backup: null, instance: 'DEV', publishedAt: null, auditRecords: 3 }
  const person = { id: 'p', name: 'Eve', roles: ['A'], state: 'active', lastLoginAt: null }
  const key = { id: 'k', name: 'Old', roles: ['A'], createdAt: '', expiresAt: null, createdBy: null }
  const back = { people: [person], apiKeys: [key, { ...key, id: 'l' }] }
  const standing: Standing = { suspensionList: 5, index: 5, suspended: [], trust: [], signingKeys: [] }
  const nothing = { of: takenAwayFrom(standing, undefined), standing }
  const contentWith = (known: Reach, who: typeof back): string => contentOf(restored, known, who, nothing)
  const content = contentWith(at(2), back)
  t.not(content, contentWith(at(3), back), 'what other nodes know is part of what is accepted')
  t.not(content, contentWith(at(2), { ...back, people: [] }), 'and who comes in again')
  t.not(content, contentWith(at(2), { ...back, people: [{ ...person, roles: ['B'] }] }))
  t.not(content, contentWith(at(2), { ...back, apiKeys: [] }))
  t.equal(content, contentWith(at(2), { ...back, people: [{ ...person, lastLoginAt: 'now' as never }] }))
  t.notMatch(content, /Eve|Old/, 'by a hash')
  t.same(endingKeys(back.apiKeys, []), ['k', 'l'])
  t.same(endingKeys(back.apiKeys, ['l']), ['k'])
  t.same(endingKeys(back.apiKeys, [], 'k'), ['l'], 'the one that accepts')
  t.throws(() => endingKeys(back.apiKeys, ['x']), { code: 'invalid_input' })

  const suspended = (id: string) => ({ kind: 'member' as const, id, since: '2026-03-01T00:00:00.000Z' })
  const trusted = (id: string) => ({ kind: 'anchor' as const, id, name: 'EE' })
  const then = { ...standing, suspended: [suspended('a')], trust: [trusted('x'), trusted('y')] }
  const last = {
    ...then,
    index: 6,
    suspended: [suspended('b')],
    trust: [trusted('y'), trusted('z')],
    at: 'now',
  }
  const taken = takenAwayFrom(then, last)
  t.same(taken, {
    ...{ comparedAt: 'now', suspended: [suspended('b')], trust: [trusted('x')], signingKeys: [] },
  })
  t.match(takenAwayFrom(then, { ...last, index: 5 }), { comparedAt: null, trust: [] }, 'nothing newer')
  t.match(takenAwayFrom(then, { ...last, index: 1, suspensionList: 6 }), { comparedAt: 'now' })
  t.same(withdrawn(taken, []), [trusted('x')])
  t.same(withdrawn(taken, ['x']), [])
  t.throws(() => withdrawn(taken, ['y']), { code: 'invalid_input' })
  t.not(
    content,
    contentOf(restored, at(2), back, { of: taken, standing }),
    'what is taken away is accepted too',
  )
  t.match(takenAwayInWords(taken).join(), /1 suspensions made and 1.*suspended again: member b.*anchor EE/)
  t.match(takenAwayInWords(nothing.of), [/nobody can tell/])
})

onEachRegistryDatabase('what was restored waits for two, and no index falls', async (t, url) => {
  const world = registryWorld(t, url)
  const at = (name: string): string => path.join(world.directory, name)
  const backups = { directory: at('backups'), keyFile: '', hour: 3, keep: 2 }
  let node = await world.start({ login: issuer, registration: true, settings: { backups } })
  await setUp(node, authority)
  const old = (await node.must('POST', '/api-keys', {
    name: 'Old key',
    roles: ['XROAD_OBSERVER'],
  })) as { id: string }
  const State = '/trusted-issuers/State'
  const certificate = authority.root.der.toString('base64')
  await node.must('PUT', State, {
    ...{ name: 'State', purpose: 'Signing in', types: ['a'], anchors: [{ certificate }] },
  })
  const { anna, ben } = await install(t, node)
  const base = (): string => baseOf(node)
  const propose = async (browser: Browser, method: string, to: string, body: unknown): Promise<Proposal> => {
    world.clock.now++
    const { status, body: proposed } = await browser.api(base(), method, to, body, WHY)
    if (status !== 202) throw new Error(`${method} ${to}: ${status} ${JSON.stringify(proposed)}`)
    return proposed as Proposal
  }
  const approve = (browser: Browser, { id, contentSha256 }: Proposal) =>
    browser.api(base(), 'POST', `/approvals/${id}/approve`, { contentSha256 })
  const early = await propose(anna, 'POST', '/members', {
    memberClass: 'GOV',
    memberCode: '77',
    name: 'Early',
  })
  const declined = await propose(anna, 'DELETE', '/members/DEV:GOV:1234', undefined)
  await publish(node)
  const server = await world.reader(await anchorOf(node))
  await server.refresh()
  const made = (await node.must('POST', '/backups')) as { name: string; sha256: string }

  // The registry continues; what is added now is lost in the restoration.
  const backedUp = (await newestOf(node))!.index
  const suspended = { kind: 'member', subject: 'DEV:GOV:1234', reason: 'stolen key' }
  t.equal((await anna.api(base(), 'POST', '/suspensions', suspended)).status, 201)
  const services = (await node.must('GET', '/timestamping-services')) as { id: number }[]
  const withdrawal = await propose(anna, 'DELETE', `/timestamping-services/${services[0]!.id}`, undefined)
  t.match((await approve(ben, withdrawal)).body, { state: 'approved' })
  const distrusted = await propose(anna, 'DELETE', State, undefined)
  t.match((await approve(ben, distrusted)).body, { state: 'approved' })
  for (let times = 0; times < 3; times++) await publish(node)
  await until(
    'three of trust that are remembered',
    async (saw) => saw(await remembered(world.directory)).trust.length === 3,
  )
  const last = await until('the server has what a job published after the three', async (saw) => {
    await server.refresh()
    const newest = saw((await newestOf(node))!.index)
    return newest === server.current().statementIndex && newest
  })
  const { address } = node.settings.public
  await node.stop()

  const isEmbedded = url.startsWith('sqlite')
  const database = isEmbedded ? `sqlite:${at('second.db')}` : await (await postgresql()).freshDatabase()
  const file = path.join(backups.directory, made.name)
  await restoreBackup({
    file,
    secret: BACKUP_KEY,
    migrations: registryMigrations,
    settings: { directory: world.directory, database },
  })
  const settings = {
    ...{ backups, database, public: { address, port: 8001 }, publicUrl: `http://${address}:8001` },
  }
  const start = () => world.start({ login: issuer, registration: true, settings })
  node = await start()
  const read = (to: string) => anna.api(base(), 'GET', to)
  const shown = async (): Promise<Shown> => (await read('/restoration')).body as Shown
  t.equal((await read('/restoration')).status, 401, 'no session comes back')
  await anna.login(base(), 'anna')
  await ben.login(base(), 'ben')
  const waiting = await shown()
  t.match(waiting, {
    state: 'waiting',
    restored: { backup: made.sha256, index: backedUp },
    known: { index: last },
    lost: { index: last - backedUp },
    claims: [],
    comesBack: { people: [{ state: 'active' }, { state: 'active' }], apiKeys: { length: 2 } },
  })
  t.match(waiting.takenAway, {
    comparedAt: /Z$/,
    suspended: [{ kind: 'member', id: OWNER }],
    trust: [{ kind: 'time-stamping-service', name: 'Test TSA' }, { kind: 'credential-issuer' }],
  })
  t.match(JSON.parse(waiting.content), { backup: made.sha256, instance: 'DEV', comesBack: { apiKeys: 2 } })
  const initial = waiting.comesBack.apiKeys.find(({ id }) => id !== old.id)!.id

  if (isEmbedded && hasChromium()) await lookAt(t, node, anna, old.id)
  // It can be read but changes nothing.
  t.equal((await read('/members')).status, 200)
  t.equal((await node.get('/internalconf?version=6')).status, 200)
  t.match(
    await node.call('GET', '/members'),
    { status: 409, body: { type: 'registry_restored', message: /no API key/ } },
    'a key that may have been revoked reads nothing',
  )
  const refused = async (method: string, to: string, body?: unknown): Promise<void> =>
    void t.match((await node.call(method, to, body)).body, { type: 'registry_restored' }, to)
  await refused('POST', '/configuration/publish')
  await refused('POST', '/member-classes', { code: 'COM', description: 'Companies' })
  await refused('POST', '/suspensions', { kind: 'member', subject: 'DEV:GOV:1234', reason: 'x' })
  const member = { memberClass: 'GOV', memberCode: '78', name: 'Late' }
  t.match(await anna.api(base(), 'POST', '/members', member, WHY), { body: { type: 'registry_restored' } })
  const stale = await approve(ben, early)
  t.match(
    stale.body,
    { state: 'failed', failure: /was restored/ },
    'what was proposed before is not carried out',
  )
  const filed = await actsOf(world, node).file({ kind: 'clientReg', client: 'DEV/GOV/1234/plain' })
  t.match(filed.body, { type: 'registry_restored' })
  t.equal((await read('/members')).status, 200)

  // Neither an API key nor one person alone may accept, and only exactly the content that waits.
  const accept = (contentSha256: string, keepApiKeys = [initial], keepTrust: string[] = []) =>
    propose(anna, 'POST', '/restoration/acceptance', { contentSha256, keepApiKeys, keepTrust })
  const byKey = await node.call('POST', '/restoration/acceptance', { contentSha256: waiting.contentSha256 })
  t.match(byKey.body, { type: 'not_in_person' })
  t.match((await approve(ben, await accept('0'.repeat(64)))).body, {
    state: 'failed',
    failure: /another SHA-256/,
  })
  t.match((await approve(ben, await accept(waiting.contentSha256, [randomUUID()]))).body, {
    state: 'failed',
    failure: /no API key that comes back/,
  })
  t.match((await approve(ben, await accept(waiting.contentSha256, [initial], ['0'.repeat(64)]))).body, {
    state: 'failed',
    failure: /nothing that was withdrawn/,
  })
  const first = await accept(waiting.contentSha256)
  t.match((await approve(anna, first)).body, { type: 'not_second_person' })
  t.match((await shown()).state, 'waiting')

  // A server reports ever higher indexes: the registry goes on above them, and what was proposed still waits.
  const report = (index: number) => {
    world.clock.now += 1000
    const now = world.clock.now
    const iso = (ms: number): string => new Date(ms).toISOString()
    const configuration = { index, fetchedAt: iso(now - 30_000), expiresAt: iso(now + 570_000) }
    const signed = signedReport(reportAt(OWNER, now, { configuration }), owner)
    return node.register('/registration/v1/server-reports', signed)
  }
  t.equal((await report(last + 20)).status, 200)
  t.match(await shown(), {
    contentSha256: waiting.contentSha256,
    known: { index: last + 20 },
    claims: [{ source: `${OWNER}/SS1`, index: last + 20, counts: true }],
  })
  t.equal((await report(Number.MAX_SAFE_INTEGER)).status, 200)
  t.match(await shown(), { known: { index: last }, claims: [{ counts: false }] }, 'a lie counts nothing')
  await report(last + 20)

  // A restart does not change that, and nothing was published meanwhile.
  await node.stop()
  await (await start()).stop()
  const copy = await openDatabase(database)
  t.same(await tablesOf<SessionTables>(copy).selectFrom('session').selectAll().execute(), [], 'sessions end')
  await copy.close()
  node = await start()
  await anna.login(base(), 'anna')
  await ben.login(base(), 'ben')
  t.equal((await shown()).contentSha256, waiting.contentSha256)
  t.match((await read('/configuration')).body, { newest: { index: backedUp } })
  t.match((await approve(ben, first)).body, { state: 'approved' })
  await until('a publication above what was accepted', async (saw) => {
    const { newest } = saw((await read('/configuration')).body) as { newest: { index: number } | null }
    return (newest?.index ?? 0) > last + 20
  })
  const { state, accepted } = await shown()
  t.equal(state, 'none')
  t.match((await approve(ben, declined)).body, { message: /expired already/ }, 'perhaps declined since')
  t.match(accepted, [{ proposedBy: 'anna', acceptedBy: 'ben', nextIndexAbove: last + 20 }])
  await server.refresh()
  t.ok(server.current().statementIndex! > last + 20, 'servers go on')
  t.match((await read('/suspensions')).body, [
    { kind: 'member', state: 'confirmed', reason: /in force when the register was lost/ },
  ])
  t.same((await read('/timestamping-services')).body, [], 'what was withdrawn stays so')
  t.match((await read('/trusted-issuers')).body, [{ name: 'State', state: 'WITHDRAWN' }])
  await until(
    'a suspension that is remembered',
    async (saw) => saw(await remembered(world.directory)).suspended.length === 1,
  )
  t.match((await node.call('POST', '/member-classes', { code: 'COM', description: 'Companies' })).status, 201)
  t.match(await node.must('GET', '/audit-log?q=restoredRegistryAccepted'), [
    { data: { approvedBy: 'ben', endedApiKeys: [old.id], withdrawnAgain: [{ name: 'Test TSA' }] } },
  ])
  const keys = (await node.must('GET', '/api-keys')) as { id: string; revokedAt: string | null }[]
  t.match(keys.find(({ id }) => id === old.id)?.revokedAt, String)
  t.equal(keys.find(({ id }) => id === initial)?.revokedAt, null)
  t.equal(((await node.must('GET', '/audit-log?q=startRestoredRegistry')) as unknown[]).length, 3)
  t.match(await node.must('GET', '/audit-log/verification'), { brokenAt: undefined })
  const { size } = (await node.get('/internalconf-log-entries?from=0')).body as { size: number }
  const entries = (await node.get(`/internalconf-log-entries?from=${Math.max(0, size - 100)}`)).body as {
    entries: { form: string | null }[]
  }
  t.ok(
    entries.entries.some(({ form }) => form?.includes('"kind":"restoration"')),
    'it stands in the log',
  )
  t.ok(
    entries.entries.some(({ form }) => form === null),
    'where what was lost stood',
  )
  await node.stop()
  node = await start()
  t.match(await node.must('GET', '/restoration'), { state: 'none' }, 'the next start needs nobody')
  t.match(
    (await node.call('POST', '/restoration/acceptance', { contentSha256: waiting.contentSha256 })).body,
    {
      type: 'not_in_person',
    },
  )
})

t.test(
  'on a machine that knows nothing a restored backup waits all the same, and other nodes are asked',
  async (t) => {
    const world = registryWorld(t)
    const at = (name: string): string => path.join(world.directory, name)
    const backups = { directory: at('backups'), keyFile: '', hour: 3, keep: 2 }
    const node = await world.start({ settings: { backups } })
    await setUp(node, authority)
    const made = (await node.must('POST', '/backups')) as { name: string }
    await publish(node)
    const { index } = await publish(node)
    mkdirSync(at('new'))
    const settings = { database: `sqlite:${at('new/registry.db')}`, backups }
    const file = path.join(backups.directory, made.name)
    await restoreBackup({
      file,
      secret: BACKUP_KEY,
      migrations: registryMigrations,
      settings: { ...settings, directory: at('new') },
    })
    for (const mark of [...['highest-published-index', 'highest-suspension-list', 'transparency-log-leaves']])
      rmSync(at(`new/${mark}`), { force: true })
    writeFileSync(at('new/initial.key'), '')
    const configuration = {
      ...node.settings.configuration,
      otherUrls: [node.settings.publicUrl, 'http://127.9.9.9:1'],
    }
    const other = await world.start({ directory: at('new'), settings: { ...settings, configuration } })
    const waiting = (await other.must('GET', '/restoration')) as Shown
    t.match(waiting, {
      state: 'waiting',
      known: { index },
      claims: [{ source: node.settings.publicUrl, index }],
      takenAway: { comparedAt: null },
      standing: { trust: { length: 4 } },
    })
    // Without a login nobody can act in person, so a single caller with the role may accept.
    await other.must('POST', '/restoration/acceptance', { contentSha256: waiting.contentSha256 })
    await until('a newer publication', async (saw) => (saw(await newestOf(other))?.index ?? 0) > index)
  },
)
