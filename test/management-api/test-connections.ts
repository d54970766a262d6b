/** Connections as operators test them, at real listeners. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Test } from 'tap'
import { say } from '#schemas/said.ts'
import { tryConnection } from '#security-server/features/diagnostics/try-connection.ts'
import type { AdminWorld } from './admin-fixture.ts'

/** Services, this server and TLS are tried; nothing is opened to where no service may lie. */
export async function testConnections(
  t: Test,
  { ask, client }: Pick<AdminWorld, 'ask'> & { client: string },
): Promise<void> {
  const system = createServer().listen(0, '127.0.0.1')
  t.teardown(() => system.close())
  await once(system, 'listening')
  await ask('POST', '/clients', { id: client })
  const { port } = system.address() as AddressInfo
  const urls = {
    ...{ up: `http://127.0.0.1:${port}`, down: 'http://127.0.0.1:1', unnamed: 'http://none.invalid' },
    ...{ inbox: 'inbox:', own: 'http://127.0.0.1:2', pushed: `inbox:http://127.0.0.1:${port}` },
  }
  const ids: Record<string, number> = {}
  for (const [serviceCode, url] of Object.entries(urls)) {
    const described = { type: 'REST', serviceCode, url }
    const { body } = await ask('POST', `/clients/${client}/service-descriptions`, described)
    ids[serviceCode] = (body as { services: { id: number }[] }).services[0]!.id
  }
  const tested = async (body: object) => {
    const { body: said } = await ask('POST', '/diagnostics/connections', body)
    return (said['items'] as { name: string; steps: { step: string; state: string }[] }[]).map(
      ({ name, steps }) => [name.split(':').at(-1), ...steps.map(({ step, state }) => `${step} ${state}`)],
    )
  }
  t.strictSame(await tested({ kind: 'SERVICES', clientId: client }), [
    ['up', 'name good', 'connection good', 'answer good'],
    ['down', 'name good', 'connection bad'],
    ['unnamed', 'name bad'],
    ['own', 'name bad'],
    ['pushed', 'name good', 'connection good', 'answer good'],
  ])
  const one = (serviceCode: string) => ({ kind: 'SERVICES', serviceId: ids[serviceCode] })
  t.strictSame(await tested(one('down')), [['down', 'name good', 'connection bad']])
  t.strictSame(await tested(one('inbox')), [], 'this server itself')
  t.strictSame(await tested({ ...one('up'), clientId: 'DEV:GOV:9:none' }), [], 'none of that client')
  const seen: unknown[] = []
  const named = createTlsServer({ SNICallback: (name, done) => done(new Error(String(seen.push(name)))) })
  named.on('connection', () => seen.push('connected')).listen(0, 'localhost')
  t.teardown(() => named.close())
  await once(named, 'listening')
  const local = { name: 'x', address: { host: 'localhost', port: (named.address() as AddressInfo).port } }
  t.match(await tryConnection({ ...local, tls: {}, refuse: () => say`not there` }), [
    { what: say`not there` },
  ])
  t.strictSame(seen, [], 'nothing is opened to where nothing may be')
  await tryConnection({ ...local, tls: {} })
  t.strictSame(seen, ['connected', 'connected', 'localhost'], 'TLS says whom it looks for')
  t.strictSame(await tested({ kind: 'SERVICES', clientId: 'DEV:GOV:9:none' }), [])
  t.match((await tested({ kind: 'SELF' }))[0], ['ss1', /^name/])
  for (const body of [{ kind: 'PEER' }, { kind: 'SELF', url: 'http://127.0.0.1' }, { kind: 'ANY' }])
    t.equal((await ask('POST', '/diagnostics/connections', body)).status, 400, JSON.stringify(body))
  for (const unknown of [
    { kind: 'PEER', clientId: 'DEV:GOV:9:none' },
    { kind: 'SERVICES', serviceId: 999_999 },
  ])
    t.equal((await ask('POST', '/diagnostics/connections', unknown)).status, 404)
}
