/** Where connections to services may lead: judged before they are opened, and again once they are. */
import t from 'tap'
import { NotSent } from '../peer/not-sent.ts'
import { guarded } from './connect-service.ts'

t.test('wherever a name leads, no byte goes to an address where no service may lie', async (t) => {
  const own = [{ host: '127.0.0.1', port: 4000 }]
  const places: [string | undefined, number | undefined, string | undefined][] = [
    ['10.0.0.1', 80, undefined],
    ['127.0.0.1', 80, undefined],
    ['169.254.169.254', 80, 'service_malformed_url'],
    ['::ffff:169.254.169.254', 80, 'service_malformed_url'],
    ['fe80::1', 80, 'service_malformed_url'],
    ['100.100.100.200', 80, 'service_malformed_url'],
    ['127.0.0.1', 4000, 'service_malformed_url'],
    ['::ffff:127.0.0.1', 4000, 'service_malformed_url'],
    [undefined, undefined, 'service_failed'],
  ]
  for (const [remoteAddress, remotePort, code] of places) {
    let destroyed = false
    const socket = { remoteAddress, remotePort, destroy: () => (destroyed = true) }
    const connect = guarded(() => (_options, callback) => callback(null, socket as never), own)
    const [error, given] = await new Promise<unknown[]>((resolve) =>
      connect({ hostname: 'system', port: '80' } as never, ((...all: unknown[]) => resolve(all)) as never),
    )
    t.equal(destroyed, code !== undefined, `${remoteAddress}:${remotePort}`)
    t.equal(given, code === undefined ? socket : null)
    t.equal(error instanceof NotSent, code !== undefined)
    if (error instanceof NotSent) t.equal(error.code, code)
  }
  for (const [hostname, port] of [
    ['169.254.169.254', '80'],
    ['[::ffff:169.254.169.254]', '80'],
    ['127.0.0.1', '4000'],
    ['[fe80::1]', ''],
  ]) {
    const connect = guarded(() => () => t.fail('it connects'), own)
    const [error] = await new Promise<unknown[]>((resolve) =>
      connect(
        { hostname, port, protocol: 'https:' } as never,
        ((...all: unknown[]) => resolve(all)) as never,
      ),
    )
    t.match(error, { code: 'service_malformed_url' }, `${hostname} is judged before`)
  }
})
