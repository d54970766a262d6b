/** An OpenID provider that lies as it is told: every part of its answers can be replaced. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export type Lies = {
  discovery?: (facts: Record<string, unknown>, response: ServerResponse) => unknown
  header?: object
  claims?: object
  signedBy?: 'another key'
  /** The signature part of the ID token. */
  signature?: string
  token?: object
  /** What the token endpoint answers with; 200 when absent. */
  tokenStatus?: number
  userinfo?: object
}

type RogueProvider = {
  issuer: string
  /** Sets how it lies from now on; all other claims are those of an honest provider. */
  lie(lies: Lies, honest: { clientId: string; nonce: string }): void
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 })

/** Listens on a loopback port; ends with the test. */
export async function startRogueProvider(t: Test): Promise<RogueProvider> {
  const own = pair()
  const other = pair()
  let lies: Lies = {}
  let honest = { clientId: '', nonce: '' }

  function idToken(issuer: string): string {
    const now = Math.floor(Date.now() / 1000)
    const times = { iat: now, exp: now + 60, auth_time: now }
    const claims = {
      iss: issuer,
      sub: 'anna',
      aud: honest.clientId,
      nonce: honest.nonce,
      ...times,
      ...lies.claims,
    }
    const input = `${encode({ alg: 'RS256', kid: 'k', ...lies.header })}.${encode(claims)}`
    const key: KeyObject = lies.signedBy === undefined ? own.privateKey : other.privateKey
    return `${input}.${lies.signature ?? sign('sha256', Buffer.from(input), key).toString('base64url')}`
  }

  const server = createServer((request, response) => {
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const json = (value: unknown): void => {
      if (response.headersSent) return
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    }
    request.resume()
    const path = request.url ?? ''
    if (path.endsWith('/openid-configuration')) {
      const facts = {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        jwks_uri: `${issuer}/jwks`,
        id_token_signing_alg_values_supported: ['RS256'],
      }
      json(lies.discovery === undefined ? facts : lies.discovery(facts, response))
    } else if (path === '/jwks')
      json({ keys: [{ ...own.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] })
    else if (path === '/token') {
      response.statusCode = lies.tokenStatus ?? 200
      json({ access_token: 'a', token_type: 'bearer', id_token: idToken(issuer), ...lies.token })
    } else
      json({ sub: 'anna', name: 'Anna', email: 'anna@example.org', email_verified: true, ...lies.userinfo })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lie: (given, facts) => {
      lies = given
      honest = facts
    },
  }
}
