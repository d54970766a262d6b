/**
 * The example of the guide as a process before the service of its WSDL: described, served, and ended by
 * SIGTERM.
 */
import { spawn, spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { secretFile } from '#adapters/kit/system/system-fixture.ts'
import { EXAMPLES, startOwners } from './soap-fixture.ts'

const CONCORDAT = path.join(EXAMPLES, '../../scripts/concordat')

t.test('the example serves and drains', async (t) => {
  const { url, seen } = await startOwners(t, () => ({ found: '0' }))
  const address = ownAddress()
  const env = {
    ...process.env,
    SOAP_ADAPTER_LISTEN_ADDRESS: address,
    SOAP_ADAPTER_MONITORING_ADDRESS: address,
    SOAP_ADAPTER_SYSTEM_URL: url,
    SOAP_ADAPTER_SYSTEM_AUTHENTICATION_SECRET_FILE: secretFile(emptyFolder(t), 'password', 'PASSWORD'),
  }
  const args = (act: string[]) => [
    'adapter',
    'soap',
    ...act,
    '--configuration',
    `${EXAMPLES}/soap-adapter.yaml`,
  ]
  const described = spawnSync(CONCORDAT, args(['describe']), { env, encoding: 'utf8' })
  t.match(JSON.parse(described.stdout), {
    paths: { '/owners/search': { post: { requestBody: { required: true } } } },
  })
  const child = spawn(CONCORDAT, args([]), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env })
  t.teardown(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout?.on('data', (data: Buffer) => {
    out += data.toString()
  })
  const ended = new Promise((resolve) => void child.once('close', resolve))
  await new Promise((resolve) => void child.once('message', resolve))
  const reply = await request(`http://${address}:9443/owners/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"use":"forest","code":["P00000007"]}',
  })
  t.strictSame(await reply.body.json(), { owner: [], found: 0 })
  t.equal(seen[0]?.headers.authorization, `Basic ${Buffer.from('concordat:PASSWORD').toString('base64')}`)
  child.kill('SIGTERM')
  t.equal(await ended, 0)
  t.match(out, /soap-adapter is ready[\s\S]*"route":"\/owners\/search","status":200[\s\S]*"stopped"/)
  t.notMatch(out, /P00000007|PASSWORD/)
})
