/**
 * What is held is counted with all the memory behind it, and whoever works in memory takes much only while
 * there is room.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { until } from '#test/until.ts'
import { heldMemory } from './held-memory.ts'

/** How many octets still fit. */
function room(): number {
  let [fits, most] = [0, 1e9]
  while (most - fits > 1) {
    const half = Math.floor((fits + most) / 2)
    if (heldMemory.fits(half)) fits = half
    else most = half
  }
  return fits
}

t.test('memory to work in', async (t) => {
  const before = room()
  const large = heldMemory.lend({ most: 300_000, least: 70_000 })
  t.equal(large.bytes.length, 300_000)
  t.equal(room(), before - 300_000)
  const small = heldMemory.lend({ most: 60_000, least: 70_000 })
  t.equal(small.bytes.length, 60_000, 'no more than is wanted')
  t.equal(room(), before - 300_000, 'the least is not counted')
  const all = heldMemory.reserve(room())
  const least = heldMemory.lend({ most: 300_000, least: 70_000 })
  t.equal(least.bytes.length, 70_000)
  t.equal(room(), 0)
  all()
  for (const { giveBack } of [large, small, least]) {
    giveBack()
    giveBack()
  }
  t.equal(room(), before, 'given back once')
})

t.test('a content counts with the memory behind it, until it is collected', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const before = room()
  const hold = (): Buffer => {
    const bytes = Buffer.from(new ArrayBuffer(200_000), 1000, 100_000)
    heldMemory.hold(bytes)
    return bytes.subarray(0, 1)
  }
  const slices = [hold()]
  gc()
  t.equal(room(), before - 200_000)
  slices.pop()
  await until('room again', (saw) => {
    gc()
    return saw(room()) === before
  })
})

t.test('what was made counts until it is freed, and whoever still has it then sees nothing', async (t) => {
  const before = room()
  const bytes = heldMemory.make(1024 * 1024)
  t.equal(bytes.length, 1024 * 1024)
  t.equal(room(), before - bytes.buffer.byteLength)
  heldMemory.hold(bytes)
  t.equal(room(), before - bytes.buffer.byteLength, 'counted once')
  const slice = bytes.subarray(5, 10)
  heldMemory.free(slice)
  t.equal(room(), before)
  t.equal(bytes.length, 0)
  t.equal(slice.length, 0)
  heldMemory.free(bytes)
  t.equal(room(), before, 'freed once')
})

t.test('what somebody else made stays as it is', async (t) => {
  const own = Buffer.from(new ArrayBuffer(200_000))
  heldMemory.free(own)
  t.equal(own.length, 200_000)
  heldMemory.hold(own)
  heldMemory.free(own)
  t.equal(own.length, 200_000)
})

t.test('what was moved elsewhere meanwhile is counted no more', async (t) => {
  const before = room()
  const bytes = heldMemory.make(100_000)
  const moved = structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] })
  heldMemory.free(bytes)
  t.equal(room(), before)
  t.ok(moved.byteLength >= 100_000)
})
