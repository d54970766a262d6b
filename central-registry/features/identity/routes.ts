/** Serves DIDs and credentials at the public listener. A path is read segment by segment and written anew before it is looked for. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { CREDENTIAL_TYPE } from '#core/did/credential.ts'
import { didSegment } from '#core/did/web-name.ts'
import type { Clock } from '#platform/clock.ts'
import { limitRate } from '#platform/http-service/rate-limit.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode } from '#schemas/identifiers.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { DidSubjectRow } from '../../register/identity-tables.ts'
import type { Credentials } from './credentials.ts'
import type { IdentityStore } from './store.ts'

type Rooms = {
  store: Pick<IdentityStore, 'subject' | 'newestOf' | 'lines' | 'entries'>
  credentials: Credentials
  log: Pick<LogStore, 'indexOf'>
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
        scope.get(`${place}/${file}`, (_request, reply) => send(reply, '', file))
    scope.get('/members/*', async (request, reply) => {
      const segments = segmentsOf(request.url)
      const file = segments.pop() ?? ''
      if (file === 'membership.vc.jwt' && segments.length === 3) {
        const [, memberClass = '', memberCode = ''] = segments
        return credential(reply, await credentials.membership(memberClass, memberCode))
      }
      if (!isFile(file)) throw new Fault('not_found')
      return send(reply, segments.map(didSegment).join('/'), file)
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

  async function send(reply: FastifyReply, path: string, file: File): Promise<FastifyReply> {
    reply.header('cache-control', SOON).header('access-control-allow-origin', '*')
    const row = await (file === 'did.json' ? store.newestOf(path) : store.subject(path))
    if (row === undefined) throw new Fault('not_found', { what: 'there is no such DID' })
    if (file === 'did.jsonl') {
      const lines = await store.lines(path)
      return reply.type('text/jsonl').send(lines.map((line) => `${line}\n`).join(''))
    }
    if (file === 'did-proofs.json') return reply.type('application/json').send(await proofsOf(row))
    if (row.ended_at !== null)
      throw new Fault('not_found', { what: `this DID was ended; its history is ${row.path}/did.jsonl` })
    return reply.type('application/did+json').send(webDocument(row, (await store.lines(row.path)).at(-1)!))
  }

  async function proofsOf({ did, path }: DidSubjectRow): Promise<string> {
    const entries: object[] = []
    for (const { id, version_id, sha256 } of await store.entries(path)) {
      const index = await rooms.log.indexOf('identity', Number(id))
      const found =
        index === undefined ? { logIndex: null } : { logIndex: index, proof: `/log/proof/${index}` }
      entries.push({ versionId: version_id, sha256, ...found })
    }
    return JSON.stringify({ did, entries })
  }
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
