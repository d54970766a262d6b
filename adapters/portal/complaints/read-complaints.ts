/** Reads complaints as a system tells them. What is none as the description says it is left out. */
import {
  COMPLAINT_REASONS,
  COMPLAINT_TEXT,
  type ComplaintFinding,
  type ComplaintState,
} from '#schemas/find-usage.ts'
import type { System } from '../asking/find-systems.ts'
import type { Names } from '../asking/names.ts'
import { isObject, listOf, partyOf, timeOf } from '../asking/read-usages.ts'
import type { Complaint } from './complaint.ts'

const NUMBER = /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/
const STATES: readonly ComplaintState[] = ['received', 'seen', 'answered', 'closed']
const FINDINGS: readonly ComplaintFinding[] = ['justified', 'not-justified', 'cannot-be-said', 'withdrawn']
const MOST_ID = 255
const MOST_TEXTS = 100
/** An answer of an auditor may be longer than what a person writes. */
const MOST_TEXT = 2 * COMPLAINT_TEXT

export function isNumber(value: unknown): value is string {
  return typeof value === 'string' && NUMBER.test(value)
}

/** Undefined for what is no complaint. */
export function readComplaint(told: System, given: unknown, names: Names): Complaint | undefined {
  if (!isObject(given)) return undefined
  const { number, messageId, wantsAnswer } = given
  const [client, service] = [partyOf(given['client'], 4, names), partyOf(given['service'], 6, names)]
  const [usedAt, receivedAt, dueAt] = ['usedAt', 'receivedAt', 'dueAt'].map((name) => timeOf(given[name]))
  const reason = COMPLAINT_REASONS.find((one) => one === given['reason'])
  const state = STATES.find((one) => one === given['state'])
  const finding = FINDINGS.find((one) => one === given['finding'])
  if (!isNumber(number) || client === undefined || service === undefined || reason === undefined)
    return undefined
  if (usedAt === undefined || receivedAt === undefined || dueAt === undefined || state === undefined)
    return undefined
  if (typeof messageId !== 'string' || messageId.length > MOST_ID) return undefined
  const times = Object.fromEntries(
    ['seenAt', 'answeredAt', 'closedAt'].flatMap((name) => {
      const time = timeOf(given[name])
      return time === undefined ? [] : [[name, time]]
    }),
  )
  return {
    ...{ told, number, messageId, usedAt, client, service, reason, state, receivedAt, dueAt, ...times },
    wantsAnswer: wantsAnswer === true,
    ...(finding !== undefined && { finding }),
    texts: listOf(given['texts']).slice(0, MOST_TEXTS).flatMap(textIn),
  }
}

function textIn(given: unknown): Complaint['texts'] {
  if (!isObject(given)) return []
  const { by, text, isLost } = given
  const at = timeOf(given['at'])
  if ((by !== 'person' && by !== 'agency') || at === undefined || typeof text !== 'string') return []
  return [{ by, at, text: text.slice(0, MOST_TEXT), isLost: isLost === true }]
}
