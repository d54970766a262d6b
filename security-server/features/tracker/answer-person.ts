/**
 * The way of a question to a tracker. It was verified, allowed and logged before. What is refused is an answer of the service with its
 * status. Answers are given in steps of time, so that it says nothing how long it took to find none.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { publicFault } from '#platform/http-service/fault-answer.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, subsystemOf } from '#schemas/identifiers.ts'
import type { SystemAnswer } from '../../message/message.ts'
import type { Tracker, TrackerRequest } from '../../peer/inbox.ts'
import { coverageOf } from './coverage.ts'
import { findUsage, heartbeat, usagePeriod } from './find-usage.ts'
import { proveUse } from './prove-use.ts'
import type { AskedTracker } from './question-for.ts'
import { type Asking, numberIn, readQuestion, refused, valueIn } from './read-question.ts'
import type { TrackerRooms } from './rooms.ts'
import { answerSoap } from './soap.ts'
import { usages } from './usages.ts'

const JSON_TYPE = 'application/json;charset=utf-8'
const BUNDLE_TYPE = 'application/vnd.concordat.evidence+zip'
const STEP_MS = 10
const MOST_INDEX = Number.MAX_SAFE_INTEGER - 1
const REASONS: Record<number, string> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
}

type Told = { status: number; type: string; bytes: Buffer }
type Question = { asked: AskedTracker; asking: Asking; search: URLSearchParams; rooms: TrackerRooms }

const PATHS: Record<string, (q: Question) => Promise<object | Buffer> | object> = {
  '/v2/findUsage': ({ asked, asking, search, rooms }) => {
    const page = {
      offset: numberIn(search, 'offset', { least: 0, usual: 0, most: 1_000_000 }),
      limit: numberIn(search, 'limit', { least: 1, usual: 1000, most: 1000 }),
    }
    return findUsage(asked, readQuestion(search, asking, rooms.settings), page, rooms)
  },
  '/v2/usagePeriod': ({ rooms }) => usagePeriod(rooms),
  '/v2/heartbeat': ({ rooms }) => heartbeat(rooms),
  '/concordat/v1/usages': ({ asked, asking, search, rooms }) => {
    const page = {
      cursor: valueIn(search, 'cursor'),
      limit: numberIn(search, 'limit', { least: 1, usual: 100, most: 500 }),
    }
    return usages(asked, readQuestion(search, asking, rooms.settings), page, rooms)
  },
  '/concordat/v1/coverage': ({ asked, rooms }) => coverageOf(asked.subsystem, rooms),
  '/concordat/v1/proof': ({ asked, asking, search, rooms }) => {
    const person = readQuestion(search, asking, rooms.settings)
    if (valueIn(search, 'record') === undefined) throw refused('record has to be given')
    const record = numberIn(search, 'record', { least: 0, usual: 0, most: MOST_INDEX })
    return proveUse(asked, person, record, rooms)
  },
}

export function createTracker(rooms: TrackerRooms): Tracker {
  return {
    async take(asked) {
      const begun = performance.now()
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
        await wait(STEP_MS - ((performance.now() - begun) % STEP_MS))
      }
    },
  }
}

async function tell(
  { request, represented }: TrackerRequest,
  asked: AskedTracker,
  rooms: TrackerRooms,
): Promise<Told> {
  const { method, servicePath, query, actors } = request
  const answerOf = Object.hasOwn(PATHS, servicePath) ? PATHS[servicePath] : undefined
  if (answerOf === undefined) throw new Fault('not_found', { what: 'no address of a tracker' })
  if (method !== 'GET') throw refused('a tracker is asked with GET')
  const asking = { userId: actors['userId'], represented }
  const found = await answerOf({ asked, asking, search: new URLSearchParams(query ?? ''), rooms })
  rooms.count('answered')
  return Buffer.isBuffer(found)
    ? { status: 200, type: BUNDLE_TYPE, bytes: found }
    : { status: 200, type: JSON_TYPE, bytes: Buffer.from(JSON.stringify(found)) }
}

/** The statuses that the description names: Estonia's protocol has two. */
function statusOf({ status }: Fault, servicePath: string): number {
  const isLater = status >= 500 || status === 429
  if (servicePath.startsWith('/v2/')) return isLater ? 500 : 400
  return [400, 403, 404, 429].includes(status) ? status : 503
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
