/** Sends calls to a management API with an API key, which leaves this machine only over HTTPS. */
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { request } from 'undici'
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

/** `url` is the listener's (http://127.0.0.1:4000). Throws a CommandError for an address to which no key is sent. */
export async function openManagementApi(q: { url: string; keyFile: string }): Promise<ManagementApi> {
  const base = baseOf(q.url)
  const key = await readKey(q.keyFile)
  return {
    send: async ({ method, url, headers, body }) => {
      for (let waits = 0; ; waits++) {
        const reply = await ask(base, url, {
          method: method as 'GET',
          headers: { ...headers, authorization: `X-Road-ApiKey token=${key}` },
          body: body ?? null,
        })
        const bytes = Buffer.from(await reply.body.arrayBuffer())
        // A list of many pages is more than the API takes of one address in a second.
        if (reply.statusCode === 429 && waits < MAX_WAITS) {
          const seconds = Number(reply.headers['retry-after'])
          await new Promise((resolve) => setTimeout(resolve, Math.min(10, seconds || 0.25) * 1000))
          continue
        }
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

async function ask(base: string, url: string, options: Parameters<typeof request>[1]) {
  try {
    return await request(base + url, {
      ...options,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    })
  } catch (cause) {
    throw new CommandError(1, `${base} does not answer: ${(cause as Error).message}`, cause)
  }
}

/** The API's own words: a fault with its id, or the first of what came. */
function refusal(status: number, bytes: Buffer): CommandError {
  const text = bytes.toString('utf8').slice(0, 2000)
  const { message, detail } = (parsed(text) ?? {}) as { message?: unknown; detail?: unknown }
  const words = typeof message === 'string' ? `${message} [${String(detail)}]` : text
  const here = words.includes('the header X-Reason') ? ' On the command line this is --why TEXT.' : ''
  return new CommandError(1, `refused with ${status}: ${words}${here}`, undefined, status)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
