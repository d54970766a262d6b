/**
 * Reads a SOAP message without stopping exchanges: a large document of many small elements takes libxml2 a third of a second, and who
 * sends it is not known before it is read. Such documents are read on a thread, a few at a time.
 */
import { parseSoapMessage, type SoapMessage } from '#core/transport/soap-message.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'

/** What is read at once takes some 30 ms at most; a thread takes 100 ms to start. */
const AT_ONCE = 512 * 1024
const LIMITS: ThreadLimits = { timeMs: 30_000, oldGenerationMb: 256 }
const { run: inPlace } = createPlaces(2)

/** As parseSoapMessage. */
export function readSoap(bytes: Buffer): Promise<SoapMessage> {
  if (bytes.length <= AT_ONCE) return parseSoapMessage(bytes)
  const script = new URL('./soap-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_soap', { what, cause })
  const ask = () => askThread({ script, question: bytes, limits: LIMITS, refuse })
  return inPlace(ask) as Promise<SoapMessage>
}
