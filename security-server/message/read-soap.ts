/**
 * Reads a SOAP message without stopping exchanges: a large document of many small elements takes libxml2 a
 * third of a second, and who sends it is not known before it is read. Such documents are read on a thread, a
 * few at a time.
 */
import { parseSoapMessage, type SoapMessage } from '#core/transport/soap-message.ts'
import { digestWithoutHeader } from '#core/transport/soap-without-header.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import type { SoapQuestion } from './soap-worker.ts'

/** What is read at once takes some 30 ms at most; a thread takes 100 ms to start. */
const AT_ONCE = 512 * 1024
const LIMITS: ThreadLimits = { timeMs: 30_000, oldGenerationMb: 256 }
const { run: inPlace } = createPlaces(2)

/** As parseSoapMessage. */
export function readSoap(bytes: Buffer): Promise<SoapMessage> {
  return bytes.length <= AT_ONCE ? parseSoapMessage(bytes) : (onThread('read', bytes) as Promise<SoapMessage>)
}

/** As digestWithoutHeader. */
export function digestBesideHeader(bytes: Buffer): Promise<string> {
  return bytes.length <= AT_ONCE ? digestWithoutHeader(bytes) : (onThread('digest', bytes) as Promise<string>)
}

function onThread(act: SoapQuestion['act'], bytes: Buffer): Promise<unknown> {
  const question: SoapQuestion = { act, bytes }
  const script = new URL('./soap-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_soap', { what, cause })
  const ask = () => askThread({ script, question, limits: LIMITS, refuse })
  return inPlace(ask)
}
