/**
 * An agency's system of the sandbox before its own security server, and how it waits for what comes later.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { type Agency, folderOf, type Layout, SERVER_PORTS, subsystemText } from './layout.ts'

const DEADLINE_MS = 60_000
const BETWEEN_MS = 250

type Body = { event: object } | { json: object }

type System = {
  /** `event` goes as a CloudEvent, anything else as `json`. */
  <Answer>(method: 'GET' | 'POST', path: string, body?: Body): Promise<Answer>
  close(): Promise<void>
}

/** Asks the agency's own server as its system does, with its certificate. */
export function systemOf(layout: Layout, agency: Agency): System {
  const file = (name: string): Buffer => readFileSync(folderOf(layout, name))
  const dispatcher = new Agent({
    connect: {
      ca: file('trust/root.pem'),
      timeout: DEADLINE_MS,
      ...{ cert: file(`${agency.key}/system.pem`), key: file(`${agency.key}/system.key`) },
    },
  })
  const ask = async <Answer>(method: 'GET' | 'POST', path: string, body?: Body): Promise<Answer> => {
    const content = body && ('event' in body ? body.event : body.json)
    const reply = await request(`https://${agency.address}:${SERVER_PORTS.https}${path}`, {
      ...{ method, dispatcher, body: content === undefined ? null : JSON.stringify(content) },
      headers: {
        'x-road-client': subsystemText(layout, agency),
        ...(body && {
          'content-type': 'event' in body ? 'application/cloudevents+json' : 'application/json',
        }),
      },
    })
    const text = await reply.body.text()
    if (reply.statusCode >= 300)
      throw new Error(`${path} was answered ${reply.statusCode}: ${text.slice(0, 300)}`)
    return JSON.parse(text) as Answer
  }
  return Object.assign(ask, { close: () => dispatcher.close() })
}

export async function until<T>(what: string, find: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + DEADLINE_MS
  while (performance.now() < end) {
    const found = await find()
    if (found !== undefined) return found
    await wait(BETWEEN_MS)
  }
  throw new Error(`${what} did not come within ${DEADLINE_MS / 1000} s`)
}
