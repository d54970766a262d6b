import { constants, PerformanceObserver } from 'node:perf_hooks'
import t from 'tap'
import { until } from '#test/until.ts'
import { countBufferGarbage } from './buffer-garbage.ts'

const MB = 1024 * 1024

t.test('after each eight megabytes of buffers the young generation is collected', async (t) => {
  const kinds: number[] = []
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { detail: { kind: number } })[])
      kinds.push(entry.detail.kind)
  })
  observer.observe({ entryTypes: ['gc'] })
  t.teardown(() => observer.disconnect())
  const young = (): number => kinds.filter((kind) => kind === constants.NODE_PERFORMANCE_GC_MINOR).length

  for (let made = 0; made < 64 * MB; made += MB) countBufferGarbage(MB)
  await until('the collections', () => young() >= 8)
  t.ok(young() < 16, `${young()}`)
})

t.test('the collector is given to nobody else', async (t) => {
  countBufferGarbage(64 * MB)
  t.equal((globalThis as { gc?: unknown }).gc, undefined)
  const { runInNewContext } = await import('node:vm')
  t.equal(runInNewContext('typeof gc'), 'undefined')
})

t.test('buffers that are garbage are freed without a collection of the whole heap', async (t) => {
  let most = 0
  for (let made = 0; made < 512 * MB; made += MB / 16) {
    Buffer.allocUnsafeSlow(MB / 16).fill(1)
    countBufferGarbage(MB / 16)
    most = Math.max(most, process.memoryUsage().arrayBuffers)
  }
  t.ok(most < 128 * MB, `${Math.round(most / MB)} MB`)
})
