/**
 * Sends calls to a management API with an API key, which leaves this machine only over HTTPS. When an answer
 * is lost, the call is sent once more. A call that changes something has an idempotency key, so that the
 * server carries it out only once.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { Agent, request } from 'undici'
import { tallyOf } from '../command-line/tally.ts'
import { CommandError } from './command-error.ts'
import type { Call } from './read-call.ts'

export type ManagementApi = {
  /** The answer of a call that succeeded. Throws a CommandError with the API's text for a refusal. */
  send(call: Call): Promise<ManagementAnswer>
}

export type ManagementAnswer = {
  status: number
  type: string
  /** The number of entries on all pages, for lists that report it. */
  total: number | undefined
  /** For a search that ended early: where to continue it. */
  searchedTo?: string
  bytes: Buffer
}

const MB = 1_000_000
const TIMEOUT_MS = 120_000
const MAX_WAITS = 60
/** A longer wait, such as for the limit of a day, is reported instead. */
const LONGEST_WAIT_SECONDS = 60
/** Errors after which no server can have received the call. */
const NOBODY_THERE = ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH']
/** Our own dispatcher: the key must not be sent to a proxy that the environment names. */
const dispatcher = new Agent()

/**
 * `url` is the listener's (http://127.0.0.1:4000). Throws a CommandError for an address to which the key must
 * not be sent.
 */
export async function openManagementApi(q: { url: string; keyFile: string }): Promise<ManagementApi> {
  const base = baseOf(q.url)
  const key = await readKey(q.keyFile)
  return {
    send: async ({ method, url, headers, body }) => {
      const once = method === 'GET' ? {} : { 'idempotency-key': randomUUID() }
      for (let waits = 0; ; waits++) {
        const { reply, bytes, isSecond } = await askTwice(base, url, {
          method: method as 'GET',
          headers: { ...headers, ...once, authorization: `X-Road-ApiKey token=${key}` },
          body: body ?? null,
        })
        // A list of many pages needs more calls than the API allows one address in a second.
        const seconds = Number(reply.headers['retry-after']) || 0.25
        if (reply.statusCode === 429 && waits < MAX_WAITS && seconds <= LONGEST_WAIT_SECONDS) {
          await new Promise((resolve) => setTimeout(resolve, Math.min(10, seconds) * 1000))
          continue
        }
        if (reply.statusCode === 409 && isSecond) throw refusal(409, bytes, 'its first answer was lost: ')
        if (reply.statusCode >= 300) throw refusal(reply.statusCode, bytes)
        const total = reply.headers['x-total-count']
        const searchedTo = reply.headers['x-searched-to']
        return {
          status: reply.statusCode,
          type: String(reply.headers['content-type'] ?? ''),
          total: total === undefined ? undefined : Number(total),
          ...(searchedTo !== undefined && { searchedTo: String(searchedTo) }),
          bytes,
        }
      }
    },
  }
}

function baseOf(text: string): string {
  const url = URL.parse(text)
  const named = url?.hostname.replace(/^\[|\]$/g, '') ?? ''
  const isNear = named === 'localhost' || named === '::1' || (isIP(named) === 4 && named.startsWith('127.'))
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && isNear)))
    throw new CommandError(2, `${text} has to be https, or http of this machine: a key goes with each call`)
  return url.origin
}

async function readKey(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new CommandError(2, `the key file ${file} cannot be read`, cause)
  }
}

type Options = Parameters<typeof request>[1]

/**
 * Sends the call again when the connection broke, with the same idempotency key. `isSecond`: the first answer
 * was lost.
 */
async function askTwice(base: string, url: string, options: Options) {
  try {
    return { ...(await ask(base, url, options)), isSecond: false }
  } catch (cause) {
    if (NOBODY_THERE.includes(String((cause as NodeJS.ErrnoException).code))) throw noAnswer(base, cause)
  }
  try {
    return { ...(await ask(base, url, options)), isSecond: true }
  } catch (cause) {
    throw noAnswer(base, cause)
  }
}

async function ask(base: string, url: string, options: Options) {
  const limits = { dispatcher, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS }
  const reply = await request(base + url, { ...options, ...limits })
  const length = Number(reply.headers['content-length'])
  const total = Number.isFinite(length) ? length / MB : undefined
  const tally = tallyOf({ what: 'receiving', unit: 'MB', total })
  const chunks: Buffer[] = []
  let received = 0
  try {
    for await (const chunk of reply.body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      received += chunk.length
      // What is small is there at once.
      if (received > MB) tally.at(received / MB)
    }
  } finally {
    tally.end()
  }
  return { reply, bytes: Buffer.concat(chunks) }
}

function noAnswer(base: string, cause: unknown): CommandError {
  return new CommandError(1, `${base} does not answer: ${(cause as Error).message}`, cause)
}

/** An error with the API's text: the fault's message and id, or the beginning of the answer. */
function refusal(status: number, bytes: Buffer, before = ''): CommandError {
  const text = bytes.toString('utf8').slice(0, 2000)
  const { message, detail } = (parsed(text) ?? {}) as { message?: unknown; detail?: unknown }
  const words = typeof message === 'string' ? `${message} [${String(detail)}]` : text
  const here = words.includes('the header X-Reason') ? ' On the command line this is --why TEXT.' : ''
  return new CommandError(1, `${before}refused with ${status}: ${words}${here}`, undefined, status)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
