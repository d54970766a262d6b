/** Endpoints of a service, and which of those in its description a call is: found among the few of its method and its number of segments. */
import { matchPathGlob } from '#core/transport/service-path.ts'

/** `base`: the whole service; `generated`: the service's description has it. */
export type Endpoint = { id: number; method: string; path: string; base: boolean; generated: boolean }

/** The endpoint of the service's description that is this method and path, the one with the fewest stars; undefined for none. */
export function declaredEndpoint(
  service: { declared: ReadonlyMap<string, Endpoint[]> },
  { method, path }: { method: string; path: string },
): Endpoint | undefined {
  const candidates = service.declared.get(shapeOf(method, path))
  return candidates?.find((endpoint) => matchPathGlob(endpoint.path, path))
}

/** Endpoints of a description by method and number of segments, the plainest first: a star of theirs stays in its segment. */
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
