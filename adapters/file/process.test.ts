/** The adapter as a process: it drains on SIGTERM while a file leaves, and ends with exit code 2 for settings that are wrong. */
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { until } from '#test/until.ts'

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const SIZE = 60_000_000

t.test('SIGTERM lets a file that leaves end', async (t) => {
  const folder = emptyFolder(t)
  const address = ownAddress()
  const file = path.join(folder, 'adapter.yaml')
  writeFileSync(path.join(folder, 'large.bin'), Buffer.alloc(SIZE, 'a'))
  const settings = {
    ...{ listen: { address }, monitoring: { address }, service: { code: 'c', title: 't' } },
    ...{ source: { kind: 'folder', folder: '.' }, complete: { by: 'rename' } },
    ...{ files: { read: true, names: 'bin$' }, resources: [] },
  }
  writeFileSync(file, JSON.stringify(settings))
  const child = spawn(CONCORDAT, ['adapter', 'file', '--configuration', file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout?.on('data', (data: Buffer) => {
    out += data.toString()
  })
  const ended = new Promise((resolve) => void child.once('exit', (code) => resolve(code)))
  await new Promise((resolve) => void child.once('message', resolve))
  const { statusCode, body } = await request(`http://${address}:9443/files/large.bin`)
  t.equal(statusCode, 200)
  child.kill('SIGTERM')
  await until('the drain', async (saw) => saw(out).includes('"draining"'))
  t.equal((await body.bytes()).length, SIZE)
  t.equal(await ended, 0)
  t.match(out, /file-adapter is ready: t at http:/)
  t.match(out, /"draining"[\s\S]*"route":"\/files\/:name","status":200[\s\S]*"stopped"/)
})

t.test('wrong settings end it with code 2 and one line', async (t) => {
  const file = path.join(emptyFolder(t), 'adapter.yaml')
  writeFileSync(file, 'listen: {}\nservice: { code: c, title: t }\nsource: { kind: ftp }\nresources: []\n')
  const { status, stderr } = spawnSync(CONCORDAT, ['adapter', 'file', '--configuration', file], {
    encoding: 'utf8',
  })
  t.equal(status, 2)
  t.match(stderr, /^file-adapter cannot start: .*adapter\.yaml:3:17: source\.kind/)
})
