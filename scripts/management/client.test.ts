/** Calls of the command line: to which addresses a key is sent, and what happens when an answer is lost. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { type ManagementApi, openManagementApi } from './client.ts'

void t.test('a key goes to this machine or over https, nowhere else', async (t) => {
  const refused = async (opening: Promise<unknown>, what: string): Promise<void> =>
    void t.match(await opening.catch((thrown: unknown) => thrown), { exitCode: 2 }, what)
  const keyFile = path.join(t.testdir({ key: 'secret' }), 'key')
  for (const url of [
    'http://registry.example',
    'http://10.0.0.1:4000',
    'ftp://localhost',
    'http://127.evil.example',
    'x',
  ])
    await refused(openManagementApi({ url, keyFile }), url)
  for (const url of [
    'https://registry.example',
    'http://localhost:1',
    'http://127.0.1.10:4000',
    'http://[::1]:4000',
  ])
    await t.resolves(openManagementApi({ url, keyFile }), url)
  await refused(openManagementApi({ url: 'http://localhost:1', keyFile: `${keyFile}x` }), 'no key')
})

void t.test('a call whose answer was lost is carried out once', async (t) => {
  const world = registryWorld(t)
  const node = await world.start()
  const { address, port, initialApiKeyFile } = node.settings.admin
  /** What happens to the first connections, in this order; all later ones work. */
  type Fate = 'lost before' | 'lost after' | 'cut'
  const through = async (...fates: Fate[]) => {
    const relay = createServer((client) => {
      const fate = fates.shift()
      if (fate === 'lost before') return void client.destroy()
      const server = connect({ host: address, port })
      for (const socket of [client, server]) socket.on('error', () => undefined)
      client.pipe(server)
      if (fate === 'lost after') return void server.once('data', () => client.destroy())
      if (fate === 'cut')
        return void server.once('data', (bytes: Buffer) => client.end(bytes.subarray(0, -5)))
      server.pipe(client)
    })
    await once(relay.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => relay.close())
    const url = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`
    return await openManagementApi({ url, keyFile: initialApiKeyFile! })
  }
  const add = (api: ManagementApi, name: string) => {
    const body = Buffer.from(JSON.stringify({ name, roles: ['XROAD_OBSERVER'] }))
    const headers = { 'content-type': 'application/json' }
    return api.send({ method: 'POST', url: '/api/v1/api-keys', headers, body })
  }
  const made = async (name: string): Promise<number> =>
    ((await node.must('GET', `/api-keys?q=${name}`)) as unknown[]).length
  for (const fate of ['lost after', 'cut'] as const) {
    const name = fate.replace(' ', '-')
    await t.rejects(
      add(await through(fate), name),
      { message: /first answer was lost.*taken up before/ },
      fate,
    )
    t.equal(await made(name), 1, `${fate}: once`)
  }
  t.equal((await add(await through('lost before'), 'in-vain')).status, 201, 'what never came is done')
  t.equal(await made('in-vain'), 1)
  await t.rejects(add(await through('lost before', 'lost before'), 'never'), { message: /does not answer/ })
  t.equal(await made('never'), 0)
  const list = { method: 'GET', url: '/api/v1/api-keys', headers: {}, body: undefined }
  t.equal((await (await through('cut')).send(list)).status, 200, 'reading is tried twice as well')
})
