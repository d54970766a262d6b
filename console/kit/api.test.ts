/**
 * What a page sends: the key under which a server recognises an act that is sent again, until its answer was
 * read whole; and times.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openPage } from '../page-fixture.ts'

type Parts = typeof import('./api.ts') & typeof import('./moment.ts') & typeof import('./operations.ts')

const { parts } = await openPage<Parts>(t, ['/kit/api.ts', '/kit/moment.ts', '/kit/operations.ts'], {
  addApiKey: {},
})
Object.assign(parts.operations['addApiKey']!, { method: 'POST', path: '/api-keys' })

t.test(
  'an act whose answer broke off is sent again under its key, and a new one under another',
  async (t) => {
    const keys: string[] = []
    /** Cut off after the head; whole; refused; whole. */
    const answers = [{ isCut: true }, { status: 201 }, { status: 409 }, { status: 201 }]
    const server = createServer((request, response) => {
      keys.push(String(request.headers['idempotency-key']))
      const { isCut = false, status = 201 } = answers.shift() ?? {}
      const body = JSON.stringify({ type: 'conflict', message: 'somebody was faster' })
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
      if (!isCut) return void response.end(body)
      response.write(body.slice(0, 5), () => response.destroy())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { fetch } = globalThis
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    globalThis.fetch = (url, more) => fetch(`${base}${String(url)}`, more)
    t.teardown(() => {
      globalThis.fetch = fetch
      server.close()
    })
    const api = parts.createApi(() => Promise.reject(new Error('no passkey is asked for')))
    const make = () => api.call('addApiKey', { body: { name: 'meter', roles: [] } })
    await t.rejects(make(), Object.assign(new Error(), { status: 0 }))
    await make()
    t.equal(keys[1], keys[0], 'nobody knows what the first answer said')
    await t.rejects(make(), Object.assign(new Error('somebody was faster'), { status: 409 }))
    await make()
    t.equal(new Set(keys).size, 3, 'an answer that was read ends its act, also a refusal')
  },
)

t.test('a time of an address is sent in UTC, and what may mean two or none is not sent', (t) => {
  for (const given of ['2026-11-29T16:30', '2026-11-29T16:30:00', '2026-11-29T16:30:00.000Z'])
    t.equal(parts.utc(given), new Date(given).toISOString())
  for (const given of ['03/04/2026', '3.4.2026', 'yesterday', '1', '', '2026-13-45T00:00', 'March 4, 2026'])
    t.equal(parts.utc(given), '', given)
  t.end()
})
