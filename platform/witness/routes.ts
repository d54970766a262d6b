/**
 * The routes of a witness below its prefix, as C2SP tlog-witness has them; `/log-keys` and `/key` are ours.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MAX_SUBMISSION_BYTES } from '#core/merkle/add-checkpoint.ts'
import { Fault } from '#schemas/fault.ts'
import { WITNESS_TYPE } from '#schemas/log-key.ts'
import type { Witness } from './create-witness.ts'

const STATEMENT_BYTES = 64 * 1024
const TEXT = 'text/plain; charset=utf-8'

/** Adds the routes; the listener must parse bodies as bytes. `guard` runs before the request body is read. */
export function witnessRoutes(
  app: FastifyInstance,
  q: { prefix: string; witness: Witness; guard?: (request: FastifyRequest) => void },
): void {
  const { prefix, witness } = q
  const onRequest = async (request: FastifyRequest): Promise<void> => q.guard?.(request)

  app.post(
    `${prefix}/add-checkpoint`,
    { onRequest, bodyLimit: MAX_SUBMISSION_BYTES },
    async ({ body }, reply): Promise<FastifyReply> => {
      const answer = await witness.addCheckpoint(bytesOf(body))
      if ('cosignature' in answer) return reply.type(TEXT).send(answer.cosignature)
      return reply
        .code(409)
        .header('content-type', WITNESS_TYPE.size)
        .send(Buffer.from(`${answer.size}\n`))
    },
  )
  app.post(
    `${prefix}/log-keys`,
    { onRequest, bodyLimit: STATEMENT_BYTES },
    async ({ body }, reply): Promise<FastifyReply> => {
      await witness.addLogKey(bytesOf(body))
      return reply.code(204).send()
    },
  )
  app.get(`${prefix}/key`, { onRequest }, async (_request, reply) =>
    reply.type(TEXT).send(`${witness.verifierKey}\n`),
  )
  app.get<{ Params: { originHash: string } }>(
    `${prefix}/:originHash/checkpoint`,
    { onRequest },
    async ({ params }, reply) => reply.type(TEXT).send(await witness.checkpoint(params.originHash)),
  )
}

function bytesOf(body: unknown): Buffer {
  if (!Buffer.isBuffer(body)) throw new Fault('malformed_checkpoint', { what: 'a body of bytes is needed' })
  return body
}
