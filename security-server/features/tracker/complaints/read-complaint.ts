/** Reads what a person writes in a complaint. Whatever else stands in the document is refused. */
import {
  COMPLAINT_REASONS,
  COMPLAINT_TEXT,
  type ComplaintReason,
  type NewComplaint,
} from '#schemas/find-usage.ts'
import { refused } from '../read-question.ts'
import type { MeantUse } from '../rooms.ts'

export type GivenComplaint = { use: MeantUse; reason: ComplaintReason; text: string; wantsAnswer: boolean }

/** Line breaks and tabs are text. */
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\p{Cs}\p{Noncharacter_Code_Point}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
const MOST_ID = 255
const NUMBER = /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/

/** Throws `invalid_request`. */
export function readComplaint(body: unknown): GivenComplaint {
  const given = fieldsOf<NewComplaint>(body, [
    'record',
    'messageId',
    'requestId',
    'reason',
    'text',
    'wantsAnswer',
  ])
  const { reason, wantsAnswer = true } = given
  const known = COMPLAINT_REASONS.find((one) => one === reason)
  if (known === undefined) throw refused(`reason is one of ${COMPLAINT_REASONS.join(', ')}`)
  if (typeof wantsAnswer !== 'boolean') throw refused('wantsAnswer is true or false')
  const text = given.text === undefined ? '' : textIn(given.text)
  if (text === '' && known === 'other') throw refused('text has to say what is strange')
  return { use: useIn(given), reason: known, text, wantsAnswer }
}

/** Throws `invalid_request`. */
export function readReply(body: unknown): { number: string; text: string } {
  const { number, text } = fieldsOf<{ number: string; text: string }>(body, ['number', 'text'])
  const read = textIn(text)
  if (read === '') throw refused('text has to be given')
  return { number: numberIn(number), text: read }
}

/** Throws `invalid_request`. */
export function readWithdrawal(body: unknown): { number: string } {
  return { number: numberIn(fieldsOf<{ number: string }>(body, ['number']).number) }
}

function useIn({ record, messageId, requestId }: Partial<Record<keyof NewComplaint, unknown>>): MeantUse {
  if (record !== undefined) {
    if (messageId !== undefined || requestId !== undefined)
      throw refused('the use is named by record, or by messageId and requestId')
    if (!Number.isSafeInteger(record) || (record as number) < 0)
      throw refused('record is an index of the log')
    return { record: record as number }
  }
  if (!isId(messageId) || !isId(requestId))
    throw refused('the use has to be named by record, or by messageId and requestId')
  return { messageId, requestId }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MOST_ID
}

function textIn(value: unknown): string {
  if (typeof value !== 'string') throw refused('text is a text')
  const text = value.replace(/\r\n?/g, '\n').trim()
  if (text.length > COMPLAINT_TEXT) throw refused(`text has at most ${COMPLAINT_TEXT} characters`)
  if (UNSEEN.test(text)) throw refused('text has signs that nobody sees')
  return text
}

function numberIn(value: unknown): string {
  if (typeof value !== 'string' || !NUMBER.test(value)) throw refused('number is that of a complaint')
  return value
}

/** Throws `invalid_request` for what is no object of these fields. */
function fieldsOf<T>(body: unknown, names: (keyof T & string)[]): Partial<Record<keyof T, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw refused('an object has to be given')
  const other = Object.keys(body).find((name) => !(names as string[]).includes(name))
  if (other !== undefined) throw refused(`the document has ${names.join(', ')} and nothing else`)
  return body as Partial<Record<keyof T, unknown>>
}
