/**
 * People at a security server, on both stores: logging in, losing access, rights of sessions, and acts that
 * take two people.
 */
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type AdminWorld, auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { signedRecord } from '../../message-log/fixture.ts'
import { type ContentRequest, createContentRequestStore } from '../content-requests/store.ts'
import { checkInPerson, checkSecond, stillCounts } from '../contracts/agree.ts'

const issuer = await startOpenIdProvider(t)
const [SYSTEM, AUDITOR, CONTENT, SIGNATORY] = [
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_AUDITOR',
  'XROAD_CONTENT_AUDITOR',
  'XROAD_CONTRACT_SIGNATORY',
] as const
const HOUR = 3_600_000
const DAY = 24 * HOUR

type Body = Record<string, unknown>

async function openWorld(t: Test, url: string, more: object = {}): Promise<AdminWorld> {
  const isPostgresql = url.startsWith('postgres')
  const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
  const world = await createAdminWorld(t, {
    ...{ login: issuer, ...more },
    ...(isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {}),
  })
  // The provider uses the real time.
  world.world.now = Date.now()
  return world
}
type Test = Parameters<typeof createAdminWorld>[0]

async function invited(t: Test, world: AdminWorld, subject: string, ...roles: string[]): Promise<Browser> {
  t.equal((await world.ask('POST', '/people', { subject, roles })).status, 201)
  const browser = openBrowser(t)
  t.match(await browser.login(world.base, subject), { status: 200, text: /You are logged in/ })
  return browser
}
const bodyOf = async (of: Promise<{ body: unknown }>): Promise<Body> => (await of).body as Body
const cookieNameOf = (browser: Browser, { base }: AdminWorld): string =>
  [...browser.cookies.get(new URL(base).host)!.keys()].find((name) => name.endsWith('-session'))!

void t.test('login, session and the end of both', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const world = await openWorld(t, url)
    const { base, ask, authorization } = world
    const stranger = openBrowser(t)
    t.match(await stranger.login(base, 'stranger'), { status: 403, text: /nobody has invited you/ })
    t.equal((await ask('POST', '/people', { email: 'Anna@example.org', roles: [AUDITOR] })).status, 201)
    const anna = openBrowser(t)
    t.match(await openBrowser(t).login(base, 'unverified-anna'), { status: 403 })
    t.match(await anna.login(base, 'anna'), { status: 200, text: /Welcome, Person anna/ })
    const session = await bodyOf(anna.api(base, 'GET', '/session'))
    t.match(session, { kind: 'person', name: 'Person anna', roles: [AUDITOR], csrfToken: /^[\w-]{43}$/ })

    // Roles come from the server, which reads them again for each request.
    t.equal((await anna.api(base, 'GET', '/people')).status, 200)
    t.equal((await anna.api(base, 'POST', '/people', { subject: 'x', roles: [SYSTEM] })).status, 403)
    t.equal((await anna.api(base, 'GET', '/message-log/records')).status, 200)
    const start = (headers: Record<string, string>) =>
      anna.api(base, 'POST', '/message-log/verifications', { full: true }, headers)
    for (const token of ['', 'x', String(session['csrfToken']).slice(1)])
      t.match(await start({ 'x-csrf-token': token }), { status: 403, body: { type: 'csrf_token_invalid' } })
    t.equal((await start({ authorization: 'X-Road-ApiKey token=x' })).status, 401, 'it counts alone')
    t.equal((await start({})).status, 202)
    t.match((await auditOf(ask))[0], { operation: 'startVerification', caller: { name: 'Person anna' } })

    // A session token that was planted before the login is replaced; a stolen one ends with the logout.
    const name = cookieNameOf(anna, world)
    t.match(name, /^server-[0-9a-f]{16}-session$/, 'told apart from servers on the same host')
    const jar = anna.cookies.get(new URL(base).host)!
    const planted = jar.get(name)!
    await anna.login(base, 'anna')
    const token = jar.get(name)!
    t.not(token, planted)
    jar.set(name, planted)
    t.equal((await anna.api(base, 'GET', '/session')).status, 401, 'the session of before has ended')
    jar.set(name, token)
    const { csrfToken } = await bodyOf(anna.api(base, 'GET', '/session'))
    const out = (headers = {}) => anna.visit(`${base}/logout`, { method: 'POST', headers })
    t.equal((await out()).status, 403)
    t.equal((await out({ 'x-csrf-token': csrfToken })).status, 204)
    jar.set(name, token)
    t.match(await anna.api(base, 'GET', '/session'), { status: 401, body: { type: 'session_ended' } })

    // A callback works once, and only in the browser that began the login.
    const callback = await anna.toCallback(base, 'anna')
    t.match(await openBrowser(t).visit(callback), { status: 403, text: /begun in another browser/ })
    const begun = new Map(jar)
    t.equal((await anna.visit(callback)).status, 200)
    const thief = openBrowser(t)
    thief.cookies.set(new URL(base).host, new Map(begun))
    t.match(await thief.visit(callback), { status: 403, text: /used already/ })
    for (const change of [
      (at: URL) => at.searchParams.delete('nonce'),
      (at: URL) => at.searchParams.set('nonce', 'other'),
    ]) {
      const browser = openBrowser(t)
      const back = await browser.toCallback(base, 'anna', change)
      t.match(await browser.visit(back), { status: 403, text: /did not confirm who you are/ })
    }

    // A session ends when it is not used, and when the person's rights change.
    world.world.now += HOUR / 2
    t.equal((await anna.api(base, 'GET', '/session')).status, 401)
    world.world.now = Date.now()
    await anna.login(base, 'anna')
    const people = JSON.parse((await ask('GET', '/people')).raw.toString()) as { id: string }[]
    const at = `/people/${people[0]!.id}`
    t.equal((await ask('PUT', `${at}/roles`, { roles: [AUDITOR, CONTENT] })).status, 200)
    t.equal((await anna.api(base, 'GET', '/session')).status, 401, 'other rights, another session')
    await anna.login(base, 'anna')
    t.equal((await ask('PUT', `${at}/lock`)).status, 204)
    t.equal((await anna.api(base, 'GET', '/session')).status, 401)
    t.match(await anna.login(base, 'anna'), { status: 403, text: /locked/ })

    // After too many failures the address can no longer log in.
    for (let failed = 1; failed < 10; failed++) {
      thief.cookies.set(new URL(base).host, new Map(begun))
      t.match(await thief.visit(callback), { status: 403, text: /used already/ })
    }
    t.match(await thief.visit(`${base}/login`), { status: 429, headers: { 'retry-after': /^\d{1,3}$/ } })
    t.equal((await openBrowser(t).visit(`${base}/login`)).status, 303)
    const entries = await auditOf(ask)
    t.notMatch(JSON.stringify(entries), /stranger@|Person stranger|code=/)
    t.ok(entries.some(({ operation }) => operation === 'logout'))
    t.equal((await ask('GET', '/session', undefined, { role: 'all' })).body['kind'], 'key')
    t.ok(authorization['all'])
  })
})

void t.test('who must stay, and nobody about themselves', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const world = await openWorld(t, url)
    const { base, ask } = world
    const carl = await invited(t, world, 'carl', SYSTEM)
    const { id } = await bodyOf(carl.api(base, 'GET', '/session'))
    t.match(await carl.api(base, 'PUT', `/people/${id}/roles`, { roles: [SYSTEM, CONTENT] }), {
      status: 403,
      body: { type: 'not_second_person' },
    })
    for (const [method, what] of [
      ['PUT', '/lock'],
      ['DELETE', ''],
    ] as const)
      t.match((await ask(method, `/people/${id}${what}`)).body, { message: /last active person/ })
    const dora = await invited(t, world, 'dora', SYSTEM)
    t.equal((await dora.api(base, 'DELETE', `/people/${id}`)).status, 204)
    t.equal((await carl.api(base, 'GET', '/session')).status, 401)
    for (const body of [
      { roles: [AUDITOR] },
      { subject: 'x', roles: [] },
      { subject: 'x', roles: ['ROOT'] },
      { subject: 'ä', roles: [AUDITOR] },
      { email: 'a@b@c', roles: [AUDITOR] },
      { subject: 'x', roles: [AUDITOR], state: 'active' },
    ])
      t.equal((await ask('POST', '/people', body)).status, 400, JSON.stringify(body))
    t.equal((await ask('POST', '/people', { subject: 'dora', roles: [AUDITOR] })).status, 409)
  })
  const { ask } = await createAdminWorld(t)
  t.equal((await ask('POST', '/people', { subject: 'x', roles: [AUDITOR] })).status, 409, 'no login')
})

void t.test('content for one auditor when a second one agrees', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const world = await openWorld(t, url, { contentFourEyes: true })
    const { base, ask, messageLog } = world
    const request = await signedRecord()
    const { index } = await messageLog.append(request)
    const reply = { kind: 'reply', outcome: 'ok', direction: 'out' } as const
    const message = Buffer.from('HTTP/1.1 200 OK\r\n\r\n')
    await messageLog.append(await signedRecord({ ...request, ...reply, answers: index, message }))
    await messageLog.append(await signedRecord({ ids: { id: 'other', requestId: 'other' } }))
    await ask('POST', '/message-log/checkpoint')
    const anna = await invited(t, world, 'anna', CONTENT)
    const ben = await invited(t, world, 'ben', CONTENT)
    const eve = await invited(t, world, 'eve', AUDITOR)
    t.match(await bodyOf(anna.api(base, 'GET', '/session')), { contentFourEyes: true })

    const content = (who: Browser, of: number | string = index, number = 'C-1') =>
      who.api(base, 'GET', `/message-log/records/${of}/content?case=${number}&reason=complaint`)
    const refused = { status: 403, body: { type: 'content_not_granted' } }
    t.match(await content(anna), refused)
    const looks = (await auditOf(ask)).filter(({ operation }) => operation === 'getRecordContent')
    t.same(looks, [], 'nothing was looked at')
    const requests = '/message-log/content-requests'
    const asked = { index: index + 1, case: 'C-1', reason: 'complaint' }
    t.equal((await eve.api(base, 'POST', requests, asked)).status, 403)
    const made = await bodyOf(anna.api(base, 'POST', requests, asked))
    t.match(made, { target: `exchange ${index}`, state: 'waiting', askedBy: { name: 'Person anna' } })
    t.equal((await anna.api(base, 'POST', requests, asked)).status, 409, 'once')
    for (const wrong of [
      { case: 'C-1', reason: 'x' },
      { ...asked, exportId: crypto.randomUUID() },
      { ...asked, reason: ' ' },
      { ...asked, index: -1 },
    ])
      t.equal((await anna.api(base, 'POST', requests, wrong)).status, 400)
    t.equal((await anna.api(base, 'POST', requests, { ...asked, index: 999 })).status, 404)

    const waits = async (who: Browser) =>
      (await bodyOf(who.api(base, 'GET', '/message-log')))['contentRequests']
    t.same([await waits(anna), await waits(ben)], [0, 1], 'for somebody else')
    const grant = (who: Browser, id = made['id'], body: object = {}) =>
      who.api(base, 'PUT', `${requests}/${String(id)}/grant`, body)
    t.match(await grant(anna), { status: 403, body: { type: 'not_second_person' } })
    t.equal((await grant(eve)).status, 403)
    t.match((await ask('PUT', `${requests}/${String(made['id'])}/grant`, {})).body, { type: 'not_in_person' })
    t.match(await content(anna), refused)
    t.match(await grant(ben), { status: 200, body: { state: 'granted', decidedBy: 'Person ben' } })
    t.match(await grant(ben), { status: 409 }, 'decided once')
    t.equal((await content(anna)).status, 200)
    t.equal((await content(anna, index + 1)).status, 200, 'the whole exchange')
    for (const at of ['container', 'evidence-bundle']) {
      const where = `/api/v1/message-log/records/${index}/${at}?case=C-1&reason=complaint`
      t.equal((await anna.visit(base + where)).status, 200, at)
      t.equal((await ben.visit(base + where)).status, 403, `${at}: not for who agreed`)
    }
    t.match(await content(ben), refused, 'for who asked alone')
    t.match(await content(anna, index + 2), refused, 'for this exchange')
    t.match(await content(anna, index, 'C-2'), refused, 'for this case')

    const person = { type: 'personal-code', identifier: '1', case: 'C-1', reason: 'complaint' }
    const search = await bodyOf(anna.api(base, 'POST', '/message-log/subject-searches', person))
    const results = (who: Browser) =>
      who.api(base, 'GET', `/message-log/subject-searches/${String(search['id'])}/records`)
    t.match(await results(anna), refused, 'a search by person')
    const about = { searchId: search['id'], case: 'C-1', reason: 'complaint' }
    t.match(await ben.api(base, 'POST', requests, about), { status: 403 }, 'asked for by who searched')
    await grant(ben, (await bodyOf(anna.api(base, 'POST', requests, about)))['id'])
    t.match(await results(anna), { status: 200, body: { records: [] } })
    t.match(await results(ben), { status: 403, body: { type: 'forbidden' } })
    world.world.now += DAY
    await anna.login(base, 'anna')
    t.match(await content(anna), refused, 'for a day')

    // Whoever holds the operator's key could also be who agrees.
    t.match(await ask('POST', requests, asked), { status: 403, body: { type: 'key_without_person' } })
    const [operators] = await world.rooms.apiKeys.list()
    const before: ContentRequest = {
      ...{ id: crypto.randomUUID(), target: `exchange ${index}`, case_number: 'C-1', reason: 'x' },
      ...{
        asked_by: operators!.id,
        asked_by_name: 'test',
        asked_at: new Date(world.world.now).toISOString(),
      },
      ...{
        state: 'waiting',
        decided_by: null,
        decided_by_name: null,
        decided_at: null,
        decision_reason: null,
      },
    }
    await createContentRequestStore(world.database).add(before, { since: '', most: 9 })
    await ben.login(base, 'ben')
    t.match(await grant(ben, before.id), { status: 403, body: { type: 'key_without_person' } })
    t.match(await ask('GET', `/message-log/records/${index}/content?case=C-1&reason=complaint`), refused)

    // An API key that a person made does not count as a second person.
    const own = await invited(t, world, 'sys', SYSTEM, CONTENT)
    const { secret } = await bodyOf(own.api(base, 'POST', '/api-keys', { name: 'k', roles: [CONTENT] }))
    const byKey = { authorization: `X-Road-ApiKey token=${String(secret)}` }
    const ofKey = await bodyOf(own.api(base, 'POST', requests, asked, byKey))
    t.match(await grant(own, ofKey['id']), { status: 403, body: { type: 'not_second_person' } })
    const decline = await ben.api(base, 'PUT', `${requests}/${String(ofKey['id'])}/decline`, { reason: 'no' })
    t.match(decline, { status: 200, body: { state: 'declined', decisionReason: 'no' } })
    const late = await bodyOf(anna.api(base, 'POST', requests, { ...asked, case: 'C-9' }))
    world.world.now += 7 * DAY + 1
    await ben.login(base, 'ben')
    t.match(await grant(ben, late['id']), { status: 409 })
    const list = JSON.parse((await ask('GET', `${requests}?q=c-9`)).raw.toString()) as Body[]
    t.match(list, [{ case: 'C-9', state: 'void' }])
    t.equal((await ask('GET', `${requests}?state=granted&limit=1`)).headers['x-total-count'], '2')

    // Orders and their execution use one clock.
    world.logClock.aheadMs = world.world.now - Date.now()
    const erase = (of: number, body: object) => ask('POST', `/message-log/records/${of}/erase`, body)
    t.equal((await erase(index + 2, { case: 'A-1', reason: 'by <law>' })).status, 200)
    const scope = { indexes: [index] }
    const hold = (await ask('POST', '/message-log/holds', { case: 'H-1', reason: 'court', scope })).body
    t.match(hold, { setBy: /^test \([0-9a-f-]{36}\)$/ }, 'who it is, and not a name that a key may bear too')
    const law = { case: 'A-2', reason: 'by law', reference: 'court 7', mode: 'PROOF_KEPT' }
    t.equal((await erase(index, law)).status, 409, 'a hold covers it')
    const orders = await ask('GET', '/message-log/erasure-orders', undefined, { role: AUDITOR })
    t.equal(orders.headers['x-total-count'], '2')
    for (const { orderedBy } of JSON.parse(orders.raw.toString()) as { orderedBy: string }[])
      t.match(orderedBy, /^test \([0-9a-f-]{36}\)$/)
    t.match(JSON.parse(orders.raw.toString()), [
      { index, case: 'A-2', reference: 'court 7', mode: 'PROOF_KEPT', erasedAt: null },
      {
        index: index + 2,
        case: 'A-1',
        reason: 'by <law>',
        reference: null,
        mode: 'LEAF_ONLY',
        erasedAt: String,
      },
    ])
    const lift = { reason: 'over' }
    t.equal((await ask('POST', `/message-log/holds/${String(hold['id'])}/lift`, lift)).status, 200)
    t.equal((await erase(index, law)).status, 200, 'the same again')
    const afterwards = await ask('GET', '/message-log/erasure-orders')
    t.match(
      JSON.parse(afterwards.raw.toString()),
      [
        { case: 'A-2', erasedAt: String, goneAt: String },
        { case: 'A-2', erasedAt: null, goneAt: String },
        { case: 'A-1', erasedAt: String, goneAt: String },
      ],
      'what was refused stays so, when the same order is carried out later',
    )
    const found = await ask('GET', '/message-log/erasure-orders?q=court%207')
    t.equal((JSON.parse(found.raw.toString()) as []).length, 2)
  })
  const plain = await createAdminWorld(t)
  const { index } = await plain.messageLog.append(await signedRecord())
  const asked = { index, case: '1', reason: 'x' }
  t.match(await plain.ask('POST', '/message-log/content-requests', asked), { status: 409 })
})

void t.test('two people agree to a contract by their own login', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const world = await openWorld(t, url)
    const { ask, base, rooms } = world
    const now = Date.now()
    const makeKey = async (who: Browser | undefined): Promise<string> => {
      const body = { name: 'k', roles: [SIGNATORY] }
      const made =
        who === undefined ? ask('POST', '/api-keys', body) : who.api(base, 'POST', '/api-keys', body)
      return String((await bodyOf(made))['id'])
    }
    const idOf = async (who: Browser): Promise<string> =>
      String((await bodyOf(who.api(base, 'GET', '/session')))['id'])
    const agreed = (id: string, at = now) => ({
      ...{ member: 'DEV/GOV/1000', hash: 'h', key_id: id, key_name: 'x', subsystems: null },
      agreed_at: new Date(at).toISOString(),
    })
    const caller = (kind: 'person' | 'key', id: string) => ({ kind, id, name: 'x', roles: [SIGNATORY] })

    const anna = await invited(t, world, 'anna', SIGNATORY, SYSTEM)
    const [first, own] = [await makeKey(undefined), await makeKey(anna)]
    const a = await idOf(anna)
    await t.resolves(checkInPerson(caller('key', first), rooms), 'one person is not enough: keys agree')
    t.ok(await stillCounts(agreed(first), rooms, now))
    t.ok(await stillCounts(agreed(a), rooms, now))
    for (const [one, other] of [
      [a, a],
      [a, own],
      [own, a],
      [own, await makeKey(anna)],
    ] as const)
      await t.rejects(checkSecond(agreed(one), caller('key', other), rooms), {
        code: 'second_signatory_needed',
      })
    await t.resolves(checkSecond(agreed(first), caller('person', a), rooms))
    const another = caller('key', await makeKey(undefined))
    await t.resolves(checkSecond(agreed(first), another, rooms), 'of the operator, who may hand them to two')

    const ben = await invited(t, world, 'ben', SIGNATORY)
    const b = await idOf(ben)
    await t.rejects(checkInPerson(caller('key', first), rooms), { code: 'not_in_person' })
    await t.resolves(checkInPerson(caller('person', b), rooms))
    t.notOk(await stillCounts(agreed(first), rooms, now), 'what a key agreed to before is void')
    t.ok(await stillCounts(agreed(a), rooms, now))
    t.notOk(await stillCounts(agreed(a, now - 30 * DAY), rooms, now), 'for thirty days')
    await t.resolves(checkSecond(agreed(a), caller('person', b), rooms))
    t.equal((await ask('PUT', `/people/${b}/roles`, { roles: [AUDITOR] })).status, 200)
    t.notOk(await stillCounts(agreed(b), rooms, now), 'no mandate any more')
    t.equal((await ask('PUT', `/people/${b}/roles`, { roles: [SIGNATORY] })).status, 200)
    t.equal((await ask('PUT', `/people/${b}/lock`)).status, 204)
    t.notOk(await stillCounts(agreed(b), rooms, now), 'locked out')
  })
})
