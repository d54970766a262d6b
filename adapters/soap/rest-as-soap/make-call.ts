/** The call that a request makes: no value leaves its place, and numbers keep their digits. */
import type { SystemCall } from '#adapters/kit/system/open-system.ts'
import type { SoapMessage } from '#core/transport/soap-message.ts'
import { Fault } from '#schemas/fault.ts'
import { encodeSegment, idText } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { IN_BRACES, valueAt } from './places.ts'
import type { Planned } from './plan-operations.ts'

/** A slash in a value, however often somebody behind us may decode it. */
const SLASH = /%(?:25)*2f/i
const NOTHING_OR_DOTS = /^(?:\.|%(?:25)*2e){0,2}$/i
/** A backslash, which some take for a slash, and control characters. */
const UNFIT = /%(?:25)*(?:5c|[01][0-9a-f]|7f)/i
/** RFC 9110 section 5.5: what a header carries in the same way for everybody. */
const FIELD_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
const MAX_HEADER = 1000

/**
 * `before` stands before the path of the mapping: that of the service at a security server. Throws
 * `invalid_input`.
 */
export function makeCall(
  planned: Planned,
  request: unknown,
  message: SoapMessage,
  before: string,
): SystemCall {
  const { mapped } = planned
  const path = mapped.path.replace(IN_BRACES, (_, place: string) => {
    const value = valueAt(request, place)
    if (value === undefined || value === null || value === '') throw wrong(place, 'is missing')
    return encoded(place, value)
  })
  // A slash ends none of them, since it is encoded: but a proxy may decode it, and then none may lead
  // elsewhere.
  const isSegment = (segment: string): boolean =>
    !UNFIT.test(segment) && !segment.split(SLASH).some((part) => NOTHING_OR_DOTS.test(part))
  if (!path.split('/').slice(1).every(isSegment))
    throw new Fault('invalid_input', { what: 'a value is no segment of a path' })
  const pairs = Object.entries(mapped.query).flatMap(([name, place]) =>
    [valueAt(request, place) ?? []].flat().map((one) => {
      if (one === null) throw wrong(place, 'is nil, which a query cannot say')
      return `${encodeURIComponent(name)}=${encoded(place, one)}`
    }),
  )
  const body = bodyOf(planned, request)
  return {
    method: mapped.method,
    target: `${before}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`,
    headers: {
      ...headersOf(message),
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body,
  }
}

function bodyOf({ body, taken, mapped }: Planned, request: unknown): Buffer | undefined {
  if (body === 'none') return undefined
  const value =
    body === 'whole'
      ? request
      : body === 'rest'
        ? restOf(request, taken, mapped.leftOut)
        : valueAt(request, body.from)
  if (value === undefined) throw wrong(typeof body === 'object' ? body.from : '', 'is missing')
  return Buffer.from(JSON.stringify(value))
}

function restOf(request: unknown, taken: ReadonlySet<string>, leftOut: string[]): unknown {
  if (typeof request !== 'object' || request === null || JSON.isRawJSON(request)) return request
  return Object.fromEntries(
    Object.entries(request).filter(([name]) => !taken.has(name) && !leftOut.includes(name)),
  )
}

/** X-Road's headers of REST (message protocol for REST, section 4), of those of SOAP. */
function headersOf(message: SoapMessage): Record<string, string> {
  const { client, id, userId, issue, representedParty: party, securityServer } = message
  const given: [string, string, string | undefined][] = [
    ['client', HEADER.client, idText(client)],
    ['id', HEADER.id, id],
    ['userId', HEADER.userId, userId],
    ['issue', HEADER.issue, issue],
    ['securityServer', HEADER.securityServer, securityServer && idText(securityServer)],
    [
      'representedParty',
      HEADER.representedParty,
      party && [party.memberClass ?? [], party.memberCode].flat().map(encodeSegment).join('/'),
    ],
  ]
  const headers: Record<string, string> = {}
  for (const [name, header, value] of given) {
    if (value === undefined) continue
    if (!FIELD_VALUE.test(value) || value.length > MAX_HEADER)
      throw new Fault('invalid_input', { what: `${name} in the header is no plain text, which REST needs` })
    headers[header] = value
  }
  return headers
}

/** Of what the schema has read: a text, a number with its digits, a truth. */
function encoded(place: string, value: unknown): string {
  const text = JSON.isRawJSON(value) ? value.rawJSON : String(value)
  try {
    return encodeURIComponent(text).replaceAll("'", '%27')
  } catch {
    throw wrong(place, 'holds half a character')
  }
}

function wrong(place: string, what: string): Fault {
  return new Fault('invalid_input', { what: `${place === '' ? 'the request' : place} ${what}` })
}
