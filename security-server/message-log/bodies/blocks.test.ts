/** Chunks that a sender chooses cost about as much memory as their octets. */
import { hash, randomBytes, randomInt } from 'node:crypto'
import t from 'tap'
import { createBlocks } from './blocks.ts'

/** A chunk in memory of its own, of which it may be a part. */
const chunk = (octets: number, memory = octets): Buffer => {
  const bytes = Buffer.from(new ArrayBuffer(memory), 0, octets)
  randomBytes(octets).copy(bytes)
  return bytes
}

const MIXED: Record<string, () => Buffer[]> = {
  'large and tiny in turn': () => [chunk(8192), chunk(1)],
  'tiny and large in turn': () => [chunk(1), chunk(65_536)],
  'half of a block and more than half': () => [chunk(30_000), chunk(36_000), chunk(8191)],
  'in memory twice as large': () => [chunk(8192, 16_384), chunk(1)],
  'in memory far larger': () => [chunk(8192, 65_536), chunk(100, 65_536)],
  'by chance': () => [chunk(1 + randomInt(20_000)), chunk(1 + randomInt(9000)), chunk(1 + randomInt(66_000))],
}

t.test('mixed chunks', async (t) => {
  for (const [what, more] of Object.entries(MIXED)) {
    const blocks = createBlocks()
    const sent: Buffer[] = []
    let beyond = 0
    for (let size = 0; size < 1_000_000; ) {
      for (const one of more()) {
        // Its own memory ends.
        sent.push(Buffer.from(one))
        blocks.add(one)
        size += one.length
      }
      beyond = Math.max(beyond, blocks.allocated() - 2.125 * size)
    }
    t.ok(beyond <= 65_536, `${what}: ${blocks.allocated()} octets are allocated at the end`)
    t.ok(blocks.whole().equals(Buffer.concat(sent)), what)
  }
})

t.test('equal chunks as they come from a socket are kept, not copied', async (t) => {
  const blocks = createBlocks()
  for (let n = 0; n < 16; n++) blocks.add(chunk(65_536))
  t.equal(blocks.allocated(), 16 * 65_536)
})

t.test(
  'what came in several pieces ends when it is joined, and what others may have a part of stays',
  async (t) => {
    const blocks = createBlocks()
    const [own, more] = [chunk(65_536), chunk(65_536)]
    const shared = chunk(32_768, 65_536)
    const sent = Buffer.concat([own, more, shared])
    for (const one of [own, more, shared]) blocks.add(one)
    t.same(blocks.sha512(), hash('sha512', sent, 'buffer'))
    t.ok(blocks.whole().equals(sent))
    t.equal(own.length + more.length, 0)
    t.equal(shared.length, 32_768)
  },
)

t.test('one piece stays as it came', async (t) => {
  const blocks = createBlocks()
  const one = chunk(100_000)
  blocks.add(one)
  t.equal(blocks.whole().buffer, one.buffer)
  t.equal(one.length, 100_000)
})

t.test('blocks are used again without what was in them', async (t) => {
  const join = (letter: string): Buffer => {
    const blocks = createBlocks()
    for (let n = 0; n < 30; n++) blocks.add(Buffer.alloc(5000, letter))
    t.same(blocks.sha512(), hash('sha512', Buffer.alloc(150_000, letter), 'buffer'))
    return blocks.whole()
  }
  for (const letter of ['a', 'b', 'c']) t.ok(join(letter).equals(Buffer.alloc(150_000, letter)))
})

t.test('what is given up is given back, but for what was handed out', async (t) => {
  // A part of larger memory, which is copied into one block.
  const part = chunk(65_536, 200_000)
  const one = createBlocks()
  one.add(part)
  const handedOut = one.whole()
  one.letGo()
  t.ok(handedOut.equals(part), 'the only block is the body now')
  const all = Buffer.alloc(150_000, 'b')
  const more = createBlocks()
  for (let n = 0; n < 30; n++) more.add(Buffer.alloc(5000, 'b'))
  const soFar = more.soFar(Buffer.alloc)
  t.same(more.sha512(), hash('sha512', all, 'buffer'))
  more.letGo()
  t.throws(() => more.sha512(), 'its memory has ended')
  t.ok(soFar.equals(all), 'a copy stays')
})

t.test('memory that is shared with another thread stays', async (t) => {
  const shared = Buffer.from(new SharedArrayBuffer(65_536)).fill('s')
  const blocks = createBlocks()
  for (const one of [shared, chunk(65_536)]) blocks.add(one)
  t.ok(blocks.whole().subarray(0, 65_536).equals(shared))
})
