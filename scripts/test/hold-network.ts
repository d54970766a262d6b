/** Loopback networks for the instances of tests, of which none is given twice on a machine. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * The numbers of networks. The port at 127.0.0.1 where a living sandbox has its names depends on its network
 * (scripts/sandbox/layout.ts): it is another one for each of these, and below those that tests choose
 * (test/free-port.ts).
 */
const [FIRST, END] = [20_000, 30_000]
/** Where nothing else listens. */
const HOLDER = { last: 254, port: 4999 }

/**
 * Three numbers, such as "127.90.7": nobody else gets this network before this process has ended, for so long
 * it listens there.
 */
export async function holdNetwork(): Promise<string> {
  for (;;) {
    const number = randomInt(FIRST, END)
    const network = `127.${number >> 8}.${number & 255}`
    if (await holds(network)) return network
  }
}

function holds(network: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => void socket.destroy()).unref()
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') resolve(false)
      else reject(cause)
    })
    server.listen({ host: `${network}.${HOLDER.last}`, port: HOLDER.port, exclusive: true }, () =>
      resolve(true),
    )
  })
}
