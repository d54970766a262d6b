/**
 * Where an event is handed over: an inbox, by its identifier, or a room of the own subsystem, by `room:` and
 * its identifier. Guarantees that both are taken once, by `source` and `id`, however often they are asked.
 */
import type { SecurityServer } from '#adapters/client/connect.ts'
import { isSameIdentifier } from '#adapters/client/identifiers.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'

/** What the settings of a way say: one of the two. */
export type TargetSettings = { inbox?: string; room?: string }

type Options = { retries: number; deadlineMs: number; signal?: AbortSignal }

const ROOM = 'room:'

/** One text for the two. */
export function targetOf({ inbox, room }: TargetSettings): string {
  return room === undefined ? inbox! : ROOM + room
}

/**
 * Resolves to what names it at the server: the id of the delivery, or the sequence in the room. Throws
 * ExchangeError.
 */
export async function handTo(
  server: Pick<SecurityServer, 'send' | 'publish'>,
  target: string,
  event: Uint8Array,
  options: Options,
): Promise<string> {
  return target.startsWith(ROOM)
    ? (await server.publish(target.slice(ROOM.length), event, options)).sequence
    : (await server.send(target, event, options)).id
}

/** Throws what `fail` makes unless there is an inbox, or a room of this client. */
export function checkTarget({ inbox, room }: TargetSettings, client: string, fail: Problem): void {
  if ((inbox === undefined) === (room === undefined)) throw fail(['inbox'], 'or room is needed, and not both')
  if (room !== undefined && !isSameIdentifier(room.slice(0, room.lastIndexOf('/')), client))
    throw fail(['room'], `is no room of ${client}: only the own subsystem's can be published in`)
}
