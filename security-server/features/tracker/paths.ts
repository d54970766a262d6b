/**
 * What a tracker is asked at each path, by method. A POST brings a JSON document, bounded before it is read.
 */

import { Fault } from '#schemas/fault.ts'
import { CONFIRMATION_PATH, NOTICES_PATH, STOP_PATH } from '#schemas/notices.ts'
import { complain, ownComplaints, reply, withdraw } from './complaints/own-complaints.ts'
import { coverageOf } from './coverage.ts'
import { findUsage, heartbeat, MOST_INT32, usagePeriod } from './find-usage.ts'
import { proveUse } from './prove-use.ts'
import type { AskedTracker } from './question-for.ts'
import { type Asking, numberIn, readQuestion, refused, valueIn } from './read-question.ts'
import type { NoticeAsker, NoticePaths, TrackerRooms } from './rooms.ts'
import { usages } from './usages.ts'

export type Question = {
  asked: AskedTracker
  asking: Asking
  search: URLSearchParams
  /** The document of a POST; undefined for a GET. */
  body: unknown
  /** The client's own id for its message (x-road-id), and the index of the message's record in our log. */
  message: { id: string; record: number }
  rooms: TrackerRooms
}

/** A Buffer is an evidence bundle, anything else a JSON document. */
type AnswerQuestion = (q: Question) => Promise<object | Buffer> | object

type Method = 'GET' | 'POST' | 'DELETE'

const MOST_INDEX = Number.MAX_SAFE_INTEGER - 1

/** A question about the complaints of the person who asks. */
const ofOwn = ({ asked, asking, search, message, rooms }: Question) => ({
  ...{ asked, message, rooms },
  person: readQuestion(search, asking, rooms.settings),
})
/** Notices are another feature's; where there is none, there is no such address. */
const noticesOf = ({ notices }: TrackerRooms): NoticePaths => {
  const there = notices()
  if (there === undefined) throw new Fault('not_found', { what: 'this server tells nobody by message' })
  return there
}

/** For oneself alone: a mandate may end, and messages would go on. */
const askerIn = ({ asked, asking, search, rooms }: Question): NoticeAsker => {
  const { period: _, ...person } = readQuestion(search, { ...asking, represented: undefined }, rooms.settings)
  return { ...asked, ...person }
}

export const PATHS: Readonly<Record<string, Readonly<Partial<Record<Method, AnswerQuestion>>>>> = {
  '/v2/findUsage': {
    GET: ({ asked, asking, search, rooms }) => {
      const page = {
        offset: numberIn(search, 'offset', { least: 0, usual: 0, most: MOST_INT32 }),
        limit: numberIn(search, 'limit', { least: 1, usual: 1000, most: MOST_INT32 }),
      }
      return findUsage(asked, readQuestion(search, asking, rooms.settings), page, rooms)
    },
  },
  '/v2/usagePeriod': { GET: ({ rooms }) => usagePeriod(rooms) },
  '/v2/heartbeat': { GET: ({ rooms }) => heartbeat(rooms) },
  '/concordat/v1/usages': {
    GET: ({ asked, asking, search, rooms }) => {
      const page = {
        cursor: valueIn(search, 'cursor'),
        limit: numberIn(search, 'limit', { least: 1, usual: 100, most: 500 }),
      }
      return usages(asked, readQuestion(search, asking, rooms.settings), page, rooms)
    },
  },
  '/concordat/v1/coverage': { GET: ({ asked, rooms }) => coverageOf(asked.subsystem, rooms) },
  '/concordat/v1/proof': {
    GET: ({ asked, asking, search, rooms }) => {
      const person = readQuestion(search, asking, rooms.settings)
      if (valueIn(search, 'record') === undefined) throw refused('record has to be given')
      const record = numberIn(search, 'record', { least: 0, usual: 0, most: MOST_INDEX })
      return proveUse(asked, person, record, rooms)
    },
  },
  '/concordat/v1/complaints': {
    GET: (q) => ownComplaints(ofOwn(q)),
    POST: (q) => complain(ofOwn(q), q.body),
  },
  '/concordat/v1/complaints/reply': { POST: (q) => reply(ofOwn(q), q.body) },
  '/concordat/v1/complaints/withdraw': { POST: (q) => withdraw(ofOwn(q), q.body) },
  [NOTICES_PATH]: {
    GET: (q) => noticesOf(q.rooms).list(askerIn(q)),
    POST: (q) => noticesOf(q.rooms).ask(askerIn(q), q.body),
    DELETE: (q) => noticesOf(q.rooms).end(askerIn(q), valueIn(q.search, 'id')),
  },
  [CONFIRMATION_PATH]: { POST: (q) => noticesOf(q.rooms).confirm(askerIn(q), q.body) },
  [STOP_PATH]: { POST: (q) => noticesOf(q.rooms).stop(q.asked.subsystem, q.body) },
}
