import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { reopenInstallation } from '#central-registry/features/installation/reopen.ts'
import { createInstallationStore } from '#central-registry/features/installation/store.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { eachDatabase } from '#test/databases.ts'
import { baseOf, codeOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'

const DAY = 86_400_000

const issuer = await startOpenIdProvider(t)
const [REGISTRATION, SECURITY, SYSTEM] = [
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SECURITY_OFFICER',
  'XROAD_SYSTEM_ADMINISTRATOR',
]

type Person = { id: string; name: string; roles: string[]; state: string }
type Entry = { operation: string; caller: { id: string; name: string }; data: Record<string, unknown> }

const people = async (node: Node, q = ''): Promise<Person[]> =>
  (await node.must('GET', `/people${q}`)) as Person[]
const audited = async (node: Node): Promise<Entry[]> =>
  (await node.must('GET', '/audit-log?limit=500')) as Entry[]
const statusOf = async (browser: Browser, node: Node): Promise<number> =>
  (await browser.api(baseOf(node), 'GET', '/session')).status

void t.test('the ceremony makes two persons administrators, once', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    let node = await world.start({ login: issuer })
    const base = baseOf(node)
    const files = [node.settings.login!.firstCodeFile, node.settings.login!.secondCodeFile]
    for (const file of files) t.equal(statSync(file).mode & 0o777, 0o600)
    const redeem = (browser: Browser, code: string) =>
      browser.api(baseOf(node), 'POST', '/installation/redeem', { code })

    const [anna, ben, guest] = [openBrowser(t), openBrowser(t), openBrowser(t)]
    t.equal((await anna.visit(`${base}/api/v1/session`)).status, 401)
    for (const [browser, name] of [
      [anna, 'anna'],
      [ben, 'ben'],
      [guest, 'guest'],
    ] as const)
      t.match(await browser.login(base, name), { status: 200, text: /You are logged in/ })
    t.match(await guest.api(base, 'GET', '/session'), { body: { kind: 'person', roles: [] } })
    t.equal((await guest.api(base, 'GET', '/members')).status, 403, 'a guest may do nothing')
    const [first, second] = [codeOf(node, 'first'), codeOf(node, 'second')]
    t.match(await node.call('POST', '/installation/redeem', { code: first }), {
      status: 403,
      body: { type: 'not_in_person' },
    })
    for (const code of ['x', `${first}x`, first.toLowerCase()])
      t.match(await redeem(guest, code), { status: 403, body: { type: 'installation_code_wrong' } })
    t.equal((await redeem(guest, '')).status, 400)
    t.equal((await redeem(guest, 'x'.repeat(101))).status, 400)

    t.match(await redeem(anna, first), { status: 200, body: { installed: false, loginAgain: true } })
    t.equal(await statusOf(anna, node), 401, 'the session without rights ended')
    await anna.login(base, 'anna')
    t.match(await redeem(anna, second), { status: 403, body: { type: 'not_second_person' } })
    t.equal((await redeem(ben, first)).status, 403, 'a code serves once')
    t.match(await node.must('GET', '/system'), { fourEyes: false })
    const both = await Promise.all([redeem(ben, second), redeem(guest, second)])
    t.equal(both.filter(({ status }) => status === 200).length, 1, 'one of two who come at once')
    const last = both[0]!.status === 200 ? { name: 'ben', browser: ben } : { name: 'guest', browser: guest }
    await last.browser.login(base, last.name)
    t.match(await last.browser.api(base, 'GET', '/session'), {
      body: { roles: [REGISTRATION, SECURITY, SYSTEM] },
    })
    t.equal((await redeem(anna, first)).status, 409, 'installed already')
    const loser = last.name === 'ben' ? guest : ben
    t.equal(await statusOf(loser, node), 401, 'guests are forgotten')
    const loserName = last.name === 'ben' ? 'guest' : 'ben'
    t.match(await loser.login(base, loserName), {
      status: 403,
      text: /nobody has invited you.*the &#60;operator&#62;/,
    })
    t.same(
      (await people(node)).map(({ name }) => name),
      ['Person anna', `Person ${last.name}`],
    )
    const text = JSON.stringify(await audited(node))
    for (const secret of [first, second]) t.notMatch(text, secret)
    await node.stop()
    node = await world.start({ login: issuer })
    t.same([codeOf(node, 'first'), codeOf(node, 'second')], [first, second], 'no new codes')
  })
})

void t.test(
  'installation codes: made good after a crash, never void by the wrong tries of a guest',
  async (t) => {
    const world = registryWorld(t)
    let node = await world.start({ login: issuer })
    const { firstCodeFile: file } = node.settings.login!
    const code = codeOf(node, 'first')
    await node.stop()
    // The state that a crash leaves between the database and the renaming of the file.
    renameSync(file, `${file}.begun`)
    node = await world.start({ login: issuer })
    t.equal(codeOf(node, 'first'), code)
    const redeem = (browser: Browser, given: string) =>
      browser.api(baseOf(node), 'POST', '/installation/redeem', { code: given })
    const [guest, anna, ben] = [openBrowser(t), openBrowser(t), openBrowser(t)]
    await guest.login(baseOf(node), 'guest')
    for (let wrong = 0; wrong < 10; wrong++) t.equal((await redeem(guest, 'wrong')).status, 403)
    world.clock.now += 60_000
    const waits = await guest.api(baseOf(node), 'POST', '/installation/redeem', { code })
    t.match(waits, { status: 429, body: { type: 'too_many_requests', message: /too many wrong codes/ } })
    await guest.login(baseOf(node), 'guest')
    t.equal((await redeem(guest, code)).status, 429, 'not by another session either')
    const tries = (await audited(node)).filter(({ operation }) => operation === 'redeemInstallationCode')
    t.equal(tries.length, 12, 'each try is recorded')
    t.notMatch(JSON.stringify(tries), code)
    await anna.login(baseOf(node), 'anna')
    t.equal((await redeem(anna, code)).status, 200, 'nobody else waits, and the code is what it was')
    world.clock.now += 15 * 60_000
    t.equal((await redeem(guest, 'wrong')).status, 403, 'later the guest may try again')
    const second = codeOf(node, 'second')
    await node.stop()
    // The leftover of a slower node on another machine is discarded.
    writeFileSync(`${file}.begun`, 'another\n')
    node = await world.start({ login: issuer })
    t.equal(existsSync(`${file}.begun`), false)
    await ben.login(baseOf(node), 'ben')
    t.match(await redeem(ben, second), { status: 200, body: { installed: true } })
    await node.stop()

    const other = registryWorld(t)
    writeFileSync(`${other.directory}/first.code`, 'of an older database')
    await t.rejects(other.start({ login: issuer }), { code: 'invalid_configuration' })
  },
)

void t.test('people: invited, changed, locked, removed, and who must stay', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start({ login: issuer })
    const base = baseOf(node)
    const invite = async (given: object): Promise<Person> =>
      (await node.must('POST', '/people', given)) as Person
    const carl = await invite({ email: 'Carl@Example.org', roles: [SYSTEM, SECURITY] })
    t.match(carl, { name: 'carl@example.org', state: 'invited' })
    const dora = await invite({ subject: 'dora', roles: ['XROAD_OBSERVER'] })
    const both = await invite({ email: 'erik@example.org', subject: 'erik', roles: ['XROAD_AUDITOR'] })
    for (const known of [
      { email: 'CARL@example.org' },
      { subject: 'dora' },
      { email: 'x@y.z', subject: 'erik' },
    ])
      t.equal((await node.call('POST', '/people', { ...known, roles: [SYSTEM] })).status, 409)
    const at = (person: Person, what = ''): string => `/people/${person.id}${what}`
    const hostile: [string, string, unknown][] = [
      ['POST', '/people', { roles: [SYSTEM] }],
      ['POST', '/people', { email: 'x', roles: [SYSTEM] }],
      ['POST', '/people', { email: 'a@b@c', roles: [SYSTEM] }],
      ['POST', '/people', { email: 'a b@c.d', roles: [SYSTEM] }],
      ['POST', '/people', { email: 'a\u202e@c.d', roles: [SYSTEM] }],
      ['POST', '/people', { email: `${'x'.repeat(65)}@c.d`, roles: [SYSTEM] }],
      ['POST', '/people', { subject: ' x', roles: [SYSTEM] }],
      ['POST', '/people', { subject: 'x\0', roles: [SYSTEM] }],
      ['POST', '/people', { subject: 'ä', roles: [SYSTEM] }],
      ['POST', '/people', { subject: { $ne: 1 }, roles: [SYSTEM] }],
      ['POST', '/people', { subject: 'x', roles: [] }],
      ['POST', '/people', { subject: 'x', roles: ['ROOT'] }],
      ['POST', '/people', { subject: 'x', roles: [SYSTEM], state: 'active' }],
      ['PUT', at(carl, '/roles'), { roles: [SYSTEM, SYSTEM] }],
      ['PUT', '/people/x/roles', { roles: [SYSTEM] }],
      ['DELETE', "/people/' or 1=1--", undefined],
    ]
    for (const [method, path, body] of hostile)
      t.equal((await node.call(method, path, body)).status, 400, JSON.stringify(body)?.slice(0, 60))
    t.equal((await node.call('DELETE', '/people/00000000-0000-4000-8000-000000000000')).status, 404)

    const browsers = { carl: openBrowser(t), dora: openBrowser(t), erik: openBrowser(t) }
    t.equal((await node.call('PUT', at(carl, '/lock'))).status, 409, 'nobody is there to lock yet')
    for (const [name, browser] of Object.entries(browsers))
      t.equal((await browser.login(base, name)).status, 200, name)
    t.match(await browsers.carl.api(base, 'GET', '/session'), {
      body: { id: carl.id, name: 'Person carl', roles: [SYSTEM, SECURITY] },
    })
    t.same(
      (await people(node)).map(({ name }) => name),
      ['Person carl', 'Person dora', 'Person erik'],
    )
    t.same(
      (await people(node, '?q=ERIK@')).map(({ id }) => id),
      [both.id],
    )
    t.same(
      (await people(node, '?offset=1&limit=1')).map(({ id }) => id),
      [dora.id],
    )
    t.same(await people(node, '?q=%25'), [])

    for (const [method, what, body] of [
      ['PUT', '/lock', undefined],
      ['DELETE', '', undefined],
      ['PUT', '/roles', { roles: [SYSTEM] }],
    ] as const)
      t.match(await node.call(method, at(carl, what), body), {
        status: 409,
        body: { message: /last active person/ },
      })
    t.match(await browsers.carl.api(base, 'PUT', at(carl, '/roles'), { roles: [SYSTEM, SECURITY] }), {
      status: 403,
      body: { type: 'not_second_person' },
    })
    await node.must('PUT', at(dora, '/roles'), { roles: [SECURITY, SYSTEM] })
    t.equal(await statusOf(browsers.dora, node), 401, 'other rights, another session')
    await browsers.dora.login(base, 'dora')
    // Each request would be allowed alone; together they would leave nobody.
    const race = await Promise.all([node.call('PUT', at(carl, '/lock')), node.call('DELETE', at(dora))])
    t.same(race.map(({ status }) => status).sort(), [204, 409])
    await node.must('PUT', at(dora, '/roles'), { roles: [SYSTEM, SECURITY] }).catch(() => undefined)
    const gone = (await people(node)).find(({ state }) => state !== 'active')!
    const loser = gone.id === carl.id ? browsers.carl : browsers.dora
    t.equal(await statusOf(loser, node), 401)

    t.equal((await node.call('PUT', at(both, '/unlock'))).status, 409)
    await node.must('PUT', at(both, '/lock'))
    t.match(await browsers.erik.login(base, 'erik'), { status: 403, text: /locked/ })
    await node.must('PUT', at(both, '/unlock'))
    t.equal((await browsers.erik.login(base, 'erik')).status, 200)
    await node.must('DELETE', at(both))
    t.equal((await node.call('PUT', at(both, '/unlock'))).status, 409)
    t.equal((await node.call('PUT', at(both, '/roles'), { roles: [SYSTEM] })).status, 409)
    t.match(await browsers.erik.login(base, 'erik'), { status: 403, text: /taken away/ })
    t.equal(
      (await node.call('POST', '/people', { email: 'erik@example.org', subject: 'other', roles: [SYSTEM] }))
        .status,
      409,
    )
    const again = await invite({ email: 'erik@example.org', roles: ['XROAD_OBSERVER'] })
    t.equal(again.id, both.id, 'invited again, the same person')
    t.equal((await browsers.erik.login(base, 'erik')).status, 200)
    t.match(await browsers.erik.api(base, 'GET', '/session'), {
      body: { id: both.id, roles: ['XROAD_OBSERVER'] },
    })
  })
})

void t.test('opened again for one more administrator, while two persons stay needed', async (t) => {
  await eachDatabase(t, async (database, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start({ login: issuer })
    const base = baseOf(node)
    const file = node.settings.login!.firstCodeFile
    const store = createInstallationStore(database)
    const clock = () => world.clock.now
    const audit = createAuditLog({ database, clock })
    const reopen = () => reopenInstallation({ file, store, audit, clock })
    await t.rejects(reopen(), { code: 'conflict' }, 'not before it is done')
    const { anna, ben } = await install(t, node)
    const redeem = (browser: Browser, code: string) =>
      browser.api(base, 'POST', '/installation/redeem', { code })
    const overview = async () =>
      ((await node.must('GET', '/overview')) as { installation: object }).installation
    t.same(await overview(), { done: true })
    const stranger = openBrowser(t)
    t.match(await stranger.login(base, 'carla'), { status: 403 })

    const until = await reopen()
    t.same(await overview(), { done: true, reopenedUntil: until }, 'shown until it is over')
    t.equal(statSync(file).mode & 0o777, 0o600)
    t.match(await node.must('GET', '/system'), { fourEyes: true }, 'two persons stay needed')
    t.match((await audited(node))[0], { operation: 'reopenInstallation', caller: { name: 'operator' } })
    const first = codeOf(node, 'first')
    await reopen()
    const code = codeOf(node, 'first')
    t.not(code, first)
    await stranger.login(base, 'carla')
    t.equal((await redeem(stranger, first)).status, 403, 'one code is open at a time')
    t.match(await redeem(anna, code), { status: 403, body: { type: 'not_second_person' } })
    t.equal((await stranger.api(base, 'DELETE', '/installation/reopening')).status, 403)
    t.equal((await anna.api(base, 'DELETE', '/installation/reopening')).status, 204)
    t.equal((await anna.api(base, 'DELETE', '/installation/reopening')).status, 404)
    t.equal((await redeem(stranger, code)).status, 409, 'an administrator has closed it')

    await reopen()
    world.clock.now += DAY
    t.equal((await openBrowser(t).login(base, 'carla')).status, 403, 'a day later it is over')
    await reopen()
    const late = codeOf(node, 'first')
    await stranger.login(base, 'carla')
    t.match(await redeem(stranger, late), { status: 200, body: { installed: true } })
    await stranger.login(base, 'carla')
    t.match(await stranger.api(base, 'GET', '/session'), {
      body: { roles: [REGISTRATION, SECURITY, SYSTEM] },
    })
    t.same(await overview(), { done: true })
    await ben.login(base, 'ben')
    t.equal((await redeem(ben, late)).status, 409, 'a code serves once')
    t.match(await openBrowser(t).login(base, 'dave'), { status: 403, text: /nobody has invited you/ })
    await node.stop()
    await world.start({ login: issuer })
    t.equal(codeOf(node, 'first'), late, 'the next start leaves the file')
  })
})
