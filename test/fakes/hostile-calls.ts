/**
 * Calls of an API's operations as a hostile or broken client makes them. The same seed and the same answers
 * give the same calls.
 */
import {
  type OpenApiDocument,
  type Operation,
  resolve,
  type Schema,
} from '#platform/http-service/openapi-operations.ts'
import {
  type Draw,
  fits,
  HOSTILE_TEXTS,
  makeValues,
  type Seen,
  type ValueMaker,
  WRONG_TYPES,
} from './hostile-values.ts'

export type HostileCall = {
  /** What is wrong with the call, in a word. */
  kind: string
  operation: Operation
  method: string
  target: string
  headers: Record<string, string | string[]>
  body: Buffer | undefined
  /** Its address may belong to no operation, or to another one. */
  mayMiss: boolean
}

/**
 * Authorization headers by what they allow: `all`, a role's name, or a name for credentials that allow
 * nothing.
 */
export type Credentials = Record<string, string>

const BASE = '/api/v1'
const DEEP = 12_000
const HUGE = 60_000
const CONTENT_TYPES = [
  ...[
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
  ],
  ...[
    'application/json; charset=utf-16',
    'application/json;',
    'APPLICATION/JSON',
    'application/json, text/xml',
  ],
  ...['application/octet-stream', '*/*', 'a', 'application/problem+json', 'application/json\t'],
]
const NO_CREDENTIALS = [
  ...['X-Road-ApiKey token=', 'X-Road-ApiKey', 'Bearer abc', 'Basic Og==', 'X-Road-ApiKey token=\u00e4'],
  ...[`X-Road-ApiKey token=${'a'.repeat(4000)}`, `X-Road-ApiKey token=${'0'.repeat(64)}`, 'x'],
]
const PATH_PARTS = [
  ...[
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e',
    '..',
    '.',
    '%00',
    '%0d%0aX:1',
    '%ff%fe',
    '%c0%ae',
    '%',
    '%zz',
    ';',
    '*',
  ],
  ...[
    '%F0%9F%92%A9',
    '%E2%80%AE',
    'a%20b',
    '%20',
    "'",
    '%22',
    '-1',
    '0',
    '999999999999999',
    '9223372036854775808',
  ],
  ...[
    'null',
    '__proto__',
    'a'.repeat(1300),
    `%61${'%62'.repeat(500)}`,
    'DEV:GOV:9999',
    'DEV:GOV:9999:none',
    ':',
  ],
  ...['DEV:GOV:1001:%2e%2e', 'DEV:GOV:%00:a', 'DEV:GOV:%ff:a', '4b4bd1b8-6f4f-4f5e-9f6e-0c5a3c1a2b3c', ''],
]
/** Bytes without meaning, and beginnings of formats for which they may be taken. */
const FILES = [
  Buffer.alloc(0),
  Buffer.from('x'),
  Buffer.from('<a/>'),
  Buffer.from(`<?xml version="1.0"?>${'<a>'.repeat(5000)}`),
  Buffer.from('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
  Buffer.from('PK\u0003\u0004\u0014\u0000\u0000\u0000', 'latin1'),
  Buffer.from('PK\u0005\u0006' + '\u0000'.repeat(18), 'latin1'),
  Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'),
  Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n'),
  Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]),
  Buffer.from([0x30, 0x80, 0x00, 0x00]),
  Buffer.from('eyJhbGciOiJub25lIn0.e30.'),
  Buffer.from('eyJhbGciOiJFUzI1NiJ9.e30.AAAA'),
  Buffer.from('{}'),
  Buffer.from('openapi: 3.0.0\npaths: {}\n'),
  Buffer.from(`a: ${'['.repeat(3000)}`),
  Buffer.alloc(70_000, 0x41),
]

export function makeCalls(
  document: OpenApiDocument,
  draw: Draw,
  seen: Seen,
  credentials: Credentials,
  files: Buffer[],
): {
  plain(operation: Operation): HostileCall
  hostile(operation: Operation): HostileCall
  /** Makes exactly this call, with credentials that allow it. */
  deliberate(operation: Operation, path: string, body: object | Buffer): HostileCall
} {
  const values = makeValues(document, draw, seen)
  const kinds = Object.entries(KINDS).flatMap((one) => Array<typeof one>(RARE.has(one[0]) ? 1 : 4).fill(one))
  const made = (operation: Operation, optional: number): HostileCall => {
    const call = plainCall(document, operation, values, seen, draw, credentials, optional)
    if (operation.requestTypes.length > 0 && operation.bodySchema === undefined)
      call.body = draw.pick(draw.chance(0.5) ? files : FILES)
    return call
  }
  const hostile = (operation: Operation): HostileCall => {
    const call = made(operation, 0.4)
    // Only one thing is wrong: everything else must be right, so that the call gets that far.
    if (draw.chance(0.3)) return call
    for (;;) {
      const [kind, change] = draw.pick(kinds)
      if (change({ call, operation, document, draw, values, credentials })) return { ...call, kind }
    }
  }
  const deliberate = (operation: Operation, path: string, body: object | Buffer): HostileCall => {
    const call = made(operation, 0)
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
    return { ...call, kind: 'on purpose', target: `${BASE}${path}`, body: bytes }
  }
  return { plain: (operation) => made(operation, 0), hostile, deliberate }
}

type Change = (q: {
  call: HostileCall
  operation: Operation
  document: OpenApiDocument
  draw: Draw
  values: ValueMaker
  credentials: Credentials
}) => boolean

/** Changes that are answered before the operation itself is reached. */
const RARE = new Set([
  ...['a body where none is', 'no body where one is', 'another content type', 'another method'],
  ...['no credentials', 'a cookie of nobody', 'large headers', 'a broken query'],
])

/** Each change returns whether it can be made to this operation. */
const KINDS: Record<string, Change> = {
  'a bound': (q) => changeField(q, (schema) => q.values.atBound(schema)),
  'a wrong type': (q) => changeField(q, () => q.draw.pick(WRONG_TYPES)),
  'a hostile text': (q) => changeField(q, () => q.draw.pick(HOSTILE_TEXTS)),
  'a member is missing': (q) => changeField(q, () => undefined),
  'an unknown member': ({ call, draw }) =>
    changeJson(call, (body) => {
      const name = draw.pick(['unknown', '__proto__', 'constructor', '', 'a\u0000', 'toString'])
      return `${body.slice(0, -1)}${body === '{}' ? '' : ','}${JSON.stringify(name)}:{"a":1}}`
    }),
  'a member twice': ({ call }) =>
    changeJson(call, (body) => (body === '{}' ? undefined : `{${body.slice(1, -1)},${body.slice(1, -1)}}`)),
  'huge JSON': ({ call }) =>
    changeJson(call, (body) => `${body.slice(0, -1)}${body === '{}' ? '' : ','}"a":"${'a'.repeat(HUGE)}"}`),
  'deep JSON': ({ call, draw }) =>
    changeJson(call, () =>
      draw.pick([
        `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
        `${'{"a":'.repeat(DEEP / 2)}1${'}'.repeat(DEEP / 2)}`,
        '['.repeat(DEEP),
      ]),
    ),
  'no JSON': ({ call, draw }) =>
    changeJson(call, () =>
      draw.pick(['', '{', 'null', '[]', '"a"', '1', 'true', '{"a":}', "{'a':1}", 'NaN']),
    ),
  'invalid UTF-8': ({ call }) => {
    if (!isJson(call)) return false
    call.body = Buffer.concat([call.body!.subarray(0, -1), Buffer.from([0x22, 0xff, 0xc0, 0x22, 0x7d])])
    return true
  },
  'a body where none is': ({ call }) => {
    if (call.body !== undefined) return false
    call.body = Buffer.from('{"a":1}')
    call.headers['content-type'] = 'application/json'
    return true
  },
  'no body where one is': ({ call }) => {
    if (call.body === undefined) return false
    call.body = undefined
    delete call.headers['content-type']
    return true
  },
  'another content type': ({ call, draw }) => {
    if (call.body === undefined) return false
    if (draw.chance(0.1)) delete call.headers['content-type']
    else call.headers['content-type'] = draw.pick(CONTENT_TYPES)
    return true
  },
  'a parameter twice': ({ call, operation }) => {
    const name = operation.parameters.find((one) => one.in === 'query')?.name
    if (name === undefined) return false
    return addQuery(call, `${name}=1&${name}=2`)
  },
  'another parameter': ({ call, draw, operation, values }) => {
    const one = draw.pick(operation.parameters.filter(({ in: place }) => place === 'query'))
    const text = draw.chance(0.5)
      ? draw.pick(HOSTILE_TEXTS)
      : String(values.atBound(one?.schema ?? { type: 'string' }))
    return addQuery(call, `${one?.name ?? 'unknown'}=${encodeURIComponent(text.toWellFormed())}`)
  },
  'a broken query': ({ call, draw }) =>
    addQuery(
      call,
      draw.pick(['%', 'q=%ff', 'q[]=1', 'q[a]=1', '&&&', '=', 'limit=0x10', 'q=%00', 'offset=1e3', '?']),
    ),
  'another path': ({ call, operation, draw }) => {
    const parts = operation.url.split('/').flatMap((part, at) => (part.startsWith(':') ? [at] : []))
    if (parts.length === 0) return false
    const [path = '', ...query] = call.target.split('?')
    const segments = path.split('/')
    segments[draw.pick(parts)] = draw.pick(PATH_PARTS)
    call.target = [segments.join('/'), ...query].join('?')
    call.mayMiss = true
    return true
  },
  'another method': ({ call, draw }) => {
    call.method = draw.pick([
      'GET',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'HEAD',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'QUERY',
    ])
    call.mayMiss = true
    return true
  },
  'another role': ({ call, draw, credentials }) => {
    call.headers['authorization'] = credentials[draw.pick(Object.keys(credentials))]!
    return true
  },
  'no credentials': ({ call, draw }) => {
    if (draw.chance(0.3)) delete call.headers['authorization']
    else call.headers['authorization'] = draw.pick(NO_CREDENTIALS)
    return true
  },
  'a cookie of nobody': ({ call, draw }) => {
    delete call.headers['authorization']
    call.headers['cookie'] = draw.pick([
      'session=x',
      'concordat_session=x',
      'a=b; a=b; =',
      `a=${'b'.repeat(3000)}`,
    ])
    return true
  },
  'headers of an act': ({ call, draw }) => {
    const name = draw.pick([
      'idempotency-key',
      'x-reason',
      'x-csrf-token',
      'accept',
      'expect',
      'accept-encoding',
    ])
    call.headers[name] = draw.pick([
      '',
      'x',
      'a'.repeat(128),
      'a'.repeat(129),
      '%',
      '%00',
      '%E2%80%AE',
      '100-continue',
    ])
    return true
  },
  'large headers': ({ call }) => {
    call.headers['x-large'] = 'a'.repeat(20_000)
    return true
  },
}

function plainCall(
  document: OpenApiDocument,
  operation: Operation,
  values: ValueMaker,
  seen: Seen,
  draw: Draw,
  credentials: Credentials,
  optional: number,
): HostileCall {
  const path = operation.url.replace(/:([^/]+)/g, (_, name: string, at: number) => {
    const schema = operation.parameters.find((one) => one.in === 'path' && one.name === name)?.schema
    const before = operation.url.slice(0, at).split('/').at(-2) ?? ''
    const known = (seen.get(`/${before}`) ?? []).filter((text) => fits(resolve(document, schema ?? {}), text))
    const text = known.length > 0 && draw.chance(0.8) ? draw.pick(known) : values.fitting(schema ?? {}, name)
    return encodeURIComponent(String(text)).replaceAll('%3A', ':')
  })
  const query = operation.parameters
    .filter((one) => one.in === 'query' && (one.required === true || draw.chance(optional)))
    .map(({ name, schema }) => {
      const value = values.fitting(schema ?? {}, name)
      return `${name}=${encodeURIComponent([value].flat().map(String).join(',').toWellFormed())}`
    })
  const call: HostileCall = {
    ...{ kind: 'nothing', operation, method: operation.method, body: undefined, mayMiss: false },
    target: path + (query.length === 0 ? '' : `?${query.join('&')}`),
    headers: { authorization: credentials['all']! },
  }
  if (operation.fourEyes) call.headers['x-reason'] = 'a%20reason'
  if (operation.bodySchema !== undefined) {
    const body = values.fitting(bodySchemaOf(document, operation.bodySchema))
    call.body = Buffer.from(JSON.stringify(body ?? {}))
    call.headers['content-type'] = 'application/json'
  } else if (operation.requestTypes.length > 0) {
    call.body = Buffer.alloc(0)
    call.headers['content-type'] = draw.pick(operation.requestTypes)
  }
  return call
}

function bodySchemaOf(document: OpenApiDocument, pointer: string): Schema {
  const $ref = `#${pointer.split('/').map(decodeURIComponent).join('/')}`
  return resolve(document, resolve<Schema>(document, { $ref }))
}

function isJson(call: HostileCall): boolean {
  return call.body !== undefined && call.headers['content-type'] === 'application/json'
}

/** For a body that is a JSON object. */
function changeJson(call: HostileCall, change: (body: string) => string | undefined): boolean {
  const before = call.body?.toString() ?? ''
  const after = isJson(call) && before.startsWith('{') ? change(before) : undefined
  if (after === undefined) return false
  call.body = Buffer.from(after)
  return true
}

/** Replaces one field of the body, at any depth, with `value`; `undefined` removes it. */
function changeField(
  { call, operation, document, draw }: Parameters<Change>[0],
  value: (schema: Schema) => unknown,
): boolean {
  if (operation.bodySchema === undefined || !isJson(call)) return false
  const body = JSON.parse(call.body!.toString()) as unknown
  const places: { holder: Record<string, unknown>; name: string; schema: Schema }[] = []
  collect(body, bodySchemaOf(document, operation.bodySchema))
  if (places.length === 0) return false
  const { holder, name, schema } = draw.pick(places)
  holder[name] = value(schema)
  call.body = Buffer.from(JSON.stringify(body))
  return true

  function collect(holder: unknown, given: Schema): void {
    if (typeof holder !== 'object' || holder === null) return
    const schema = resolve(document, given)
    for (const name of Object.keys(Array.isArray(holder) ? holder : (schema.properties ?? {}))) {
      const own = (Array.isArray(holder) ? schema.items : schema.properties?.[name]) ?? {}
      places.push({ holder: holder as Record<string, unknown>, name, schema: resolve(document, own) })
      collect((holder as Record<string, unknown>)[name], own)
    }
  }
}

function addQuery(call: HostileCall, text: string): boolean {
  call.target += `${call.target.includes('?') ? '&' : '?'}${text}`
  return true
}
