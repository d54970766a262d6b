/**
 * Reads the identifiers of people from one message, from the given places: all of them up to a bound, or the
 * reason why there are none.
 */
import { parseJson } from '#core/canonical/parse-json.ts'
import { normaliseIdentifier } from './identifier.ts'
import { matchTemplate, type SubjectPlace } from './place.ts'

/** Identifiers per message; further ones are reported, but not indexed. */
export const MAX_SUBJECTS = 64
const MAX_DEPTH = 64

export type Subject = { type: string; identifier: string }

/** `too_many`: only some of the identifiers are returned. */
type SubjectFault = 'absent' | 'unreadable' | 'too_many'

type SubjectsFound = { subjects: Subject[]; fault?: SubjectFault }

type ReadMessage = {
  method: string
  /** Canonical path (checkServicePath). */
  path: string
  query: string | undefined
  headers: readonly (readonly [name: string, value: string])[]
  body: Buffer | undefined
}

/** The places that apply to this call, including those with `none`; the caller decides what those mean. */
export function placesOf(
  places: readonly SubjectPlace[],
  q: Pick<ReadMessage, 'method' | 'path'>,
): SubjectPlace[] {
  return places.filter(
    ({ method, path }) =>
      (method === '*' || method === q.method) && (path === '**' || matchTemplate(path, q.path) !== undefined),
  )
}

/** Reads the identifiers of a request, from those of its places that are in requests. */
export function readRequestSubjects(places: readonly SubjectPlace[], message: ReadMessage): SubjectsFound {
  const texts: Found[] = []
  let unreadable = false
  const document = places.some((place) => place.in === 'body') ? documentOf(message.body) : undefined
  for (const place of places) {
    const values = place.in === 'body' ? atPointer(document, place.name) : valuesAt(place, message)
    if (values === 'unreadable') unreadable = true
    else texts.push(...values.map((text) => ({ type: place.type, text, prefix: place.prefix ?? '' })))
  }
  return gather(texts, unreadable)
}

/**
 * Reads the identifiers of a reply's body. A missing identifier is no fault, since an answer may be empty.
 */
export function readReplySubjects(places: readonly SubjectPlace[], body: Buffer | undefined): SubjectsFound {
  const texts: Found[] = []
  let unreadable = false
  const document = places.length > 0 ? documentOf(body) : undefined
  for (const { name, type, prefix = '' } of places) {
    const values = atPointer(document, name)
    if (values === 'unreadable') unreadable = true
    else texts.push(...values.map((text) => ({ type, text, prefix })))
  }
  const { subjects, fault } = gather(texts, unreadable)
  return fault === undefined || fault === 'absent' ? { subjects } : { subjects, fault }
}

type Found = { type: string; text: string; prefix: string }

function gather(texts: Found[], unreadable: boolean): SubjectsFound {
  const known = new Map<string, Subject>()
  let [isBad, isMore] = [unreadable, false]
  for (const { type, text, prefix } of texts) {
    const identifier = withoutPrefix(text, prefix)
    if (identifier === undefined) {
      isBad ||= text.trim() !== ''
      continue
    }
    const key = `${type} ${identifier}`
    if (known.has(key)) continue
    if (known.size === MAX_SUBJECTS) isMore = true
    else known.set(key, { type, identifier })
  }
  const subjects = [...known.values()]
  if (isBad) return { subjects, fault: 'unreadable' }
  if (isMore) return { subjects, fault: 'too_many' }
  return subjects.length === 0 ? { subjects, fault: 'absent' } : { subjects }
}

/** The same whether a message has the prefix or not. */
function withoutPrefix(text: string, prefix: string): string | undefined {
  const whole = normaliseIdentifier(text)
  if (prefix === '' || whole?.startsWith(prefix) !== true) return whole
  return normaliseIdentifier(whole.slice(prefix.length))
}

function valuesAt(place: SubjectPlace, message: ReadMessage): string[] {
  switch (place.in) {
    case 'path': {
      const value = matchTemplate(place.path, message.path)?.get(place.name)
      return value === undefined ? [] : [value]
    }
    case 'query':
      return new URLSearchParams(message.query ?? '').getAll(place.name)
    case 'header':
      return message.headers
        .filter(([name]) => name.toLowerCase() === place.name.toLowerCase())
        .map(([, value]) => value)
    default:
      return []
  }
}

/** The parsed body; undefined if there is none. Parsed once for all places. */
function documentOf(body: Buffer | undefined): { value: unknown } | 'unreadable' | undefined {
  if (body === undefined || body.length === 0) return undefined
  try {
    return { value: parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body)) }
  } catch {
    return 'unreadable'
  }
}

/**
 * JSON Pointer (RFC 6901) with one extension: at a list, if the next token is not an index, it applies to
 * each item.
 */
function atPointer(document: ReturnType<typeof documentOf>, pointer: string): string[] | 'unreadable' {
  if (document === undefined) return []
  if (document === 'unreadable') return 'unreadable'
  const tokens = pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  const texts: string[] = []
  return collect(document.value, tokens, texts, 0) ? texts : 'unreadable'
}

/** Collects texts; false if a value is not an identifier. */
function collect(value: unknown, tokens: readonly string[], texts: string[], depth: number): boolean {
  // More are reported as `too_many`, so there is no need to continue.
  if (texts.length > 4 * MAX_SUBJECTS) return true
  if (depth > MAX_DEPTH) return false
  const [token, ...rest] = tokens
  if (Array.isArray(value)) {
    if (token !== undefined && /^(0|[1-9]\d{0,8})$/.test(token)) {
      const item: unknown = value[Number(token)]
      return item === undefined || collect(item, rest, texts, depth + 1)
    }
    let isGood = true
    for (const item of value) isGood = collect(item, tokens, texts, depth + 1) && isGood
    return isGood
  }
  if (token !== undefined) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, token)) return true
    return collect((value as Record<string, unknown>)[token], rest, texts, depth + 1)
  }
  if (value === null) return true
  if (typeof value === 'string') return texts.push(value) > 0
  // A number beyond 2^53 has already lost digits.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return texts.push(String(value)) > 0
  return false
}
