/**
 * Ports on which every worker of a machine listens: the kernel gives each connection to one of them
 * (SO_REUSEPORT, Linux and some others).
 */
import { createServer } from 'node:net'
import type { Siblings } from './siblings.ts'

/**
 * What goes along with the address of a listener. `exclusive`: by a socket of its own, and not of the
 * supervisor.
 */
export type PortSharing = { reusePort?: true; exclusive?: true }

export function portSharingOf(siblings: Siblings | undefined): PortSharing {
  return siblings === undefined ? {} : { reusePort: true, exclusive: true }
}

/**
 * Throws as a listener would when another process has one of the ports. A worker would share it with another
 * server of the same user, and each of them get half of the connections.
 */
export async function checkFree(places: readonly { host: string; port: number }[]): Promise<void> {
  for (const place of places) {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ ...place, exclusive: true }, resolve)
    })
    await new Promise((resolve) => server.close(resolve))
  }
}
