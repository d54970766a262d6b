/**
 * Closes the connection of an answer whose client reads it too slowly or not at all. An idle time-out is not enough: a client
 * that reads a few bytes now and then prevents it for ever, and so keeps the file and the memory of its answer.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'

const EVERY_MS = 10_000
const GRACE_MS = 60_000
const SLOWEST_BYTES_PER_SECOND = 1024

type Answer = {
  request: IncomingMessage
  givenUp(request: IncomingMessage): void
  /** Since when bytes have been waiting to be read, and how many the connection had read by then. */
  since?: { at: number; taken: number }
}

const answers = new Map<ServerResponse, Answer>()
let timer: NodeJS.Timeout | undefined

/**
 * Closes connections of `server` that read less than 1 KiB a second while bytes are waiting, from the second minute on. Calls
 * `givenUp` with the request before.
 */
export function watchTaking(
  server: Pick<Server, 'on'>,
  givenUp: (request: IncomingMessage) => void = () => undefined,
): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answers.set(response, { request, givenUp })
    response.once('close', () => answers.delete(response))
    if (timer === undefined) timer = setInterval(endUntaken, EVERY_MS).unref()
  })
}

/** Checks every answer that is being sent. Runs every ten seconds once a server is watched. */
export function endUntaken(now: number = performance.now()): void {
  for (const [response, answer] of answers) {
    const { socket } = response
    // The answer has not begun, or waits for earlier answers.
    if (!response.headersSent || socket === null) continue
    // Everything was sent: the delay is on our own side.
    if (socket.writableLength === 0) {
      delete answer.since
      continue
    }
    // The bytes written, without those that still wait to be sent.
    const taken = socket.bytesWritten - socket.writableLength
    answer.since ??= { at: now, taken }
    const seconds = (now - answer.since.at - GRACE_MS) / 1000
    if (taken - answer.since.taken >= seconds * SLOWEST_BYTES_PER_SECOND) continue
    answer.givenUp(answer.request)
    answers.delete(response)
    socket.destroy()
  }
}
