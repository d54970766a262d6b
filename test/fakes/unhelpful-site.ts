/**
 * A web site that never returns what was requested, for addresses that an administrator may have mistyped.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'

type UnhelpfulSite = { base: string; urls: string[]; close(): Promise<void> }

const ANSWERS: Record<string, (response: http.ServerResponse) => void> = {
  '/fails': (response) => void response.writeHead(500).end('no'),
  '/elsewhere': (response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  '/page': (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>'),
  '/no-text': (response) => void response.writeHead(200).end(Buffer.from([0xff, 0xc0, 0x80])),
  '/no-document': (response) => void response.writeHead(200).end('a: [b'),
  '/nothing': (response) => void response.writeHead(200).end(),
  '/cut': (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('openapi: 3')
    setImmediate(() => response.destroy())
  },
  '/large': (response) => void response.writeHead(200).end(Buffer.alloc(3 * 1024 * 1024, 0x61)),
  '/document': (response) =>
    void response
      .writeHead(200)
      .end('openapi: 3.1.0\ninfo: { title: a, version: 1.0.0 }\npaths: { /a: { get: { responses: {} } } }\n'),
}

/** Listens on a free port of `host`. At one of the addresses nobody listens. */
export async function startUnhelpfulSite(host: string): Promise<UnhelpfulSite> {
  const server = http.createServer((request, response) => {
    request.resume()
    const answer = ANSWERS[request.url ?? '']
    if (answer === undefined) response.writeHead(404).end()
    else answer(response)
  })
  await new Promise<void>((resolve) => void server.listen(0, host, resolve))
  const base = `http://${host}:${(server.address() as AddressInfo).port}`
  return {
    base,
    urls: [
      ...Object.keys(ANSWERS).map((at) => base + at),
      `${base.replace('http', 'https')}/tls`,
      `http://${host}:1/`,
    ],
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
