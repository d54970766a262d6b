/**
 * The example of the guide as a process before a real system: it answers, and ends on SIGTERM when the call
 * under way has ended.
 */
import { spawn, spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { Agent } from 'undici'
import { askAt, emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { CLIENT, secretFile, startSystem, startTokenEndpoint } from '#adapters/kit/system/system-fixture.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const CONCORDAT = path.join(ROOT, 'scripts/concordat')
const EXAMPLE = path.join(ROOT, 'docs/examples/http-adapter.yaml')

t.test('the example serves and drains', async (t) => {
  const endpoint = await startTokenEndpoint(t)
  const begun = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const { url, seen } = await startSystem(t, (app) => {
    app.get('/api/v2/vehicles/:plate', async ({ url }) => {
      begun.resolve()
      await release.promise
      return { url }
    })
  })
  const address = ownAddress()
  const env = {
    ...process.env,
    HTTP_ADAPTER_LISTEN_ADDRESS: address,
    HTTP_ADAPTER_MONITORING_ADDRESS: address,
    HTTP_ADAPTER_SYSTEM_URL: `${url}/api/v2`,
    HTTP_ADAPTER_SYSTEM_AUTHENTICATION_TOKEN_URL: endpoint.tokenUrl,
    HTTP_ADAPTER_SYSTEM_AUTHENTICATION_CLIENT_ID: CLIENT.id,
    HTTP_ADAPTER_SYSTEM_AUTHENTICATION_SECRET_FILE: secretFile(emptyFolder(t), 'secret', CLIENT.secret),
  }
  const described = spawnSync(CONCORDAT, ['adapter', 'http', 'describe', '--configuration', EXAMPLE], { env })
  t.equal(described.status, 0)
  t.match(JSON.parse(described.stdout.toString()), { paths: { '/vehicles/{plate}': { get: {} } } })
  const child = spawn(CONCORDAT, ['adapter', 'http', '--configuration', EXAMPLE], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env,
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout?.on('data', (data: Buffer) => {
    out += data.toString()
  })
  const ended = new Promise((resolve) => void child.once('close', resolve))
  await new Promise((resolve) => void child.once('message', resolve))
  const dispatcher = new Agent()
  t.teardown(() => dispatcher.destroy())
  const client = { 'x-road-client': 'DEV/GOV/1002/tax', 'x-road-userid': 'EE1' }
  const answer = askAt(`http://${address}:9443/vehicles/123ABC?on=2026-01-01`, dispatcher, client)
  await begun.promise
  child.kill('SIGTERM')
  release.resolve()
  t.match(await answer, { status: 200, body: { url: '/api/v2/vehicles/123ABC?validOn=2026-01-01' } })
  t.equal(await ended, 0)
  t.match(seen[0]?.headers, { 'x-caller': 'GOV/1002', 'x-user': 'EE1' })
  t.match(out, /http-adapter is ready[\s\S]*"draining"[\s\S]*"stopped"/)
  t.notMatch(out, /123ABC|EE1|of the tests/)
})
