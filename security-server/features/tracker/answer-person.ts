/**
 * The way of a question to a tracker. It was verified, allowed and logged before. What is refused is an
 * answer of the service with its status. Answers are given in steps of time, so that it says nothing how long
 * it took to find none.
 */
import { buffer } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { publicFault } from '#platform/http-service/fault-answer.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, subsystemOf } from '#schemas/identifiers.ts'
import type { SystemAnswer } from '../../message/message.ts'
import type { Tracker, TrackerRequest } from '../../peer/inbox.ts'
import { PATHS, type Question } from './paths.ts'
import type { AskedTracker } from './question-for.ts'
import { refused } from './read-question.ts'
import type { TrackerRooms } from './rooms.ts'
import { answerSoap } from './soap.ts'

const JSON_TYPE = 'application/json;charset=utf-8'
const BUNDLE_TYPE = 'application/vnd.concordat.evidence+zip'
const STEP_MS = 10
const MOST_JSON = 64 * 1024
const REASONS: Record<number, string> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
}

type Told = { status: number; type: string; bytes: Buffer }

/** In milliseconds; tests count what is waited for. */
type Steps = { now(): number; wait(ms: number): Promise<unknown> }
const STEPS: Steps = { now: () => performance.now(), wait: (ms) => wait(ms) }

export function createTracker(rooms: TrackerRooms, steps = STEPS): Tracker {
  return {
    async take(asked) {
      const begun = steps.now()
      const { client, service, protocol } = asked.request
      const of: AskedTracker = {
        ...{ client: idText(client), subsystem: idText(subsystemOf(service)) },
      }
      try {
        const leave = rooms.quota.enter(client)
        try {
          if (protocol === 'SOAP') return await answerSoap(of, asked, rooms)
          return await written(await tell(asked, of, rooms), asked)
        } finally {
          leave()
        }
      } catch (cause) {
        const fault = asFault(cause)
        rooms.count(fault.status < 500 ? 'refused' : 'failed')
        if (protocol === 'SOAP' || fault.code === 'internal_error') throw cause
        const body = Buffer.from(JSON.stringify(publicFault(fault, undefined)))
        return await written(
          { status: statusOf(fault, asked.request.servicePath), type: JSON_TYPE, bytes: body },
          asked,
        )
      } finally {
        await steps.wait(STEP_MS - ((steps.now() - begun) % STEP_MS))
      }
    },
  }
}

async function tell(given: TrackerRequest, asked: AskedTracker, rooms: TrackerRooms): Promise<Told> {
  const { request, represented, record } = given
  const { method, servicePath, query, actors } = request
  const methods = Object.hasOwn(PATHS, servicePath) ? PATHS[servicePath]! : undefined
  if (methods === undefined) throw new Fault('not_found', { what: 'no address of a tracker' })
  const answerOf = Object.hasOwn(methods, method) ? methods[method as keyof typeof methods] : undefined
  if (answerOf === undefined) throw refused(`this address takes ${Object.keys(methods).join(' and ')}`)
  const question: Question = {
    asked,
    asking: { userId: actors['userId'], represented },
    search: new URLSearchParams(query ?? ''),
    body: method === 'POST' ? await documentIn(given) : undefined,
    message: { id: request.id, record },
    rooms,
  }
  const found = await answerOf(question)
  rooms.count('answered')
  return Buffer.isBuffer(found)
    ? { status: 200, type: BUNDLE_TYPE, bytes: found }
    : { status: 200, type: JSON_TYPE, bytes: Buffer.from(JSON.stringify(found)) }
}

/** Throws `invalid_request` for what is too long or no JSON. */
async function documentIn({ body }: TrackerRequest): Promise<unknown> {
  if (body === undefined || body.size > MOST_JSON)
    throw refused(`a document of at most ${MOST_JSON} octets has to be given`)
  const bytes = body.bytes ?? (await buffer(body.open()))
  try {
    return parseStrictJson(bytes, { maxLength: MOST_JSON })
  } catch (cause) {
    throw refused(`the document is no JSON: ${asFault(cause).what ?? 'it cannot be read'}`)
  }
}

/** The statuses that the description names: Estonia's protocol has two. */
function statusOf({ status }: Fault, servicePath: string): number {
  const isLater = status >= 500 || status === 429
  if (servicePath.startsWith('/v2/')) return isLater ? 500 : 400
  return [400, 403, 404, 409, 429].includes(status) ? status : 503
}

async function written({ status, type, bytes }: Told, { spool }: TrackerRequest): Promise<SystemAnswer> {
  const pending = spool()
  await pending.write(bytes)
  const headers: SystemAnswer['headers'] = [
    ['Content-Type', type],
    ['Cache-Control', 'no-store'],
  ]
  return { status, reason: REASONS[status] ?? '', headers, body: await pending.end() }
}
