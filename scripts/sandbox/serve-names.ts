/**
 * Lets browsers reach consoles by name: all names are one address and port, and the Host header says which
 * console is meant. Each connection is passed on whole, byte by byte, and from the address that it came from,
 * by which servers bound their callers.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

type Place = { address: string; port: number }

const MOST_HEADER_BYTES = 16 * 1024
const HEADER_MS = 10_000
const MOST_CONNECTIONS = 1000

/** Rejects if the place is taken. `close` ends all connections. */
export async function serveNames(
  { address, port }: Place,
  names: ReadonlyMap<string, Place>,
): Promise<{ close(): Promise<void> }> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.on('error', () => socket.destroy())
    passOn(socket, names)
  })
  server.maxConnections = MOST_CONNECTIONS
  server.listen({ host: address, port, exclusive: true })
  await once(server, 'listening')
  return {
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function passOn(socket: Socket, names: ReadonlyMap<string, Place>): void {
  let begun = Buffer.alloc(0)
  socket.setTimeout(HEADER_MS, () => socket.destroy())
  socket.on('data', take)

  function take(chunk: Buffer): void {
    begun = Buffer.concat([begun, chunk])
    const end = begun.indexOf('\r\n\r\n')
    if (end < 0 && begun.length <= MOST_HEADER_BYTES) return
    socket.off('data', take)
    socket.pause()
    socket.setTimeout(0)
    const [, host = ''] =
      /\r\nhost:[ \t]*([^\r\n:]*)/i.exec(begun.toString('latin1', 0, Math.max(end, 0))) ?? []
    const place = names.get(host.trim().toLowerCase())
    if (place === undefined) {
      refuse(socket, [...names.keys()])
      return
    }
    socket.unshift(begun)
    const { address: toAddress, port } = place
    const server = connect({ host: toAddress, port, localAddress: socket.remoteAddress! })
    // Whichever side ends, the other does too.
    pipeline(socket, server, socket, () => undefined)
  }
}

function refuse(socket: Socket, known: string[]): void {
  const text = `No console has this name. These have one: ${known.join(', ')}\n`
  socket.end(
    `HTTP/1.1 421 Misdirected Request\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
  )
}
