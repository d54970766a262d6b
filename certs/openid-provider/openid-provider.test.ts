/**
 * The development provider over HTTP: which logins its page accepts and refuses. Journeys test a registry's
 * whole login.
 */
import { createHash, randomBytes, randomInt } from 'node:crypto'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { readAccounts } from './accounts.ts'
import { createOpenIdApp } from './app.ts'

const BACK = 'http://127.0.0.9:4000/login/callback'
const person = { subject: 'anna', name: 'Anna <b>', email: 'anna@example.org', password: 'right & long' }
const file = { people: [person], clients: [{ id: 'registry', secret: 'a secret', redirectUri: BACK }] }
const lines: string[] = []
const log = createLog({ name: 'test', destination: { write: (line) => lines.push(line) } })
const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
const app = createOpenIdApp({ accounts: readAccounts(JSON.stringify(file)), host, port: 8890, log })
await app.listen({ host, port: 8890 })
t.teardown(() => app.close())
const base = `http://${host}:8890`

type Reply = { status: number; text: string; location: string; policy: string }

/** A browser with cookies that does not follow redirects. */
function openBrowser() {
  const cookies = new Map<string, string>()
  return async (url: string, form?: Record<string, string> | string): Promise<Reply> => {
    const body = typeof form === 'object' ? new URLSearchParams(form).toString() : form
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const reply = await fetch(new URL(url, base), {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie, ...(form === undefined ? {} : type) },
      ...(body === undefined ? {} : { body }),
    })
    for (const line of reply.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]!.split(/=(.*)/s)
      cookies.set(name, value)
    }
    const header = (name: string): string => reply.headers.get(name) ?? ''
    const [location, policy] = [header('location'), header('content-security-policy')]
    return { status: reply.status, text: await reply.text(), location, policy }
  }
}

function authorization(more: Record<string, string> = {}): string {
  const challenge = createHash('sha256').update(randomBytes(32).toString('base64url')).digest('base64url')
  const query = {
    ...{ client_id: 'registry', response_type: 'code', redirect_uri: BACK, scope: 'openid profile email' },
    ...{ state: 'state', nonce: 'nonce', code_challenge: challenge, code_challenge_method: 'S256' },
    ...more,
  }
  return `/auth?${new URLSearchParams(query)}`
}

t.test('a login: one page, no consent, back to the client with a code', async (t) => {
  const visit = openBrowser()
  const begun = await visit(authorization())
  t.equal(begun.status, 303)
  const page = await visit(begun.location)
  t.match(page.text, /Development login.*for development only/s)
  t.match(page.policy, /^default-src 'none'.*form-action 'self' http:\/\/127\.0\.0\.9:4000$/)
  for (const form of [
    { name: 'anna', password: 'wrong' },
    { name: 'bob', password: '' },
    { name: '', password: '' },
    { name: '"><script>alert(1)</script>', password: 'x'.repeat(5000) },
    'name[]=anna&name=anna&password',
    '%ff%00&=&&',
  ]) {
    const refused = await visit(begun.location, form)
    t.equal(refused.status, 403)
    t.match(refused.text, /do not fit/)
    t.notMatch(refused.text, /<script/)
  }
  t.equal((await visit(begun.location, `name=${'x'.repeat(20_000)}`)).status, 413)
  const { status, location } = await visit(begun.location, { name: ' anna ', password: person.password })
  t.equal(status, 303)
  const back = await visit(location)
  t.match(back.location, /^http:\/\/127\.0\.0\.9:4000\/login\/callback\?code=[\w-]+&state=state/)
  t.equal((await visit(begun.location)).status, 404, 'it is over')
  t.notMatch(lines.join(''), person.password, 'no password in the log')
})

t.test('what is not its own is refused', async (t) => {
  const visit = openBrowser()
  const begun = await visit(authorization())
  const stranger = openBrowser()
  t.equal((await stranger(begun.location)).status, 404, "another browser's login")
  t.equal((await stranger(begun.location, { name: 'anna', password: person.password })).status, 404)
  for (const at of ['/sign-in/x', '/sign-in/%00', '/sign-in/..%2fauth'])
    t.equal((await visit(at)).status, 404)
  const foreign: Record<string, string>[] = [
    { client_id: 'other' },
    { redirect_uri: 'http://127.0.0.9:4000/elsewhere' },
    { redirect_uri: 'http://evil.example/login/callback' },
  ]
  for (const more of foreign) t.equal((await visit(authorization(more))).status, 400, JSON.stringify(more))
  const plain = await visit(authorization({ code_challenge: '', code_challenge_method: '' }))
  t.match(plain.location, /error=invalid_request/, 'PKCE is needed')
  const redeem = { grant_type: 'authorization_code', code: 'x', redirect_uri: BACK }
  t.equal((await visit('/token', redeem)).status, 400, 'a client proves itself')
  t.match((await visit('/.well-known/openid-configuration')).text, /"issuer":"http:\/\/127/)
})

t.test('on this machine only, and with a whole file', async (t) => {
  const accounts = readAccounts(JSON.stringify(file))
  for (const open of ['0.0.0.0', '::', '10.0.0.1', 'registry.example', '127.evil'])
    t.throws(() => createOpenIdApp({ accounts, host: open, port: 1, log }), { code: 'invalid_configuration' })
  const { people, clients } = file
  for (const bad of [
    '',
    'null',
    '[]',
    JSON.stringify({ people }),
    JSON.stringify({ people: {}, clients }),
    JSON.stringify({ people: [{ ...person, password: '' }], clients }),
    JSON.stringify({ people: [null], clients }),
    JSON.stringify({ people, clients: [{ id: 'x' }] }),
  ])
    t.throws(() => readAccounts(bad), { code: 'invalid_configuration' }, bad)
  t.equal(accounts.check('anna', ''), undefined)
  t.equal(accounts.check('', ''), undefined)
  t.equal(accounts.check('anna', person.password)?.subject, 'anna')
})
