/** Chunks that a sender chooses cost about as much memory as their octets. */
import { randomBytes, randomInt } from 'node:crypto'
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
        blocks.add(one)
        sent.push(one)
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
