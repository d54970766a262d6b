/** For how long the choice of a provider's server is kept, also when the clock was wrong. */
import net from 'node:net'
import t from 'tap'
import { freePort } from '#test/free-port.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'
import { createServerChoice, type ServerWithAddress } from './choose-server.ts'

const NOW = Date.parse('2026-06-01T12:00:00Z')
const HOUR = 3_600_000
const provider = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', subsystemCode: 'a' }

t.test('a choice of a time when the clock was ahead is not kept for as long as it was', async (t) => {
  const port = await freePort()
  const servers = ['127.0.0.1', '127.0.0.2'].map((address, at) => ({
    ...{ address, id: { instance: 'DEV', memberClass: 'GOV', memberCode: '1', serverCode: `ss${at + 1}` } },
  })) as ServerWithAddress[]
  const [ready, away] = servers as [ServerWithAddress, ServerWithAddress]
  const listener = net.createServer((one) => one.on('error', () => undefined))
  await new Promise<void>((resolve) => listener.listen(port, ready.address, resolve))
  t.teardown(() => listener.close())
  const snapshot = {
    indexFor: () => ({ serversOf: () => servers }),
    suspensionsIn: () => ({ ofServer: () => undefined }),
  } as unknown as ConfigurationSnapshot
  let now = NOW
  const choice = createServerChoice({ port, connectTimeoutMs: 60_000, clock: () => now })
  const first = async (): Promise<string> => (await choice.choose({ provider, snapshot }))[0]!.id.serverCode
  choice.keep(provider, away.id)
  t.equal(await first(), 'ss2', 'kept')
  now = NOW + HOUR
  t.equal(await first(), 'ss1', 'for an hour')
  now = NOW + 10_000 * HOUR
  choice.keep(provider, away.id)
  now = NOW
  t.equal(await first(), 'ss1', 'the clock was put right')
})
