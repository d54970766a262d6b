/**
 * Sends calls to a management API with an API key, which leaves this machine only over HTTPS. A call whose answer was lost is
 * sent once more; one that changes something bears a key of its own, by which the server carries it out once.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { Agent, request } from 'undici'
import { CommandError } from './command-error.ts'
import type { Call } from './read-call.ts'

export type ManagementApi = {
  /** The answer of a call that succeeded. Throws a CommandError for a refusal, with the API's own words. */
  send(call: Call): Promise<ManagementAnswer>
}

export type ManagementAnswer = {
  status: number
  type: string
  /** How many there are on all pages, for lists that say so. */
  total: number | undefined
  /** Of a search that ended early: from where it goes on. */
  searchedTo?: string
  bytes: Buffer
}

const TIMEOUT_MS = 120_000
const MAX_WAITS = 60
/** What is used up for a day is told, and not waited for. */
const LONGEST_WAIT_SECONDS = 60
/** Nothing was sent: nobody was there. */
const NOBODY_THERE = ['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH']
/** Of our own: a key must not go to a proxy that the environment names. */
const dispatcher = new Agent()

/** `url` is the listener's (http://127.0.0.1:4000). Throws a CommandError for an address to which no key is sent. */
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
        // A list of many pages is more than the API takes of one address in a second.
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

/** Once more on a connection that broke: the same call with the same key. `isSecond`: the first answer was lost. */
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
  return { reply, bytes: Buffer.from(await reply.body.arrayBuffer()) }
}

function noAnswer(base: string, cause: unknown): CommandError {
  return new CommandError(1, `${base} does not answer: ${(cause as Error).message}`, cause)
}

/** The API's own words: a fault with its id, or the first of what came. */
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
