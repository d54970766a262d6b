/**
 * A transit engine in trouble: what stops one key stops no other, and our token there is got as rarely as
 * possible.
 */
import { hash, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { createTransitToken } from '#platform/transit/transit-token.ts'
import { until } from '#test/until.ts'
import { createWorld } from './keys-fixture.ts'
import { checkTokens } from './settings.ts'
import { type Lie, startLiar } from './transit-fixture.ts'

const METHOD = { digest: 'sha256', kind: 'ecdsa' } as const
const DATA = Buffer.from('what is signed')
const HOUR = 3_600_000

async function startTransit(t: Test) {
  const { liar, ca, url } = await startLiar(t)
  const world = await createWorld(t)
  const secretIdFile = path.join(path.dirname(world.directory), 'secret-id')
  writeFileSync(secretIdFile, 'a-secret-id', { mode: 0o600 })
  const place = {
    ...{ label: 'liar', url, ca, mount: 'transit', keyPrefix: 'c-', lookMs: HOUR },
    limitMs: undefined as number | undefined,
    auth: { roleId: 'role', secretIdFile, mount: 'approle' },
  }
  // The engine signs digests; what is asked for here is always of the same data.
  const value = sign('sha256', DATA, { key: liar.pair.privateKey, dsaEncoding: 'ieee-p1363' })
  const good = { json: { data: { signature: `vault:v1:${value.toString('base64url')}` } } }
  const spki = liar.pair.publicKey.export({ format: 'der', type: 'spki' })
  const id = (name: string) => ({ objectId: Buffer.from(`${name}:1`).toString('hex'), publicKey: spki })
  const open = (o: { clock?: () => number } = {}) => {
    const token = createTransitToken({ place, clock: o.clock ?? (() => world.now) })
    t.teardown(() => token.close())
    return token
  }
  return { liar, world, place, good, id, open }
}
const signs =
  (then: Lie): Lie =>
  (at, body) =>
    at.startsWith('transit/sign') ? then(at, body) : undefined

void t.test(
  'one key in trouble stops no other; an engine in trouble stops all, and comes back',
  async (t) => {
    const { liar, world, place, good, id, open } = await startTransit(t)
    const token = open()
    const [one, other] = [token.key(id('one')), token.key(id('other'))]
    await token.look()
    for (const trouble of [{ status: 500, json: { errors: ['a-secret-id'] } }, { status: 0 }]) {
      liar.lie = signs((at) => (at.includes('/one/') ? trouble : good))
      // Short for the one party that is silent, and for nobody else.
      place.limitMs = trouble.status === 0 ? 2000 : undefined
      await t.rejects(one.sign(METHOD, DATA), { code: 'token_unavailable', what: /500$|in time/ })
      place.limitMs = undefined
      t.match(token.state(), { state: 'open' })
      await other.sign(METHOD, DATA)
      await token.ready()
    }
    t.equal(liar.logins, 1, 'our token is kept')

    liar.lie = () => ({ status: 500, json: { errors: ['token-1 a-secret-id'] } })
    await t.rejects(one.sign(METHOD, DATA), { code: 'token_unavailable' })
    t.match(token.state(), { state: 'away', reason: /answered 500$/ }, 'nothing that it says is shown')
    liar.lie = signs(() => good)
    await t.rejects(one.sign(METHOD, DATA), { code: 'token_unavailable' }, 'a second of rest')
    world.now -= HOUR
    await token.look()
    t.match(token.state(), { state: 'open' }, 'a clock that is set back keeps it from nothing')
    await one.sign(METHOD, DATA)
    t.equal(liar.logins, 1)

    liar.lie = signs((at) => (at.includes('/one/') ? undefined : good))
    for (let i = 0; i < 5; i++)
      await t.rejects(one.sign(METHOD, DATA), { code: 'token_unavailable', what: /does not verify/ })
    t.match(token.state(), { state: 'open' }, 'the other key signs well')
    liar.lie = () => undefined
    for (let i = 0; i < 3; i++)
      await t.rejects(other.sign(METHOD, DATA), { code: 'token_unavailable', what: /does not verify/ })
    t.match(token.state(), { state: 'away', reason: 'its signatures do not verify' })
    world.now += 60_000
    liar.lie = signs(() => good)
    await one.sign(METHOD, DATA)
    t.match(token.state(), { state: 'open' })
  },
)

void t.test('a login is made once for all who wait; who is busy is asked for no other token', async (t) => {
  const { liar, world, good, id, open } = await startTransit(t)
  const token = open()
  const key = token.key(id('one'))
  liar.lie = signs(() => good)
  await token.look()
  world.now += 2 * HOUR
  await Promise.all(Array.from({ length: 50 }, () => key.sign(METHOD, DATA)))
  t.equal(liar.logins, 2)
  for (const status of [429, 302, 404]) {
    liar.lie = (at) =>
      at.endsWith('lookup-self') || at.endsWith('renew-self') ? { status } : signs(() => good)(at, {})
    for (let i = 0; i < 3; i++) await token.look()
    await key.sign(METHOD, DATA)
  }
  t.equal(liar.logins, 2, 'busy')
  t.match(token.state(), { state: 'open' })

  // Renewed while a signature fails: the new life is taken, and the state follows.
  const renewal = Promise.withResolvers<void>()
  liar.lie = async (at) => {
    if (at.endsWith('renew-self')) await renewal.promise
    else if (!at.endsWith('login')) return { status: 503, json: { errors: ['sealed'] } }
    return at.endsWith('renew-self')
      ? { json: { auth: { lease_duration: 36_000, renewable: true } } }
      : undefined
  }
  world.now += HOUR / 2
  const looked = token.look()
  await until('it is renewed', () => liar.asked.at(-1)!.endsWith('renew-self'))
  await t.rejects(key.sign(METHOD, DATA), { code: 'token_unavailable', what: /sealed/ })
  renewal.resolve()
  await looked
  liar.lie = signs(() => good)
  world.now += 2000
  await token.look()
  t.match(token.state(), { state: 'open' })
  await key.sign(METHOD, DATA)
  t.equal(liar.logins, 2)

  // Without the look-up in its policy.
  liar.lie = (at) => (at.endsWith('lookup-self') ? { status: 403 } : signs(() => good)(at, {}))
  for (let i = 0; i < 5; i++) await token.look()
  await key.sign(METHOD, DATA)
  t.equal(liar.logins, 3)
  const revoked = () => liar.asked.filter((one) => one === 'POST auth/token/revoke-self').length
  const before = revoked()
  token.close()
  await until('our token is revoked', () => revoked() === before + 1)
})

void t.test('a token that comes while it is being closed is revoked', async (t) => {
  const { liar, world, open } = await startTransit(t)
  const count = (path: string) => liar.asked.filter((one) => one === `POST auth/${path}`).length
  let login = Promise.withResolvers<void>()
  liar.lie = async (at) => {
    if (at.endsWith('login')) await login.promise
    // It can be renewed no more.
    return at.endsWith('renew-self') ? { status: 403 } : undefined
  }
  const first = open()
  await until('a login', (saw) => saw(count('approle/login')) === 1)
  first.close()
  login.resolve()
  await until('the end of its token', (saw) => saw(count('token/revoke-self')) === 1)

  const second = open()
  await second.look()
  login = Promise.withResolvers<void>()
  world.now += HOUR / 2
  void second.look()
  await until('a login for the next token', (saw) => saw(count('approle/login')) === 3)
  second.close()
  login.resolve()
  await until('the end of both', (saw) => saw(count('token/revoke-self')) === 3)
})

void t.test('a key is destroyed only with its newest version, and one that was made late', async (t) => {
  const { liar, place, open } = await startTransit(t)
  const token = open()
  await token.look()
  const objectId = (version: number) => Buffer.from(`c-key:${version}`).toString('hex')
  const deleted = () => liar.asked.filter((one) => one.startsWith('DELETE'))
  liar.lie = (at) =>
    at === 'transit/keys/c-key' ? { json: { data: { type: 'ecdsa-p256', latest_version: 2 } } } : undefined
  await token.destroy(objectId(1))
  await token.destroy(objectId(2), [objectId(1)])
  t.same(deleted(), [], 'a newer version, or another record')
  await token.destroy(objectId(2))
  t.same(deleted(), ['DELETE transit/keys/c-key'])

  let isMade = false
  liar.lie = (at, body) => {
    if (!at.startsWith('transit/keys/')) return undefined
    if ('type' in body) return { status: 504 }
    return isMade ? undefined : { status: 404 }
  }
  await t.rejects(token.generate('P-256', 'x'), { code: 'token_unavailable' })
  t.equal(deleted().length, 1)
  isMade = true
  await token.look()
  t.equal(deleted().length, 2, 'what was made after all')
  await token.look()
  t.equal(deleted().length, 2)

  const names = Array.from({ length: 1001 }, (_, i) => hash('sha256', String(i)))
  liar.lie = (at) => (at.endsWith('list=true') ? { json: { data: { keys: names } } } : undefined)
  await t.rejects(token.keys(), { code: 'conflict', what: /more than 1000 keys/ })
  names.length = 300
  t.equal((await token.keys()).length, 300)
  liar.lie = (at) =>
    at.endsWith('list=true')
      ? { json: { data: { keys: ['a'] } } }
      : { json: { data: { type: 'hvs.SECRET' } } }
  t.notMatch(JSON.stringify(await token.keys()), 'SECRET')

  t.throws(
    () => checkTokens({ hardwareTokens: [], transitTokens: [{ ...place, id: 7, url: 'https://a:99999' }] }),
    { code: 'invalid_configuration', what: /no address/ },
  )
})
