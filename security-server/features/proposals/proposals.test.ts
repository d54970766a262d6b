/** Acts that take two people at a security server, on both stores. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type AdminWorld, auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { judgeAlone } from '../clients-and-services/judge-alone.ts'
import { checkFourEyes } from '../people/four-eyes-policy.ts'
import { isRequired } from './is-required.ts'

const issuer = await startOpenIdProvider(t)
const SYSTEM = 'XROAD_SYSTEM_ADMINISTRATOR'
const SECURITY = 'XROAD_SECURITY_OFFICER'
const REGISTRATION = 'XROAD_REGISTRATION_OFFICER'
const SERVICES = 'XROAD_SERVICE_ADMINISTRATOR'
const KINDS = ['accessRights', 'keys', 'people', 'retention']
const DAY = 86_400_000
const WHY = { 'x-reason': encodeURIComponent('the decree of 1 März') }
const AT = '/message-log/retention/classes/short'
const CLASS = { keepDays: 10, atEnd: 'PROOF_KEPT', archive: 'NONE', applyToExisting: false }

type Body = Record<string, unknown>
type Proposal = { id: string; contentSha256: string }

async function login(
  t: Parameters<typeof openBrowser>[0],
  { base }: AdminWorld,
  subject: string,
): Promise<Browser> {
  const browser = openBrowser(t)
  t.equal((await browser.login(base, subject)).status, 200)
  return browser
}
const bodyOf = async (of: Promise<{ body: unknown }>): Promise<Body> => (await of).body as Body

void t.test('the kinds of acts that the settings name take two people', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const isPostgresql = url.startsWith('postgres')
    const logUrl = isPostgresql && hasPostgresql() ? await (await postgresql()).freshDatabase() : undefined
    const world = await createAdminWorld(t, {
      ...{ login: issuer, fourEyes: KINDS },
      ...(isPostgresql ? { databaseUrl: url, ...(logUrl && { logUrl }) } : {}),
    })
    world.world.now = Date.now()
    const { base, ask } = world
    const invite = (subject: string, ...roles: string[]) => ask('POST', '/people', { subject, roles })

    // One administrator cannot be two: the policy waits for the second.
    t.equal((await invite('anna', SYSTEM, SECURITY, SERVICES)).status, 201)
    t.equal((await invite('ben', SYSTEM, SECURITY, SERVICES)).status, 201)
    t.equal((await invite('carl', REGISTRATION)).status, 201)
    const anna = await login(t, world, 'anna')
    t.same((await bodyOf(anna.api(base, 'GET', '/session')))['fourEyes'], ['exceptions'])
    t.equal((await anna.api(base, 'PUT', AT, CLASS)).status, 204, 'nobody to ask yet')
    const { id: annaId } = await bodyOf(anna.api(base, 'GET', '/session'))
    const ownKey = await bodyOf(anna.api(base, 'POST', '/api-keys', { name: 'own', roles: [SYSTEM] }))
    const byOwnKey = { authorization: `X-Road-ApiKey token=${String(ownKey['secret'])}` }
    const own = anna.api(base, 'PUT', `/people/${annaId}/roles`, { roles: [SYSTEM, REGISTRATION] }, byOwnKey)
    t.match(await own, { status: 403, body: { type: 'not_second_person' } }, 'nor by a key that they made')
    const [ben, carl] = [await login(t, world, 'ben'), await login(t, world, 'carl')]
    t.same((await bodyOf(anna.api(base, 'GET', '/session')))['fourEyes'], [...KINDS, 'exceptions'])

    const longer = { ...CLASS, keepDays: 40 }
    t.match(await anna.api(base, 'PUT', AT, longer), { status: 400, body: { message: /X-Reason/ } })
    t.match(await ask('PUT', AT, longer), { status: 403, body: { type: 'key_without_person' } })
    t.match(await anna.api(base, 'PUT', AT, { ...longer, keepDays: 'x' }, WHY), { status: 400 })
    const proposed = await anna.api(base, 'PUT', AT, longer, WHY)
    t.match(proposed, { status: 202, body: { state: 'proposed' } })
    const { id, contentSha256 } = proposed.body as { id: string; contentSha256: string }
    const classNow = async () =>
      ((await bodyOf(ask('GET', '/message-log/retention')))['classes'] as Body[]).find(
        ({ name }) => name === 'short',
      )
    t.match(await classNow(), { keepDays: 10 }, 'nothing is done yet')
    const approve = (who: Browser, of: string, hash: string) =>
      who.api(base, 'POST', `/approvals/${of}/approve`, { contentSha256: hash })
    t.match(await approve(anna, id, contentSha256), { status: 403, body: { type: 'not_second_person' } })
    t.match(await approve(carl, id, contentSha256), { status: 403, body: { type: 'forbidden' } })
    t.match(await approve(ben, id, 'a'.repeat(64)), { status: 409 }, 'something else than they saw')
    const byKey = await ask('POST', `/approvals/${id}/approve`, { contentSha256 })
    t.match(byKey, { status: 403, body: { type: 'not_in_person' } })
    const shown = await bodyOf(ben.api(base, 'GET', `/approvals/${id}`))
    t.match(shown, { mayDecide: true, reason: 'the decree of 1 März', proposedBy: { name: 'Person anna' } })
    t.equal(createHash('sha256').update(String(shown['content'])).digest('hex'), contentSha256)
    t.match(JSON.parse(String(shown['content'])), { operation: 'putRetentionClass', body: { json: longer } })
    t.match((await ben.api(base, 'GET', '/approvals?view=waiting')).body, [{ id }])
    t.same((await carl.api(base, 'GET', '/approvals?view=waiting')).body, [])
    t.match((await anna.api(base, 'GET', '/approvals?view=mine')).body, [{ id }])
    t.equal((await carl.api(base, 'GET', `/approvals/${id}`)).status, 404, 'an act that is none of theirs')
    t.same((await carl.api(base, 'GET', '/approvals')).body, [])
    t.match((await ben.api(base, 'GET', '/approvals')).body, [{ id }])
    const byId = (who: Browser) =>
      who.api(base, 'GET', `/approvals?id=${annaId}&id=${String(id).toUpperCase()}`)
    t.match((await byId(ben)).body, [{ id }], 'those that are wanted')
    t.same((await byId(carl)).body, [], 'nor by its id')
    t.same((await ben.api(base, 'GET', `/approvals?id=${annaId}`)).body, [])
    const both = await Promise.all([approve(ben, id, contentSha256), approve(ben, id, contentSha256)])
    t.same(both.map(({ status }) => status).sort(), [200, 409], 'carried out once')
    t.match(await classNow(), { keepDays: 40 })
    const acts = await auditOf(ask)
    t.match(acts.filter(({ operation }) => operation === 'putRetentionClass')[0], {
      caller: { name: 'Person anna' },
      data: { proposal: id, approvedBy: { name: 'Person ben' } },
    })
    t.match(acts.filter(({ operation }) => operation === 'proposalCarriedOut')[0], {
      caller: { name: 'Person ben' },
      data: { proposedBy: { name: 'Person anna' } },
    })

    // What a right relies on takes two people from when the right is asked for, and one before; how well it
    // is served takes one.
    const { localSystems } = world
    const client = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', subsystemCode: 'own' }
    await localSystems.addClient(client)
    const described = await localSystems.addDescription({ client, code: 'a', url: 'http://10.0.0.1' })
    const service = `/services/${described.service}`
    const change = (body: object, more: object = WHY) =>
      anna.api(base, 'PATCH', service, body, more as typeof WHY)
    const atNow = () => localSystems.view().servicesByKey.get(described.service)!.service
    t.equal((await change({ url: 'http://10.0.0.2' }, {})).status, 200, 'nobody relies on it')
    const right = { subjectType: 'SUBSYSTEM', subjectId: 'DEV:GOV:2:other' }
    const rightAsked = (await anna.api(base, 'POST', `${service}/access-rights`, right, WHY)).body as Proposal
    t.equal((await change({ url: 'http://10.0.0.3' })).status, 202, 'a right to it waits')
    t.match(await approve(ben, rightAsked.id, rightAsked.contentSha256), { body: { state: 'approved' } })
    t.match(await change({ url: 'http://10.0.0.3' }, {}), { status: 400, body: { message: /X-Reason/ } })
    t.equal((await change({ timeoutMs: 5000, url: 'http://10.0.0.2' }, {})).status, 200, 'the same address')
    const bytes = { 'content-type': 'application/octet-stream' }
    for (const [method, at, body, type] of [
      ['PATCH', service, { verifyTls: false }],
      ['PATCH', service, { allowEncodedSlash: true }],
      ['POST', `${service}/tls-certificates`, 'a certificate', bytes],
      ['DELETE', `${service}/tls-certificates/${'a'.repeat(64)}`, undefined],
    ] as [string, string, unknown, object?][])
      t.equal((await anna.api(base, method, at, body, { ...WHY, ...type })).status, 202, `${method} ${at}`)
    const moved = (await change({ url: 'http://10.0.0.9' })).body as Proposal
    t.match(atNow(), { url: 'http://10.0.0.2', verifyTls: true, timeoutMs: 5000 }, 'nothing is done yet')
    t.match(await approve(ben, moved.id, moved.contentSha256), { body: { state: 'approved' } })
    t.equal(atNow().url, 'http://10.0.0.9')

    // Who has a right to an endpoint may call what it becomes.
    const endpoint = await localSystems.addEndpoint(described.service, 'GET', '/x')
    const becomes = (path: string, more: object) =>
      anna.api(base, 'PATCH', `/endpoints/${endpoint}`, { method: 'GET', path }, more as typeof WHY)
    t.equal((await becomes('/y', {})).status, 200, 'nobody has a right to it')
    await localSystems.grantEndpoint(endpoint, { type: 'GLOBALGROUP', id: 'all' })
    t.match(await becomes('/z', {}), { status: 400, body: { message: /X-Reason/ } })
    t.equal((await becomes('/z', WHY)).status, 202)

    // The right came in the very moment after the call was judged.
    const call = { params: { id: String(described.service) }, body: { url: 'http://10.0.0.5' } }
    const fourEyesPolicy = { inForce: async () => ['accessRights'] }
    const judge = await judgeAlone({ fourEyesPolicy }, 'updateService', { ...call, approver: undefined })
    await t.rejects(localSystems.updateService(described.service, call.body, { judge }), { code: 'conflict' })

    // Rights to a tracker take two people, also where the policy does not name rights.
    const tracker = await localSystems.addDescription({ client, code: 'findUsage', isTracker: true })
    const ground = {
      localSystems,
      fourEyesPolicy: { always: [], inForce: async () => [], hasSecond: async () => true },
    }
    const waits = new Set<number>()
    const takesTwo = (id: string, key: number) =>
      isRequired(
        ground,
        {
          operation: { id, fourEyesKind: 'accessRights' },
          call: { ...call, query: {}, params: { id: String(key) } },
        },
        {
          isProposed: async ({ operation, params }) =>
            operation === 'addAccessRight' && waits.has(Number(params['id'])),
        },
      )
    const group = await localSystems.addLocalGroup(client, 'readers', 'Readers')
    t.same(
      [
        await takesTwo('addAccessRight', tracker.service),
        await takesTwo('addAccessRight', described.service),
      ],
      [true, false],
    )
    t.equal(await takesTwo('addLocalGroupMembers', group), false)
    waits.add(described.service)
    t.equal(await takesTwo('addLocalGroupMembers', group), false, 'a right to another service waits')
    waits.add(tracker.service)
    t.equal(await takesTwo('addLocalGroupMembers', group), true, 'a right to the tracker waits')
    waits.clear()
    await localSystems.grantService(tracker.service, { type: 'LOCALGROUP', id: 'readers' })
    t.equal(await takesTwo('addLocalGroupMembers', group), true, 'the group may ask')
    const movesByTwo = async (service: number): Promise<boolean> =>
      takesTwo('updateEndpoint', await localSystems.addEndpoint(service, 'GET', '/narrow'))
    t.same(
      [await movesByTwo(tracker.service), await movesByTwo(described.service)],
      [true, false],
      'an endpoint for which a right may be waiting',
    )

    // A document takes two people where it says which messages a right lets through, and has a size that
    // people read.
    const openapi = { openapi: '3.0.3', info: { title: 'a', version: '1' }, paths: {} }
    const document = JSON.stringify(openapi)
    const other = await localSystems.addDescription({ client, code: 'b', url: 'http://10.0.0.1', document })
    await localSystems.grantService(other.service, { type: 'SUBSYSTEM', id: 'DEV/GOV/2/other' })
    const replaceAt = `/service-descriptions/${other.description}/document?accept=${'a'.repeat(64)}`
    const replace = (body: object) => anna.api(base, 'PUT', replaceAt, body, { ...WHY, ...bytes })
    t.equal((await replace(openapi)).status, 409, 'it is compared with what was accepted, by one person')
    await localSystems.updateService(other.service, { validate: 'REQUESTS' })
    t.equal((await replace(openapi)).status, 202)
    t.equal((await replace({ ...openapi, 'x-more': 'x'.repeat(600_000) })).status, 413)

    // An API key bears roles as a person does, so it takes two people. Only who asked for it sees its secret.
    const asked = await anna.api(base, 'POST', '/api-keys', { name: 'k', roles: [SECURITY] }, WHY)
    t.match(asked, { status: 202, body: { secret: undefined } })
    const forKey = asked.body as { id: string; contentSha256: string }
    const made = await bodyOf(approve(ben, forKey.id, forKey.contentSha256))
    t.strictSame(Object.keys(made['result'] as Body), ['id'], 'the proposal holds no secret')
    const secretAt = `/api-keys/${String((made['result'] as Body)['id'])}/secret`
    t.equal((await ben.api(base, 'POST', secretAt)).status, 404, 'not to the second person')

    // An API key of a person proposes, and its maker is no second person.
    const key = await bodyOf(anna.api(base, 'POST', secretAt))
    const authorization = { authorization: `X-Road-ApiKey token=${String(key['secret'])}` }
    const ofKey = await anna.api(base, 'PUT', AT, CLASS, { ...authorization, ...WHY })
    t.equal(ofKey.status, 202)
    const keyed = ofKey.body as { id: string; contentSha256: string }
    t.match(await approve(anna, keyed.id, keyed.contentSha256), { status: 403 })
    const reject = { reason: 'no' }
    t.match(await ben.api(base, 'POST', `/approvals/${keyed.id}/reject`, reject), {
      body: { state: 'rejected' },
    })

    // People: giving roles takes two, locking one; locking does not end the policy.
    const everybody = JSON.parse((await ask('GET', '/people')).raw.toString()) as Body[]
    const ids = Object.fromEntries(everybody.map((one) => [String(one['subject']), String(one['id'])]))
    const more = await anna.api(base, 'PUT', `/people/${ids['carl']}/roles`, { roles: [SYSTEM] }, WHY)
    t.equal(more.status, 202)
    const roles = more.body as { id: string; contentSha256: string }
    t.equal((await anna.api(base, 'PUT', `/people/${ids['ben']}/lock`)).status, 204)
    t.same(
      (await bodyOf(anna.api(base, 'GET', '/session')))['fourEyes'],
      [...KINDS, 'exceptions'],
      'still in force',
    )
    t.equal((await anna.api(base, 'PUT', `/people/${ids['ben']}/unlock`, undefined, WHY)).status, 202)
    t.equal((await approve(ben, roles.id, roles.contentSha256)).status, 401)
    world.world.now += 7 * DAY + 1
    await anna.login(base, 'anna')
    t.match(await bodyOf(anna.api(base, 'GET', `/approvals/${roles.id}`)), { state: 'expired' })
    t.match(await anna.api(base, 'POST', `/approvals/${roles.id}/withdraw`), { status: 409 })
  })
})

void t.test('a policy that one person could get around is no policy', async (t) => {
  t.doesNotThrow(() => checkFourEyes([], false))
  t.doesNotThrow(() => checkFourEyes(['people'], true))
  t.throws(() => checkFourEyes(['people'], false), /needs login/)
  t.throws(() => checkFourEyes(['keys'], true), /kind people/)
})
