/**
 * Endpoints of a service, and the search for the one that a call is declared as: only the few endpoints with
 * its method and number of segments are compared.
 */
import { matchPathGlob } from '#core/transport/service-path.ts'
import type { Whole } from '#schemas/sent-values.ts'

/** `base`: stands for the whole service. `generated`: comes from the service's description. */
export type Endpoint = { id: Whole; method: string; path: string; base: boolean; generated: boolean }

/**
 * The endpoint of the service's description that matches method and path, the one with the fewest stars;
 * undefined when there is none.
 */
export function declaredEndpoint(
  service: { declared: ReadonlyMap<string, Endpoint[]> },
  { method, path }: { method: string; path: string },
): Endpoint | undefined {
  const candidates = service.declared.get(shapeOf(method, path))
  return candidates?.find((endpoint) => matchPathGlob(endpoint.path, path))
}

/**
 * The endpoints of a description by method and number of segments, those with the fewest stars first. A star
 * in a description matches within one segment only.
 */
export function declaredByShape(endpoints: Endpoint[]): Map<string, Endpoint[]> {
  const byShape = new Map<string, Endpoint[]>()
  const sorted = endpoints
    .filter(({ generated }) => generated)
    .sort((one, other) => starsIn(one.path) - starsIn(other.path))
  for (const endpoint of sorted) {
    const shape = shapeOf(endpoint.method, endpoint.path)
    const known = byShape.get(shape)
    if (known === undefined) byShape.set(shape, [endpoint])
    else known.push(endpoint)
  }
  return byShape
}

function shapeOf(method: string, path: string): string {
  let slashes = 0
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) slashes++
  return `${method} ${slashes}`
}

function starsIn(path: string): number {
  return path.split('*').length
}
