import { execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { openRegistry } from '#test/fakes/registry-reader.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { until } from '#test/until.ts'
import { createImportClient } from '../configuration/other-instances/client.ts'

const run = promisify(execFile)
const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')

void t.test('as a process: keys, anchor, start, status, end', async (t) => {
  const { world, node } = await openRegistry(t)
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-proxy-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const [file, pin] = [path.join(directory, 'proxy.yaml'), path.join(directory, 'pin')]
  writeFileSync(pin, '1234', { mode: 0o600 })
  writeFileSync(path.join(directory, 'dev.xml'), await anchorOf(node))
  writeFileSync(
    file,
    `directory: state\npinFile: pin\npublicUrl: http://${address}:8002\npublic: { address: ${address} }\n` +
      `monitoring: { address: ${address} }\ninstances:\n  - { name: zone, anchorFile: dev.xml, fetchSeconds: 1 }\n`,
  )
  const concordat = (...words: string[]): Promise<{ stdout: string }> =>
    run(CONCORDAT, ['configuration-proxy', ...words, '--configuration', file])
  await t.rejects(concordat('anchor'), { code: 1, stderr: /no signing key yet/ })
  await t.rejects(concordat('bend'), { code: 2, stderr: /there is no act bend/ })
  await t.rejects(concordat('use-key'), { code: 2, stderr: /the id of a key is missing/ })
  t.match((await concordat('add-key')).stdout, /signs SHA-256 [0-9a-f]{64}\nit signs from now on/)
  const output = path.join(directory, 'zone.xml')
  t.match((await concordat('anchor', '--output', output)).stdout, /hash ([0-9A-F]{2}:){27}[0-9A-F]{2}/)
  await t.rejects(concordat('status'), { code: 1, stderr: /no proxy answers/ })

  const child = spawn(CONCORDAT, ['configuration-proxy', '--configuration', file], { stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  await until('the proxy is ready', (saw) =>
    saw(said).includes('configuration-proxy is ready: 1 instance at'),
  )
  const zone = await world.reader(readFileSync(output))
  await until(
    'the zone has the configuration',
    async (saw) => saw(await codeOf(zone.refresh())) === 'accepted',
  )
  await until('and its list', async (saw) => saw(await codeOf(zone.refreshSuspensions())) === 'accepted')
  const first = zone.current().statementIndex!
  await publish(node)
  await until('the next publication comes by itself', async (saw) => {
    // What is replaced while it is read is read once more.
    const outcome = await codeOf(zone.refresh())
    return saw({ outcome, index: zone.current().statementIndex! }).index > first
  })
  const status = JSON.parse((await concordat('status')).stdout) as { instances: Record<string, unknown>[] }
  t.match(status.instances[0], {
    ...{ name: 'zone', address: `http://${address}:8002/zone/conf`, instance: 'DEV', versions: [6, 5, 4] },
    keys: [{ isActive: true, signsWhatIsPublished: true }],
    configuration: { lastFault: null },
  })
  await t.rejects(concordat('forget-history'), { code: 1, stderr: /stop it first/ })
  const monitoring = createImportClient()
  t.match(await monitoring.get(`http://${address}:8003/health/ready`, 10_000), { status: 200 })
  const metrics = (await monitoring.get(`http://${address}:8003/metrics`, 1_000_000)).body.toString()
  t.match(metrics, 'concordat_configuration_proxy_published{proxied="zone"} 1')
  await node.stop()
  await until('a source that is away is seen', async (saw) => {
    const { body } = await monitoring.get(`http://${address}:8003/health/ready`, 10_000)
    return /nothing newer was accepted, \d+ s are left/.test(saw(body.toString()))
  })
  child.kill('SIGTERM')
  t.equal(await ended, 0)
})
