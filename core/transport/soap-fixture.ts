/** What a side that exchanges SOAP checks around a message: tests do, and our servers will with their first SOAP exchange. */
import { Fault } from '#schemas/fault.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import { parseContentType } from './content-type.ts'
import type { SoapMessage, SoapService } from './soap-message.ts'

/** Throws `invalid_content_type` unless a SOAP message, alone or as the first part of several, may be of this type. */
export function checkSoapType(contentType: string | undefined): void {
  const type = contentType === undefined ? undefined : parseContentType(contentType).type
  if (type !== 'text/xml' && type !== 'application/xop+xml') {
    throw new Fault('invalid_content_type', { what: 'a SOAP message is text/xml or application/xop+xml' })
  }
}

/** Throws `inconsistent_headers` unless a response names the same client, service, id, user, issue and party. */
export function checkSoapConsistency(request: SoapMessage, response: SoapMessage): void {
  const said = (message: SoapMessage): string =>
    JSON.stringify([
      idParts(message.client),
      idParts(message.service),
      message.id,
      message.userId ?? null,
      message.issue ?? null,
      [message.representedParty?.memberClass ?? null, message.representedParty?.memberCode ?? null],
    ])
  if (said(request) !== said(response))
    throw new Fault('inconsistent_headers', { what: 'request and response' })
}

function idParts(id: SoapService | ClientId): (string | null)[] {
  const { serviceCode, serviceVersion } = id as Partial<SoapService>
  const { instance, memberClass, memberCode, subsystemCode } = id
  return [
    instance,
    memberClass,
    memberCode,
    subsystemCode ?? null,
    serviceCode ?? null,
    serviceVersion ?? null,
  ]
}
