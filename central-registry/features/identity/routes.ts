/**
 * Serves DIDs and credentials at the public listener. A path is read segment by segment and written anew
 * before it is looked for.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { CREDENTIAL_TYPE } from '#core/did/credential.ts'
import { didSegment } from '#core/did/web-name.ts'
import type { Clock } from '#platform/clock.ts'
import { limitRate } from '#platform/http-service/rate-limit.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode } from '#schemas/identifiers.ts'
import type { DidSubjectRow } from '../../register/identity-tables.ts'
import type { Credentials } from './credentials.ts'
import { againPath } from './documents.ts'
import { type IdentityStore, PROOFS } from './store.ts'

type Rooms = {
  store: Pick<IdentityStore, 'subject' | 'newestOf' | 'newestLine' | 'lines' | 'proofs'>
  credentials: Credentials
  clock: Clock
}

const RATE = { perSecond: 50, perMinute: 1200 }
const SOON = 'public, max-age=60'
const MOST_SEGMENTS = 7
const UUID = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.vc\.jwt$/

export async function identityRoutes(app: FastifyInstance, rooms: Rooms): Promise<void> {
  const { store, credentials } = rooms
  await app.register(async (scope) => {
    limitRate(scope, RATE, rooms.clock)
    // The instance's DID has its files at /.well-known, and at the root where publicUrl has a path.
    for (const file of FILES)
      for (const place of ['/.well-known', ''])
        scope.get(`${place}/${file}`, (request, reply) => send(reply, '', file, request.url))
    scope.get<{ Params: { times: string; file: string } }>(
      '/again-:times/:file',
      ({ params, url }, reply) => {
        const { times, file } = params
        if (!/^[1-9]\d{0,5}$/.test(times) || !isFile(file)) throw new Fault('not_found')
        return send(reply, againPath('', Number(times)), file, url)
      },
    )
    scope.get('/members/*', async (request, reply) => {
      const segments = segmentsOf(request.url)
      const file = segments.pop() ?? ''
      if (file === 'membership.vc.jwt' && segments.length === 3) {
        const [, memberClass = '', memberCode = ''] = segments
        return credential(reply, await credentials.membership(memberClass, memberCode))
      }
      if (file === 'services.vc.jwt' && segments.length === 3) {
        const [, memberClass = '', memberCode = ''] = segments
        return credential(reply, await credentials.services(memberClass, memberCode))
      }
      if (!isFile(file)) throw new Fault('not_found')
      return send(reply, segments.map(didSegment).join('/'), file, request.url)
    })
    scope.get<{ Params: { file: string } }>('/contracts/:file', async ({ params }, reply) => {
      const [, id] = UUID.exec(params.file) ?? []
      if (id === undefined) throw new Fault('not_found')
      return credential(reply, await credentials.contract(id))
    })
  })

  function credential(reply: FastifyReply, token: string): FastifyReply {
    return reply.header('cache-control', SOON).type(CREDENTIAL_TYPE).send(token)
  }

  async function send(reply: FastifyReply, path: string, file: File, url: string): Promise<FastifyReply> {
    reply.header('cache-control', SOON).header('access-control-allow-origin', '*')
    const row = await (file === 'did.json' ? store.newestOf(path) : store.subject(path))
    if (row === undefined) throw new Fault('not_found', { what: 'there is no such DID' })
    if (file === 'did.jsonl') return reply.type('text/jsonl').send(Readable.from(linesOf(path)))
    if (file === 'did-proofs.json')
      return reply.type('application/json').send(await proofsOf(row, numberOf(url)))
    if (row.ended_at !== null)
      throw new Fault('not_found', { what: `this DID was ended; its history is ${row.path}/did.jsonl` })
    return reply.type('application/did+json').send(webDocument(row, (await store.newestLine(row.path))!))
  }

  async function* linesOf(path: string): AsyncGenerator<string> {
    for await (const line of store.lines(path)) yield `${line}\n`
  }

  /** `next` is the number of the first entry that is not told here; nothing is left out without it. */
  async function proofsOf({ did, path }: DidSubjectRow, from: number): Promise<string> {
    const rows = await store.proofs(path, from)
    const entries = rows.slice(0, PROOFS).map(({ version_id, sha256, position }) => ({
      ...{ versionId: version_id, sha256 },
      ...(position === null
        ? { logIndex: null }
        : { logIndex: Number(position), proof: `/log/proof/${position}` }),
    }))
    const [more] = rows.slice(PROOFS)
    return JSON.stringify({ did, entries, ...(more === undefined ? {} : { next: Number(more.number) }) })
  }
}

/** `?from=` is the number of the first entry wanted. Throws `invalid_input`. */
function numberOf(url: string): number {
  const from = new URLSearchParams(url.split('?')[1] ?? '').get('from') ?? '1'
  if (!/^[1-9]\d{0,8}$/.test(from))
    throw new Fault('invalid_input', { what: 'from is the number of an entry' })
  return Number(from)
}

const FILES = ['did.json', 'did.jsonl', 'did-proofs.json'] as const
type File = (typeof FILES)[number]

function isFile(name: string): name is File {
  return FILES.includes(name as File)
}

/** Throws `not_found` for a path that holds no identifiers. */
function segmentsOf(url: string): string[] {
  const path = url.split('?')[0]!.split('/').slice(1)
  if (path.length > MOST_SEGMENTS) throw new Fault('not_found')
  try {
    return path.map((segment) => checkCode(decodeURIComponent(segment)))
  } catch (cause) {
    throw new Fault('not_found', { cause })
  }
}

/** The newest document under the name that did:web gives it; its other name is the did:webvh. */
function webDocument({ did }: DidSubjectRow, line: string): string {
  const { state } = JSON.parse(line) as { state: { alsoKnownAs: string[] } }
  const [web] = state.alsoKnownAs as [string]
  const document = JSON.parse(JSON.stringify(state).replaceAll(did, web)) as object
  return JSON.stringify({ ...document, alsoKnownAs: [did] })
}
