/**
 * What one person takes away alone, and what needs a second one, where the settings want two people for
 * everything that they can name (docs/decisions/second-persons.md, "Taking away").
 */
import t from 'tap'
import { openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'

const ROLES = ['XROAD_SYSTEM_ADMINISTRATOR', 'XROAD_SERVICE_ADMINISTRATOR', 'XROAD_REGISTRATION_OFFICER']
const KINDS = ['accessRights', 'anchor', 'keys', 'people', 'retention']
const CLIENT = 'DEV:GOV:1:own'
const PORTAL = 'DEV:GOV:2:portal'
const WHY = { 'x-reason': encodeURIComponent('a reason') }

type Body = Record<string, unknown>

void t.test('a right goes at once by one person, what protects people by two', async (t) => {
  const world = await createAdminWorld(t, { login: await startOpenIdProvider(t), fourEyes: KINDS })
  world.world.now = Date.now()
  const { ask, base, localSystems } = world
  for (const subject of ['anna', 'ben'])
    t.equal((await ask('POST', '/people', { subject, roles: ROLES })).status, 201)
  const [anna, ben] = [openBrowser(t), openBrowser(t)]
  await anna.login(base, 'anna')
  await ben.login(base, 'ben')
  const by = async (who: typeof anna, method: string, at: string, body?: object) =>
    (await who.api(base, method, at, body, WHY)) as { status: number; body: Body }
  const approved = async ({ body }: { body: Body }): Promise<void> => {
    const { id, contentSha256 } = body
    t.match(await by(ben, 'POST', `/approvals/${String(id)}/approve`, { contentSha256 } as object), {
      body: { state: 'approved' },
    })
  }
  const alone = async (method: string, at: string, body?: object): Promise<number> =>
    (await anna.api(base, method, at, body)).status

  for (const on of ['consents', 'tracker']) {
    await ask('POST', '/clients', { id: CLIENT })
    t.equal((await ask('PUT', `/clients/${CLIENT}/${on}`)).status, 200)
    const client = () => [...localSystems.view().clients.values()][0]!
    const service = () => client().descriptions[0]!.services[0]!
    const rightsAt = `/services/${service().key}/access-rights`
    const group = await localSystems.addLocalGroup(client().id, 'portals', 'Portals')
    const endpoint = await localSystems.addEndpoint(service().key, 'GET', '/of-portals')
    const give = (right: object) => by(anna, 'POST', rightsAt, right)
    const members = { items: [PORTAL] }
    const added = await by(anna, 'POST', `/local-groups/${group}/members`, members)
    const asked = [
      await give({ subjectType: 'SUBSYSTEM', subjectId: PORTAL }),
      await give({ subjectType: 'LOCALGROUP', subjectId: 'portals' }),
      await give({ subjectType: 'SUBSYSTEM', subjectId: PORTAL, endpointId: endpoint }),
    ]
    for (const one of [added, ...asked]) {
      t.equal(one.status, 202, 'who is let in speaks for people: two decide')
      await approved(one)
    }
    const rights = () => service().accessRights
    t.equal(rights().length, 3)

    const own = rights().find((one) => one.subjectType === 'SUBSYSTEM' && one.endpoint !== endpoint)!
    t.equal(await alone('DELETE', `${rightsAt}/${own.id}`), 204, 'a portal that was taken over')
    t.equal(await alone('POST', `/local-groups/${group}/members/delete`, members), 200)
    t.equal(await alone('DELETE', `/local-groups/${group}`), 204)
    t.equal(await alone('DELETE', `/endpoints/${endpoint}`), 204)
    t.same(rights(), [], 'at once')

    const description = `/service-descriptions/${client().descriptions[0]!.id}`
    t.equal(await alone('DELETE', description), 409)
    t.equal(await alone('PUT', `${description}/disable`, {}), 409)
    t.match(await by(anna, 'DELETE', `/clients/${CLIENT}`), { status: 409 }, 'with all that belongs to it')
    t.equal(client().descriptions.length, 1)
    const off = await by(anna, 'DELETE', `/clients/${CLIENT}/${on}`)
    t.equal(off.status, 202, 'for everybody: two decide')
    await approved(off)
    t.equal(await alone('DELETE', `/clients/${CLIENT}`), 204)
  }
})
