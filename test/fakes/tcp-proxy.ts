/**
 * A relay between two servers that fails on demand: black holes, cuts at byte k, half-open connections,
 * delays.
 */
import net from 'node:net'

export type TcpFault =
  | { kind: 'none' }
  /** Accepts connections and sends nothing. */
  | { kind: 'black hole' }
  /** Cuts both sides off when `after` bytes of the client or of the server have passed. */
  | { kind: 'cut'; from: 'client' | 'server'; after: number }
  /** After that many bytes nothing passes any more and nothing is closed. */
  | { kind: 'half-open'; from: 'client' | 'server'; after: number }
  /** Delays every piece. */
  | { kind: 'slow'; delayMs: number }

type TcpProxy = {
  /** Sets the fault for new connections; open ones are closed. */
  set(fault: TcpFault): Promise<void>
  /**
   * Keeps open connections open, but nothing passes any more; new ones are accepted, and nothing passes
   * either.
   */
  freeze(): void
  close(): Promise<void>
}

type Relay = { client: net.Socket; server: net.Socket | undefined; frozen: boolean }

export async function startTcpProxy(q: { host: string; port: number; to: string }): Promise<TcpProxy> {
  const relays = new Set<Relay>()
  let fault: TcpFault = { kind: 'none' }

  const pump = (relay: Relay, from: 'client' | 'server', source: net.Socket, target: net.Socket): void => {
    const { kind } = fault
    const limit = 'from' in fault && fault.from === from ? fault.after : Number.POSITIVE_INFINITY
    const delayMs = fault.kind === 'slow' ? fault.delayMs : 0
    let passed = 0
    source.on('data', (chunk: Buffer) => {
      if (relay.frozen) return
      const piece = chunk.subarray(0, Math.max(0, limit - passed))
      passed += chunk.length
      if (delayMs > 0) setTimeout(() => target.write(piece), delayMs)
      else if (piece.length > 0) target.write(piece)
      if (passed < limit) return
      if (kind === 'half-open') relay.frozen = true
      // Bytes that were let through must still arrive.
      else source.pause().destroySoon()
    })
    source.on('error', () => undefined)
    source.once('close', () => {
      relays.delete(relay)
      if (!relay.frozen) target.destroySoon()
    })
  }

  const listener = net.createServer((client) => {
    const relay: Relay = { client, server: undefined, frozen: false }
    relays.add(relay)
    if (fault.kind === 'black hole') {
      client.on('error', () => undefined).once('close', () => relays.delete(relay))
      return
    }
    const server = net.connect({ host: q.to, port: q.port })
    relay.server = server
    pump(relay, 'client', client, server)
    pump(relay, 'server', server, client)
  })
  await new Promise<void>((resolve) => void listener.listen(q.port, q.host, resolve))

  const endAll = async (): Promise<void> => {
    const sockets = [...relays].flatMap(({ client, server }) =>
      server === undefined ? [client] : [client, server],
    )
    const ended = sockets.map(
      (socket) => new Promise((resolve) => (socket.destroyed ? resolve(0) : socket.once('close', resolve))),
    )
    for (const socket of sockets) socket.destroy()
    await Promise.all(ended)
    // The other ends notice it at their own time.
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    async set(next) {
      fault = next
      await endAll()
    },
    freeze() {
      // A connection that is being made at this moment would let the next request through.
      fault = { kind: 'black hole' }
      for (const relay of relays) relay.frozen = true
    },
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve))
      await endAll()
      await closed
    },
  }
}
