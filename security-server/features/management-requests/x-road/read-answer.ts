/**
 * Reads the answer of an X-Road central server to a management request: the number of the request, or why it
 * was refused. Guarantees that the answer is about our request.
 */
import { namedType } from '#core/transport/content-type.ts'
import { parseSoapFault } from '#core/transport/fault-xml.ts'
import { checkSoapConsistency } from '#core/transport/soap-consistency.ts'
import { withSoapDocument } from '#core/transport/soap-document.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { Fault } from '#schemas/fault.ts'
import type { CentralServerAnswer } from '../../../global-configuration/registration/client.ts'

const XROAD = 'http://x-road.eu/xsd/xroad.xsd'

/**
 * Throws `registration_refused` with the central server's fault, and `registration_unavailable` for an answer
 * that is not from a registration service, or not about this request; then it is not known whether the
 * request was filed.
 */
export async function readFilingAnswer(soap: Buffer, answer: CentralServerAnswer): Promise<number> {
  const fault = parseSoapFault(answer.bytes)
  if (fault !== undefined) {
    const { type, message, detail } = fault
    const what = `${printable(type, 60)}: ${printable(message, 500)}`
    throw new Fault('registration_refused', {
      what,
      ...(detail === '' ? {} : { detail: printable(detail, 100) }),
    })
  }
  const type = namedType(answer.contentType)
  if (answer.status !== 200 || type !== 'text/xml')
    throw unavailable(`it answered ${answer.status}, content type ${type}`)
  try {
    const response = await parseSoapMessage(answer.bytes)
    checkSoapConsistency(await parseSoapMessage(soap), response)
    if (!response.isResponse) throw unavailable('its answer is no response')
    return await withSoapDocument(answer.bytes, (envelope) => {
      const content = envelope.children().at(-1)?.children()[0]
      const number = content
        ?.children()
        .find(({ name, namespace }) => name === 'requestId' && namespace === XROAD)
      const text = number?.text().trim() ?? ''
      if (!/^\d{1,15}$/.test(text)) throw unavailable('its answer has no number of a request')
      return Number(text)
    })
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'registration_unavailable') throw cause
    throw unavailable('its answer is not about this request', cause)
  }
}

function printable(text: string, most: number): string {
  return text.replace(/\p{Cc}/gu, ' ').slice(0, most)
}

function unavailable(what: string, cause?: unknown): Fault {
  return new Fault('registration_unavailable', { what, cause })
}
