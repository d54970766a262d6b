/**
 * A real OpenID provider as a process of its own, with its own login forms. A person who logs in as NAME is
 * the subject NAME; the e-mail address is verified unless the name begins with `unverified`. The process ends
 * with its parent.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

const [clientId = '', clientSecret = ''] = process.argv.slice(2)
let handle: ReturnType<Provider['callback']> | undefined
const server = createServer((request, response) => handle?.(request, response))
// With Node's 5 s it closes, on a busy machine, a connection on which a server or a browser just sends.
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: ['http://127.0.0.1/login/callback'],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    cookies: { keys: ['test'] },
    pkce: { required: () => true },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: id === 'odd' ? 'Odd \u202e name' : `Person ${id}`,
        email: `${id}@example.org`,
        email_verified: !id.startsWith('unverified'),
        // A claim that no registry may believe.
        roles: ['XROAD_SYSTEM_ADMINISTRATOR'],
      }),
    }),
  })
  // Each test registry has an address of its own.
  provider.Client.prototype.redirectUriAllowed = (uri) =>
    /^http:\/\/(127\.[\d.]+|n-127-[\d-]+\.localhost):4000\/login\/callback$/.test(uri)
  handle = provider.callback()
  process.send?.({ issuer })
})
process.on('disconnect', () => process.exit(0))
