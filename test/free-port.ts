/** A port for a server that is told its port before it listens. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Linux gives those from 32768 on to whoever listens on any port, and to each connection: one of them may be taken again at once. */
const [FIRST, END] = [20_000, 32_768]

/** Each is given once: whoever asks for several listens on none of them yet. */
const given = new Set<number>()

export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END)
    if (given.has(port)) continue
    given.add(port)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, host, () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

/** Listens at a port, so that nobody else can; the returned function gives it back. */
export function holdPort(port: number, host = '127.0.0.1'): Promise<() => Promise<void>> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(() => new Promise((closed) => server.close(() => closed()))))
  })
}
