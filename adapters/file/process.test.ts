/**
 * The adapter as a process: it drains on SIGTERM while a file leaves, and ends with exit code 2 for settings
 * that are wrong.
 */
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { until } from '#test/until.ts'

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
/** More than sockets hold, and little enough for a busy machine to read while a drain lasts, 15 s. */
const SIZE = 24_000_000

/** Starts the process on the folder; its settings are a file in it. */
async function start(t: Test, folder: string, more: object) {
  const address = ownAddress()
  const file = path.join(folder, 'adapter.yaml')
  const settings = {
    ...{ listen: { address }, monitoring: { address }, service: { code: 'c', title: 't' } },
    ...{ source: { kind: 'folder', folder: '.' }, complete: { by: 'rename' }, ...more },
  }
  writeFileSync(file, JSON.stringify(settings))
  const child = spawn(CONCORDAT, ['adapter', 'file', '--configuration', file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const said = { out: '' }
  child.stdout?.on('data', (data: Buffer) => {
    said.out += data.toString()
  })
  const ended = new Promise((resolve) => void child.once('close', (code) => resolve(code)))
  await new Promise((resolve) => void child.once('message', resolve))
  return { address, child, said, ended }
}

t.test('SIGTERM lets a file that leaves end', async (t) => {
  const folder = emptyFolder(t)
  writeFileSync(path.join(folder, 'large.bin'), Buffer.alloc(SIZE, 'a'))
  const files = { read: true, names: 'bin$' }
  const { address, child, said, ended } = await start(t, folder, { files, resources: [] })
  const { statusCode, body } = await request(`http://${address}:9443/files/large.bin`)
  t.equal(statusCode, 200)
  child.kill('SIGTERM')
  await until('the drain', async (saw) => saw(said.out).includes('"draining"'))
  t.equal((await body.bytes()).length, SIZE)
  t.equal(await ended, 0)
  t.match(said.out, /file-adapter is ready: t at http:/)
  t.match(said.out, /"draining"[\s\S]*"route":"\/files\/:name","status":200[\s\S]*"stopped"/)
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

t.test('documents that are as dear as they may be, all at once, do not end it', async (t) => {
  const folder = emptyFolder(t)
  const put = (name: string, content: string): void => writeFileSync(path.join(folder, name), content)
  put('objects.json', `[${'{},'.repeat(5_580_000)}{}]`)
  put('lists.json', `[${'[],'.repeat(5_580_000)}[]]`)
  put('elements.xml', `<a>${'<r/>'.repeat(499_000)}</a>`)
  put(
    'attributes.xml',
    `<a>${`<r${Array.from({ length: 50 }, (_, at) => ` a${at}=""`).join('')}/>`.repeat(19_000)}</a>`,
  )
  put('good.csv', 'name\na\n')
  const fields = { name: { type: 'string' } }
  const json = { kind: 'json' }
  const xml = { kind: 'xml', rows: '/a/r' }
  const resources = [
    { path: '/objects', file: 'objects.json', format: json, fields },
    { path: '/lists', file: 'lists.json', format: json, fields },
    { path: '/elements', file: 'elements.xml', format: xml, fields },
    { path: '/attributes', file: 'attributes.xml', format: xml, fields },
    { path: '/good', file: 'good.csv', format: { kind: 'csv' }, fields },
  ]
  const { address, child } = await start(t, folder, {
    resources,
    limits: { documentBytes: 16_777_216, rows: 10_000_000, readMs: 600_000 },
  })
  const asked = ['/objects', ...resources.map((one) => one.path)].map(async (at) => {
    const { statusCode, body } = await request(`http://${address}:9443${at}`)
    await body.dump()
    return [at, statusCode] as const
  })
  for (const [at, status] of await Promise.all(asked)) t.equal(status, at === '/lists' ? 502 : 200, at)
  t.equal(child.exitCode, null)
})
