/**
 * What a provider's server signs when its system answered with a SOAP fault of its own: to which request, and
 * with which document, as bytes that both sides can write alike. It says nothing of whether the request was
 * carried out.
 */
import { Fault } from '#schemas/fault.ts'
import { parseSoapFault } from './fault-xml.ts'

const VERSION = 'concordat-fault-v1'
const HEAD_END = '\r\n\r\n'
const HEAD = new RegExp(`^${VERSION}\r\n([^\r\n]+)\r\n([A-Za-z0-9+/]+={0,2})$`)

/**
 * Three CRLF-ended lines, version, request id and request hash (base64), an empty line, and the document as
 * it was sent.
 */
export function faultStatement(q: { requestId: string; requestHash: string; document: Buffer }): Buffer {
  const lines = [VERSION, q.requestId.replace(/[\r\n]/g, ' '), q.requestHash]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}${HEAD_END}`), q.document])
}

/** Whether the bytes begin as a statement of a system's fault does. */
export function isFaultStatement(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, VERSION.length + 2) === `${VERSION}\r\n`
}

/**
 * What a statement says; throws `invalid_message` for anything that `faultStatement` does not write of a SOAP
 * fault.
 */
export function readFaultStatement(bytes: Buffer): { requestId: string; requestHash: string } {
  const end = bytes.indexOf(HEAD_END)
  const [, requestId, requestHash] = HEAD.exec(bytes.toString('utf8', 0, Math.max(0, end))) ?? []
  if (requestId === undefined || requestHash === undefined)
    throw new Fault('invalid_message', { what: "it is no statement of a system's fault" })
  if (parseSoapFault(bytes.subarray(end + HEAD_END.length)) === undefined)
    throw new Fault('invalid_message', { what: 'it states what is no SOAP fault' })
  return { requestId, requestHash }
}
