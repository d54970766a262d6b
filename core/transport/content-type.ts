/** Content types read by one strict grammar (RFC 9110 8.3.1), so that no two readers see two boundaries. */
import { Fault } from '#schemas/fault.ts'

type ContentType = { type: string /* lower case */; parameters: ReadonlyMap<string, string> }

const MAX_LENGTH = 1_024
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
// X-Road's type of a signature part, signature/bdoc-1.0/ts, has one slash too many to be a media type.
const MEDIA_TYPE = new RegExp(`^(${TOKEN}/${TOKEN}(?:/${TOKEN})?)[ \\t]*`)
// Systems of members may leave out the quotes that RFC 2045 5.1 wants around these characters of boundaries,
// types and Content-IDs: none of them ends a value for any reader.
const BARE = "[!#$%&'*+\\-.^_`|~0-9A-Za-z:/=?@<>]+"
const parameterWith = (bare: string): RegExp =>
  new RegExp(`;[ \\t]*(?:(${TOKEN})=(?:(${bare})|"([^"\\\\\\x00-\\x1f\\x7f-\\uffff]*)")[ \\t]*)?`, 'y')
const PARAMETER = { servers: parameterWith(TOKEN), systems: parameterWith(BARE) }
// RFC 2046 5.1.1: up to 70 of these, the last one no space.
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/

/** Who wrote a type: one server to another, or the many programs of members. */
export type Dialect = keyof typeof PARAMETER

/**
 * Type and parameters; a doubled or extended (RFC 8187, `name*`) parameter, a backslash or a stray byte is
 * `invalid_content_type`.
 */
export function parseContentType(text: string, dialect: Dialect = 'servers'): ContentType {
  const media = text.length > MAX_LENGTH ? null : MEDIA_TYPE.exec(text)
  if (media === null) throw new Fault('invalid_content_type', { what: 'not a media type' })
  const parameters = new Map<string, string>()
  const pattern = PARAMETER[dialect]
  pattern.lastIndex = media[0].length
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text)
    const name = found?.[1]?.toLowerCase()
    if (found !== null && name === undefined) continue // an empty parameter means nothing
    if (found === null || name === undefined || name.includes('*') || parameters.has(name)) {
      throw new Fault('invalid_content_type', { what: 'a parameter is malformed or repeated' })
    }
    parameters.set(name, found[2] ?? found[3] ?? '')
  }
  return { type: (media[1] as string).toLowerCase(), parameters }
}

/** Whether it says that the content is JSON in UTF-8 (RFC 8259 11, RFC 6839 3.1). */
export function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return false
  try {
    const { type, parameters } = parseContentType(contentType)
    const isNamed = type === 'application/json' || type === 'text/json' || type.endsWith('+json')
    return isNamed && (parameters.get('charset') ?? 'utf-8').toLowerCase() === 'utf-8'
  } catch {
    return false
  }
}

/**
 * The boundary of a multipart content type; `invalid_content_type` for another type, `mime_parsing_failed`
 * without a proper boundary.
 */
export function boundaryOf(contentType: string, dialect?: Dialect): string {
  const { type, parameters } = parseContentType(contentType, dialect)
  if (!type.startsWith('multipart/')) throw new Fault('invalid_content_type', { what: 'multipart is needed' })
  const boundary = parameters.get('boundary')
  if (boundary === undefined || !BOUNDARY.test(boundary)) {
    throw new Fault('mime_parsing_failed', { what: 'the boundary is missing or malformed' })
  }
  return boundary
}

const NAMED = /^[a-z0-9.+-]{1,40}\/[a-z0-9.+-]{1,40}/i

/**
 * The type in lower case to name in a fault, `none` if there is none. Without its parameters: they are text
 * of the other side.
 */
export function namedType(contentType: string | undefined): string {
  return NAMED.exec(contentType ?? '')?.[0].toLowerCase() ?? 'none'
}
