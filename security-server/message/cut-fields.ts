/**
 * Holds what a message says against the fields that its contract allows, without stopping exchanges: a large
 * document is cut on a thread, a few at a time.
 */
import type { AllowedFields } from '#core/contract/allowed-fields.ts'
import type { Cut } from '#core/contract/cut-json.ts'
import { isJsonType } from '#core/transport/content-type.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import type { Content } from './body.ts'
import { cutDocument, type FieldQuestion, type Unreadable } from './cut-document.ts'
import { SMALL, withWhole } from './read-whole.ts'

const LIMITS: ThreadLimits = { timeMs: 30_000, oldGenerationMb: 512 }
const { run: inPlace } = createPlaces(2)

/** What stays of the message part of SOAP, attachments aside. */
export function cutSoapFields(bytes: Buffer, allowed: AllowedFields): Promise<Cut | Unreadable> {
  const question = { protocol: 'SOAP', bytes, allowed } as const
  return bytes.length <= SMALL ? cutDocument(question) : inPlace(() => cutOnThread(question))
}

/** What stays of a body that `headers` describe; its bytes are those without a content coding. */
export async function cutBodyFields(
  body: Content,
  headers: HeaderList,
  allowed: AllowedFields,
): Promise<Cut | Unreadable> {
  if (!isJsonType(headerValue(headers, 'content-type')))
    return { unreadable: 'its content type is not JSON in UTF-8' }
  return withWhole(body, headers, (bytes) => {
    const question = { protocol: 'REST', bytes, allowed } as const
    // At worst, with nothing but small items, cutting a small one takes some 50 ms; a thread takes 100 ms to
    // start.
    return bytes.length <= SMALL ? cutDocument(question) : cutOnThread(question)
  })
}

async function cutOnThread(question: FieldQuestion): Promise<Cut | Unreadable> {
  const script = new URL('./fields-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('internal_error', { what, cause })
  try {
    const answer = (await askThread({ script, question, limits: LIMITS, refuse })) as Cut | Unreadable
    return 'unreadable' in answer ? answer : { ...answer, bytes: Buffer.from(answer.bytes) }
  } catch (cause) {
    return {
      unreadable: cause instanceof Fault && cause.what !== undefined ? cause.what : 'its reader failed',
    }
  }
}
