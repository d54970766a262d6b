/**
 * Closes the connection of an answer whose client reads it too slowly or not at all. An idle time-out is not
 * enough: a client that reads a few bytes now and then prevents it for ever, and so keeps the file and the
 * memory of its answer.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

const EVERY_MS = 10_000
// So that a piece has 64 KiB, after which Node asks its writer to wait: of two in one write nobody sees the
// first one taken.
const GRACE_MS = 64_000
const SLOWEST_BYTES_PER_SECOND = 1024

/**
 * What one write may have at most (send-pieces.ts). Node does not say how much of a write was taken before
 * all of it was: this much is taken in that time by whoever is just fast enough.
 */
export const PIECE_BYTES = (GRACE_MS / 1000) * SLOWEST_BYTES_PER_SECOND

type Answer = {
  request: IncomingMessage
  response: ServerResponse
  givenUp(request: IncomingMessage): void
  /** Since when bytes have been waiting to be read, and how many the connection had read by then. */
  since?: { at: number; taken: number }
}

/**
 * By connection, of which there are few new ones. A map with an entry for each answer keeps, in tables that
 * it has outgrown, answers that are long over, until the whole heap is collected: a fifth of the processor
 * time of a small request.
 */
const answers = new Map<Socket, Answer[]>()
let timer: NodeJS.Timeout | undefined

/**
 * Closes connections of `server` that read less than 1 KiB a second while bytes are waiting, from the second
 * minute on. Calls `givenUp` with the request before.
 */
export function watchTaking(
  server: Pick<Server, 'on'>,
  givenUp: (request: IncomingMessage) => void = () => undefined,
): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const answer = { request, response, givenUp }
    const all = answersOf(request.socket)
    all.push(answer)
    response.once('close', () => forget(all, answer))
    if (timer === undefined) timer = setInterval(endUntaken, EVERY_MS).unref()
  })
}

/** More than one while a client sends requests before it was answered. */
function answersOf(socket: Socket): Answer[] {
  const known = answers.get(socket)
  if (known !== undefined) return known
  const all: Answer[] = []
  answers.set(socket, all)
  socket.once('close', () => answers.delete(socket))
  return all
}

function forget(all: Answer[], answer: Answer): void {
  const at = all.indexOf(answer)
  if (at >= 0) all.splice(at, 1)
}

/** Checks every answer that is being sent. Runs every ten seconds once a server is watched. */
export function endUntaken(now: number = performance.now()): void {
  for (const all of answers.values()) for (const answer of [...all]) endIfUntaken(all, answer, now)
}

function endIfUntaken(all: Answer[], answer: Answer, now: number): void {
  const { request, response } = answer
  const { socket } = response
  // The answer has not begun, or waits for earlier answers.
  if (!response.headersSent || socket === null) return
  // Everything was sent: the delay is on our own side.
  if (socket.writableLength === 0) {
    delete answer.since
    return
  }
  // The bytes written, without those that still wait to be sent.
  const taken = socket.bytesWritten - socket.writableLength
  answer.since ??= { at: now, taken }
  const seconds = (now - answer.since.at - GRACE_MS) / 1000
  if (taken - answer.since.taken >= seconds * SLOWEST_BYTES_PER_SECOND) return
  answer.givenUp(request)
  forget(all, answer)
  socket.destroy()
}
