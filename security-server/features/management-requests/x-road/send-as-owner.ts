/**
 * Carries one of X-Road's management requests to the management services as a message of the server's owner.
 * Guarantees that the central server's refusal is told apart from the words of a security server on the way,
 * after which it may be unknown whether the request was filed.
 */

import { writeSoapFault } from '#core/transport/fault-xml.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { headerValue } from '#core/transport/header-list.ts'
import { asFault, Fault, isCodeOfServers } from '#schemas/fault.ts'
import type { CentralServerAnswer, PostMessage } from '../../../global-configuration/registration/client.ts'
import type { Content } from '../../../message/body.ts'

/** The way of a message for a person of the operator; throws the fault that a client system would get. */
export type SendForOperator = (request: {
  protocol: 'SOAP'
  method: string
  url: string
  headers: HeaderList
  body: Buffer
}) => Promise<{ status: number; headers: HeaderList; body: Content | undefined }>

/** An answer of ours and of X-Road's has a few hundred bytes more than its request. */
const MAX_BYTES = 512 * 1024

/** Throws as the exchange does; `peer_fault` with code and text for what another security server said. */
export function createSendAsOwner(send: SendForOperator): PostMessage {
  return async (contentType, body) => {
    const headers: HeaderList = [
      ['Content-Type', contentType],
      ['SOAPAction', '""'],
    ]
    try {
      const answer = await send({ protocol: 'SOAP', method: 'POST', url: '/', headers, body })
      const type = headerValue(answer.headers, 'content-type') ?? ''
      return { status: answer.status, contentType: type, bytes: await bytesOf(answer.body) }
    } catch (thrown) {
      return faultOfSystem(asFault(thrown))
    }
  }
}

/** The fault of the management services as their answer. Throws every other one. */
function faultOfSystem(fault: Fault): CentralServerAnswer {
  const { received } = fault
  if (received === undefined) throw fault
  const { type, message, detail } = received
  if (!isCodeOfServers(type)) return { status: 500, contentType: 'text/xml', bytes: writeSoapFault(received) }
  throw new Fault('peer_fault', { what: `${type}: ${message}`, detail, cause: fault })
}

async function bytesOf(content: Content | undefined): Promise<Buffer> {
  if (content === undefined) return Buffer.alloc(0)
  if (content.bytes !== undefined) return content.bytes
  if (content.size > MAX_BYTES)
    throw new Fault('registration_unavailable', { what: "its answer is larger than any of X-Road's" })
  return Buffer.concat(await content.open().toArray())
}
