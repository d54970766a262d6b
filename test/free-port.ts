/** A port for a server that is told its port before it listens. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Linux gives those from 32768 on to whoever listens on any port, and to each connection: one of them may be
 * taken again at once.
 */
const [FIRST, END] = [20_000, 32_768]
/** Where nothing else listens; networks of instances are held beside it (scripts/test/hold-network.ts). */
const HOLDER = { last: 254, port: 4998 }

/**
 * No other process of a test on this machine is told this port before this process has ended, for so long it
 * is held.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END)
    if (!(await isToldAlone(port))) continue
    const giveBack = await holdPort(port, host).catch(() => undefined)
    if (giveBack === undefined) continue
    await giveBack()
    return port
  }
}

/**
 * Whoever asks listens on it only later, so this process takes what stands for it: an address that depends on
 * the port. With the port itself nobody could listen at every address of the machine.
 */
function isToldAlone(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => void socket.destroy()).unref()
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') resolve(false)
      else reject(cause)
    })
    const host = `127.${port >> 8}.${port & 255}.${HOLDER.last}`
    server.listen({ host, port: HOLDER.port, exclusive: true }, () => resolve(true))
  })
}

/** Listens at a port, so that nobody else can; the returned function gives it back. */
export function holdPort(port: number, host = '127.0.0.1'): Promise<() => Promise<void>> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(() => new Promise((closed) => server.close(() => closed()))))
  })
}
