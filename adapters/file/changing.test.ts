/**
 * Files that come, grow, and are replaced or cut off while they are read: each answer is of one complete
 * file, or a fault.
 */
import {
  appendFileSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { until } from '#test/until.ts'
import { fileAdapter } from './adapter.ts'
import { createBrokenFiles } from './broken-files.ts'
import { eachKind } from './files-fixture.ts'
import { openFolder } from './folder.ts'
import { BrokenFile, createReadFile } from './read-file.ts'

const row = { name: { type: 'string' } }
const rename = { by: 'rename' }

t.test('a file that is being written', async (t) => {
  await eachKind(t, async (t, kind, { folder, source }) => {
    const file = path.join(folder, 'a.csv')
    const resources = [{ path: '/a', file: 'a.csv', format: { kind: 'csv' }, fields: row }]
    await t.test('is not served before it has settled', async (t) => {
      const { ask } = await startAdapter(t, fileAdapter, {
        settings: { source, resources, complete: { settleMs: 1000 }, limits: { readMs: 5000 } },
      })
      writeFileSync(file, 'name\na\n')
      const writer = setInterval(() => appendFileSync(file, 'b\n'), 20)
      t.teardown(() => clearInterval(writer))
      for (let at = 0; at < 3; at++)
        t.match(await ask('/a'), {
          status: 503,
          body: { type: 'file_changing' },
          headers: { 'retry-after': '5' },
        })
      clearInterval(writer)
      const served = await until('the settled file', async (saw) => {
        const answer = saw(await ask('/a'))
        return answer.status === 200 && answer
      })
      t.ok((served.body as { items: unknown[] }).items.length > 3)
    })
    await t.test('is not served before its marker is there', async (t) => {
      rmSync(file)
      const { ask } = await startAdapter(t, fileAdapter, {
        settings: {
          source,
          resources,
          complete: { by: 'marker' },
          files: { list: true, read: true, names: 'a' },
        },
      })
      writeFileSync(file, 'name\na\n')
      const changing = { status: 503, body: { type: 'file_changing' } }
      t.match(await ask('/a'), changing)
      t.strictSame((await ask('/files')).body, { items: [] })
      writeFileSync(`${file}.done`, '')
      t.match(await ask('/a'), { status: 200 })
      t.match((await ask('/files')).body, { items: [{ name: 'a.csv' }] })
      t.match(await ask('/files/a.csv.done'), { status: 404 })
      utimesSync(`${file}.done`, 1, 1)
      t.match(await ask('/a'), changing, `${kind}: the marker of the file before`)
    })
  })
})

t.test('a file that is changed while it is read', async (t) => {
  const folder = emptyFolder(t)
  const source = openFolder(folder, 10)
  const log = createLog({ name: 'test', level: 'silent' })
  const broken = createBrokenFiles({ source, log, metrics: createMetrics() })
  const readFile = createReadFile({
    use: 'test',
    source,
    broken,
    checkComplete: async () => undefined,
    fileBytes: 2 ** 30,
  })
  const file = path.join(folder, 'a')
  const read = (change: () => void) => {
    writeFileSync(file, Buffer.alloc(300_000, 'a'))
    // A change within the same tick of the file system's clock would have the same time.
    utimesSync(file, 1, 1)
    return readFile('a', AbortSignal.timeout(60_000), async ({ chunks, checkSame }) => {
      let size = 0
      for await (const chunk of chunks()) {
        if (size === 0) change()
        size += chunk.length
      }
      await checkSame()
      return size
    })
  }
  const changing = { code: 'file_changing' }
  t.equal(await read(() => undefined), 300_000)
  await t.rejects(
    read(() => truncateSync(file, 100_000)),
    changing,
    'cut off',
  )
  await t.rejects(
    read(() => appendFileSync(file, 'b')),
    changing,
    'longer',
  )
  await t.rejects(
    read(() => void writeSync(openSync(file, 'r+'), 'b', 299_999)),
    changing,
    'other bytes',
  )
  await t.rejects(
    read(() => rmSync(file)),
    changing,
    'gone',
  )
  const other = path.join(folder, 'b')
  writeFileSync(other, Buffer.alloc(300_000, 'a'))
  await t.rejects(
    read(() => renameSync(other, file)),
    changing,
    'replaced',
  )

  const wrong = readFile('a', AbortSignal.timeout(60_000), async () => {
    throw new BrokenFile('it is wrong', undefined, ', at /P00000007')
  })
  await t.rejects(wrong, { code: 'source_failed', what: 'it is wrong, at /P00000007' })
  t.match(await broken.finding(), { reason: /a \(it is wrong\)$/ }, 'a place may be data')

  const settings = {
    ...{ source: { kind: 'folder', folder }, resources: [], complete: rename },
    ...{ files: { read: true, names: '^large$' }, limits: { readMs: 60_000, readers: 2 } },
  }
  const { url, ask, monitor } = await startAdapter(t, fileAdapter, { settings })
  const large = path.join(folder, 'large')
  writeFileSync(large, Buffer.alloc(60_000_000, 'a'))
  for (const change of [
    () => truncateSync(large, 30_000_000),
    () => writeFileSync(large, Buffer.alloc(60_000_000, 'b')),
  ]) {
    const { statusCode, body } = await request(`${url}/files/large`)
    t.equal(statusCode, 200)
    change()
    await t.rejects(body.bytes(), 'its client sees that the answer is cut off')
    writeFileSync(large, Buffer.alloc(60_000_000, 'a'))
  }
  const gone = await request(`${url}/files/large`)
  gone.body.on('error', () => undefined).destroy()
  await until('that nothing is read', async (saw) =>
    saw(await monitor('/metrics')).text.includes('concordat_file_readers_running 0'),
  )
  t.equal((await ask('/files/large')).text.length, 60_000_000)
})

t.test('a delivery comes while the file is read, and each answer is of one file', async (t) => {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'a.csv')
  const put = (tag: number): void => {
    writeFileSync(`${file}.new`, `name\n${`${tag}\n`.repeat(2000)}`)
    renameSync(`${file}.new`, file)
  }
  put(0)
  const resources = [
    { path: '/a', file: 'a.csv', format: { kind: 'csv' }, fields: row, page: { standard: 1000, most: 1000 } },
  ]
  const { ask } = await startAdapter(t, fileAdapter, {
    settings: { source: { kind: 'folder', folder }, resources, complete: rename },
  })
  let served = 0
  for (let tag = 1; tag <= 60; tag++) {
    const asked = ask('/a')
    for (let turns = tag % 20; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    put(tag)
    const { status, body } = await asked
    if (status === 503) t.match(body, { type: 'file_changing' })
    else {
      t.equal(status, 200)
      const { items } = body as { items: { name: string }[] }
      t.equal(items.length, 1000)
      t.equal(new Set(items.map(({ name }) => name)).size, 1)
      served++
    }
  }
  t.ok(served > 0, `${served} of 60`)
})
