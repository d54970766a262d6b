/** HTTP as bytes, for requests that no client library would write. */
import net from 'node:net'
import type { Reply } from '../world.ts'

/** Longer than any busy machine needs. */
const SILENT_MS = 60_000

/**
 * Sends one request with this head (without its last empty line) on a connection of its own, without an HTTP
 * client.
 */
export async function askRaw(host: string, port: number, request: string): Promise<Reply> {
  const text = await exchangeBytes(host, port, `${request}Connection: close\r\n\r\n`)
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const body = Buffer.from(rest.join('\r\n\r\n'))
  const [, status] = /^HTTP\/1\.1 (\d+)/.exec(head) ?? []
  const headers = Object.fromEntries(
    [...head.matchAll(/^([^:\r\n]+): (.*)$/gm)].map(([, name, value]) => [
      name!.toLowerCase(),
      value!.trim(),
    ]),
  )
  return {
    status: Number(status),
    reason: '',
    headers,
    rawHeaders: [],
    body,
    json: () => JSON.parse(body.toString()) as unknown,
  }
}

/**
 * Everything that the server sends for these bytes until it closes the connection; a server that leaves it
 * open fails the test.
 */
export function exchangeBytes(host: string, port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, host)
    let text = ''
    socket.setTimeout(SILENT_MS, () => {
      reject(new Error(`the connection stays open; sent: ${bytes.slice(0, 300)}; came: ${text}`))
      socket.destroy()
    })
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(text))
    socket.write(Buffer.from(bytes, 'latin1'))
  })
}
