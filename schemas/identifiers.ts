/**
 * The identifiers of X-Road (message protocol for REST, section 4.1) and their canonical text form:
 * percent-encoded segments joined by '/', "DEV/GOV/1234/population". Equal identifiers have equal texts, so
 * the text form serves as a map key.
 */
import { Fault } from './fault.ts'
import { say } from './said.ts'

/** An organisation: instance, member class, member code. */
export type MemberId = { instance: string; memberClass: string; memberCode: string }

/** An information system of a member. */
export type SubsystemId = MemberId & { subsystemCode: string }

/** A client: a member or one of its subsystems. */
export type ClientId = MemberId & { subsystemCode?: string | undefined }

/** A service of a subsystem; what a security server tells of itself is a service of its owner, a member. */
export type ServiceId = ClientId & { serviceCode: string; serviceVersion?: string | undefined }

/** A security server, identified by its owner and a code. */
export type ServerId = MemberId & { serverCode: string }

const PLAIN = /^[A-Za-z0-9\-._~]+$/
const PCHAR = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+$/
// X-Road only warns about these characters (control characters, separators, invisible marks); we refuse them:
// docs/divergences.md. Of surrogates only half a pair is matched.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f%:;/\\\u200b\ufeff\ud800-\udfff]/u
// Characters that XML does not allow, that are invisible, or that make one code look like another. Joiners
// are allowed; some scripts need them.
const UNFIT =
  /[\u00ad\u061c\u115f\u1160\u180e\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\uffa0\ufff0-\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\u034f|\u17b4|\u17b5|\p{Noncharacter_Code_Point}/u
const MAX_LENGTH = 255

/** Percent-encodes one identifier segment as RFC 3986 pchar, keeping unreserved, sub-delims, ':' and '@'. */
export function encodeSegment(segment: string): string {
  // True for nearly every code; this runs for each identifier of each exchange.
  if (PLAIN.test(segment)) return segment
  return encodeURIComponent(segment).replace(/%(24|26|2B|2C|3B|3D|3A|40)/g, (encoded) =>
    String.fromCharCode(Number.parseInt(encoded.slice(1), 16)),
  )
}

/**
 * Decodes one segment of a path or header; throws `invalid_client_identifier` for anything but well-formed
 * UTF-8 pchars.
 */
export function decodeSegment(segment: string): string {
  if (PLAIN.test(segment)) return checkCode(segment)
  if (!PCHAR.test(segment)) throw malformed(segment)
  try {
    return checkCode(decodeURIComponent(segment))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw malformed(segment, cause)
  }
}

/**
 * Returns `code` if an identifier may contain it: 1 to 255 characters, none of X-Road's forbidden ones, not a
 * dot segment. Throws `invalid_client_identifier`.
 */
export function checkCode(code: string): string {
  if (
    code.length === 0 ||
    code.length > MAX_LENGTH ||
    FORBIDDEN.test(code) ||
    code === '.' ||
    code === '..'
  ) {
    throw malformed(code)
  }
  return code
}

/**
 * Returns `code` if something new may have it. Existing codes of other instances may be less strict: see
 * `checkCode`.
 */
export function checkNewCode(code: string): string {
  if (code.trim() !== code || UNFIT.test(code)) {
    throw new Fault('invalid_client_identifier', {
      what: say`a code has no space at its ends, no invisible or direction marks and only characters of XML`,
    })
  }
  return checkCode(code)
}

function malformed(segment: string, cause?: unknown): Fault {
  const what = say`the identifier segment ${JSON.stringify(segment.slice(0, 40))} is not allowed`
  return new Fault('invalid_client_identifier', { what, cause })
}

function segments(text: string, least: number, most: number): string[] {
  const parts = text.split('/')
  if (parts.length < least || parts.length > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`
    throw new Fault('invalid_client_identifier', {
      what: say`${wanted} segments are needed, ${parts.length} were given`,
    })
  }
  return parts.map(decodeSegment)
}

/** Nearly all messages name the same few. */
const MOST_KNOWN = 1024
const LONGEST_KNOWN = 512
const clients = new Map<string, ClientId>()
const services = new Map<string, ServiceId>()
const servers = new Map<string, ServerId>()
/** Of identifiers that cannot change, so that the text of each is made once, and what it belongs to. */
const texts = new WeakMap<object, string>()
const members = new WeakMap<object, MemberId>()
const subsystems = new WeakMap<object, ClientId>()

/** One object for each text; nobody may change it, for it stands in many messages. */
function known<T>(those: Map<string, T>, text: string, read: (text: string) => T): T {
  const before = those.get(text)
  if (before !== undefined) return before
  if (text.length > LONGEST_KNOWN) return Object.freeze(read(text))
  // In memory of its own: a piece of a text keeps all of the text, which may be a message.
  const own = JSON.parse(JSON.stringify(text)) as string
  const id = Object.freeze(read(own))
  if (those.size === MOST_KNOWN) those.clear()
  those.set(own, id)
  return id
}

/** What `make` makes of the identifier, made once when it cannot change. */
function madeOnce<T>(those: WeakMap<object, T>, id: MemberId, make: () => T): T {
  const before = those.get(id)
  if (before !== undefined) return before
  const made = make()
  if (Object.isFrozen(id)) those.set(id, Object.freeze(made))
  return made
}

/** Reads "INSTANCE/CLASS/CODE". */
export function parseMemberId(text: string): MemberId {
  const [instance, memberClass, memberCode] = segments(text, 3, 3) as [string, string, string]
  return { instance, memberClass, memberCode }
}

/** Reads "INSTANCE/CLASS/CODE[/SUBSYSTEM]", the form of X-Road-Client. */
export function parseClientId(text: string): ClientId {
  return known(clients, text, readClientId)
}

function readClientId(text: string): ClientId {
  const [instance, memberClass, memberCode, subsystemCode] = segments(text, 3, 4) as [
    string,
    string,
    string,
    string?,
  ]
  return subsystemCode === undefined
    ? { instance, memberClass, memberCode }
    : { instance, memberClass, memberCode, subsystemCode }
}

/** Reads "INSTANCE/CLASS/CODE/SUBSYSTEM". */
export function parseSubsystemId(text: string): SubsystemId {
  const parts = segments(text, 4, 4) as [string, string, string, string]
  return { instance: parts[0], memberClass: parts[1], memberCode: parts[2], subsystemCode: parts[3] }
}

/** Reads "INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE[/VERSION]"; only SOAP services have versions. */
export function parseServiceId(text: string): ServiceId {
  return known(services, text, readServiceId)
}

function readServiceId(text: string): ServiceId {
  const [instance, memberClass, memberCode, subsystemCode, serviceCode, serviceVersion] = segments(
    text,
    5,
    6,
  ) as [string, string, string, string, string, string?]
  const service = { instance, memberClass, memberCode, subsystemCode, serviceCode }
  return serviceVersion === undefined ? service : { ...service, serviceVersion }
}

/** Reads a service as records name it: also one of a member, "INSTANCE/CLASS/CODE/SERVICE". */
export function parseRecordedServiceId(text: string): ServiceId {
  const parts = segments(text, 4, 6)
  if (parts.length > 4) return parseServiceId(text)
  const [instance, memberClass, memberCode, serviceCode] = parts as [string, string, string, string]
  return { instance, memberClass, memberCode, serviceCode }
}

/** Reads "INSTANCE/CLASS/CODE/SERVERCODE", the form of X-Road-Security-Server. */
export function parseServerId(text: string): ServerId {
  return known(servers, text, readServerId)
}

function readServerId(text: string): ServerId {
  const parts = segments(text, 4, 4) as [string, string, string, string]
  return { instance: parts[0], memberClass: parts[1], memberCode: parts[2], serverCode: parts[3] }
}

/**
 * The text form of any identifier; equal identifiers have equal texts. Identifiers of different kinds can
 * have the same text.
 */
export function idText(id: MemberId | ClientId | SubsystemId | ServiceId | ServerId): string {
  return texts.get(id) ?? madeOnce(texts, id, () => writtenId(id))
}

function writtenId(id: MemberId): string {
  const { instance, memberClass, memberCode, subsystemCode, serviceCode, serviceVersion, serverCode } =
    id as Partial<ServiceId & ServerId> & MemberId
  let text = `${encodeSegment(instance)}/${encodeSegment(memberClass)}/${encodeSegment(memberCode)}`
  if (subsystemCode !== undefined) text += `/${encodeSegment(subsystemCode)}`
  if (serviceCode !== undefined) text += `/${encodeSegment(serviceCode)}`
  if (serviceVersion !== undefined) text += `/${encodeSegment(serviceVersion)}`
  if (serverCode !== undefined) text += `/${encodeSegment(serverCode)}`
  return text
}

/** The member that a client, service or server belongs to. */
export function memberOf(id: MemberId): MemberId {
  return madeOnce(members, id, () => memberAlone(id))
}

/** Who offers a service: a subsystem, or the owner of a security server. */
export function subsystemOf(id: ClientId): ClientId {
  const { subsystemCode } = id
  return madeOnce(subsystems, id, () => ({
    ...memberAlone(id),
    ...(subsystemCode === undefined ? {} : { subsystemCode }),
  }))
}

function memberAlone({ instance, memberClass, memberCode }: MemberId): MemberId {
  return { instance, memberClass, memberCode }
}
