import { mkdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { lockFile } from './lock-file.ts'

t.test('a lock is held once, and what cannot be locked is not said to be held', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'lock')
  const release = lockFile(file, 'somebody works here')
  t.throws(() => lockFile(file, 'somebody works here'), {
    code: 'conflict',
    message: /somebody works here/,
  })
  release()
  lockFile(file, 'somebody works here')()

  const absent = path.join(folder, 'absent', 'lock')
  t.throws(() => lockFile(absent, 'somebody works here'), {
    code: 'invalid_configuration',
    message: /absent\/lock cannot be locked: ENOENT/,
  })
  const directory = path.join(folder, 'directory')
  mkdirSync(directory)
  t.throws(() => lockFile(directory, 'somebody works here'), {
    code: 'invalid_configuration',
    message: /cannot be locked: EISDIR/,
  })
})
