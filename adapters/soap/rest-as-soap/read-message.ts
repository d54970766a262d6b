/**
 * Reads a SOAP message of X-Road: who asks whom for what, and the one element of its body. Attachments, other
 * charsets and headers that have to be understood and are not are refused.
 */
import { checkSoapType } from '#core/transport/soap-consistency.ts'
import { parseSoapMessage, type SoapMessage } from '#core/transport/soap-message.ts'
import { XROAD } from '#core/wsdl/collect-documents.ts'
import type { XmlElement } from '#core/xml/element.ts'
import { readTree } from '#core/xml/read-tree.ts'
import { Fault } from '#schemas/fault.ts'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const NEXT = 'http://schemas.xmlsoap.org/soap/actor/next'
const OURS: ReadonlySet<string> = new Set([XROAD, 'http://x-road.eu/xsd/representation.xsd'])
const BOUNDS = { elements: 100_000, nodes: 250_000, depth: 128, scope: 500, attributes: 100, isHuge: true }

/** The cause of a fault whose code SOAP 1.1 section 4.4.1 names. */
export const MUST_UNDERSTAND = new Error('a header had to be understood')

/** Throws `invalid_content_type`, `invalid_soap` and X-Road's other faults of messages, `invalid_input`. */
export async function readMessage(
  contentType: string | undefined,
  bytes: Buffer,
): Promise<{ message: SoapMessage; element: XmlElement }> {
  checkSoapType(contentType)
  const message = await parseSoapMessage(bytes).catch((cause: unknown) => {
    // A fault is no request.
    throw cause instanceof Fault && cause.received !== undefined ? invalid('a fault is no request') : cause
  })
  const root = await readTree(bytes, { ...BOUNDS, bytes: bytes.length, dropBlanks: true, refuse: invalid })
  const [header] = root.children.filter(({ name }) => name === 'Header')
  for (const one of header?.children ?? []) checkUnderstood(one)
  const body = root.children.find(({ name }) => name === 'Body')
  return { message, element: body!.children[0]! }
}

function checkUnderstood({ name, namespace, attributes }: XmlElement): void {
  const must = attributes.get(`{${SOAP}}mustUnderstand`)
  const actor = attributes.get(`{${SOAP}}actor`) ?? ''
  if ((must !== '1' && must !== 'true') || OURS.has(namespace) || (actor !== '' && actor !== NEXT)) return
  const what = `its header ${name.slice(0, 100)} has to be understood, and nobody here does`
  throw new Fault('invalid_soap', { what, cause: MUST_UNDERSTAND })
}

/** Without the parser's own words, which may quote the message. */
function invalid(what: string): Fault {
  return new Fault('invalid_soap', { what })
}
