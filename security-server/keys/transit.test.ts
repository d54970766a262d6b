/**
 * Signing keys in a transit engine: a real OpenBao that is sealed, revokes, refuses and comes back, and a
 * server that lies.
 */
import { createPublicKey, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { verifyValue } from '#core/signature/algorithms.ts'
import { optionsOf } from '#core/signature/signing-key.ts'
import type { TransitPlace } from '#platform/transit/connection.ts'
import { createTransitToken } from '#platform/transit/transit-token.ts'
import { hasOpenBao, startOpenBao } from '#test/openbao.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import { createWorld, member, PIN, subjectOf } from './keys-fixture.ts'
import { type Lie, startLiar } from './transit-fixture.ts'

const DATA = Buffer.from('what is signed')
const POLICY = `
path "transit/keys" { capabilities = ["list"] }
path "transit/keys/*" { capabilities = ["create", "read", "update", "delete"] }
path "transit/sign/*" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }`

void t.test('keys in a real OpenBao', async (t) => {
  if (!hasOpenBao()) return skipFor(t, 'OpenBao is not installed')
  const bao = await startOpenBao(t)
  const { ask } = bao
  await ask('POST', 'sys/policies/acl/signer', { policy: POLICY })
  await ask('POST', 'sys/auth/approle', { type: 'approle' })
  await ask('POST', 'auth/approle/role/ss1', {
    ...{ token_policies: ['signer'], token_no_default_policy: true },
    token_ttl: '600s',
    token_max_ttl: '900s',
  })
  const data = async (method: 'GET' | 'POST', at: string) =>
    (await ask(method, at))['data'] as Record<string, string>
  const world = await createWorld(t)
  const secretIdFile = path.join(path.dirname(world.directory), 'secret-id')
  const secret = async (): Promise<void> =>
    writeFileSync(secretIdFile, (await data('POST', 'auth/approle/role/ss1/secret-id'))['secret_id']!, {
      mode: 0o600,
    })
  await secret()
  const { role_id: roleId } = await data('GET', 'auth/approle/role/ss1/role-id')
  const place: TransitPlace = {
    ...{
      label: 'agency',
      url: bao.url,
      mount: 'transit',
      ca: bao.tlsCa,
      keyPrefix: 'concordat-',
      lookMs: 50,
    },
    auth: { roleId: roleId!, secretIdFile, mount: 'approle' },
  }
  world.now = Date.now()
  const keys = await world.open({ transitTokens: [{ ...place, id: '7' }] })
  await keys.initialize(PIN)
  const token = () => keys.tokens().find(({ id }) => id === '7')!
  // After a failure the next try waits for the clock.
  const becomes = (state: string, before?: () => Promise<void>) =>
    until(`it is ${state}`, async (saw) => {
      await before?.()
      world.now += 1000
      return saw(token().hardware)?.state === state
    })
  await becomes('open')
  t.match(token(), { type: 'TRANSIT', loggedIn: true, name: 'agency', pin: undefined })
  t.match(token().hardware?.model, /^transit 127\.[\d.]+:8200\/transit$/)
  for (const act of [
    keys.hardware.login('7', PIN),
    keys.hardware.logout('7'),
    keys.hardware.changePin('7', PIN, 'Another horse 8'),
  ])
    await t.rejects(act, { code: 'invalid_input' })

  await t.test(
    'a key is made there, certified, and signs; the software token has others at the same time',
    async (t) => {
      const made = await keys.createKey({ tokenId: '7', usage: 'SIGNING', label: 'in transit' })
      await t.rejects(keys.createKey({ tokenId: '7', usage: 'AUTHENTICATION', label: 'x' }), {
        code: 'invalid_input',
      })
      const { request } = await keys.createRequest({
        keyId: made.id,
        member,
        subject: subjectOf('SIGNING', member),
      })
      const issued = await world.authority.issue({ request, profile: 'signing', at: new Date(world.now) })
      await keys.importCertificate(issued.der)
      const { certificate, method, sign: signIt } = keys.signingIdentity(member)
      t.equal(keys.certificate(certificate.sha256).keyId, made.id)
      const value = await signIt(DATA)
      t.ok(verifyValue(method, publicKeyOf(certificate), DATA, value))
      const soft = await keys.createKey({ usage: 'SIGNING', label: 'soft' })
      t.same(
        keys.tokens().map(({ id, keys: all }) => [id, all.length]),
        [
          ['0', 1],
          ['7', 1],
        ],
      )
      keys.logout()
      t.equal(token().loggedIn, true, 'each has a state of its own')
      await signIt(DATA)
      await keys.login(PIN)
      await keys.deleteKey(soft.id)
    },
  )

  await t.test(
    'each kind of key and of signature; what is found there is judged, and what is deleted is gone',
    async (t) => {
      const own = createTransitToken({ place, clock: Date.now })
      t.teardown(() => own.close())
      for (const algorithm of ['P-256', 'RSA-2048', 'RSA-3072'] as const) {
        const at = await own.generate(algorithm, 'x')
        const key = own.key(at)
        for (const kind of algorithm === 'P-256' ? (['ecdsa'] as const) : (['rsa', 'rsa-pss'] as const))
          for (const digest of ['sha256', 'sha384', 'sha512'] as const) {
            const value = await key.sign({ digest, kind }, DATA)
            const options = {
              key: createPublicKey({ key: at.publicKey, format: 'der', type: 'spki' }),
              ...optionsOf({ digest, kind }),
            }
            t.ok(verify(digest, DATA, options, value), `${algorithm} ${kind} ${digest}`)
          }
        await own.destroy(at.objectId)
        await own.destroy(at.objectId)
        await t.rejects(key.sign({ digest: 'sha512', kind: algorithm === 'P-256' ? 'ecdsa' : 'rsa' }, DATA), {
          code: 'token_unavailable',
        })
      }
      await ask('POST', 'transit/keys/made-elsewhere', { type: 'ecdsa-p256' })
      await ask('POST', 'transit/keys/open', { type: 'ecdsa-p256', exportable: true })
      await ask('POST', 'transit/keys/other', { type: 'ed25519' })
      await ask('POST', 'transit/keys/made-elsewhere/rotate', {})
      const found = await keys.hardware.found('7')
      t.same(
        found.map(({ label, unfit, madeThere }) => [label, unfit, madeThere]),
        [
          ['made-elsewhere', undefined, true],
          ['open', 'it could be exported', false],
          ['other', 'it is no P-256, RSA-2048 or RSA-3072 key, but ed25519', true],
        ],
      )
      await t.rejects(keys.hardware.adopt('7', { objectId: found[1]!.objectId }), {
        code: 'conflict',
        what: /exported/,
      })
      const adopted = await keys.hardware.adopt('7', { objectId: found[0]!.objectId })
      t.equal(adopted.adopted, true)
      await keys.deleteKey(adopted.id)
      t.ok((await data('GET', 'transit/keys/made-elsewhere'))['name'], 'an adopted key stays there')
      const names = async () => (await data('GET', 'transit/keys?list=true'))['keys'] as never as string[]
      const before = await names()
      const made = await keys.createKey({ tokenId: '7', usage: 'SIGNING', label: 'rotated' })
      const name = (await names()).find((one) => !before.includes(one))!
      await ask('POST', `transit/keys/${name}/rotate`, {})
      const newer = (await keys.hardware.found('7')).find(({ label }) => label === name)!
      const second = await keys.hardware.adopt('7', { objectId: newer.objectId })
      await keys.deleteKey(made.id)
      await keys.deleteKey(second.id)
      t.equal(
        Number((await data('GET', `transit/keys/${name}`))['latest_version']),
        2,
        'the newer version stays',
      )
      for (const objectId of [
        '00',
        Buffer.from('../sys:1').toString('hex'),
        Buffer.from('none:1').toString('hex'),
      ])
        await t.rejects(keys.hardware.adopt('7', { objectId }), { code: 'key_not_found' })
    },
  )

  await t.test(
    'sealed and back; our token revoked; a policy that allows less; a lease that ends',
    async (t) => {
      const { sign: signIt } = keys.signingIdentity(member)
      await bao.seal()
      await becomes('away')
      t.equal(token().hardware?.reason, 'it is sealed')
      await t.rejects(async () => signIt(DATA), {
        code: 'token_unavailable',
        what: 'token agency: it is sealed',
      })
      t.throws(() => keys.signingIdentity(member), { code: 'token_unavailable' })
      await bao.unseal()
      await becomes('open')
      await signIt(DATA)
      const accessors = async () =>
        ((await ask('GET', 'auth/token/accessors?list=true'))['data'] as { keys: string[] }).keys
      const revokeAll = async (): Promise<void> => {
        for (const accessor of await accessors()) {
          // Undefined for one that has ended since.
          const { data } = (await ask('POST', 'auth/token/lookup-accessor', { accessor })) as {
            data?: { policies: string[] }
          }
          if (data?.policies.includes('signer') === true)
            await ask('POST', 'auth/token/revoke-accessor', { accessor })
        }
      }
      await revokeAll()
      await signIt(DATA)
      await ask('POST', 'sys/policies/acl/signer', {
        policy: POLICY.replace('transit/sign', 'transit/nothing'),
      })
      await t.rejects(async () => signIt(DATA), {
        code: 'token_unavailable',
        what: /does not allow us transit\/sign.*policy/,
      })
      await ask('POST', 'sys/policies/acl/signer', { policy: POLICY })
      await signIt(DATA)

      const own = createTransitToken({ place, clock: () => world.now })
      t.teardown(() => own.close())
      await own.look()
      const before = (await accessors()).length
      world.now += 301_000
      await own.look()
      await own.ready()
      t.equal((await accessors()).length, before, 'half of its life is over: it is renewed')
      await revokeAll()
      world.now += 301_000
      await own.look()
      await t.resolves(own.ready(), 'one that cannot be renewed is replaced')

      // Both have a token again: none is still being got, by the right secret, while those that are there are
      // revoked.
      await signIt(DATA)
      writeFileSync(secretIdFile, 'wrong', { mode: 0o600 })
      // It may have read the right one just before: each time it is let in once more.
      await becomes('locked', revokeAll)
      t.match(token().hardware?.reason, /refuses us: 400/)
      t.match(
        keys.certificate(keys.tokens()[1]!.keys[0]!.certificates[0]!.sha256).remedy?.toString(),
        /transit engine refuses/,
      )
      await t.rejects(async () => signIt(DATA), { code: 'token_not_active' })
    },
  )

  await t.test('a token in a file, that others renew', async (t) => {
    const tokenFile = path.join(path.dirname(world.directory), 'bao-token')
    const give = async (): Promise<string> => {
      const { auth } = (await ask('POST', 'auth/token/create', { policies: ['signer'], ttl: '1h' })) as {
        auth: { client_token: string }
      }
      writeFileSync(tokenFile, auth.client_token, { mode: 0o600 })
      return auth.client_token
    }
    const first = await give()
    const own = createTransitToken({ place: { ...place, auth: { tokenFile } }, clock: Date.now })
    t.teardown(() => own.close())
    const at = await own.generate('P-256', 'x')
    await give()
    await ask('POST', 'auth/token/revoke', { token: first })
    await own.key(at).sign({ digest: 'sha512', kind: 'ecdsa' }, DATA)
    const other = createTransitToken({ place: { ...place, ca: undefined }, clock: Date.now })
    t.teardown(() => other.close())
    await other.look()
    t.match(other.state(), { state: 'away', reason: /certificate is not accepted/ })
  })
})

void t.test('a server that lies is believed in nothing', async (t) => {
  const { liar, ca, url } = await startLiar(t)
  const world = await createWorld(t)
  const tokenFile = path.join(path.dirname(world.directory), 'token')
  writeFileSync(tokenFile, 'a-token-of-ours', { mode: 0o600 })
  let now = Date.now()
  const place = { label: 'liar', url, ca, mount: 'transit', keyPrefix: 'c-', auth: { tokenFile } }
  const open = (limitMs?: number) => {
    const opened = createTransitToken({
      place: { ...place, lookMs: 3_600_000, limitMs },
      clock: () => now,
    })
    t.teardown(() => opened.close())
    return opened
  }
  const token = open()
  await token.look()
  t.match(token.state(), { state: 'open' })
  const lies: [Lie, RegExp, limitMs?: number][] = [
    [() => undefined, /does not verify/],
    [
      (at) => (at.startsWith('transit/sign') ? { json: { data: { signature: 'vault:v1:' } } } : undefined),
      /does not verify/,
    ],
    [
      (at) => (at.startsWith('transit/sign') ? { json: { data: { signature: { a: 1 } } } } : undefined),
      /does not verify/,
    ],
    [(at) => (at.startsWith('transit/sign') ? { json: [] } : undefined), /does not verify/],
    [(at) => (at.startsWith('transit/sign') ? { text: '<html>' } : undefined), /does not verify/],
    [
      (at) =>
        at.startsWith('transit/sign') ? { status: 302, headers: { location: `${url}/v1/other` } } : undefined,
      /it answered 302/,
    ],
    [
      (at) =>
        at.startsWith('transit/sign') ? { status: 429, json: { errors: ['rate\r\nlimited', 7] } } : undefined,
      /it answered 429$/,
    ],
    [
      (at) => (at.startsWith('transit/sign') ? { text: `"${'x'.repeat(1_100_000)}"` } : undefined),
      /does not answer/,
    ],
    [(at) => (at.startsWith('transit/sign') ? { status: 0 } : undefined), /in time/, 500],
    [
      (at) =>
        at.startsWith('transit/sign') ? { status: 503, json: { errors: ['Vault is sealed'] } } : undefined,
      /sealed/,
    ],
  ]
  for (const [lie, what, limitMs] of lies) {
    liar.lie = lie
    const asked = limitMs === undefined ? token : open(limitMs)
    const refused = await asked.generate('P-256', 'x').then(
      () => undefined,
      (thrown: { code: string; what: string }) => thrown,
    )
    t.match(refused, { code: 'token_unavailable', what })
    t.notMatch(JSON.stringify(refused), 'a-token-of-ours')
    now += 60_000
  }
  liar.lie = (at) =>
    at.startsWith('transit/keys/')
      ? { json: { data: { type: 'ecdsa-p256', latest_version: '../1', exportable: 'no', keys: 'none' } } }
      : undefined
  await t.rejects(token.generate('P-256', 'x'), {
    code: 'token_unavailable',
    what: /may not be used: it could be exported/,
  })
  liar.lie = (at) =>
    at.startsWith('transit/keys?')
      ? { json: { data: { keys: ['../../sys/seal', 7, 'a/b', 'good', 'x'.repeat(300)] } } }
      : at.startsWith('auth/')
        ? undefined
        : { json: { data: { type: {}, latest_version: {}, keys: [] } } }
  t.match(await token.keys(), [{ label: 'good', unfit: 'it could be exported' }])
  t.notOk(
    liar.asked.some((one) => one.includes('sys')),
    'no name leads elsewhere',
  )
  liar.lie = () => ({ status: 403, json: { errors: ['permission denied'] } })
  const before = liar.asked.length
  await t.rejects(token.keys(), { code: 'token_not_active', what: /refuses us: 403$/ })
  await t.rejects(token.keys(), { code: 'token_not_active' })
  t.ok(liar.asked.length - before <= 3, 'who is refused does not knock at once again')
})
