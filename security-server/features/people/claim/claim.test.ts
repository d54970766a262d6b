/**
 * The claim code of a new server, on both stores: who comes in by it, once; what makes it void; and what a
 * crash leaves.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createAuthenticator } from '#platform/passkeys/authenticator-fixture.ts'
import { eachDatabase } from '#test/databases.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type AdminWorld, auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { createClaimStore } from './store.ts'
import { writeClaimCode } from './write-code.ts'

const issuer = await startOpenIdProvider(t)
const [SYSTEM, SECURITY, AUDITOR] = [
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_SECURITY_OFFICER',
  'XROAD_AUDITOR',
] as const
const HOUR = 3_600_000

type Test = Parameters<typeof createAdminWorld>[0]

/** A new server whose clock is right, and what its next start does. */
async function newServer(t: Test, url: string, more: { forActs?: boolean } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-claim-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'claim-code')
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, {
    ...{ login: issuer, claimCodeFile: file, ...more },
    ...(isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {}),
  })
  t.equal(statSync(file).mode & 0o777, 0o600)
  const first = readFileSync(file, 'utf8').trim()
  // The provider uses the real time.
  world.world.now = Date.now()
  const store = createClaimStore(world.database)
  const start = () => writeClaimCode({ file, store, clock: () => world.world.now })
  return { world, file, first, start, code: () => readFileSync(file, 'utf8').trim() }
}

const claim = (browser: Browser, { base }: AdminWorld, code: string, roles: string[] = [SYSTEM, SECURITY]) =>
  browser.api(base, 'POST', '/claim', { code, roles })

void t.test('whoever logs in with the code becomes the first administrator, once', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const { world, file, first, start, code } = await newServer(t, url)
    const { base, ask } = world
    const takes = async (): Promise<unknown> =>
      JSON.parse((await openBrowser(t).visit(`${base}/login/means`)).text)
    t.ok(await start(), 'the first code has ended: another one is written')
    t.not(code(), first)
    t.match(await takes(), { provider: true, takesCode: true })
    const [anna, ben] = [openBrowser(t), openBrowser(t)]
    for (const [browser, name] of [
      [anna, 'anna'],
      [ben, 'ben'],
    ] as const)
      t.match(await browser.login(base, name), { status: 200, text: /You are logged in/ })
    t.match(await anna.api(base, 'GET', '/session'), { body: { kind: 'person', roles: [] } })
    for (const at of ['/people', '/clients', '/first-start', '/tokens', '/session/passkeys'])
      t.equal((await anna.api(base, 'GET', at)).status, 403, `a guest may not see ${at}`)

    t.match(await ask('POST', '/claim', { code: code(), roles: [SYSTEM] }), {
      status: 403,
      body: { type: 'not_in_person' },
    })
    for (const wrong of [first, `${code()}x`, code().toLowerCase(), 'x'])
      t.match(await claim(anna, world, wrong), { status: 403, body: { type: 'installation_code_wrong' } })
    const hostile: [string, unknown][] = [
      ['no code', { roles: [SYSTEM] }],
      ['an empty code', { code: '', roles: [SYSTEM] }],
      ['a long code', { code: 'x'.repeat(101), roles: [SYSTEM] }],
      ['no text', { code: { $ne: '' }, roles: [SYSTEM] }],
      ['no roles', { code: code() }],
      ['none of the roles', { code: code(), roles: [] }],
      ['who reads messages', { code: code(), roles: [SYSTEM, AUDITOR] }],
      ['nobody who invites', { code: code(), roles: [SECURITY] }],
      ['a role twice', { code: code(), roles: [SYSTEM, SYSTEM] }],
      ['more', { code: code(), roles: [SYSTEM], name: 'x' }],
    ]
    for (const [what, body] of hostile)
      t.equal((await anna.api(base, 'POST', '/claim', body)).status, 400, what)

    const both = await Promise.all([claim(anna, world, code()), claim(ben, world, code())])
    t.equal(both.filter(({ status }) => status === 200).length, 1, 'one of two who come at once')
    const [one, other] = both[0]!.status === 200 ? ([anna, ben] as const) : ([ben, anna] as const)
    const names = one === anna ? ['anna', 'ben'] : ['ben', 'anna']
    t.equal((await one.api(base, 'GET', '/session')).status, 401, 'the session without roles ended')
    t.equal((await other.api(base, 'GET', '/session')).status, 401, 'guests are forgotten')
    t.match(await other.login(base, names[1]!), { status: 403, text: /nobody has invited you/ })
    await one.login(base, names[0]!)
    t.match(await one.api(base, 'GET', '/session'), { body: { roles: [SYSTEM, SECURITY] } })
    t.match(await claim(one, world, code()), { status: 409, body: { message: /has an administrator/ } })
    t.match(await takes(), { takesCode: false })
    const used = code()
    t.equal(await start(), undefined, 'no other code')
    t.equal(code(), used)
    rmSync(file)
    t.equal(await start(), undefined)
    t.throws(() => statSync(file))
    t.equal((await one.api(base, 'POST', '/people', { subject: 'carl', roles: [AUDITOR] })).status, 201)
    const log = JSON.stringify(await auditOf(ask))
    t.match(log, /claimServer/)
    t.notMatch(log, used, 'never the code')
  })
})

void t.test('a code is void too late, and when somebody was invited, never by wrong tries', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const { world, file, start, code } = await newServer(t, url)
    const { base, ask } = world
    await start()
    const anna = openBrowser(t)
    await anna.login(base, 'anna')
    const made = code()
    const until = await start()
    for (let wrong = 0; wrong < 10; wrong++) t.equal((await claim(anna, world, 'wrong')).status, 403)
    t.match(await claim(anna, world, code()), { status: 429, body: { message: /too many wrong codes/ } })
    world.world.now += 15 * 60_000
    t.equal((await claim(anna, world, 'wrong')).status, 403, 'later one may try again')
    t.equal(await start(), until, 'the same code')
    t.equal(code(), made, 'wrong ones void nothing')

    // What a crash leaves between the database and the renaming of the file.
    renameSync(file, `${file}.begun`)
    t.equal(await start(), until, 'the same code')
    t.equal(code(), made)
    writeFileSync(`${file}.begun`, 'of another node\n')
    t.equal(await start(), until)
    t.equal(code(), made)
    const ended = { ends_at: new Date(world.world.now).toISOString() }
    await world.database.kysely
      .updateTable('claim_code' as never)
      .set(ended as never)
      .execute()
    t.match(await claim(anna, world, made), { status: 409, body: { message: /too late for this code/ } })
    t.match(await openBrowser(t).login(base, 'ben'), { status: 403 }, 'nor does a stranger come in')
    await start()
    t.not(code(), made, 'too late, another one')
    world.world.now += 24 * HOUR + 1
    const second = code()
    await start()
    t.not(code(), second, 'and another one a day later')

    // Somebody who was invited with an API key came first.
    world.world.now = Date.now()
    t.equal((await ask('POST', '/people', { subject: 'dora', roles: [SYSTEM] })).status, 201)
    const [guest, early] = [openBrowser(t), openBrowser(t)]
    for (const name of ['erik', 'fred', 'guest']) await guest.login(base, name)
    await early.login(base, 'gina')
    t.equal((await ask('POST', '/people', { email: 'gina@example.org', roles: [AUDITOR] })).status, 201)
    t.equal((await early.login(base, 'gina')).status, 200)
    t.match(
      await early.api(base, 'GET', '/session'),
      { body: { roles: [AUDITOR] } },
      'invited, no guest more',
    )
    const dora = openBrowser(t)
    await dora.login(base, 'dora')
    t.match(await claim(guest, world, code()), { status: 409, body: { message: /has an administrator/ } })
    t.equal(await start(), undefined)
    // Who came as a guest comes in by an invitation, by e-mail or by subject, as everybody.
    t.match(await openBrowser(t).login(base, 'guest'), { status: 403, text: /nobody has invited you/ })
    for (const who of [{ email: 'erik@example.org' }, { subject: 'fred' }])
      t.equal((await ask('POST', '/people', { ...who, roles: [AUDITOR] })).status, 201)
    for (const name of ['erik', 'fred']) {
      const browser = openBrowser(t)
      t.equal((await browser.login(base, name)).status, 200, name)
      t.match(await browser.api(base, 'GET', '/session'), { body: { roles: [AUDITOR] } })
    }
  })
})

void t.test(
  'where acts need a passkey, the code serves its person once more, for a first passkey',
  async (t) => {
    const { world, start, code } = await newServer(t, 'sqlite:', { forActs: true })
    await start()
    const { base } = world
    const site = { origin: base, rpId: new URL(base).hostname }
    const anna = openBrowser(t)
    await anna.login(base, 'anna')
    t.equal((await claim(anna, world, code())).status, 200)
    await anna.login(base, 'anna')
    const add = async (given: string) => {
      const { challenge } = (await anna.api(base, 'GET', '/session/passkeys/options')).body as {
        challenge: string
      }
      const made = createAuthenticator().create({ ...site, challenge })
      return anna.api(base, 'POST', '/session/passkeys', { name: 'laptop', code: given, ...made })
    }
    t.match(await add('wrong'), { status: 403, body: { type: 'passkey_code_wrong' } })
    t.equal((await add(code())).status, 201)
    t.match(await add(code()), { status: 403, body: { type: 'passkey_code_wrong' } }, 'once')
  },
)

void t.test('a file of another database is never overwritten', async (t) => {
  const { world, file, start } = await newServer(t, 'sqlite:')
  await world.database.kysely.deleteFrom('claim_code' as never).execute()
  await t.rejects(start(), { code: 'invalid_configuration', message: /belongs to another database/ })
  rmSync(file)
  t.ok(await start())
  t.ok(statSync(file))
})
