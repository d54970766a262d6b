/**
 * Guarantees that no field of the answer that the contract does not name is signed or leaves. The system was
 * called: an answer that cannot be held against the fields is its failure.
 */
import type { FieldRule } from '#core/contract/allowed-fields.ts'
import type { Cut } from '#core/contract/cut-json.ts'
import { headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { type Body, discardOnFailure } from '../message/body.ts'
import type { Unreadable } from '../message/cut-document.ts'
import { cutBodyFields, cutSoapFields } from '../message/cut-fields.ts'
import type { SystemAnswer } from '../message/message.ts'
import type { FieldsOnRecord } from '../peer/fields-on-record.ts'
import type { Intent } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'

/** Under a contract that names fields of the response: with what was removed. */
export type FilteredAnswer = SystemAnswer & { fields?: FieldsOnRecord }

/** They speak of the bytes that the system wrote, and a digest of what was removed would tell of it. */
const OF_THE_WHOLE = new Set([
  ...['content-digest', 'content-length', 'content-md5', 'digest', 'etag', 'repr-digest'],
])

/** What comes with `fields` was held against the contract where it was made. Throws `service_failed`. */
export async function removeFields(
  answer: FilteredAnswer,
  intent: Intent,
  rooms: ProviderRooms,
): Promise<FilteredAnswer> {
  const rule = intent.terms.fields?.response
  if (rule === undefined || answer.fields !== undefined) return answer
  return discardOnFailure(answer.body, () =>
    intent.request.protocol === 'SOAP'
      ? removeFromSoap(answer, rule, intent)
      : removeFromBody(answer, rule, intent, rooms),
  )
}

async function removeFromSoap(
  answer: SystemAnswer,
  rule: FieldRule,
  intent: Intent,
): Promise<FilteredAnswer> {
  const { message, body } = answer
  if (body !== undefined) throw unheld('it has attachments', intent)
  if (message === undefined) return answer
  const { bytes, removed } = held(await cutSoapFields(message.bytes, rule.allowed), intent)
  return { ...answer, message: { ...message, bytes }, fields: { rule: rule.digest, removed } }
}

async function removeFromBody(
  answer: SystemAnswer,
  rule: FieldRule,
  intent: Intent,
  rooms: ProviderRooms,
): Promise<FilteredAnswer> {
  const { body, headers } = answer
  // Of HEAD or 304: what speaks of the text that was not sent would tell of what is removed from it.
  if (body === undefined || body.size === 0)
    return { ...answer, headers: headers.filter(([name]) => !isOfTheWhole(name)) }
  if (isPart(answer)) throw unheld('it is a part of an answer', intent)
  const { bytes, removed } = held(await cutBodyFields(body, headers, rule.allowed), intent)
  const fields = { rule: rule.digest, removed }
  const isCoded = headerValue(headers, 'content-encoding') !== undefined
  if (removed.count === 0 && !isCoded) return { ...answer, fields }
  const left = await spooled(bytes, rooms)
  await body.discard()
  const dropped = (name: string): boolean => name.toLowerCase() === 'content-encoding' || isOfTheWhole(name)
  return { ...answer, headers: headers.filter(([name]) => !dropped(name)), body: left, fields }
}

function isOfTheWhole(name: string): boolean {
  return OF_THE_WHOLE.has(name.toLowerCase())
}

/**
 * Of a range (RFC 9110 section 14) nobody knows in which field it begins. An error may tell a range and be
 * whole.
 */
function isPart({ status, headers }: SystemAnswer): boolean {
  return status === 206 || (status < 300 && headerValue(headers, 'content-range') !== undefined)
}

async function spooled(bytes: Buffer, { messageLog, limits }: ProviderRooms): Promise<Body> {
  const writer = messageLog.spool.begin({ maxBytes: limits.maxBodyBytes })
  try {
    await writer.write(bytes)
    return await writer.end()
  } catch (cause) {
    await writer.abort()
    throw cause
  }
}

function held(cut: Cut | Unreadable, intent: Intent): Cut {
  if ('unreadable' in cut) throw unheld(cut.unreadable, intent)
  return cut
}

function unheld(why: string, { request, terms }: Intent): Fault {
  const what = `${idText(request.service)}: its answer cannot be held against the fields of contract ${terms.contract}: ${why}`
  return new Fault('service_failed', { what })
}
