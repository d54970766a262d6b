/** Revisions: what is refused, how one ends, and which acts are its own. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { AuditEntry, AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { isOwn, othersSince } from '#platform/revisions/drift.ts'
import type { RevisionRow } from '#platform/revisions/store.ts'
import type { RevisionTables } from '#platform/revisions/tables.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'

void t.test('an act counts as drift unless a revision made it', (t) => {
  const begun_at = '2026-01-01T10:00:00.000Z'
  const revision = { audit_sequence: 10, end_sequence: 20, caller_id: 'a', begun_at }
  const act = (sequence: number, id: string, at = begun_at) => ({ sequence, at, caller: { id, name: '' } })
  const own = (sequence: number, id: string): boolean => isOwn(revision, act(sequence, id))
  t.same(
    [own(10, 'a'), own(11, 'b'), own(11, 'a'), own(20, 'a'), own(21, 'a')],
    [false, false, true, false, false],
    'by its caller, while it is applied',
  )
  const open = { ...revision, end_sequence: null }
  t.equal(isOwn(open, act(21, 'a')), true, 'it has not ended')
  t.equal(isOwn(open, act(21, 'a'), { audit_sequence: 21 }), false, 'the next was begun')
  t.equal(isOwn(open, act(21, 'a', '2026-01-01T10:30:00.001Z')), false, 'it was given up')
  t.equal(isOwn(revision, act(19, 'a', '2026-01-01T11:00:00Z')), false, 'its end was said too late')
  t.equal(isOwn(undefined, act(11, 'a')), false, 'it names none')
  t.end()
})

void t.test('acts of who applies a revision are drift when they are none of its steps', async (t) => {
  const { app, ask, authorization } = await createAdminWorld(t)
  const sha256 = createHash('sha256').update('{}').digest('hex')
  await ask('POST', '/revisions', { content: '{}', sha256, reason: 'why' })
  const add = (id: string, revision: string | undefined, role = 'all') =>
    app.inject({
      ...{ method: 'POST', url: '/api/v1/clients', payload: { id } },
      headers: { authorization: authorization[role]!, ...(revision && { 'x-revision': revision }) },
    })
  const drift = async (query = '') => {
    const { body } = await ask('GET', `/drift${query}`)
    return (body['acts'] as { data: { body: { id: string } } }[]).map(({ data }) => data.body.id)
  }
  const id = (name: string): string => `DEV:GOV:1000:${name}`
  t.equal((await add(id('step'), '1')).statusCode, 201)
  await add(id('by-hand'), undefined)
  await add(id('other'), '1', 'XROAD_REGISTRATION_OFFICER')
  await add(id('none'), '2')
  await add(id('odd'), '1, 1')
  const others = ['odd', 'none', 'other', 'by-hand'].map(id)
  t.same(await drift(), others, 'while it is applied')
  await ask('PUT', '/revisions/1/end', { done: 1, waiting: 0 })
  await add(id('late'), '1')
  t.same(await drift(), [id('late'), ...others])
  await ask('POST', '/revisions', { content: '{}', sha256, reason: 'why' })
  t.same(await drift(), [], 'since the newest')
  t.same(await drift('?since=1'), [id('late'), ...others])
  t.equal((await ask('GET', '/drift?since=3')).status, 404)
})

void t.test('an act behind hundreds of steps is told, whatever the clocks say', async (t) => {
  const act = (sequence: number, more: object = {}): AuditEntry => ({
    ...{ sequence, at: '1970-01-01T00:00:00Z', caller: { id: 'a', name: '' }, operation: 'addClient' },
    ...{ target: '', digest: '', data: { revision: 1 }, ...more },
  })
  const others = [act(700, { data: {} }), act(12, { data: {} })]
  const all = [...Array.from({ length: 600 }, (_, i) => act(600 - i + 20)), ...others].toSorted(
    (a, b) => b.sequence - a.sequence,
  )
  const list = ({
    before = Infinity,
    after = 0,
    limit,
  }: {
    before?: number
    after?: number
    limit: number
  }) => Promise.resolve(all.filter(({ sequence }) => sequence > after && sequence < before).slice(0, limit))
  const row = { audit_sequence: 10, end_sequence: 699, caller_id: 'a', begun_at: '1970-01-01T00:00:00Z' }
  const find = async (number: number) => (number === 1 ? (row as RevisionRow) : undefined)
  const rooms = { audit: { list: list as AuditLog['list'] }, find, declaredActs: ['addClient'] }
  const { acts, more } = await othersSince(rooms, 10, 2)
  t.same(
    acts.map(({ sequence }) => sequence),
    [700, 12],
  )
  t.equal(more, false)
  t.match(await othersSince(rooms, 10, 1), { acts: [{ sequence: 700 }], more: true })

  // A log without an end is not read to its end.
  let read = 0
  const endless: AuditLog['list'] = async ({ limit }) => {
    read += limit
    return Array.from({ length: limit }, () => act(100))
  }
  t.same(await othersSince({ ...rooms, audit: { list: endless } }, 10, 2), { acts: [], more: true })
  t.ok(read < 30_000, String(read))
})

void t.test('revisions that a server does not take', async (t) => {
  const { ask, world } = await createAdminWorld(t)
  const content = '{"clients":[]}'
  const sha256 = createHash('sha256').update(content).digest('hex')
  const good = { content, sha256, reason: 'why' }
  for (const [body, status] of [
    [{ ...good, sha256: 'a'.repeat(64) }, 400],
    [{ ...good, sha256: sha256.toUpperCase() }, 400],
    [{ ...good, reason: '' }, 400],
    [{ ...good, reason: 'a\u202eb' }, 400],
    [{ ...good, restores: 7 }, 404],
    [{ ...good, more: 1 }, 400],
    [{ ...good, content: '' }, 400],
    ...['x', '[]', 'null', '7', '['.repeat(100_000)].map((content): [object, number] => [
      { ...good, content, sha256: createHash('sha256').update(content).digest('hex') },
      400,
    ]),
    [{ ...good, content: 'x'.repeat(8_388_609) }, 400],
    [{ ...good, content: 'x'.repeat(13_000_000) }, 413],
  ] as [object, number][])
    t.equal((await ask('POST', '/revisions', body)).status, status, JSON.stringify(body).slice(0, 100))
  t.match(await ask('POST', '/revisions', good), { status: 201, body: { number: 1, state: 'begun' } })
  t.match(
    await ask('POST', '/revisions', good, { role: 'XROAD_SERVICE_ADMINISTRATOR' }),
    { status: 409, body: { message: /revision 1 is being applied by test.*end-revision 1/ } },
    'one at a time',
  )
  const other = {
    ...good,
    content: '{}',
    sha256: createHash('sha256').update('{}').digest('hex'),
    restores: 1,
  }
  t.equal((await ask('POST', '/revisions', other)).status, 400, 'another content than it restores')
  const end = (body: object, o = {}) => ask('PUT', '/revisions/1/end', body, o)
  for (const body of [
    {},
    { done: 1 },
    { done: 1, waiting: 0, failure: 'x' },
    { waiting: -1, done: 0 },
    { failure: 'a\u0000' },
  ])
    t.equal((await end(body)).status, 400, JSON.stringify(body))
  t.equal((await end({ failure: 'x' }, { role: 'XROAD_SERVICE_ADMINISTRATOR' })).status, 409, 'of another')
  const system = { role: 'XROAD_SYSTEM_ADMINISTRATOR' }
  t.equal((await end({ done: 0, waiting: 0 }, system)).status, 409, 'they do not know how it went')
  t.match(await end({ done: 0, waiting: 2 }), { status: 200, body: { state: 'waiting' } })
  const found = async (q: string) => (await ask('GET', `/revisions?q=${q}`)).headers['x-total-count']
  t.same([await found('WHY'), await found(sha256.slice(9, 20)), await found('%25')], ['1', '1', '0'])
  t.equal((await end({ done: 0, waiting: 0 })).status, 409, 'once')
  t.equal((await ask('POST', '/revisions', good)).status, 201)
  t.match((await ask('PUT', '/revisions/2/end', { failure: 'gone' }, system)).body, { state: 'refused' })
  t.equal((await ask('POST', '/revisions', good)).status, 201)
  t.equal((await ask('POST', '/revisions', good)).status, 409)
  world.now += 30 * 60_000 + 1
  t.equal(
    (await ask('POST', '/revisions', good)).status,
    201,
    'one that never ended holds nobody up for long',
  )
  const observer = { role: 'XROAD_SECURITYSERVER_OBSERVER' }
  t.equal((await ask('GET', '/revisions/1', undefined, observer)).status, 200)
  t.equal((await ask('GET', '/revisions/1/content', undefined, observer)).status, 403)
  const officer = { role: 'XROAD_REGISTRATION_OFFICER' }
  t.equal(
    (await ask('GET', '/revisions/1/content', undefined, officer)).status,
    403,
    'it has more than clients',
  )
  t.equal((await ask('GET', '/drift', undefined, observer)).status, 403)
  t.equal((await ask('GET', '/revisions/9')).status, 404)
  t.equal((await ask('GET', '/revisions/9/content')).status, 404)
})

void t.test('a text that was put in the place of another is not handed out', async (t) => {
  const { ask, database } = await createAdminWorld(t)
  const content = '{"clients":[]}'
  const sha256 = createHash('sha256').update(content).digest('hex')
  await ask('POST', '/revisions', { content, sha256, reason: 'why' })
  t.equal((await ask('GET', '/revisions/1/content')).raw.toString(), content)
  await tablesOf<RevisionTables>(database)
    .updateTable('revision_content')
    .set({ content: gzipSync('{"clients":[{}]}') })
    .execute()
  t.equal((await ask('GET', '/revisions/1/content')).status, 500)

  // Applied again, the text is there again. What the audit log does not bear out is not handed out either.
  await ask('PUT', '/revisions/1/end', { done: 0, waiting: 0 })
  await ask('POST', '/revisions', { content, sha256, reason: 'again' })
  t.equal((await ask('GET', '/revisions/1/content')).raw.toString(), content)
  const other = { content: gzipSync('{}'), sha256: createHash('sha256').update('{}').digest('hex') }
  await tablesOf<RevisionTables>(database).insertInto('revision_content').values(other).execute()
  const rows = tablesOf<RevisionTables>(database).updateTable('revision').where('number', '=', 1)
  await rows.set({ sha256: other.sha256 }).execute()
  t.equal((await ask('GET', '/revisions/1/content')).status, 500)
  await rows.set({ sha256, audit_sequence: 2 }).execute()
  t.equal((await ask('GET', '/revisions/1/content')).status, 500)
})

void t.test('what is kept for good is bounded by the day', async (t) => {
  const { ask, database, world } = await createAdminWorld(t)
  const content = '{"clients":[]}'
  const sha256 = createHash('sha256').update(content).digest('hex')
  const add = () => ask('POST', '/revisions', { content, sha256, reason: 'why' })
  const end = (number: number) => ask('PUT', `/revisions/${number}/end`, { done: 0, waiting: 0 })
  await add()
  await end(1)
  await tablesOf<RevisionTables>(database).updateTable('revision').set({ bytes: 268_435_450 }).execute()
  t.match(await add(), { status: 409, body: { message: /at most 500 revisions/ } })
  const other = { role: 'XROAD_SERVICE_ADMINISTRATOR' }
  t.equal((await ask('POST', '/revisions', { content, sha256, reason: 'why' }, other)).status, 201)
  await ask('PUT', '/revisions/2/end', { failure: 'x' }, other)
  world.now += 86_400_001
  t.equal((await add()).status, 201)
  await end(3)
  const [row] = await tablesOf<RevisionTables>(database)
    .selectFrom('revision')
    .selectAll()
    .where('number', '=', 3)
    .execute()
  const many = Array.from({ length: 499 }, (_, index) => ({ ...row!, number: index + 4 }))
  for (let at = 0; at < many.length; at += 50)
    await tablesOf<RevisionTables>(database)
      .insertInto('revision')
      .values(many.slice(at, at + 50))
      .execute()
  t.equal((await add()).status, 409)
})
