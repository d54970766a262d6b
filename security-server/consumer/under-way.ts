/**
 * Guarantees that one connection has few exchanges at once: HTTP lets a client send its next requests before
 * the first answer.
 */
import type { Socket } from 'node:net'
import { Fault } from '#schemas/fault.ts'

const MOST = 16
const underWay = new WeakMap<Socket, number>()

/** Throws `too_many_requests`, or gives the function that ends this one's claim. */
export function enterConnection(socket: Socket): () => void {
  const before = underWay.get(socket) ?? 0
  if (before >= MOST)
    throw new Fault('too_many_requests', { what: `more than ${MOST} at once on one connection` })
  underWay.set(socket, before + 1)
  return () => void underWay.set(socket, underWay.get(socket)! - 1)
}
