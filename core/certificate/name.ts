/** Distinguished names: read, compared as in RFC 5280 7.1, and printed for X-Road as Java prints them. */
import { children, type Der, expectTag, malformed, readOid, readText, TAG } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'

/** One attribute: its text (or '#' and the hex of its DER when it is not a string), and its whole DER. */
type NameAttribute = { oid: string; value: string; valueDer: Buffer }

/** A distinguished name, in encoded order. */
export type Name = { der: Buffer; rdns: NameAttribute[][] }

const MAX_RDNS = 64
const STRING_TAGS: ReadonlySet<number> = new Set([
  TAG.utf8String,
  TAG.printableString,
  TAG.teletexString,
  TAG.ia5String,
  TAG.bmpString,
  TAG.numericString,
])

/** Reads a Name (RDNSequence); throws `malformed_der`. */
export function readName(der: Der | undefined): Name {
  const sets = children(expectTag(der, TAG.sequence, 'name'))
  if (sets.length > MAX_RDNS) throw malformed('name with too many parts')
  return { der: der!.raw, rdns: sets.map((set) => readRdn(set)) }
}

/** Reads a RelativeDistinguishedName. */
export function readRdn(der: Der, tag: number = TAG.set): NameAttribute[] {
  const attributes = children(expectTag(der, tag, 'relative name')).map(readAttribute)
  if (attributes.length === 0 || attributes.length > MAX_RDNS) throw malformed('relative name of wrong size')
  return attributes
}

function readAttribute(der: Der): NameAttribute {
  const [type, value, ...more] = children(expectTag(der, TAG.sequence, 'attribute of a name'))
  if (value === undefined || more.length > 0) throw malformed('attribute of a name')
  const text = STRING_TAGS.has(value.tag) ? readText(value) : `#${value.raw.toString('hex')}`
  return { oid: readOid(type), value: text, valueDer: value.raw }
}

// The keywords of Java's RFC 2253 form. Java prints every other attribute as its OID with the hex of its DER.
const JAVA_KEYWORD: ReadonlyMap<string, string> = new Map([
  [OID.commonName, 'CN'],
  [OID.countryName, 'C'],
  [OID.localityName, 'L'],
  [OID.stateOrProvinceName, 'ST'],
  [OID.streetAddress, 'STREET'],
  [OID.organizationName, 'O'],
  [OID.organizationalUnitName, 'OU'],
  [OID.domainComponent, 'DC'],
  [OID.userId, 'UID'],
])

const READABLE_KEYWORD = new Map([...JAVA_KEYWORD, [OID.serialNumber, 'SERIALNUMBER']])

/** RFC 2253 text as Java's X500Principal.getName() prints it: last part first, unknown types as OID=#hex. */
export function nameText(name: Name): string {
  return name.rdns
    .toReversed()
    .map((rdn) => rdn.map((attribute) => attributeText(attribute)).join('+'))
    .join(',')
}

/**
 * As `nameText`, but readable for people: also prints the text of the serial number, where X-Road's profiles
 * put a member's or server's code.
 */
export function readableName(name: Name): string {
  return name.rdns
    .toReversed()
    .map((rdn) => rdn.map((attribute) => attributeText(attribute, READABLE_KEYWORD)).join('+'))
    .join(',')
}

function attributeText({ oid, value, valueDer }: NameAttribute, keywords = JAVA_KEYWORD): string {
  const keyword = keywords.get(oid)
  const tag = valueDer[0]!
  if (keyword === undefined || !STRING_TAGS.has(tag) || tag === TAG.numericString) {
    return `${keyword ?? oid}=#${valueDer.toString('hex')}`
  }
  const escaped = value.replace(/[,=+<>#;"\\]/g, '\\$&')
  return `${keyword}=${withEscapedEnds(escaped)}`
}

/**
 * Escapes the blanks at both ends. Strangers write names: a regular expression for the end would begin anew
 * at each blank inside, and take a minute for 100 KB of them.
 */
function withEscapedEnds(text: string): string {
  const isBlank = (at: number): boolean => text[at] === ' ' || text[at] === '\r'
  let [from, to] = [0, text.length]
  while (from < to && isBlank(from)) from++
  while (to > from && isBlank(to - 1)) to--
  const escaped = (blanks: string): string => blanks.replace(/[ \r]/g, '\\$&')
  return escaped(text.slice(0, from)) + text.slice(from, to) + escaped(text.slice(to))
}

const comparable = new WeakMap<Name, string[]>()

/**
 * One text per relative name such that equal names give equal texts: case, width and white space folded, sets
 * sorted.
 */
export function comparableRdns(name: Name): string[] {
  let found = comparable.get(name)
  if (found === undefined) {
    found = name.rdns.map(comparableRdn)
    comparable.set(name, found)
  }
  return found
}

/** As `comparableRdns`, for one relative name. */
export function comparableRdn(rdn: NameAttribute[]): string {
  return rdn.map(comparableAttribute).sort().join('\0')
}

function comparableAttribute({ oid, value, valueDer }: NameAttribute): string {
  if (!STRING_TAGS.has(valueDer[0]!)) return `${oid}\0${value}`
  // Upper before lower: an approximation of full case folding that treats ß and SS alike.
  const folded = value.normalize('NFKC').toUpperCase().toLowerCase().replace(/\s+/gu, ' ').trim()
  return `${oid}\0=${folded}`
}

/** Whether two names are the same (RFC 5280 7.1). */
export function sameName(a: Name, b: Name): boolean {
  if (a.der.equals(b.der)) return true
  if (a.rdns.length !== b.rdns.length) return false
  const [left, right] = [comparableRdns(a), comparableRdns(b)]
  return left.every((rdn, at) => rdn === right[at])
}

const ATTRIBUTE: Record<string, string> = {
  C: OID.countryName,
  O: OID.organizationName,
  OU: OID.organizationalUnitName,
  CN: OID.commonName,
  serialNumber: OID.serialNumber,
  businessCategory: OID.businessCategory,
  organizationIdentifier: OID.organizationIdentifier,
  L: OID.localityName,
  ST: OID.stateOrProvinceName,
}

/** All values of an attribute, by short name or OID, in encoded order. */
export function attributes(name: Name, which: string): string[] {
  const oid = ATTRIBUTE[which] ?? which
  return name.rdns.flatMap((rdn) => rdn.filter((part) => part.oid === oid).map((part) => part.value))
}

/**
 * The value of an attribute, by short name or OID. If the attribute is repeated, the last one encoded, as in
 * X-Road, which reads the reversed RFC 2253 text from the front (CertUtils.getRDNValue).
 */
export function attribute(
  name: Name,
  which: 'C' | 'O' | 'OU' | 'CN' | 'serialNumber' | 'businessCategory' | (string & {}),
): string | undefined {
  return attributes(name, which).at(-1)
}
