/** Whose searches by person are counted together, and who agrees to one. */
import t from 'tap'
import { openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { beginSearch } from './searches.ts'

const issuer = await startOpenIdProvider(t)
const PLANTED = '131052-308T'
const WHY = { case: '2026-17', reason: 'complaint of a citizen' }

t.test('where a second auditor has to agree, they agree to one search', async (t) => {
  const world = await createAdminWorld(t, { login: issuer, contentFourEyes: true })
  world.world.now = Date.now()
  await world.ask('POST', '/people', { subject: 'anna', roles: ['XROAD_CONTENT_AUDITOR'] })
  const anna = openBrowser(t)
  await anna.login(world.base, 'anna')
  const api = (method: string, at: string, body?: object) => anna.api(world.base, method, at, body)
  const given = { type: 'x', identifier: PLANTED, ...WHY }
  const found = (await api('POST', '/message-log/subject-searches', given)).body as { id: string }
  const searchId = found.id
  const records = () => api('GET', `/message-log/subject-searches/${searchId}/records`)
  t.match((await records()).body, { type: 'content_not_granted' })
  const order = { format: 'csv', filter: {}, subjectSearch: searchId }
  t.match((await api('POST', '/message-log/exports', order)).body, { type: 'content_not_granted' })
  const other = await api('POST', '/message-log/content-requests', { searchId, ...WHY, case: 'other' })
  t.equal(other.status, 400, 'of another case')
  t.equal((await api('POST', '/message-log/content-requests', { searchId, index: 0, ...WHY })).status, 400)
  const asked = await api('POST', '/message-log/content-requests', { searchId, ...WHY })
  t.match([asked.status, asked.body], [201, { target: `search ${searchId}` }])
})

t.test('a person has one count of searches, with however many keys', async (t) => {
  const makers: Record<string, string | null> = {
    one: 'anna',
    two: 'anna',
    operators: null,
    handed: 'operators',
  }
  const counted: string[] = []
  const rooms = {
    apiKeys: {
      find: async (id: string) => (id in makers ? { roles: [], createdBy: makers[id]! } : undefined),
    },
    subjects: {
      keys: {
        evaluateSearch: async ({ person }: { person: { id: string } }) => {
          counted.push(person.id)
          return { months: [] }
        },
      },
      searches: { add: async () => undefined },
    },
    clock: Date.now,
    audit: { before: async () => undefined },
  } as never
  const given = { type: 'x', identifier: PLANTED, ...WHY }
  for (const [kind, id] of [
    ['person', 'anna'],
    ['key', 'one'],
    ['key', 'two'],
    ['key', 'operators'],
    ['key', 'handed'],
  ] as const)
    await beginSearch(rooms, given, { kind, id, name: id, roles: [] })
  t.same(counted, ['anna', 'anna', 'anna', 'operators', 'handed'])
})
