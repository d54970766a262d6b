import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { openRegistryDatabase } from '#central-registry/registry.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { createSessionStore } from '#platform/sessions/store.ts'
import { eachDatabase } from '#test/databases.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { type Authenticator, cbor, createAuthenticator, type Lies } from './authenticator-fixture.ts'
import { createPasskeys } from './create-passkeys.ts'
import { createPasskeyStore } from './store.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const SITE = { origin: 'https://server.example', rpId: 'server.example', days: 30, forActs: false }
const ROLES = ['XROAD_AUDITOR']
const warnings: string[] = []
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`))

/** Passkeys on one database, as one node of several has them, and the persons who use them. */
async function openNode(t: Test, url: string, clock: { now: number }, states = new Map<string, string>()) {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  const sessions = createSessions({ database, clock: () => clock.now })
  const passkeys = createPasskeys({
    ...{ sessions, logins: createSessionStore(database), store: createPasskeyStore(database) },
    people: {
      find: async (id) => ({ name: `name of ${id}`, state: states.get(id) ?? 'active', roles: ROLES }),
      readmit: async (id) => {
        const refused = states.get(id)
        return refused === undefined ? { id, name: `name of ${id}` } : { refused, id, name: '' }
      },
    },
    ...{ settings: SITE, label: 'test', clock: () => clock.now },
  })
  /** A person whose session began now, by a login at the provider or with this passkey. */
  const person = (id: string, passkey?: string) => ({
    ...{ kind: 'person' as const, id, name: `name of ${id}`, roles: ROLES },
    session: {
      ...{ csrfToken: `csrf of ${id}`, begunAt: new Date(clock.now).toISOString(), endsAt: '' },
      ...(passkey === undefined ? {} : { passkey }),
    },
  })
  const add = async (id: string, device: Authenticator, lies: Lies = {}, by = person(id)) => {
    const { challenge, user } = await passkeys.optionsFor(by)
    const given = device.create({ ...SITE, challenge }, lies)
    return { ...(await passkeys.add(by, { name: 'my key', ...given })), userHandle: user.id }
  }
  const signIn = async (device: Authenticator, userHandle: string, lies: Lies = {}) => {
    const { challenge } = await passkeys.challenge()
    return passkeys.signIn(device.get({ ...SITE, challenge, userHandle }, lies), challenge)
  }
  return { database, sessions, passkeys, person, add, signIn }
}

void t.test('passkeys: added, used, refused, removed', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const clock = { now: Date.UTC(2026, 2, 1) }
    const states = new Map<string, string>()
    const one = await openNode(t, url, clock, states)
    const two = await openNode(t, url, clock, states)
    for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
      const device = createAuthenticator(algorithm)
      const format = algorithm === 'EdDSA' ? { format: 'packed' } : {}
      const { userHandle, id } = await one.add('anna', device, format)
      t.match(
        await two.signIn(device, userHandle),
        { id: 'anna', passkey: { id, name: 'my key' } },
        algorithm,
      )
      t.match(await one.signIn(device, userHandle), { id: 'anna' }, 'and again')
    }
    const device = createAuthenticator()
    const { userHandle, id } = await one.add('ben', device)
    t.notMatch(userHandle, /ben/)

    const hostile: [string, Lies][] = [
      ['another origin', { client: { origin: 'https://server.example.evil' } }],
      ['the origin with another port', { client: { origin: 'https://server.example:4000' } }],
      ['another RP ID', { rpId: 'evil.example' }],
      ['another challenge', { client: { challenge: 'A'.repeat(72) } }],
      ['an answer for a new passkey', { client: { type: 'webauthn.create' } }],
      ['in a frame', { client: { crossOrigin: true } }],
      ['in a named frame', { client: { crossOrigin: true, topOrigin: SITE.origin } }],
      ['nobody was there', { flags: 0 }],
      ['its user was not verified', { flags: 0x01 }],
      ['bytes too many', { after: Buffer.from('00', 'hex') }],
      ['an extension that is none', { flags: 0x85, after: Buffer.from('ff', 'hex') }],
      ['the handle of somebody else', { userHandle: 'A'.repeat(43) }],
      ['no signature', { signature: Buffer.from([0]) }],
      ['a signature of something else', { signature: Buffer.alloc(70, 0x30) }],
      ['an unknown passkey', { id: 'A'.repeat(43) }],
      ['a passkey of another person', { id: createAuthenticator().id }],
    ]
    for (const [what, lies] of hostile)
      t.same(await one.signIn(device, userHandle, lies), { refused: 'failed' }, `${what}: one answer for all`)
    const nobody = createAuthenticator()
    t.same(await one.signIn(nobody, userHandle), { refused: 'failed' }, 'nobody knows it: the same answer')
    // A challenge serves once on all nodes, for five minutes, and for what it was made.
    const { challenge } = await one.passkeys.challenge()
    const answer = device.get({ ...SITE, challenge, userHandle })
    const both = await Promise.all([one, two].map(({ passkeys }) => passkeys.signIn(answer, challenge)))
    t.equal(both.filter((found) => 'refused' in found && found.refused === 'replayed').length, 1)
    t.equal(both.filter((found) => !('refused' in found)).length, 1)
    const late = await one.passkeys.challenge()
    clock.now += 5 * MINUTE + 1
    const lateAnswer = device.get({ ...SITE, ...late, userHandle })
    t.same(await two.passkeys.signIn(lateAnswer, late.challenge), { refused: 'expired' })
    const { challenge: early } = await one.passkeys.challenge()
    clock.now -= 1
    const earlyAnswer = device.get({ ...SITE, challenge: early, userHandle })
    t.same(await two.passkeys.signIn(earlyAnswer, early), { refused: 'expired' }, 'made in the future')
    clock.now += 1
    const own = Buffer.alloc(54, 1).toString('base64url')
    const ownAnswer = device.get({ ...SITE, challenge: own, userHandle })
    t.same(await one.passkeys.signIn(ownAnswer, own), { refused: 'expired' }, 'of their own making')
    const { challenge: toAdd } = await one.passkeys.optionsFor(one.person('ben'))
    const wrongUse = device.get({ ...SITE, challenge: toAdd, userHandle })
    t.same(await one.passkeys.signIn(wrongUse, toAdd), { refused: 'expired' }, 'for something else')

    states.set('ben', 'locked')
    t.match(await one.signIn(device, userHandle), { refused: 'locked', id: 'ben', passkey: { id } })
    t.equal(await codeOf(one.add('ben', createAuthenticator())), 'session_ended', 'nor is one added then')
    states.delete('ben')
    clock.now += 31 * DAY
    t.match(await one.signIn(device, userHandle), { refused: 'unconfirmed', id: 'ben' })
    await two.passkeys.confirm('ben')
    t.match(await one.signIn(device, userHandle), { id: 'ben' }, 'the provider has seen them again')
    // A copy: the counter of one of the two does not rise. Nobody can report one without the key.
    t.same(await one.signIn(device, userHandle, { counter: 1, signature: Buffer.alloc(70, 1) }), {
      refused: 'failed',
    })
    t.match(await one.signIn(device, userHandle, { counter: 100 }), { id: 'ben' })
    const thiefs = await one.sessions.begin('ben', id)
    t.match(await two.signIn(device, userHandle, { counter: 100 }), { refused: 'copied', id: 'ben' })
    t.equal(await two.sessions.find(thiefs), undefined, 'nobody stays in by it')
    t.match(await one.signIn(device, userHandle, { counter: 200 }), { refused: 'blocked', id: 'ben' })
    t.match(await one.passkeys.of('ben'), [{ id, blockedAt: String, lastUsedAt: String }])
    const [less, zero] = [createAuthenticator(), createAuthenticator()]
    const { userHandle: handle } = await one.add('carl', less, { counter: 7 })
    t.match(await one.signIn(less, handle, { counter: 0 }), { refused: 'copied' })
    const { id: kept } = await one.add('carl', zero)
    t.match(
      await one.signIn(zero, handle, { counter: 0 }),
      { id: 'carl' },
      'many authenticators do not count',
    )
    t.match(await one.signIn(zero, handle, { counter: 0 }), { id: 'carl' })
    const token = await one.sessions.begin('carl', kept)
    t.match(await two.sessions.find(token), { person: 'carl', passkey: kept })
    await t.rejects(one.passkeys.remove('anna', id), { code: 'not_found' }, 'of somebody else')
    await two.passkeys.remove('ben', id)
    t.same(await one.signIn(device, userHandle, { counter: 300 }), { refused: 'failed' })
    const { id: last } = await one.add('ben', createAuthenticator())
    const begun = await one.sessions.begin('ben', last)
    await one.passkeys.remove('ben', last)
    t.equal(await one.sessions.find(begun), undefined, 'the sessions that it began end with it')
    const tardy = await one.sessions.begin('ben', last)
    t.equal(await two.sessions.find(tardy), undefined, 'nor one that it was just beginning')
    t.ok(await one.sessions.find(token))
  })
  t.same(
    warnings.filter((one) => /ML-DSA|Experimental/.test(one)),
    [],
    'Node warns of nothing that it only tries out',
  )
})

void t.test('what is no new passkey', async (t) => {
  const clock = { now: Date.now() }
  await eachDatabase(t, async (_, t, url) => {
    const { add, person, passkeys } = await openNode(t, url, clock)
    const p256 = Buffer.alloc(32, 7)
    const deep = Buffer.concat([Buffer.alloc(6000, 0x81), Buffer.from([0])])
    const long = Buffer.from('5bffffffffffffffff', 'hex')
    const hostile: [string, Lies][] = [
      ['another origin', { client: { origin: 'http://server.example' } }],
      ['another RP ID', { rpId: 'example' }],
      ['an answer for a login', { client: { type: 'webauthn.get' } }],
      ['in a frame', { client: { crossOrigin: true } }],
      ['its user was not verified', { flags: 0x01 }],
      ['nobody was there', { flags: 0x04 }],
      ['another id', { id: 'A'.repeat(43) }],
      ['certificates', { format: 'packed', statement: new Map([['x5c', [Buffer.from('30', 'hex')]]]) }],
      ['a false self attestation', { format: 'packed', signature: Buffer.alloc(70, 0x30) }],
      ['attestation of a TPM', { format: 'tpm' }],
      ['attestation of Android', { format: 'android-safetynet' }],
      ['attestation of nothing known', { format: '__proto__' }],
      ['none, and a statement', { statement: new Map([['x', 1]]) }],
      [
        'an unknown algorithm',
        {
          key: new Map<number, number | Buffer>([
            [1, 2],
            [3, -65535],
            [-1, 1],
            [-2, p256],
            [-3, p256],
          ]),
        },
      ],
      [
        'a post-quantum one, which Node tries out',
        {
          key: new Map<number, number | Buffer>([
            [1, 7],
            [3, -48],
            [-1, p256],
          ]),
        },
      ],
      [
        'no algorithm',
        {
          key: new Map<number, number | Buffer>([
            [1, 2],
            [-1, 1],
            [-2, p256],
            [-3, p256],
          ]),
        },
      ],
      [
        'an enormous key',
        {
          key: new Map<number, number | Buffer>([
            [1, 3],
            [3, -257],
            [-1, Buffer.alloc(4000, 255)],
            [-2, Buffer.alloc(600, 255)],
          ]),
        },
      ],
      ['bytes too many', { after: Buffer.alloc(9) }],
    ]
    for (const [what, lies] of hostile)
      t.equal(await codeOf(add('anna', createAuthenticator(), lies)), 'passkey_refused', what)
    const raw = async (attestationObject: Buffer, client?: Buffer): Promise<string> => {
      const { challenge } = await passkeys.optionsFor(person('anna'))
      const { id, clientDataJSON } = createAuthenticator().create({ ...SITE, challenge })
      const given = {
        ...{ name: 'x', id, attestationObject: attestationObject.toString('base64url') },
        clientDataJSON: client?.toString('base64url') ?? clientDataJSON,
      }
      return codeOf(passkeys.add(person('anna'), given))
    }
    const empty = new Map<string, Buffer>([['authData', Buffer.alloc(37)]])
    for (const bytes of [Buffer.alloc(0), deep, long, Buffer.alloc(6000, 0xbf), cbor(empty), cbor('x')])
      t.equal(await raw(bytes), 'passkey_refused')
    for (const text of ['', '{', 'null', '[]', '7', '{"challenge":7}', `{"challenge":"${'A'.repeat(72)}"}`])
      t.equal(await raw(cbor(empty), Buffer.from(text)), 'passkey_refused', text)
    t.same(await passkeys.of('anna'), [])

    // Bound to the session and to its beginning, and sent once.
    const device = createAuthenticator()
    const { challenge } = await passkeys.optionsFor(person('anna'))
    const given = { name: 'x', ...device.create({ ...SITE, challenge }) }
    t.equal(await codeOf(passkeys.add(person('ben'), given)), 'passkey_refused', 'another session')
    const login = (await passkeys.challenge()).challenge
    const forLogin = { name: 'x', ...device.create({ ...SITE, challenge: login }) }
    t.equal(
      await codeOf(passkeys.add(person('anna'), forLogin)),
      'passkey_refused',
      'a challenge for a login',
    )
    const old = person('anna')
    clock.now += 10 * MINUTE + 1
    t.equal(await codeOf(passkeys.optionsFor(old)), 'fresh_login_needed')
    t.equal(await codeOf(passkeys.add(old, given)), 'fresh_login_needed')
    t.equal(await codeOf(passkeys.add(person('anna'), given)), 'passkey_refused', 'too late')
    const key = { kind: 'key' as const, id: randomUUID(), name: 'k', roles: ['XROAD_AUDITOR'] }
    t.equal(await codeOf(passkeys.optionsFor(key)), 'not_in_person')
    await add('anna', device)
    t.equal(await codeOf(add('ben', device)), 'conflict', 'one passkey is one person')
    for (let more = 1; more < 10; more++) await add('anna', createAuthenticator())
    t.equal(await codeOf(add('anna', createAuthenticator())), 'conflict', 'ten are enough')
    const [first] = await passkeys.of('anna')
    const by = person('anna', first!.id)
    clock.now += 20 * DAY
    await passkeys.remove('anna', (await passkeys.of('anna'))[1]!.id)
    const more = await add(
      'anna',
      createAuthenticator(),
      {},
      { ...by, session: { ...by.session, begunAt: new Date(clock.now).toISOString() } },
    )
    t.equal(more.usableUntil, first!.usableUntil, 'a passkey does not prolong itself by another one')
  })
})
