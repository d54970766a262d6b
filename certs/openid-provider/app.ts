/**
 * An OpenID provider for development: people from a file log in with name and password on one page. It
 * listens on loopback addresses only, since passwords are sent unencrypted.
 */
import { isIP } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type Provider from 'oidc-provider'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Accounts } from './accounts.ts'
import { createProvider } from './create-provider.ts'
import { sendSignIn } from './page.ts'

const BODY_LIMIT = 16 * 1024
const MAX_NAME = 255

/** Throws `invalid_configuration` for a host that other machines can reach. */
export function createOpenIdApp(q: {
  accounts: Accounts
  host: string
  port: number
  log: Log
}): FastifyInstance {
  const { accounts, host, port, log } = q
  if (!(isIP(host) === 4 && host.startsWith('127.')))
    throw new Fault('invalid_configuration', {
      what: 'the OpenID provider is for development: host has to be a loopback address, 127.x.y.z',
    })
  const issuer = `http://${host}:${port}`
  let found: Promise<Provider> | undefined
  const provider = (): Promise<Provider> => {
    found ??= createProvider(issuer, accounts).catch((thrown: unknown) => {
      found = undefined
      throw thrown
    })
    return found
  }
  const app = createHttpService({ name: 'openid', log, bodyLimit: BODY_LIMIT })
  signInRoutes(app, accounts, provider)
  // All other addresses belong to the protocol library, which parses requests itself.
  void app.register(async (protocol) => {
    protocol.removeAllContentTypeParsers()
    protocol.addContentTypeParser('*', (_request, _body, done) => done(null))
    protocol.all('/*', async (request, reply) => {
      const handle = (await provider()).callback()
      reply.hijack()
      handle(request.raw, reply.raw)
    })
  })
  return app
}

function signInRoutes(app: FastifyInstance, accounts: Accounts, provider: () => Promise<Provider>): void {
  const allowed = accounts.clients.map(({ redirectUri }) => new URL(redirectUri).origin)

  /** The login that this browser has begun. Throws if it is over or belongs to another browser. */
  async function begun(
    { raw, params }: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ action: string; client: string; allowed: string[] }> {
    const details = await (await provider()).interactionDetails(raw, reply.raw).catch(() => undefined)
    if (details === undefined || details.uid !== (params as { uid: string }).uid)
      throw new Fault('not_found', { what: 'this login; begin it again' })
    return { action: `/sign-in/${details.uid}`, client: String(details.params['client_id']), allowed }
  }

  app.get('/sign-in/:uid', async (request, reply) => sendSignIn(reply, 200, await begun(request, reply)))
  app.post('/sign-in/:uid', async (request, reply) => {
    const page = await begun(request, reply)
    const form = new URLSearchParams(Buffer.isBuffer(request.body) ? request.body.toString() : '')
    const name = form.get('name')?.trim() ?? ''
    const person = accounts.check(name, form.get('password')?.trim() ?? '')
    // The page shows the submitted name again, shortened.
    if (person === undefined) return sendSignIn(reply, 403, { ...page, name: name.slice(0, MAX_NAME) })
    const result = { login: { accountId: person.subject, remember: false } }
    const onward = await (await provider()).interactionResult(request.raw, reply.raw, result, {
      mergeWithLastSubmission: false,
    })
    return reply.redirect(onward, 303)
  })
}
