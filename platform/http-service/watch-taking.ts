/**
 * Guarantees that an answer which nobody takes, or hardly, ends with its connection. An idle time-out does not: a reader that
 * takes a few bytes now and then puts it off for ever, and with it the file and the memory that its answer holds.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'

const EVERY_MS = 10_000
const GRACE_MS = 60_000
const SLOWEST_BYTES_PER_SECOND = 1024

type Answer = {
  request: IncomingMessage
  givenUp(request: IncomingMessage): void
  /** Since when something waits to be taken, and how much its connection had taken by then. */
  since?: { at: number; taken: number }
}

const answers = new Map<ServerResponse, Answer>()
let timer: NodeJS.Timeout | undefined

/**
 * Ends connections of `server` that take less than 1 KiB a second of what waits for them, from the second minute on. `givenUp` is
 * called with the request before.
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

/** Looks at every answer that is on its way. Is called every ten seconds once a server is watched. */
export function endUntaken(now: number = performance.now()): void {
  for (const [response, answer] of answers) {
    const { socket } = response
    // It has not begun, or waits for the answers before it.
    if (!response.headersSent || socket === null) continue
    // All has left: it is our own side that lets wait.
    if (socket.writableLength === 0) {
      delete answer.since
      continue
    }
    // What was written less what still waits to leave.
    const taken = socket.bytesWritten - socket.writableLength
    answer.since ??= { at: now, taken }
    const seconds = (now - answer.since.at - GRACE_MS) / 1000
    if (taken - answer.since.taken >= seconds * SLOWEST_BYTES_PER_SECOND) continue
    answer.givenUp(answer.request)
    answers.delete(response)
    socket.destroy()
  }
}
