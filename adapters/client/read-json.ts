/**
 * Reads JSON that others wrote, by RFC 8259. Guarantees one reading of it: a name that stands twice in an
 * object is refused, `__proto__` is a name like any other, and nothing that was read before changes it.
 * JSON.parse of V8 14.6 does not guarantee the last: after an object with a name that is one backslash, it
 * reads other names that are one escape as a backslash too.
 */
const MAX_DEPTH = 256
const SPACE = /[ \t\n\r]*/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPE = /\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))/y
const LITERAL = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const ESCAPED: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const WORDS: Record<string, boolean | null> = { true: true, false: false, null: null }

/**
 * The value. Throws SyntaxError, which never quotes the text, for what is no JSON, doubled names and more
 * than 256 levels.
 */
export function readJson(text: string): unknown {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  const accept = (mark: string): boolean => {
    // Most texts have no space there.
    if (text.charCodeAt(at) <= 0x20) take(SPACE)
    if (text[at] !== mark) return false
    at++
    return true
  }
  const need = (mark: string): void => {
    if (!accept(mark)) throw unreadable(`${mark} is missing at ${at}`)
  }
  const value = (depth: number): unknown => {
    if (accept('"')) return string()
    if (accept('{')) return object(within(depth))
    if (accept('[')) return array(within(depth))
    const [found] = take(LITERAL) ?? []
    if (found === undefined) throw unreadable(`no value at ${at}`)
    const word = WORDS[found]
    return word === undefined ? Number(found) : word
  }
  const object = (depth: number): object => {
    const result: Record<string, unknown> = {}
    if (accept('}')) return result
    do {
      need('"')
      const name = string()
      if (Object.hasOwn(result, name)) throw unreadable(`a name is doubled before ${at}`)
      need(':')
      const member = value(depth)
      // Plain assignment would change the prototype.
      if (name === '__proto__') define(result, name, member)
      else result[name] = member
    } while (accept(','))
    need('}')
    return result
  }
  const array = (depth: number): unknown[] => {
    const result: unknown[] = []
    if (accept(']')) return result
    do result.push(value(depth))
    while (accept(','))
    need(']')
    return result
  }
  const string = (): string => {
    let result = ''
    for (;;) {
      const from = at
      take(PLAIN)
      result += text.slice(from, at)
      if (text[at] === '"') break
      const [, short, code] = take(ESCAPE) ?? []
      if (code !== undefined) result += String.fromCharCode(Number.parseInt(code, 16))
      else if (short !== undefined) result += ESCAPED[short] ?? short
      else throw unreadable(`a text is broken off at ${at}`)
    }
    at++
    return result
  }
  const result = value(0)
  take(SPACE)
  if (at < text.length) throw unreadable(`something follows the value at ${at}`)
  return result
}

function within(depth: number): number {
  if (depth >= MAX_DEPTH) throw unreadable(`it is deeper than ${MAX_DEPTH} levels`)
  return depth + 1
}

function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

function unreadable(what: string): SyntaxError {
  return new SyntaxError(what)
}
