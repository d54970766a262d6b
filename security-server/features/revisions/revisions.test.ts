/** Revisions: what is refused, how one ends, and which acts are its own. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { isOwn } from './drift.ts'
import type { RevisionRow } from './store.ts'

void t.test('an act counts as drift unless the revision made it', (t) => {
  const revision = { audit_sequence: 10, end_sequence: 20, caller_id: 'a', reason: 'why' } as RevisionRow
  const own = (sequence: number, id: string, data: object = {}, of = revision): boolean =>
    isOwn(of, { sequence, caller: { id, name: '' }, data, operation: '', target: '', at: '', digest: '' })
  t.same(
    [own(10, 'b'), own(11, 'b'), own(11, 'a'), own(21, 'a')],
    [true, false, true, false],
    'by its caller, until it ended',
  )
  t.equal(own(21, 'a', {}, { ...revision, end_sequence: null }), true, 'it has not ended')
  t.equal(own(30, 'a', { proposal: 'p', reason: 'why' }), true, 'a second person approved it later')
  t.equal(own(30, 'a', { proposal: 'p', reason: 'other' }), false)
  t.equal(own(30, 'b', { proposal: 'p', reason: 'why' }), false)
  t.end()
})

void t.test('revisions that a server does not take', async (t) => {
  const { ask } = await createAdminWorld(t)
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
    [{ ...good, content: 'x'.repeat(8_388_609) }, 400],
    [{ ...good, content: 'x'.repeat(13_000_000) }, 413],
  ] as [object, number][])
    t.equal((await ask('POST', '/revisions', body)).status, status, JSON.stringify(body).slice(0, 100))
  t.match(await ask('POST', '/revisions', good), { status: 201, body: { number: 1, state: 'begun' } })
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
  t.equal((await end({ failure: 'x' }, { role: 'XROAD_SYSTEM_ADMINISTRATOR' })).status, 409, 'of another')
  t.match(await end({ done: 0, waiting: 2 }), { status: 200, body: { state: 'waiting' } })
  t.equal((await end({ done: 0, waiting: 0 })).status, 409, 'once')
  const observer = { role: 'XROAD_SECURITYSERVER_OBSERVER' }
  t.equal((await ask('GET', '/revisions/1', undefined, observer)).status, 200)
  t.equal((await ask('GET', '/revisions/1/content', undefined, observer)).status, 403)
  t.equal((await ask('GET', '/drift', undefined, observer)).status, 403)
  t.equal((await ask('GET', '/revisions/2')).status, 404)
  t.equal((await ask('GET', '/revisions/2/content')).status, 404)
})
