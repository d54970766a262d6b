/**
 * A balancer for TCP in front of a server's nodes: the next one that is up gets the connection, another one
 * if it refuses.
 */
import net from 'node:net'

type Balancer = { close(): Promise<void> }

/** Listens on `ports` of `address`; `up` says which addresses take connections now. */
export async function balance(q: {
  address: string
  ports: readonly number[]
  up: () => readonly string[]
}): Promise<Balancer> {
  const open = new Set<net.Socket>()
  let turn = 0
  const pass = (outer: net.Socket, port: number, left: readonly string[]): void => {
    const [address, ...others] = left
    if (address === undefined) return void outer.destroy()
    const inner = net.connect({ host: address, port })
    keep(inner)
    let isOpen = false
    inner.once('connect', () => {
      isOpen = true
      outer.pipe(inner).pipe(outer)
    })
    inner.on('error', () => (isOpen ? outer.destroy() : pass(outer, port, others)))
    inner.once('close', () => isOpen && outer.destroy())
    outer.once('close', () => inner.destroy())
  }
  const keep = (socket: net.Socket): void => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  }
  const servers = q.ports.map((port) =>
    net
      .createServer((outer) => {
        keep(outer)
        outer.on('error', () => outer.destroy())
        const all = q.up()
        const first = turn++ % Math.max(all.length, 1)
        pass(outer, port, [...all.slice(first), ...all.slice(0, first)])
      })
      .listen(port, q.address),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  return {
    async close() {
      for (const socket of open) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}
