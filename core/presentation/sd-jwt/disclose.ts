/** Puts disclosed claims in the place of their digests (RFC 9901 section 7.1), each exactly once. */
import { createHash } from 'node:crypto'
import type { PathStep } from '../dcql/query.ts'
import { isObject, isTexts, type JsonObject, readBase64url, readJson } from '../json.ts'
import { need } from '../refused.ts'

type Disclosure = { content: unknown[]; isUsed: boolean }
type Disclosing = { byDigest: Map<string, Disclosure>; seen: Set<string>; disclosed: PathStep[][] }

const ALGORITHMS: Record<string, string> = { 'sha-256': 'sha256', 'sha-384': 'sha384', 'sha-512': 'sha512' }
const MAX_DEPTH = 32

/**
 * What stands in the open in every SD-JWT VC: a holder who could leave it out would decide how long and for
 * whom it counts.
 */
const NEVER_DISCLOSED = new Set(['iss', 'nbf', 'exp', 'cnf', 'vct', 'vct#integrity', 'status'])

/** The digest function that `_sd_alg` names, as node:crypto calls it. */
export function digestOf(payload: JsonObject): string {
  const { _sd_alg: name = 'sha-256' } = payload
  const algorithm = typeof name === 'string' && Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined
  need(algorithm !== undefined, 'algorithm_refused', '_sd_alg')
  return algorithm
}

/**
 * The claims, and the paths of what was disclosed. Throws when a disclosure is not as the issuer signed it.
 */
export function disclose(
  payload: JsonObject,
  disclosures: string[],
): { claims: JsonObject; disclosed: PathStep[][] } {
  const algorithm = digestOf(payload)
  const disclosing: Disclosing = { byDigest: new Map(), seen: new Set(), disclosed: [] }
  for (const text of disclosures) {
    const digest = createHash(algorithm).update(text, 'ascii').digest('base64url')
    need(!disclosing.byDigest.has(digest), 'disclosure_repeated')
    const content = readJson(readBase64url(text, 'disclosure_malformed'), 'disclosure_malformed')
    need(Array.isArray(content) && typeof content[0] === 'string', 'disclosure_malformed')
    disclosing.byDigest.set(digest, { content, isUsed: false })
  }
  const { _sd_alg: _, ...open } = payload
  const claims = discloseObject(disclosing, open, [])
  const isEveryUsed = [...disclosing.byDigest.values()].every(({ isUsed }) => isUsed)
  need(isEveryUsed, 'disclosure_unreferenced')
  return { claims, disclosed: disclosing.disclosed }
}

function discloseValue(disclosing: Disclosing, value: unknown, at: PathStep[]): unknown {
  need(at.length <= MAX_DEPTH, 'presentation_malformed', 'too deep')
  if (Array.isArray(value)) return discloseList(disclosing, value, at)
  return isObject(value) ? discloseObject(disclosing, value, at) : value
}

function discloseObject(disclosing: Disclosing, value: JsonObject, at: PathStep[]): JsonObject {
  const { _sd: digests = [], ...open } = value
  need(isTexts(digests) && !Object.hasOwn(open, '...'), 'presentation_malformed', '_sd')
  need(!Object.hasOwn(open, '_sd_alg'), 'presentation_malformed', '_sd_alg')
  const claims: JsonObject = {}
  for (const [name, inner] of Object.entries(open))
    put(claims, name, discloseValue(disclosing, inner, [...at, name]))
  for (const digest of digests) {
    const content = take(disclosing, digest)
    if (content === undefined) continue
    const [, name, inner] = content
    need(content.length === 3 && typeof name === 'string', 'disclosure_malformed')
    need(!['_sd', '...'].includes(name) && !Object.hasOwn(claims, name), 'disclosure_forbidden')
    if (at.length === 0) need(!NEVER_DISCLOSED.has(name), 'disclosure_forbidden', name)
    disclosing.disclosed.push([...at, name])
    put(claims, name, discloseValue(disclosing, inner, [...at, name]))
  }
  return claims
}

/** What stays hidden leaves no gap: places are those of the list that is seen. */
function discloseList(disclosing: Disclosing, list: unknown[], at: PathStep[]): unknown[] {
  const seen: unknown[] = []
  for (const item of list) {
    const place = [...at, seen.length]
    if (!isObject(item) || !Object.hasOwn(item, '...')) {
      seen.push(discloseValue(disclosing, item, place))
      continue
    }
    const digest = item['...']
    need(Object.keys(item).length === 1 && typeof digest === 'string', 'presentation_malformed', '...')
    const content = take(disclosing, digest)
    if (content === undefined) continue
    need(content.length === 2, 'disclosure_malformed')
    disclosing.disclosed.push(place)
    seen.push(discloseValue(disclosing, content[1], place))
  }
  return seen
}

/**
 * The disclosure of a digest, if it was sent. A digest that stands twice could put one value in two places.
 */
function take({ byDigest, seen }: Disclosing, digest: string): unknown[] | undefined {
  need(!seen.has(digest), 'disclosure_repeated')
  seen.add(digest)
  const disclosure = byDigest.get(digest)
  if (disclosure === undefined) return undefined
  disclosure.isUsed = true
  return disclosure.content
}

/** Plain assignment to __proto__ would change the prototype. */
function put(claims: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(claims, name, { value, writable: true, enumerable: true, configurable: true })
}
