/**
 * The two addresses that wallets use (OpenID4VP 5.10, 8.2): they fetch the request there, by GET or POST, and
 * post their answer. No cookie counts here, and nothing but the reason of the closed list leaves when an
 * answer is refused.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MAX_ANSWER } from '#core/presentation/read-answer.ts'
import { Refused } from '#core/presentation/refused.ts'
import { Fault } from '#schemas/fault.ts'
import type { WalletLogin } from './create-wallet-login.ts'

type OfAttempt = { Params: { id: string } }

const REQUEST_OBJECT = 'application/oauth-authz-req+jwt'
const MAX_FORM = 16_384
const MAX_NONCE = 512

/** What wallets ask for; who asked them decides what comes of it. */
export type WalletSide = Pick<WalletLogin, 'fetchRequest' | 'isWaiting'> & {
  /** `redirectUri` is where the wallet sends its person; it stays where it is without one. */
  takeAnswer(id: string, body: Buffer): Promise<{ redirectUri?: string } | undefined>
}

export function walletRoutes(app: FastifyInstance, prefix: string, login: WalletSide): void {
  async function sendRequest(reply: FastifyReply, id: string, walletNonce?: string): Promise<FastifyReply> {
    const token = await login.fetchRequest(id, walletNonce)
    if (token === undefined) throw new Fault('not_found', { what: 'no request waits here' })
    return reply.header('cache-control', 'no-store').type(REQUEST_OBJECT).send(token)
  }

  app.get<OfAttempt>(`${prefix}/request/:id`, (request, reply) => sendRequest(reply, request.params.id))

  app.post<OfAttempt>(`${prefix}/request/:id`, { bodyLimit: MAX_FORM }, (request, reply) => {
    const form = new URLSearchParams(bodyOf(request).toString('utf8'))
    const [nonce, second] = form.getAll('wallet_nonce')
    if (second !== undefined || (nonce?.length ?? 0) > MAX_NONCE)
      throw new Fault('invalid_input', { what: 'wallet_nonce' })
    return sendRequest(reply, request.params.id, nonce)
  })

  app.post<OfAttempt>(
    `${prefix}/response/:id`,
    {
      bodyLimit: MAX_ANSWER,
      // Before the body is read: strangers cannot make this server read megabytes.
      onRequest: async (request, reply) =>
        login.isWaiting(request.params.id) ? undefined : refuse(reply, 'request_ended'),
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      try {
        const taken = await login.takeAnswer(request.params.id, bodyOf(request))
        return taken === undefined
          ? refuse(reply, 'request_ended')
          : await reply.send(taken.redirectUri === undefined ? {} : { redirect_uri: taken.redirectUri })
      } catch (thrown) {
        if (!(thrown instanceof Refused)) throw thrown
        // Which claim somebody lacks, or has another value of, says something of them.
        const place = thrown.reason.startsWith('claim_') ? {} : { place: thrown.what }
        request.log.info({ reason: thrown.reason, ...place }, 'a presentation was refused')
        // OpenID4VP 8.2: a wallet that says no has been heard.
        return thrown.reason === 'wallet_refused' ? await reply.send({}) : refuse(reply, thrown.reason)
      }
    },
  )
}

function refuse(reply: FastifyReply, reason: string): FastifyReply {
  return reply
    .code(400)
    .header('cache-control', 'no-store')
    .send({ error: 'invalid_request', error_description: reason })
}

function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}
