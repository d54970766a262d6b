/** What a side that exchanges SOAP checks around a message (pr-mess). */
import { Fault } from '#schemas/fault.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { parseContentType } from './content-type.ts'
import type { SoapMessage, SoapService } from './soap-message.ts'

/** Names of it, one of a common slip, and one of a part of it. */
const UTF_8: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii'])

/**
 * Throws `invalid_content_type` unless a SOAP message, alone or as the first part of several, may be of this
 * type. Only UTF-8 is read: who decodes by another charset would read another text than was checked.
 */
export function checkSoapType(contentType: string | undefined): void {
  const { type, parameters } = parseContentType(contentType ?? '', 'systems')
  if (type !== 'text/xml' && type !== 'application/xop+xml') {
    throw new Fault('invalid_content_type', { what: 'a SOAP message is text/xml or application/xop+xml' })
  }
  const charset = parameters.get('charset')?.toLowerCase() ?? 'utf-8'
  if (!UTF_8.has(charset))
    throw new Fault('invalid_content_type', { what: 'a SOAP message is written in UTF-8' })
}

const PLAIN_ENCODINGS: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary'])

/**
 * Throws `invalid_content_type` when the part of a SOAP message is said to be encoded: nobody decodes it
 * here, and who does would read another message than was checked and signed.
 */
export function checkPlain(transferEncoding: string | undefined): void {
  if (transferEncoding !== undefined && !PLAIN_ENCODINGS.has(transferEncoding.trim().toLowerCase()))
    throw new Fault('invalid_content_type', {
      what: 'a SOAP message stands in its part as it is, not encoded',
    })
}

const ID_PARTS = [
  ...(['instance', 'memberClass', 'memberCode', 'subsystemCode'] as const),
  ...(['serviceCode', 'serviceVersion'] as const),
]

/**
 * The hash of the request that a response names, base64; '' when there is none, or one of another algorithm.
 */
export function requestHashIn({ requestHash }: Pick<SoapMessage, 'requestHash'>): string {
  const { algorithmId = DIGEST_URI['SHA-512'], value } = requestHash ?? { value: '' }
  return algorithmId === DIGEST_URI['SHA-512'] ? value : ''
}

/**
 * Throws `inconsistent_headers` unless a response names the same client, service, id, user, issue and party.
 */
export function checkSoapConsistency(request: SoapMessage, response: SoapMessage): void {
  const isSame = {
    client: isSameId(request.client, response.client),
    service: isSameId(request.service, response.service),
    id: request.id === response.id,
    userId: request.userId === response.userId,
    issue: request.issue === response.issue,
    representedParty: isSameParty(request.representedParty, response.representedParty),
  }
  for (const [name, same] of Object.entries(isSame)) {
    if (!same) throw new Fault('inconsistent_headers', { what: `${name} differs in request and response` })
  }
}

/** Part by part: a service of a member may have the text of one of a subsystem. */
function isSameId(one: SoapService | ClientId, other: SoapService | ClientId): boolean {
  return one === other || ID_PARTS.every((part) => partOf(one, part) === partOf(other, part))
}

function partOf(id: SoapService | ClientId, part: (typeof ID_PARTS)[number]): string | undefined {
  return (id as Partial<SoapService>)[part]
}

function isSameParty(one: SoapMessage['representedParty'], other: SoapMessage['representedParty']): boolean {
  return one?.memberClass === other?.memberClass && one?.memberCode === other?.memberCode
}
