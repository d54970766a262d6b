/**
 * The protocol as bytes and as a connection: malicious answers, silence, and what is signed. Needs no token.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { openConnection } from './connection.ts'
import { ModuleError } from './constants.ts'
import { functionsOf } from './functions.ts'
import { operationFor } from './mechanism.ts'
import { ProtocolError, put, readAnswer, writeCall } from './message.ts'
import { publicKeyFrom } from './public-key.ts'

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const counted = (bytes: Buffer): Buffer => Buffer.concat([u32(bytes.length), bytes])
const BROKEN = { name: 'ProtocolError' }
const answer = (number: number, form: string, ...parts: Buffer[]): Buffer =>
  Buffer.concat([u32(number), counted(Buffer.from(form)), ...parts])

t.test('messages', (t) => {
  t.equal(
    writeCall('C_OpenSession', put.ulong(3), put.ulong(4)).toString('hex'),
    '0000000a0000000275750000000000000003' + '0000000000000004',
    'a call is its number, the form of its arguments, the arguments',
  )
  t.equal(
    put
      .attributes([
        ['token', true],
        ['modulusBits', 2048],
        ['id', Buffer.of(7)],
      ])
      .toString('hex'),
    '00000003' +
      '000000010100000001' +
      '01' +
      '000001210100000008' +
      '0000000000000800' +
      '0000010201' +
      '00000001' +
      '0000000107',
    'attributes in the form of their type',
  )
  t.equal(put.mechanism({ type: 1 }, 2).toString('hex'), '00000001')
  t.equal(put.mechanism({ type: 1 }, 0).toString('hex'), '00000001ffffffff', 'older servers want its absence')
  const pss = { type: 13, pss: { hash: 0x250, mgf: 2, saltLength: 32 } }
  t.equal(put.mechanism(pss, 2).length, 29)
  t.equal(put.mechanism(pss, 1).length, 28)

  t.equal(readAnswer('C_OpenSession', answer(10, 'u', put.ulong(9))).ulong(), 9n)
  const refused = answer(0, 'u', put.ulong(0xa0))
  t.throws(() => readAnswer('C_Login', refused), { code: 0xa0, message: /pinIncorrect/ })
  const hostile: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'another call': answer(11, 'u', put.ulong(9)),
    'another form': answer(10, 'uu', put.ulong(9), put.ulong(9)),
    'an error without a code': answer(0, 'u', put.ulong(0)),
    'an error with a code that is none': answer(0, 'u', put.ulong(2n ** 40n)),
    'a form longer than any': Buffer.concat([u32(10), u32(0x7fffffff)]),
    'cut off': answer(10, 'u', Buffer.alloc(7)),
    'too long': answer(10, 'u', Buffer.alloc(9)),
  }
  for (const [name, bytes] of Object.entries(hostile)) {
    const read = () => {
      const got = readAnswer('C_OpenSession', bytes)
      got.ulong()
      got.end()
    }
    t.throws(read, BROKEN, name)
  }
  const list = (...parts: Buffer[]) => readAnswer('C_FindObjects', answer(27, 'au', ...parts))
  t.strictSame(list(Buffer.of(1), u32(1), put.ulong(5)).ulongs(1), [5n])
  t.throws(() => list(Buffer.of(1), u32(0xffffffff)).ulongs(10), BROKEN, 'more than asked for')
  t.throws(() => list(Buffer.of(0), u32(1)).ulongs(10), BROKEN, 'no list')
  const attributes = (...parts: Buffer[]) =>
    readAnswer('C_GetAttributeValue', answer(24, 'aAu', ...parts)).attributes(['id', 'sign'], 8)
  t.strictSame(
    attributes(u32(2), u32(0x102), Buffer.of(0), u32(0x108), Buffer.of(1), u32(1), Buffer.of(1)),
    { sign: true },
    'what the token keeps to itself is left out',
  )
  for (const bytes of [
    [u32(3)],
    [u32(2), u32(0x103), Buffer.of(0)],
    [u32(2), u32(0x102), Buffer.of(1), u32(9), counted(Buffer.alloc(9))],
    [u32(2), u32(0x102), Buffer.of(1), u32(4), counted(Buffer.alloc(5))],
    [u32(2), u32(0x102), Buffer.of(1), u32(0), counted(Buffer.alloc(5))],
  ])
    t.throws(() => attributes(...bytes), BROKEN)

  // Any octet changed or missing: either the answer can be read completely, or the error is one of our two.
  const whole = answer(
    24,
    'aAu',
    u32(1),
    u32(0x102),
    Buffer.of(1),
    u32(4),
    counted(randomBytes(4)),
    put.ulong(0),
  )
  for (let at = 0; at <= whole.length; at++) {
    for (const bytes of [whole.subarray(0, at), flipped(whole, at)]) {
      try {
        const got = readAnswer('C_GetAttributeValue', bytes)
        got.attributes(['id'], 8)
        got.ulong()
        got.end()
      } catch (thrown) {
        if (!(thrown instanceof ProtocolError) && !(thrown instanceof ModuleError)) throw thrown
      }
    }
  }
  t.end()
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  if (at < copy.length) copy[at]! ^= 0xff
  return copy
}

t.test('public keys and what is signed', (t) => {
  const wrong: Parameters<typeof publicKeyFrom>[0][] = [
    {},
    { keyType: 3n },
    { keyType: 3n, ecParams: Buffer.of(6, 1, 1), ecPoint: Buffer.alloc(65, 4) },
    { keyType: 3n, ecParams: Buffer.from('06082a8648ce3d030107', 'hex'), ecPoint: Buffer.alloc(65, 4) },
    { keyType: 3n, ecParams: Buffer.from('06082a8648ce3d030107', 'hex'), ecPoint: Buffer.of(4, 200) },
    { keyType: 0n, modulus: Buffer.alloc(256, 1) },
    { keyType: 1n, modulus: Buffer.alloc(256, 1), publicExponent: Buffer.of(3) },
  ]
  for (const one of wrong) t.throws(() => publicKeyFrom(one), { code: 'token_unavailable' })
  const { input } = operationFor({ digest: 'sha512', kind: 'ecdsa' }, Buffer.from('x'), 32)
  t.equal(input.length, 32, "ECDSA takes the leftmost bits of a digest that is longer than the curve's order")
  t.equal(
    operationFor({ digest: 'sha512', kind: 'rsa' }, Buffer.from('x'), 32).input.length,
    83,
    'DigestInfo',
  )
  t.end()
})

t.test('a server that breaks the protocol', async (t) => {
  const connected = async (
    t: Test,
    script: (socket: Socket, bytes: Buffer, call: number) => void,
    version: Buffer = Buffer.of(0),
    limits?: Parameters<typeof openConnection>[1],
  ) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-p11-'))
    const place = path.join(folder, 'socket')
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      let call = 0
      socket.on('error', () => undefined)
      socket.on('data', (bytes: Buffer) => {
        call += 1
        // The first octet is the version; the second message is C_Initialize.
        if (call === 1) socket.write(version)
        else if (call === 2) socket.write(framed(bytes, answer(1, '')))
        else if (call > 2) script(socket, bytes, call)
      })
    })
    await new Promise<void>((resolve) => server.listen(place, resolve))
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    })
    return openConnection(place, limits)
  }
  const framed = (asked: Buffer, message: Buffer): Buffer =>
    Buffer.concat([asked.subarray(0, 4), u32(0), u32(message.length), message])
  const slots = answer(4, 'au', Buffer.of(1), u32(1), put.ulong(7))

  t.test('answers in pieces are put together', async (t) => {
    const connection = await connected(t, (socket, bytes) => {
      const whole = framed(bytes, slots)
      for (const [i, octet] of [...whole].entries()) setTimeout(() => socket.write(Buffer.of(octet)), i)
    })
    t.strictSame(await functionsOf(connection).slots(), [7n])
    connection.close()
    await t.rejects(functionsOf(connection).slots(), /it was closed/)
  })
  const bad: Record<string, (asked: Buffer) => Buffer> = {
    'an answer to another message': (asked) => framed(Buffer.alloc(4, 0x55), slots).fill(asked[0]!, 0, 0),
    'an answer longer than any': (asked) => Buffer.concat([asked.subarray(0, 4), u32(0), u32(0x7fffffff)]),
    'options longer than any': (asked) => Buffer.concat([asked.subarray(0, 4), u32(0x7fffffff), u32(4)]),
    'an answer that is none': (asked) => framed(asked, randomBytes(40)),
    'an answer with more behind it': (asked) => Buffer.concat([framed(asked, slots), Buffer.alloc(20)]),
  }
  for (const [name, make] of Object.entries(bad)) {
    t.test(name, async (t) => {
      const connection = await connected(t, (socket, bytes) => socket.write(make(bytes)))
      await functionsOf(connection)
        .slots()
        .catch(() => undefined)
      t.match(await connection.ended, { name: 'ConnectionLost' }, 'ends the connection')
      await t.rejects(functionsOf(connection).slots())
    })
  }
  t.test('silence, and an end in the middle', async (t) => {
    const silent = await connected(t, () => undefined)
    // Of these two alone: a busy machine may be late with the answer to the call that opens the connection.
    const ask = { name: 'C_GetSlotList' as const, parts: [put.byte(1), put.room(1)], limitMs: 100 }
    const [first, second] = silent.send(ask, ask)
    await t.rejects(first!, /took longer than/)
    await t.rejects(second!, /took longer than/, 'and all that waited behind it')
    const cut = await connected(t, (socket, bytes) => socket.end(framed(bytes, slots).subarray(0, 20)))
    await t.rejects(functionsOf(cut).slots(), /closed the connection/)
  })
  t.test('no greeting, or one of another world', async (t) => {
    await t.rejects(
      connected(t, () => undefined, Buffer.of(0x48)),
      /version 72/,
    )
    await t.rejects(
      connected(t, () => undefined, Buffer.alloc(0), { connectMs: 100 }),
      /took longer/,
    )
    await t.rejects(openConnection('/nowhere/at/all'), /ENOENT/)
  })
})
