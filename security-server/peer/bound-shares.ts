/** Guarantees that nobody holds more than a share of a listener's connections, whoever "one" is there: a certificate, a network. */
import type { Socket } from 'node:net'

/** Takes a socket into the share of `whose`, until it closes; destroys it, and says false, when that is used up. */
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
