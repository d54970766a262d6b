/** What this server filed with the central registry, asked for in a document that its owner signs. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { DOCUMENT_TYPE, type DocumentHead, type RequestStatus } from '#schemas/management-request.ts'
import { say } from '#schemas/said.ts'
import type { Needs } from './needs.ts'

/** The heads of signed documents: an id that was never used before, the time, and who signs. */
export function createHeads(clock: Clock): (signer: string) => DocumentHead {
  return (signer) => ({ id: randomUUID(), createdAt: new Date(clock()).toISOString(), signer })
}

/** What only a Concordat registry can do. Throws `registration_unavailable` in an instance of X-Road's. */
export function registrationOf({
  isXRoads,
  registration,
}: Pick<Needs, 'isXRoads' | 'registration'>): Needs['registration'] {
  if (!isXRoads()) return registration
  throw new Fault('registration_unavailable', {
    what: say`the central server of this instance is X-Road's: it tells no states, and takes a registration back when its client or certificate is unregistered`,
  })
}

/** Throws what stands in the way of a signature by the owner, and as the registry's client does. */
export function createFiledRequests(rooms: Needs): () => Promise<RequestStatus[]> {
  const headOf = createHeads(rooms.clock)
  const owner = memberOf(rooms.server)
  return async () => {
    const to = registrationOf(rooms)
    const document = { ...headOf(idText(owner)), server: idText(rooms.server) }
    return to.states(await rooms.keys.signJson({ document, type: DOCUMENT_TYPE.query, member: owner }))
  }
}
