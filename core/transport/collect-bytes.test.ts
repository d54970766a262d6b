import t from 'tap'
import { aliveChunks } from './alive-chunks-fixture.ts'
import { collectBytes } from './collect-bytes.ts'

const tooLarge = (): Error => new Error('too large')

t.test('what came is given whole, however it was cut', async (t) => {
  const whole = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251))
  for (const sizes of [[300_000], [1], [1, 70_000], [65_536], [5_000, 1, 9_000, 0], [0, 8_192, 3, 60_000]]) {
    const { write, bytes } = collectBytes(whole.length, tooLarge)
    for (let [at, i] = [0, 0]; at < whole.length; at += sizes[i++ % sizes.length]!)
      write(Buffer.from(whole.subarray(at, at + sizes[i % sizes.length]!)))
    t.ok(bytes().equals(whole), `in chunks of ${sizes.join(', ')}`)
  }
  t.strictSame(collectBytes(1, tooLarge).bytes(), Buffer.alloc(0))
})

t.test('the bound is on octets, and what is given is a copy', async (t) => {
  const { write, bytes } = collectBytes(3, tooLarge)
  const chunk = Buffer.from('ab')
  write(chunk)
  const given = bytes()
  chunk.fill('x')
  t.equal(given.toString(), 'ab')
  write(Buffer.from('c'))
  t.throws(() => write(Buffer.from('d')), tooLarge())
})

t.test('no chunk is held beside its octets', async (t) => {
  const { make, alive } = aliveChunks()
  const { write, bytes } = collectBytes(50_000, tooLarge)
  for (let i = 0; i < 50_000; i++) write(make())
  t.ok((await alive()) <= 2)
  t.equal(bytes().length, 50_000)
})

t.test('small and large chunks in turn do not take a block each', async (t) => {
  const allocate = Buffer.allocUnsafe
  t.teardown(() => {
    Buffer.allocUnsafe = allocate
  })
  let blocks = 0
  Buffer.allocUnsafe = (octets) => {
    blocks += octets
    return allocate(octets)
  }
  const { write } = collectBytes(10_000_000, tooLarge)
  for (let i = 0; i < 200; i++) {
    write(Buffer.alloc(1))
    write(Buffer.alloc(8 * 1024))
  }
  t.ok(blocks < 4_000_000, `${blocks} octets for ${200 * 8193}`)
})
