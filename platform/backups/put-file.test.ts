/** A file of a backup is put where none is, whole or not at all. */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { putNewFile } from './put-file.ts'

t.test('a file that is there stays as it is, whatever a crash left beside it', async (t) => {
  const folder = t.testdir()
  mkdirSync(path.join(folder, 'keys'))
  const file = path.join(folder, 'keys', 'a-key')
  const half = `${file}.being-restored`
  t.equal(await putNewFile(file, Buffer.from('first')), true)
  t.notOk(existsSync(half))
  linkSync(file, half) // ended after the name was given, before the other was taken away
  t.equal(await putNewFile(file, Buffer.from('second')), false)
  t.equal(readFileSync(file, 'utf8'), 'first')
  rmSync(file)
  writeFileSync(half, 'sec')
  t.equal(await putNewFile(file, Buffer.from('second')), true)
  t.equal(readFileSync(file, 'utf8'), 'second', 'and half a file is none')
  t.notOk(existsSync(half))
})
