/** The sender that a message claims: the client of a request, the provider of a response. */
import { readReceipt, signerOf } from '#core/delivery/receipt.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { parseRestResponse } from '#core/transport/rest-response.ts'
import { isSoapMessage } from '#core/transport/soap-document.ts'
import { parseSoapMessage } from '#core/transport/soap-message.ts'
import { type ClientId, subsystemOf } from '#schemas/identifiers.ts'

const STATUS_LINE = /^\d{3}\r?\n/

/** The first octet of a receipt of a delivery, and of no REST message. */
const OBJECT = 0x7b

/**
 * Reads a REST or SOAP message, or a receipt, as strictly as a security server does; throws the faults of
 * their readers.
 */
export async function senderOf(message: Buffer): Promise<ClientId> {
  if (isSoapMessage(message)) {
    const soap = await parseSoapMessage(message)
    return soap.isResponse ? providerOf(soap.service) : soap.client
  }
  if (message[0] === OBJECT) return signerOf(readReceipt(message))
  const isResponse = STATUS_LINE.test(message.toString('latin1', 0, 8))
  return isResponse ? subsystemOf(parseRestResponse(message).service) : parseRestRequest(message).client
}

function providerOf({ instance, memberClass, memberCode, subsystemCode }: ClientId): ClientId {
  return { instance, memberClass, memberCode, subsystemCode }
}
