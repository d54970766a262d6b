/**
 * Reads what systems answer about answers that wait, which may be broken, or lie; what is no preview of the
 * system is left out.
 */
import { isPlainText } from '#platform/plain-text.ts'
import { PREVIEW_STATES } from '#schemas/previews.ts'
import type { System } from '../asking/find-systems.ts'
import type { Names } from '../asking/names.ts'
import { isObject, partyOf, subsystemOf, timeOf } from '../asking/read-usages.ts'
import { isServer } from '../consents/read-consents.ts'
import type { Preview } from './preview.ts'

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DIGEST = /^[0-9a-f]{64}$/
const MOST_TEXT = 2_000
/** Base64 of more than a provider's server keeps. */
const MOST_CONTENT = 1_000_000

export function readPreview(told: System, given: unknown, names: Names): Preview | undefined {
  if (!isObject(given) || !isObject(given['contract'])) return undefined
  const { number, purpose, legalBasis, contract } = given
  const { title } = contract as { title?: unknown }
  const state = PREVIEW_STATES.find((one) => one === given['state'])
  const client = partyOf(given['client'], 4, names)
  const [askedAt, validUntil] = [timeOf(given['askedAt']), timeOf(given['validUntil'])]
  const [decidedAt, givenAt] = [timeOf(given['decidedAt']), timeOf(given['givenAt'])]
  const texts = [title, purpose, legalBasis]
  if (typeof number !== 'string' || !UUID.test(number) || state === undefined || client === undefined)
    return undefined
  if (!texts.every((text): text is string => isPlainText(text, MOST_TEXT))) return undefined
  if (askedAt === undefined || validUntil === undefined) return undefined
  if (subsystemOf(partyOf(given['service'], 6, names)) !== told.id) return undefined
  const answer = state === 'WAITING' ? answerIn(given['answer']) : undefined
  return {
    ...{ told, number, state, client, contract: { title: texts[0]! }, askedAt, validUntil },
    ...{ purpose: texts[1]!, legalBasis: texts[2]! },
    ...(isServer(given['keptAt']) && { server: given['keptAt'] }),
    ...(decidedAt !== undefined && { decidedAt }),
    ...(givenAt !== undefined && { givenAt }),
    ...(answer !== undefined && { answer }),
  }
}

function answerIn(given: unknown): Preview['answer'] {
  if (!isObject(given)) return undefined
  const { status, contentType = '', content, digest } = given
  if (typeof content !== 'string' || content.length > MOST_CONTENT) return undefined
  if (typeof digest !== 'string' || !DIGEST.test(digest)) return undefined
  if (!Number.isInteger(status) || (contentType !== '' && !isPlainText(contentType, 255))) return undefined
  const bytes = Buffer.from(content, 'base64')
  return { status: status as number, contentType: contentType as string, bytes, digest }
}
