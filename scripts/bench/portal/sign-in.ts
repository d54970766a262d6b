/**
 * Somebody signs in at the development provider, as a browser does without script; leaves the cookie of the
 * session.
 */
import { randomBytes } from 'node:crypto'
import { readAccounts } from '#certs/openid-provider/accounts.ts'
import { createOpenIdApp } from '#certs/openid-provider/app.ts'
import { createLog } from '#platform/logging/create-log.ts'

const PERSON = { subject: 'mari', name: 'Mari Maasikas', email: 'mari@people.example', code: 'P00000007' }
const PORT = 8890
const MOST_STEPS = 10

type Provider = {
  issuer: string
  client: { id: string; secret: string }
  /** The cookie of somebody who has signed in at the portal with this address. */
  signIn(portalUrl: string): Promise<string>
  close(): Promise<void>
}

export async function startProvider(host: string, portalUrl: string): Promise<Provider> {
  const [secret, password] = [randomBytes(24).toString('base64url'), randomBytes(9).toString('base64url')]
  const client = { id: 'portal', secret, redirectUri: `${portalUrl}/login/callback` }
  const accounts = readAccounts(JSON.stringify({ people: [{ ...PERSON, password }], clients: [client] }))
  const log = createLog({ name: 'bench', destination: { write: () => undefined } })
  const app = createOpenIdApp({ accounts, host, port: PORT, log })
  await app.listen({ host, port: PORT })
  return {
    ...{ issuer: `http://${host}:${PORT}`, client },
    signIn: (url) => signIn(url, { name: PERSON.subject, password }),
    close: () => app.close(),
  }
}

async function signIn(portalUrl: string, who: { name: string; password: string }): Promise<string> {
  const jars = new Map<string, Map<string, string>>()
  let [at, form]: [string, Record<string, string> | undefined] = [`${portalUrl}/login`, undefined]
  for (let step = 0; step < MOST_STEPS; step++) {
    const { host } = new URL(at)
    const jar = jars.get(host) ?? new Map<string, string>()
    jars.set(host, jar)
    const reply: Response = await fetch(at, {
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
      redirect: 'manual',
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    })
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    const next = reply.headers.get('location')
    const text = await reply.text()
    if (next !== null) [at, form] = [new URL(next, at).href, undefined]
    else if (text.includes('name="password"')) form = who
    else if (host === new URL(portalUrl).host)
      return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    else throw new Error(`the login ended at ${host} with status ${reply.status}`)
  }
  throw new Error('the login did not end')
}
