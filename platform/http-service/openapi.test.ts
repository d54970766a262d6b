import { Readable } from 'node:stream'
import t from 'tap'
import type { AuditAct } from '#platform/audit-log/create-audit-log.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { answer } from './answer.ts'
import { createHttpService } from './create-http-service.ts'
import type { OpenApiRegistration, OperationHandler } from './openapi.ts'
import { registerOpenApi, UNDECLARED } from './openapi.ts'
import { type OpenApiDocument, readOperations } from './openapi-operations.ts'

const log = createLog({ name: 'test', destination: { write: () => undefined } })

const document: OpenApiDocument = {
  openapi: '3.1.0',
  servers: [{ url: '/api/v1' }],
  paths: {
    '/members': {
      get: {
        operationId: 'listMembers',
        'x-roles': ['any'],
        parameters: [
          { $ref: '#/components/parameters/limit', name: '', in: '' },
          { name: 'tag', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
        ],
        responses: { 200: { content: { 'application/json': {} } } },
      },
      post: {
        operationId: 'addMember',
        'x-roles': ['REGISTRATION_OFFICER'],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Member' } } },
        },
        responses: { 201: { content: { 'application/json': {} } } },
      },
    },
    '/members/{id}': {
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[A-Z:0-9]+$' } },
      ],
      delete: { operationId: 'deleteMember', 'x-roles': ['REGISTRATION_OFFICER'], responses: { 204: {} } },
    },
    '/anchor': {
      get: {
        operationId: 'getAnchor',
        'x-roles': ['public'],
        responses: { 200: { content: { 'application/xml': {} } } },
      },
      put: {
        operationId: 'putAnchor',
        'x-roles': ['any'],
        requestBody: { content: { 'application/octet-stream': {} } },
        responses: { 204: {} },
      },
    },
  },
  components: {
    parameters: {
      limit: {
        name: 'limit',
        in: 'query',
        schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
      },
    },
    schemas: {
      Member: {
        type: 'object',
        required: ['code'],
        properties: {
          code: { type: 'string', maxLength: 255 },
          pin: { type: 'string', format: 'password' },
          address: { $ref: '#/components/schemas/Address' },
        },
      },
      Address: { type: 'object', properties: { host: { type: 'string' } } },
    },
  },
}

t.test('an API is its OpenAPI file', async (t) => {
  const acts: AuditAct[] = []
  const done: string[] = []
  let recordable = true
  const handlers: Record<string, OperationHandler> = {
    listMembers: async ({ query }) => query,
    addMember: async ({ body, caller }) => {
      done.push('addMember')
      return answer({ body, by: caller.name }, { headers: { location: '/x' } })
    },
    deleteMember: async ({ params }) => {
      done.push(params['id']!)
    },
    getAnchor: async () => Readable.from([Buffer.from('<a/>')]),
    putAnchor: async ({ body }) => {
      done.push(`${(body as Buffer).length} bytes`)
    },
  }
  const registration: OpenApiRegistration = {
    document,
    handlers,
    authenticate: async (authorization) => {
      if (authorization === undefined) throw new Fault('unauthorized')
      return { kind: 'key', id: '1', name: 'admin', roles: [authorization] }
    },
    audit: {
      before: async (act) => {
        if (!recordable) throw new Fault('database_error')
        return acts.push(act)
      },
    },
  }
  const app = createHttpService({ name: 'test', log })
  await registerOpenApi(app, registration)
  const as = (role: string, more: object = {}): object => ({ headers: { authorization: role, ...more } })
  const officer = as('REGISTRATION_OFFICER', { 'content-type': 'application/json' })
  const ask = (method: 'GET' | 'POST' | 'DELETE' | 'PUT', url: string, more: object = {}) =>
    app.inject({ method, url: `/api/v1${url}`, ...more })

  const list = await ask('GET', '/members?limit=5&tag=a', as('x'))
  t.strictSame(list.json(), { limit: 5, tag: ['a'] })
  t.strictSame((await ask('GET', '/members?tag=a&tag=b', as('x'))).json(), { limit: 20, tag: ['a', 'b'] })
  const added = await ask('POST', '/members', {
    ...officer,
    payload: { code: 'a', pin: '1234', address: { host: 'h' } },
  })
  t.match(added, { statusCode: 201, headers: { location: '/x' } })
  t.match(added.json(), { body: { code: 'a' }, by: 'admin' })
  t.match(acts.at(-1), {
    operation: 'addMember',
    target: '/api/v1/members',
    data: { body: { code: 'a', pin: '(hidden)' } },
  })
  t.equal((await ask('DELETE', '/members/DEV:1', as('REGISTRATION_OFFICER'))).statusCode, 204)
  const anchor = await ask('GET', '/anchor')
  t.match(anchor, { statusCode: 200, body: '<a/>', headers: { 'content-type': 'application/xml' } })
  const upload = as('x', { 'content-type': 'application/octet-stream' })
  t.equal((await ask('PUT', '/anchor', { ...upload, payload: Buffer.alloc(1_000_000) })).statusCode, 204)
  t.strictSame(done, ['addMember', 'DEV:1', '1000000 bytes'])

  const refused: [string, Awaited<ReturnType<typeof ask>>, string, RegExp?][] = [
    ['no key', await ask('GET', '/members'), 'unauthorized'],
    [
      'no role',
      await ask('POST', '/members', { ...as('OBSERVER'), payload: {} }),
      'forbidden',
      /REGISTRATION_OFFICER/,
    ],
    ['query field', await ask('GET', '/members?x=1', as('x')), 'invalid_input', /query.x is not known/],
    [
      'query value',
      await ask('GET', '/members?limit=0', as('x')),
      'invalid_input',
      /query.limit must be >= 1/,
    ],
    ['query type', await ask('GET', '/members?limit=a', as('x')), 'invalid_input', /query.limit/],
    ...(await Promise.all(
      ['0x10', '1e0', '5.0', '%205', '05', '%2B5', '0b1', '', '5&limit=6'].map(
        async (text): Promise<(typeof refused)[0]> => [
          `limit ${text}`,
          await ask('GET', `/members?limit=${text}`, as('x')),
          'invalid_input',
          /query.limit must be integer/,
        ],
      ),
    )),
    ['path value', await ask('DELETE', '/members/a', as('REGISTRATION_OFFICER')), 'invalid_input', /path.id/],
    [
      'body field',
      await ask('POST', '/members', { ...officer, payload: { code: 'a', x: 1 } }),
      'invalid_input',
      /body.x/,
    ],
    [
      'deep field',
      await ask('POST', '/members', { ...officer, payload: { code: 'a', address: { x: 1 } } }),
      'invalid_input',
      /body.address.x/,
    ],
    [
      'body type',
      await ask('POST', '/members', { ...officer, payload: { code: 1 } }),
      'invalid_input',
      /body.code must be string/,
    ],
    ['no body', await ask('POST', '/members', officer), 'invalid_input', /a body is needed/],
    [
      'proto',
      await ask('POST', '/members', { ...officer, payload: '{"code":"a","__proto__":{"x":1}}' }),
      'invalid_input',
    ],
    [
      'content type',
      await ask('PUT', '/anchor', { ...as('x', { 'content-type': 'text/xml' }), payload: 'x' }),
      'invalid_content_type',
    ],
    [
      'odd type',
      await ask('POST', '/members', {
        ...as('REGISTRATION_OFFICER', { 'content-type': 'application/json\t; a' }),
        payload: '{}',
      }),
      'invalid_content_type',
    ],
    [
      'unasked body',
      await ask('DELETE', '/members/A', { ...officer, payload: '{}' }),
      'invalid_content_type',
    ],
    ['method', await ask('PUT', '/members', { ...officer, payload: {} }), 'method_not_allowed'],
  ]
  for (const [name, reply, type, message] of refused)
    t.match(reply.json(), { type, message: message ?? /./ }, name)
  t.equal(done.length, 3, 'nothing refused was done')
  recordable = false
  const unrecorded = await ask('DELETE', '/members/DEV:1', as('REGISTRATION_OFFICER'))
  t.equal(unrecorded.statusCode, 503)
  t.equal(done.length, 3, 'no record, no act')
  await app.close()

  const { addMember: _unused, ...fewer } = handlers
  await t.rejects(
    registerOpenApi(createHttpService({ name: 'test', log }), { ...registration, handlers: fewer }),
    /addMember/,
  )
  const more = { ...handlers, other: async () => 1 }
  await t.rejects(
    registerOpenApi(createHttpService({ name: 'test', log }), { ...registration, handlers: more }),
    /other/,
  )
  const noRoles = structuredClone(document)
  delete noRoles.paths['/anchor']!.get!['x-roles']
  await t.rejects(
    registerOpenApi(createHttpService({ name: 'test', log }), { ...registration, document: noRoles }),
    /x-roles/,
  )
})

t.test('an act that takes two persons has a success of its own, and every answer is declared', async (t) => {
  const lines: string[] = []
  const heard = createLog({ name: 'test', destination: { write: (line) => lines.push(line) } })
  const deleting = { operationId: 'deleteAnchor', 'x-roles': ['any'], 'x-four-eyes': true }
  const documentOf = (responses: Record<string, object>): OpenApiDocument => ({
    openapi: '3.1.0',
    paths: { '/anchor': { delete: { ...deleting, responses } } },
  })
  const declared = documentOf({ 202: {}, 204: {}, 400: {} })
  t.match(readOperations(declared), [{ successStatus: 204, statuses: new Set([202, 204, 400]) }])
  t.throws(() => readOperations(documentOf({ 204: {} })), /declares no 202/)
  t.throws(() => readOperations(documentOf({ 202: {} })), /declares no success/)

  let [isRequired, failure] = [false, undefined as Fault | undefined]
  const app = createHttpService({ name: 'test', log: heard })
  await registerOpenApi(app, {
    document: declared,
    handlers: {
      deleteAnchor: async () => {
        if (failure !== undefined) throw failure
      },
    },
    authenticate: async () => ({ kind: 'person', id: '1', name: 'Anna', roles: [] }),
    fourEyes: {
      isRequired: async () => isRequired,
      checkAnswerable: async () => undefined,
      propose: async () => ({ id: 'a', contentSha256: 'b', state: 'proposed', expiresAt: 'c' }),
    },
  })
  const ask = async () => {
    const reply = await app.inject({ method: 'DELETE', url: '/anchor', headers: { 'x-reason': 'why' } })
    return { status: reply.statusCode, body: reply.body }
  }
  t.same(await ask(), { status: 204, body: '' })
  isRequired = true
  t.match(await ask(), { status: 202, body: '"contentSha256":"b"' })
  isRequired = false
  failure = new Fault('invalid_input')
  t.match(await ask(), { status: 400 })
  t.notMatch(lines.join(''), UNDECLARED)
  failure = new Fault('conflict')
  t.match(await ask(), { status: 409 }, 'the caller is told all the same')
  t.match(lines.join(''), UNDECLARED)
  t.match(lines.join(''), '"operation":"deleteAnchor","status":409')
  await app.close()
})

t.test('a call that came by another address is on record with the address of what it is about', async (t) => {
  const changing = { operationId: 'deleteRight', 'x-roles': ['any'], 'x-four-eyes': true }
  const [acts, proposed]: [{ target: string }[], { target: string }[]] = [[], []]
  let isRequired = false
  const app = createHttpService({ name: 'test', log })
  t.teardown(() => app.close())
  const { call, takesTwo, perform } = await registerOpenApi(app, {
    document: {
      openapi: '3.1.0',
      servers: [{ url: '/api/v1' }],
      paths: {
        '/services/{id}/rights/{right}': {
          parameters: ['id', 'right'].map((name) => ({ name, in: 'path', schema: { type: 'string' } })),
          delete: { ...changing, responses: { 202: {}, 204: {} } },
        },
      },
    },
    handlers: { deleteRight: async () => undefined },
    authenticate: async () => ({ kind: 'person', id: '1', name: 'Anna', roles: [] }),
    audit: { before: async (act) => acts.push(act) },
    fourEyes: {
      isRequired: async () => isRequired,
      checkAnswerable: async () => undefined,
      propose: async (one) => {
        proposed.push(one)
        return { id: 'a', contentSha256: 'b', state: 'proposed', expiresAt: 'c' }
      },
    },
  })
  const caller = { kind: 'key' as const, id: '1', name: 'x', roles: [] }
  const asked = { operation: 'deleteRight', params: { id: 'DEV:GOV', right: '1/2' } }
  const headers = { 'x-reason': 'why' }
  t.match(await call({ ...asked, caller, headers }), { status: 204 })
  const target = '/api/v1/services/DEV:GOV/rights/1%2F2'
  t.match(acts, [{ operation: 'deleteRight', target }])
  t.equal(await takesTwo(asked), false)
  isRequired = true
  t.equal(await takesTwo(asked), true)
  t.match(await call({ ...asked, caller, headers }), { status: 202 })
  t.match(proposed, [{ target }])
  const approver = { ...caller, id: '2' }
  const kept = { query: {}, body: undefined, target: proposed[0]!.target, proposal: 'a', reason: 'why' }
  await perform({ ...asked, ...kept, caller, approver })
  t.match(acts.at(-1), { operation: 'deleteRight', target, data: { proposal: 'a' } })
})
