import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { registerOpenApi } from '#platform/http-service/openapi.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { createIdempotencyKeys } from './create-idempotency-keys.ts'
import { idempotencyKeyMigrations } from './store.ts'

t.test('a change with an Idempotency-Key is carried out once, however often it comes', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, idempotencyKeyMigrations)
    let now = Date.parse('2026-01-01T00:00:00Z')
    let failure: Error | undefined
    const done: string[] = []
    const app = createHttpService({
      name: 'test',
      log: createLog({ name: 'test', destination: { write: () => true } }),
    })
    const operation = { 'x-roles': ['any'], responses: { 200: { content: { 'application/json': {} } } } }
    await registerOpenApi(app, {
      document: {
        openapi: '3.1.0',
        servers: [{ url: '/api/v1' }],
        paths: {
          '/things': {
            get: { operationId: 'getThings', ...operation },
            post: { operationId: 'addThing', ...operation },
          },
          '/door': { post: { operationId: 'enter', ...operation, 'x-roles': ['public'] } },
        },
      },
      handlers: {
        getThings: async () => done,
        enter: async () => 'in',
        addThing: async ({ caller }) => {
          if (failure !== undefined) throw failure
          done.push(caller.id)
          return { made: done.length }
        },
      },
      authenticate: async (who) => ({ kind: 'key', id: who ?? 'a', name: 'x', roles: [] }),
      once: createIdempotencyKeys({ database, clock: () => now }),
    })
    t.teardown(() => app.close())
    const key = 'k'.repeat(16)
    const add = async (headers: Record<string, string | string[]>, url = '/things') => {
      const reply = await app.inject({ method: 'POST', url: `/api/v1${url}`, headers })
      return [reply.statusCode, reply.json<{ type?: string }>().type]
    }
    const repeated = [409, 'request_repeated']
    for (const [of, result] of [
      [{}, [200, undefined]],
      [{}, [200, undefined]],
      [{ 'idempotency-key': key }, [200, undefined]],
      [{ 'idempotency-key': key }, repeated],
      [{ 'idempotency-key': key, authorization: 'b' }, [200, undefined]],
      [{ 'idempotency-key': `${key}2` }, [200, undefined]],
      [{ 'idempotency-key': 'short' }, [400, 'invalid_input']],
      [{ 'idempotency-key': 'x'.repeat(129) }, [400, 'invalid_input']],
      [{ 'idempotency-key': `${'x'.repeat(16)} y` }, [400, 'invalid_input']],
    ] as const)
      t.strictSame(await add(of), result, JSON.stringify(of))
    t.strictSame(done, ['a', 'a', 'a', 'b', 'a'])
    for (const _ of [1, 2]) {
      t.strictSame(await add({ 'idempotency-key': key }, '/door'), [200, undefined], 'nobody has no keys')
      const read = await app.inject({ url: '/api/v1/things', headers: { 'idempotency-key': key } })
      t.equal(read.statusCode, 200, 'reading may be repeated')
    }
    const many = await Promise.all(
      Array.from({ length: 8 }, () => add({ 'idempotency-key': 'at-the-same-time' })),
    )
    t.equal(many.filter(([status]) => status === 200).length, 1, 'also at the same time')

    failure = new Fault('conflict', { what: 'not now' })
    t.strictSame(await add({ 'idempotency-key': 'refused-at-first' }), [409, 'conflict'])
    failure = new Error('half-way')
    t.strictSame(await add({ 'idempotency-key': 'failed-half-way-' }), [500, 'internal_error'])
    failure = undefined
    t.strictSame(await add({ 'idempotency-key': 'refused-at-first' }), [200, undefined], 'nothing was done')
    t.strictSame(await add({ 'idempotency-key': 'failed-half-way-' }), repeated, 'something may have been')
    now += 25 * 3_600_000
    t.strictSame(await add({ 'idempotency-key': key }), [200, undefined], 'forgotten after a day')
  }),
)
