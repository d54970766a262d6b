/**
 * OCSP responses that a peer does not give. A real server at the port; what it answers is no answer of
 * X-Road.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createOcspFetch } from './fetch-ocsp.ts'
import { createPeerWorld } from './peer-fixture.ts'

const world = await createPeerWorld(t)

t.test('what answers in place of the responder is named by status and content type', async (t) => {
  const { certificate } = world.provider.keys.authenticationIdentity()
  const part = '--b\r\ncontent-type: application/ocsp-response\r\n\r\nx\r\n'
  const answers: [number, string | undefined, string, RegExp][] = [
    [200, 'text/html; charset=UTF-8', '<p>Jane Doe</p>', /answered 200 .*, content type text\/html$/],
    [502, 'text/html', '<p>Jane Doe</p>', /answered 502 .*, content type text\/html$/],
    [404, undefined, '', /answered 404 .*, content type none$/],
    [200, '<b>Jane Doe', 'x', /answered 200 .*, content type none$/],
    [200, 'multipart/related', 'x', /./],
    [200, 'multipart/related; boundary=b', '--b--\r\n', /./],
    [200, 'multipart/related; boundary=b', `${part}${part}--b--\r\n`, /./],
  ]
  for (const [status, type, body, what] of answers) {
    const server = http.createServer((_, response) => {
      response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const fetch = createOcspFetch({ port, timeoutMs: 10_000, clock: world.clock })
    const { index } = world.globalConfiguration.current()
    const asked = fetch('127.0.0.1', [certificate], [certificate], index)
    const fault = await asked.then(
      () => undefined,
      (thrown: { code: string; what: string }) => thrown,
    )
    t.match(fault, { code: 'incorrect_validation_info', what }, `${status} ${type}`)
    t.notMatch(fault?.what, /Jane|</, 'nothing of what it said')
    server.close()
  }
})
