/** Endpoints of a contract: method and path pattern, in the form of access rights. */
import { checkPathGlob, matchPathGlob } from '#core/transport/path-glob.ts'
import { Fault } from '#schemas/fault.ts'
import { REST_METHODS } from '#schemas/wire.ts'

export type ContractEndpoint = { method: string; path: string }

const MAX_PATH = 1024

/** Throws `invalid_contract` for an unknown method, or a pattern that cannot match any path. */
export function checkEndpoint(endpoint: ContractEndpoint, at: string): ContractEndpoint {
  const { method, path } = endpoint
  if (method !== '*' && !REST_METHODS.has(method))
    throw new Fault('invalid_contract', { what: `${at}.method is no HTTP method and not *` })
  if (!(path.startsWith('/') || path.startsWith('**')) || path.length > MAX_PATH || /[\p{C}\s]/u.test(path))
    throw new Fault('invalid_contract', { what: `${at}.path is no path pattern` })
  try {
    checkPathGlob(path)
  } catch (cause) {
    throw new Fault('invalid_contract', { what: `${at}.path: a slash must follow a single *`, cause })
  }
  return endpoint
}

/** Whether one of the endpoints matches the method and the path (as checkServicePath returns it). */
export function covers(endpoints: readonly ContractEndpoint[], method: string, path: string): boolean {
  return findCovering(endpoints, method, path) !== undefined
}

/** The first of the endpoints that matches the method and the path. */
export function findCovering<T extends ContractEndpoint>(
  endpoints: readonly T[],
  method: string,
  path: string,
): T | undefined {
  return endpoints.find(
    (endpoint) =>
      (endpoint.method === '*' || endpoint.method === method) && matchPathGlob(endpoint.path, path),
  )
}

/** Whether some call could match both endpoints; true if in doubt. */
export function mayMeet(one: ContractEndpoint, other: ContractEndpoint): boolean {
  const methods = one.method === '*' || other.method === '*' || one.method === other.method
  return methods && !differForSure(one.path.split('/'), other.path.split('/'))
}

/** No path matches both patterns if they differ in literal segments, or in length, before a `**`. */
function differForSure(one: string[], other: string[]): boolean {
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const [a, b] = [one[i], other[i]]
    if (a?.includes('**') === true || b?.includes('**') === true) return false
    if (a === undefined || b === undefined) return true
    // A star matches the rest of its segment and a backslash escapes, so only the literal beginnings of
    // segments are compared.
    const plain = /^[^*\\]*/
    const [x, y] = [plain.exec(a)![0], plain.exec(b)![0]]
    if (x === a && y === b && a !== b) return true
    const least = Math.min(x.length, y.length)
    if (x.slice(0, least) !== y.slice(0, least)) return true
  }
  return false
}
