/** JSON in its one canonical form (RFC 8785): equal values give equal bytes in every program. */

const MAX_DEPTH = 64

/**
 * The canonical text of a JSON value: members sorted by UTF-16 code units, numbers and strings as ECMAScript
 * writes them. Members that are undefined are left out. Throws a TypeError for values that JSON cannot
 * express: other types, other prototypes, NaN and infinities, lone surrogates, more than 64 levels.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0)
}

function write(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new TypeError(`deeper than ${MAX_DEPTH} levels`)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return writeString(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${Array.from(value, (item) => write(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object' || !isPlain(value)) throw new TypeError(`no JSON for a ${typeof value}`)
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${writeString(name)}:${write(member, depth + 1)}`)
  return `{${members.join(',')}}`
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('a lone surrogate cannot stand in JSON')
  return JSON.stringify(text)
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
