/** Serves the page about checking the log at `/history`, in the reader's language. */
import type { FastifyInstance } from 'fastify'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { cosignerType } from '#core/merkle/cosigner-key.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Clock } from '#platform/clock.ts'
import { limitRate } from '#platform/http-service/rate-limit.ts'
import { asFault } from '#schemas/fault.ts'
import type { Served } from '../served-checkpoint.ts'
import type { ServerWitnessStore } from '../server-witnesses-store.ts'
import type { PublicLogStore } from '../store.ts'
import { type History, PAGE_POLICY, renderHistory } from './render-history.ts'
import { languageOf } from './texts.ts'

type Rooms = {
  origin: string
  /** The keys of the log that verifiers accept, newest first. */
  accepted(): Promise<string[]>
  publicUrl: string
  store: Pick<PublicLogStore, 'days' | 'contradictions' | 'newestCosigned'>
  servers: Pick<ServerWitnessStore, 'list' | 'count'>
  served(): Promise<Served>
  policy: WitnessPolicy | undefined
  clock: Clock
}

const RATE = { perSecond: 10, perMinute: 200 }
const DAY_MS = 86_400_000

export async function historyPage(app: FastifyInstance, rooms: Rooms): Promise<void> {
  await app.register(async (scope) => {
    limitRate(scope, RATE, rooms.clock)
    scope.get('/history', async (request, reply) => {
      const { lang } = request.query as { lang?: unknown }
      const language = languageOf(lang, request.headers['accept-language'])
      return reply
        .headers({
          'content-security-policy': PAGE_POLICY,
          'referrer-policy': 'no-referrer',
          vary: 'accept-language',
        })
        .header('cache-control', 'public, max-age=30')
        .type('text/html; charset=utf-8')
        .send(renderHistory(await gather(rooms), language))
    })
  })
}

async function gather({
  origin,
  accepted,
  publicUrl,
  store,
  servers,
  served,
  policy,
  clock,
}: Rooms): Promise<History> {
  const newest = await served().catch((thrown: unknown) => {
    if (asFault(thrown).code === 'not_found') return undefined
    throw thrown
  })
  const [verifierKey, ...olderKeys] = await accepted()
  const contradictions = await store.contradictions()
  const cosigned = await store.newestCosigned(policy?.witnesses.map(({ name }) => name) ?? [])
  return {
    ...{ origin, publicUrl, verifierKey: verifierKey!, olderKeys },
    serverCount: await servers.count(),
    servers: (await servers.list()).map(({ server, size, cosigned_at }) => ({
      server,
      size,
      cosignedAt: cosigned_at,
    })),
    newest: newest && {
      ...newest,
      root: parseCheckpoint(newest.cosigned).root.toString('base64'),
    },
    days: await store.days(),
    witnesses: policy?.witnesses.map(({ name, publicKey }) => {
      const row = cosigned.find(({ witness }) => witness === name)
      return {
        name,
        algorithm: cosignerType(publicKey).algorithm,
        size: row?.size ?? 0,
        cosignedAt: row?.time ?? null,
      }
    }),
    contradicting: [...new Set(contradictions.map(({ witness }) => witness))],
    yesterday: new Date(clock() - DAY_MS).toISOString().slice(0, 10),
  }
}
