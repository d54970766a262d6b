/** The form of a shared file's row, and the file of the key that seals it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { newClusterKey, parseClusterKeys, readClusterKeys } from './cluster-key.ts'
import { openFile, sealFile } from './seal-file.ts'

t.test('the file of the cluster key', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-cluster-key-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const file = path.join(directory, 'cluster-key')
  t.equal(await readClusterKeys(file), undefined)
  writeFileSync(file, newClusterKey(), { mode: 0o600 })
  t.equal((await readClusterKeys(file))?.lines.length, 1)
  chmodSync(file, 0o640)
  await t.rejects(readClusterKeys(file), { code: 'invalid_configuration' })
  for (const text of [
    '',
    'x',
    'concordat-cluster-key-1:AAAA',
    `${newClusterKey()}\nx`,
    `${newClusterKey()}A`,
  ])
    t.throws(() => parseClusterKeys(text, 'k'), { code: 'invalid_configuration' })
})

t.test('no altered octet opens', (t) => {
  const keys = parseClusterKeys(newClusterKey(), 'cluster-key')
  const bound = { scope: 's', name: 'n', change: 7 }
  const sealed = sealFile(keys, bound, Buffer.from('content'))
  t.same(openFile(keys, bound, sealed), { content: Buffer.from('content') })
  t.same(openFile(keys, bound, sealFile(keys, bound, undefined)), { content: undefined })
  for (const other of [{ scope: 't' }, { name: 'm' }, { change: 8 }])
    t.same(openFile(keys, { ...bound, ...other }, sealed), { failure: 'bytes' })
  for (let at = 0; at < sealed.length; at++) {
    const altered = Buffer.from(sealed)
    altered[at]! ^= 1
    t.ok('failure' in openFile(keys, bound, altered))
  }
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      (bytes) => 'failure' in openFile(keys, bound, Buffer.from(bytes)),
    ),
    { numRuns: 200 },
  )
  t.end()
})
