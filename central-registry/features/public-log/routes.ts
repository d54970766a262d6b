/**
 * What anybody may read of the log at the public listener, below `/log/`: checkpoints, tiles, proofs. Nothing
 * here is secret.
 */
import type { FastifyInstance } from 'fastify'
import { writeSubmission } from '#core/merkle/add-checkpoint.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { bundleOf, hasTile, parseTilePath, TILE_WIDTH, tileOf } from '#core/merkle/tiles.ts'
import { MAX_EXTRA, writeTlogProof } from '#core/merkle/tlog-proof.ts'
import type { Clock } from '#platform/clock.ts'
import { limitRate } from '#platform/http-service/rate-limit.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { Served } from './served-checkpoint.ts'
import type { ServerWitnessStore } from './server-witnesses-store.ts'
import type { PublicLogStore } from './store.ts'

/** `until` is null for the newest one; later than now for one that was replaced and still signs. */
export type LogKeyShown = { verifierKey: string; from: string | null; until: string | null }

type Rooms = {
  /** All keys that there were, newest first. */
  keys(): Promise<LogKeyShown[]>
  log: Pick<LogStore, 'size' | 'nodes' | 'entries' | 'inclusion' | 'consistency'>
  store: Pick<PublicLogStore, 'ofDay' | 'newest'>
  servers: Pick<ServerWitnessStore, 'list' | 'count'>
  served(): Promise<Served>
  clock: Clock
}

const TEXT = 'text/plain; charset=utf-8'
const RATE = { perSecond: 50, perMinute: 1200 }
/** A tile never changes. */
const FOREVER = 'public, max-age=31536000, immutable'
const SOON = 'public, max-age=30'
const DAY = /^\d{4}-\d{2}-\d{2}$/
const INDEX = /^(?:0|[1-9]\d{0,14})$/

export async function publicLogRoutes(app: FastifyInstance, rooms: Rooms): Promise<void> {
  const { log, store, served } = rooms
  await app.register(async (scope) => {
    limitRate(scope, RATE, rooms.clock)
    scope.get('/log/checkpoint', async (_request, reply) =>
      reply
        .header('cache-control', SOON)
        .type(TEXT)
        .send((await served()).cosigned),
    )
    scope.get('/log/key', async (_request, reply) => {
      const [newest] = await rooms.keys()
      return reply.type(TEXT).send(`${newest!.verifierKey}\n`)
    })
    scope.get('/log/keys', async (_request, reply) =>
      reply.header('cache-control', SOON).send({ keys: await rooms.keys() }),
    )
    // Lines for the policy of whoever wants to rely on these servers; the keys have to be compared with their
    // owners.
    scope.get('/log/witnesses', async (_request, reply) => {
      const lines = (await rooms.servers.list()).map(
        ({ server, verifier_key }) => `witness ${labelOf(server)} ${verifier_key} peer:${labelOf(server)}\n`,
      )
      const count = await rooms.servers.count()
      if (count > lines.length) lines.push(`# ${lines.length} of ${count} servers\n`)
      return reply.header('cache-control', SOON).type(TEXT).send(lines.join(''))
    })
    // What C2SP tlog-witness has a log send, for witnesses that fetch it: the newest head, and the proof from
    // what they know.
    scope.get<{ Params: { from: string } }>('/log/cosigning/:from', async ({ params }, reply) => {
      const newest = await store.newest()
      if (newest === undefined) throw new Fault('not_found', { what: 'the log has no checkpoint yet' })
      const { size } = parseCheckpoint(newest.note)
      const oldSize = INDEX.test(params.from) ? Number(params.from) : Number.NaN
      if (!Number.isSafeInteger(oldSize)) throw new Fault('invalid_input', { what: 'a size of the log' })
      const proof = oldSize > size ? [] : await log.consistency(oldSize, size)
      return reply
        .header('cache-control', 'no-store')
        .type(TEXT)
        .send(writeSubmission({ oldSize, proof, note: newest.note }))
    })
    scope.get<{ Params: { day: string } }>('/log/days/:day', async ({ params }, reply) => {
      const row = DAY.test(params.day) ? await store.ofDay(params.day) : undefined
      if (row === undefined) throw new Fault('not_found', { what: 'no checkpoint is of that day' })
      return reply.header('cache-control', SOON).type(TEXT).send(row.cosigned)
    })
    scope.get<{ Params: { index: string } }>('/log/proof/:index', async ({ params }, reply) => {
      const { cosigned, size } = await served()
      const index = INDEX.test(params.index) ? Number(params.index) : size
      if (index >= size)
        throw new Fault('not_found', { what: `the checkpoint covers the entries 0 to ${size - 1}` })
      const [entry] = await log.entries(index, 1)
      // What the entry says goes along, so that the file alone can be judged; nothing signs it but the tree.
      const form = Buffer.from(entry?.form ?? '')
      const extra = form.length === 0 || form.length > MAX_EXTRA ? {} : { extra: form }
      const file = writeTlogProof({
        ...extra,
        index,
        hashes: await log.inclusion(size, index),
        note: cosigned,
      })
      return reply
        .header('cache-control', SOON)
        .header('content-disposition', `attachment; filename="entry-${index}.tlog-proof"`)
        .type(TEXT)
        .send(file)
    })
    scope.get<{ Params: { '*': string } }>('/log/tile/*', async ({ params }, reply) => {
      const tile = parseTilePath(params['*'])
      if (tile === undefined || !hasTile(tile, await log.size()))
        throw new Fault('not_found', { what: 'no such tile' })
      const { level, index, width } = tile
      const content =
        level === undefined
          ? await bundle(index * TILE_WIDTH, width)
          : tileOf(await log.nodes(level * 8, index * TILE_WIDTH, width))
      return reply.header('cache-control', FOREVER).type('application/octet-stream').send(content)
    })
  })

  async function bundle(from: number, width: number): Promise<Buffer> {
    const entries = await log.entries(from, width)
    const forms = entries.flatMap(({ form }) => (form === null ? [] : [Buffer.from(form)]))
    // Of an entry that was lost with a database only the hash is left: a bundle with a gap would be a lie.
    if (forms.length !== width)
      throw new Fault('not_found', { what: 'an entry of this bundle was lost, its hash is in the tile' })
    return bundleOf(forms)
  }
}

/** Without white space, which ends a word in a policy. */
function labelOf(server: string): string {
  return server.replace(/\s/g, encodeURIComponent)
}
