/**
 * Which renewals this node goes on with: its own, and those of nodes that are gone whose certificates it has.
 * A server that was restored on another machine has another name, and nodes that share their keys share their
 * certificates.
 */
import { holds } from './order.ts'
import type { RenewalRooms } from './rooms.ts'
import type { Renewal } from './store.ts'

type Rooms = Pick<RenewalRooms, 'node' | 'keys' | 'presentNodes'>

/** Those of `rows` that are kept here. */
export async function keptHere(rooms: Rooms, rows: readonly Renewal[]): Promise<Renewal[]> {
  const possible = rows.filter(
    (row) => row.node === rooms.node || (row.node !== '' && hasCertificate(rooms.keys, row)),
  )
  if (possible.every(({ node }) => node === rooms.node)) return possible
  const present = await rooms.presentNodes()
  return possible.filter(({ node }) => node === rooms.node || !present.has(node))
}

/** Before its first certificate a renewal is anybody's. */
function hasCertificate(keys: Rooms['keys'], { current }: Renewal): boolean {
  return current === null || holds(keys, current)
}
