/**
 * Guarantees that no single owner, such as a certificate or a network, holds more than a share of a
 * listener's connections.
 */
import type { Socket } from 'node:net'

/**
 * Returns a function that counts a socket for the owner `whose` until the socket closes. When that owner
 * already has `most` sockets, it destroys the socket and returns false.
 */
export function boundShares(most: number): (whose: string, socket: Socket) => boolean {
  const open = new Map<string, number>()
  return (whose, socket) => {
    const before = open.get(whose) ?? 0
    if (before >= most) {
      socket.destroy()
      return false
    }
    open.set(whose, before + 1)
    socket.once('close', () => {
      const left = open.get(whose)! - 1
      if (left === 0) open.delete(whose)
      else open.set(whose, left)
    })
    return true
  }
}
