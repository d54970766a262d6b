import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { lockFile } from './lock-file.ts'

/** What another process gets that locks this file. */
function elsewhere(file: string): string {
  const program = `
    import { lockFile } from ${JSON.stringify(new URL('lock-file.ts', import.meta.url).href)}
    try {
      lockFile(${JSON.stringify(file)}, 'somebody works here')
      console.log('locked')
    } catch ({ code }) {
      console.log(code)
    }`
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).trim()
}

t.test('a lock is held once, and what cannot be locked is not said to be held', async (t) => {
  const folder = t.testdir()
  const file = path.join(folder, 'lock')
  const release = lockFile(file, 'somebody works here')
  t.throws(() => lockFile(file, 'somebody works here'), {
    code: 'conflict',
    message: /somebody works here/,
  })
  t.equal(elsewhere(file), 'conflict', 'the second try of this process took nothing from the first')
  release()
  t.equal(elsewhere(file), 'locked')
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
    message: /directory cannot be locked/,
  })
})
