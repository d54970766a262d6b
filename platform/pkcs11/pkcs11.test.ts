/**
 * A token that appears, disappears, hangs and locks: a server that never answers, and a SoftHSM behind
 * p11-kit.
 */
import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { optionsOf } from '#core/signature/signing-key.ts'
import { systemClock } from '#platform/clock.ts'
import type { Fault } from '#schemas/fault.ts'
import { skipFor } from '#test/outside-tools.ts'
import { copiesOf, hasSoftHsm, LABEL, PIN, startSoftHsm } from '#test/softhsm.ts'
import { until } from '#test/until.ts'
import { createHardwareToken } from './hardware-token.ts'

t.test('a server that never answers holds up nobody', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-p11-'))
  const place = { socket: path.join(folder, 'socket'), label: LABEL, lookMs: 3_600_000 }
  const sockets = new Set<Socket>()
  let connections = 0
  let refuses = true
  const server = createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (refuses) socket.destroy()
    else socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(place.socket, resolve))
  let now = 0
  const token = createHardwareToken({ place, clock: () => now })
  t.teardown(() => {
    token.close()
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await token.look()
  t.match(token.state(), { state: 'away', reason: REFUSED })
  const before = connections

  refuses = false
  now += 10_000
  const looks = Array.from({ length: 50 }, () => token.look())
  await until('a connection', () => connections > before)
  const key = token.key({ objectId: '00', publicKey: SPKI })
  await t.rejects(key.sign(SHA512, DATA), { code: 'token_unavailable', what: REFUSED })
  await t.rejects(token.ready(), { code: 'token_unavailable', what: REFUSED })
  t.equal(sockets.size, 1, 'while the look still waits')
  refuses = true
  for (const socket of sockets) socket.destroy()
  await Promise.all(looks)
  t.equal(connections, before + 1, 'and fifty looks are one')
})

t.test('a SoftHSM behind a p11-kit server', async (t) => {
  if (!hasSoftHsm()) return skipFor(t, 'SoftHSM, p11-kit or OpenSC is not installed')
  const hsm = await startSoftHsm()
  const open = (more: { label?: string; serialNumber?: string; lookMs?: number } = {}) => {
    const place = { socket: hsm.socket, label: LABEL, lookMs: 50, ...more }
    const token = createHardwareToken({ place, clock: systemClock })
    t.teardown(() => token.close())
    return token
  }
  const settles = async (token: ReturnType<typeof open>, state: string): Promise<void> => {
    await until(`a token that is ${state}`, (saw) => saw(token.state()).state === state)
  }
  const token = open()
  await token.look()
  t.match(token.state(), { state: 'locked', model: 'SoftHSM v2', pin: undefined })
  await t.rejects(token.generate('P-256', 'early'), { code: 'token_not_active' })
  await t.rejects(token.key({ objectId: '00', publicKey: SPKI }).sign(SHA512, DATA), {
    code: 'token_not_active',
  })

  await t.test('a wrong PIN is tried once', async (t) => {
    const beside = open({ lookMs: 3_600_000 })
    await beside.look()
    t.match(beside.state(), { state: 'locked', pin: undefined }, 'what another process knows')
    await t.rejects(token.login(Buffer.from('wrong')), { code: 'pin_incorrect' } satisfies Partial<Fault>)
    t.match(token.state(), { state: 'locked', reason: /refused/, pin: 'wrong before' })
    await t.rejects(token.login(Buffer.from(PIN), { careful: true }), { code: 'token_not_active' })
    await t.rejects(beside.login(Buffer.from(PIN), { careful: true }), { code: 'token_not_active' })
    beside.close()
    await token.login(Buffer.from(PIN))
    const other = Buffer.from('8765-4321')
    await t.rejects(token.changePin(other, Buffer.from(PIN)), { code: 'pin_incorrect' })
    await t.rejects(token.changePin(Buffer.from(PIN), Buffer.from('1')), { code: 'pin_incorrect' })
    await token.changePin(Buffer.from(PIN), other)
    await token.ready()
    await token.logout()
    await t.rejects(token.login(Buffer.from(PIN)), { code: 'pin_incorrect' })
    await token.login(other)
    await token.changePin(other, Buffer.from(PIN))
    t.match(token.state(), { state: 'open', pin: undefined })
    for (const pin of ['wrong', PIN])
      await t.rejects(token.login(Buffer.from(pin)), { code: 'conflict', what: /is open/ })
    t.match(
      token.state(),
      { state: 'open', pin: undefined },
      'an open token says of no PIN whether it is right',
    )
  })

  const places = {
    ec: await token.generate('P-256', 'signing'),
    rsa: await token.generate('RSA-2048', 'signing'),
  }
  const many = () =>
    Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        token.key(i % 2 ? places.ec : places.rsa).sign(i % 2 ? SHA512 : RSA, DATA),
      ),
    )
  await t.test('keys', async (t) => {
    const objects = hsm.pkcs11Tool('--list-objects', '--login', '--pin', PIN)
    t.equal(objects.match(/sensitive, always sensitive, never extractable, local/g)?.length, 2)
    for (const [name, place] of Object.entries(places)) {
      const publicKey = createPublicKey({ key: place.publicKey, format: 'der', type: 'spki' })
      for (const kind of name === 'ec' ? (['ecdsa'] as const) : (['rsa', 'rsa-pss'] as const)) {
        for (const digest of ['sha256', 'sha384', 'sha512'] as const) {
          const value = await token.key(place).sign({ digest, kind }, DATA)
          const options = { key: publicKey, ...optionsOf({ digest, kind }) }
          t.ok(verify(digest, DATA, options, value), `${kind} over ${digest}`)
        }
      }
    }
    t.equal((await many()).length, 40, 'at the same time, each by its own key')
    await t.rejects(
      token.key({ objectId: 'ab'.repeat(20), publicKey: places.ec.publicKey }).sign(SHA512, DATA),
      {
        code: 'token_unavailable',
      },
    )
    const swapped = token.key({ objectId: places.rsa.objectId, publicKey: places.ec.publicKey })
    await t.rejects(
      swapped.sign(SHA512, DATA),
      { code: 'token_unavailable' },
      'no signature of another key leaves',
    )
    const gone = await token.generate('P-256', 'gone')
    await token.destroy(gone.objectId)
    await token.destroy(gone.objectId)
    await t.rejects(token.key(gone).sign(SHA512, DATA), { code: 'token_unavailable' })
  })

  await t.test('keys made with the tool of the token', async (t) => {
    hsm.makeKey('a1')
    hsm.makeKey('a2', 'rsa:2048')
    hsm.makeKey('a3', 'EC:secp384r1')
    hsm.makeKey('a4', 'EC:prime256v1', '--extractable')
    for (let twice = 0; twice < 2; twice++) hsm.makeKey('a5')
    hsm.makeKey('a6')
    hsm.pkcs11Tool('--login', '--pin', PIN, '--delete-object', '--type', 'pubkey', '--id', 'a6')
    const found = new Map((await token.keys()).map((key) => [key.objectId, key]))
    t.match(found.get('a1'), { label: 'vendor', algorithm: 'P-256', madeThere: true, unfit: undefined })
    t.match(found.get('a2'), { algorithm: 'RSA-2048', unfit: undefined })
    t.match(found.get('a3'), { unfit: /neither P-256 nor RSA/ })
    t.match(found.get('a4'), { unfit: /give the private key away/ })
    t.match(found.get('a5'), { unfit: /several keys/ })
    t.match(found.get('a6'), { unfit: /public half/ })
    t.match(found.get(places.ec.objectId), { algorithm: 'P-256', madeThere: true }, 'and our own')
    for (const objectId of ['a1', 'a2']) {
      const place = await token.adopt(objectId)
      const publicKey = createPublicKey({ key: place.publicKey, format: 'der', type: 'spki' })
      const method = objectId === 'a1' ? SHA512 : RSA
      const value = await token.key(place).sign(method, DATA)
      t.ok(verify('sha512', DATA, { key: publicKey, ...optionsOf(method) }, value))
    }
    for (const objectId of ['a3', 'a4', 'a5', 'a6'])
      await t.rejects(token.adopt(objectId), { code: 'conflict' }, objectId)
    for (const objectId of ['ff', '', 'no hex', '0'.repeat(5000)])
      await t.rejects(token.adopt(objectId), { code: 'key_not_found' })
    await token.logout()
    await t.rejects(token.keys(), { code: 'token_not_active' })
    await token.login(Buffer.from(PIN))
  })

  await t.test('the module dies, the token goes and comes back', async (t) => {
    const key = token.key(places.ec)
    const copies = copiesOf(t, PIN)
    hsm.crashModule()
    t.ok(await key.sign(SHA512, DATA), 'the next signature finds it again')
    for (let i = 0; i < 3; i++) {
      hsm.crashModule()
      t.equal((await many()).length, 40, 'and so do many by two keys, which are looked for at the same time')
    }
    await hsm.stop()
    await t.rejects(key.sign(SHA512, DATA), { code: 'token_unavailable' })
    t.match(token.state(), { state: 'away', reason: /socket/ })
    await hsm.start()
    await settles(token, 'open')
    t.ok(await key.sign(SHA512, DATA))
    t.equal(copies(), 0, 'no login by itself leaves a copy of the PIN')
  })

  await t.test('the module hangs', async (t) => {
    await hsm.freeze()
    const bounded = token.key(places.ec, { limitMs: 200 })
    await t.rejects(bounded.sign(SHA512, DATA), { code: 'token_unavailable', what: /within 0.2 s/ })
    let isReady = false
    const ready = token.ready().then(() => {
      isReady = true
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
    t.notOk(isReady, 'it is asked, not taken at its word')
    hsm.thaw()
    await ready
    t.ok(await token.key(places.ec, { limitMs: 60_000 }).sign(SHA512, DATA))
  })

  await t.test('a PIN that was changed meanwhile is tried once, then forgotten', async (t) => {
    await hsm.stop()
    await settles(token, 'away')
    hsm.setPin('another-pin')
    await hsm.start()
    await settles(token, 'locked')
    await token.look()
    await token.look()
    t.match(token.state(), { state: 'locked', reason: /refused/ })
    await t.rejects(token.key(places.ec).sign(SHA512, DATA), { code: 'token_not_active' })
    await token.login(Buffer.from('another-pin'))
    await token.logout()
    t.match(token.state(), { state: 'locked', reason: /logged out/ })
    await t.rejects(token.key(places.ec).sign(SHA512, DATA), { code: 'token_not_active' })
    await token.login(Buffer.from('another-pin'))
    t.ok(await token.key(places.ec).sign(SHA512, DATA))
  })

  await t.test('which token', async (t) => {
    const other = open({ label: 'nobody' })
    await other.look()
    t.match(other.state(), { state: 'away', reason: /no such token; there: agency/ })
    await t.rejects(other.login(Buffer.from(PIN)), { code: 'token_unavailable' })
    hsm.addToken(LABEL)
    const serialNumber = token.state().serialNumber!
    const unclear = open()
    await unclear.look()
    t.match(unclear.state(), { state: 'away', reason: /name the serial number/ })
    const named = open({ serialNumber })
    await named.look()
    t.match(named.state(), { state: 'locked', serialNumber })
  })
})

const SHA512 = { digest: 'sha512', kind: 'ecdsa' } as const
const REFUSED = /closed the connection|EPIPE|ECONNRESET/
const RSA = { digest: 'sha512', kind: 'rsa' } as const
const DATA = Buffer.from('what is signed')
const SPKI = Buffer.from(
  '3059301306072a8648ce3d020106082a8648ce3d03010703420004' +
    'b28ba3d8532ca9165e5573d804804989883f5fad9e4429090a24ef23be88b7a2' +
    '5634981fe810ad6284672bf8e5636e1aebf6bfc7ad3ceac75bbdab24c4f4a6ad',
  'hex',
)
