/**
 * Guarantees that an answer which the person sees first leaves only when it is, to the octet, the one that
 * they have released; any other is kept for them to see. Nothing leaves with it that they were not shown.
 */
import { hash } from 'node:crypto'
import { asFault, Fault } from '#schemas/fault.ts'
import { discardOnFailure } from '../message/body.ts'
import type { SeenAnswer } from '../message/seen-first.ts'
import { NotGiven } from '../peer/not-given.ts'
import { type PreviewAnswer, PreviewFault } from '../peer/previews.ts'
import type { Intent } from './log-intent.ts'
import type { FilteredAnswer } from './remove-fields.ts'
import type { ProviderRooms } from './rooms.ts'

/**
 * Throws `preview_required`, `preview_stopped` and `preview_impossible`, marked NotGiven, and
 * `service_failed`.
 */
export async function holdForPreview(
  answer: FilteredAnswer,
  intent: Intent,
  rooms: ProviderRooms,
): Promise<FilteredAnswer> {
  const { preview } = intent
  if (preview === undefined) return answer
  return discardOnFailure(answer.body, async () => {
    const { leaving, ...shown } = await shownOf(answer, intent, rooms.previews.mostBytes)
    const { question, taken } = preview
    if (taken === undefined || !(await taken.isReleased(shown).catch(notGiven)))
      throw new NotGiven(await rooms.previews.hold(question, shown).catch(afterTheAnswer))
    // The person may stop it while the call is under way.
    await taken.give().catch(notGiven)
    return { ...answer, ...leaving }
  })
}

function notGiven(cause: unknown): never {
  throw new NotGiven(afterTheAnswer(cause))
}

/**
 * The system has answered: what is said before it is asked, such as that too many answers wait, would now say
 * that it was not.
 */
function afterTheAnswer(cause: unknown): Fault {
  if (cause instanceof PreviewFault) return cause
  const { code, what, detail } = asFault(cause)
  const why = what === undefined ? code : `${code}, ${what}`
  return new Fault('preview_impossible', { what: `the answer: ${why}`, detail, cause })
}

/** A SOAP fault is a failure of the system, as a status of 500 is. */
async function shownOf(
  answer: FilteredAnswer,
  { codec, ...asked }: Intent,
  mostBytes: number,
): Promise<PreviewAnswer & Pick<SeenAnswer, 'leaving'>> {
  if (answer.status >= 500)
    throw new Fault('service_failed', { what: `it answered with status ${answer.status}` })
  const seen = await codec.seenFirst(answer, { codec, ...asked }, mostBytes)
  if ('unseen' in seen) throw unshown(seen.unseen)
  return { ...seen, digest: answerDigest(seen) }
}

/** SHA-256, hex, over status, type and octets. */
function answerDigest({ status, contentType, bytes }: Omit<PreviewAnswer, 'digest'>): string {
  return hash('sha256', JSON.stringify([status, contentType ?? null, hash('sha256', bytes)]))
}

function unshown(why: string): NotGiven {
  return new NotGiven(new Fault('preview_impossible', { what: `the answer: ${why}` }))
}
