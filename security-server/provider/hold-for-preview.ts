/**
 * Guarantees that an answer which the person sees first leaves only when it is, to the octet, the one that they have released; any other
 * is kept for them to see. Of its head only status and type leave: nobody is shown
 * the rest.
 */
import { hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { headerValue, headerValues } from '#core/transport/header-list.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { discardOnFailure } from '../message/body.ts'
import { NotGiven } from '../peer/not-given.ts'
import { type PreviewAnswer, PreviewFault } from '../peer/previews.ts'
import type { Intent } from './log-intent.ts'
import type { FilteredAnswer } from './remove-fields.ts'
import type { ProviderRooms } from './rooms.ts'

/** Throws `preview_required`, `preview_stopped` and `preview_impossible`, marked NotGiven, and `service_failed`. */
export async function holdForPreview(
  answer: FilteredAnswer,
  intent: Intent,
  rooms: ProviderRooms,
): Promise<FilteredAnswer> {
  const { preview } = intent
  if (preview === undefined) return answer
  return discardOnFailure(answer.body, async () => {
    const shown = await shownOf(answer, rooms.previews.mostBytes)
    const { question, taken } = preview
    if (taken === undefined || !(await taken.isReleased(shown).catch(notGiven)))
      throw new NotGiven(await rooms.previews.hold(question, shown).catch(afterTheAnswer))
    // The person may stop it while the call is under way.
    await taken.give().catch(notGiven)
    const headers: FilteredAnswer['headers'] =
      shown.contentType === undefined ? [] : [['Content-Type', shown.contentType]]
    return { ...answer, headers, reason: '' }
  })
}

function notGiven(cause: unknown): never {
  throw new NotGiven(afterTheAnswer(cause))
}

/** The system has answered: what is said before it is asked, such as that too many answers wait, would now say that it was not. */
function afterTheAnswer(cause: unknown): Fault {
  if (cause instanceof PreviewFault) return cause
  const { code, what, detail } = asFault(cause)
  const why = what === undefined ? code : `${code}, ${what}`
  return new Fault('preview_impossible', { what: `the answer: ${why}`, detail, cause })
}

async function shownOf({ status, headers, body }: FilteredAnswer, mostBytes: number): Promise<PreviewAnswer> {
  if (status >= 500) throw new Fault('service_failed', { what: `it answered with status ${status}` })
  const types = headerValues(headers, 'content-type')
  const coding = headerValue(headers, 'content-encoding') ?? 'identity'
  if (types.length > 1 || coding !== 'identity') throw unshown('its type is unclear, or it is coded')
  if (body !== undefined && body.size > mostBytes) throw unshown(`it has more than ${mostBytes} octets`)
  const bytes = body === undefined ? Buffer.alloc(0) : (body.bytes ?? (await buffer(body.open())))
  const [contentType] = types
  return { status, contentType, bytes, digest: answerDigest({ status, contentType, bytes }) }
}

/** SHA-256, hex, over status, type and octets. */
function answerDigest({ status, contentType, bytes }: Omit<PreviewAnswer, 'digest'>): string {
  return hash('sha256', JSON.stringify([status, contentType ?? null, hash('sha256', bytes)]))
}

function unshown(why: string): NotGiven {
  return new NotGiven(new Fault('preview_impossible', { what: `the answer: ${why}` }))
}
