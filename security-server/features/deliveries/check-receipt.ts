/**
 * Guarantees that what a peer's receipt says of time and place can be true: after the message was accepted
 * here and not in the future, at a server where the inbox is. The signature says only that its member said
 * so; the time by which the signature is judged is the receipt's own.
 */
import { type Receipt, readReceipt } from '#core/delivery/receipt.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseServerId, parseServiceId, subsystemOf } from '#schemas/identifiers.ts'
import type { ConfigurationSnapshot } from '../../global-configuration/global-configuration.ts'
import type { StoredOutbox } from './box-store.ts'
import { readProof } from './give-receipt.ts'
import type { DeliveryRooms } from './rooms.ts'

/** How far two clocks may differ, as with signing times. */
const SKEW_MS = 5 * 60_000

/** Throws `invalid_message`, `unknown_member`. */
export async function checkReceipt(
  { time, server, service }: Pick<Receipt, 'time' | 'server' | 'service'>,
  { row, snapshot }: { row: StoredOutbox; snapshot: ConfigurationSnapshot },
  rooms: Pick<DeliveryRooms, 'messageLog' | 'clock'>,
): Promise<void> {
  const at = Date.parse(time)
  if (at > rooms.clock() + SKEW_MS)
    throw new Fault('invalid_message', { what: 'the receipt is of the future' })
  const isOlder = at < Date.parse(row.since) - SKEW_MS
  // A message that was redriven counts from then on, though an earlier attempt may have arrived.
  if (isOlder && !(at >= (await acceptedAt(row, rooms)) - SKEW_MS))
    throw new Fault('invalid_message', { what: 'the receipt is older than the message' })
  const subsystem = subsystemOf(parseServiceId(service))
  const configuration = snapshot.indexFor(subsystem.instance)
  if (configuration === undefined) throw new Fault('unknown_member', { what: idText(subsystem) })
  if (!configuration.isClientOf(parseServerId(server), subsystem))
    throw new Fault('invalid_message', { what: `the receipt is of ${server}, where the inbox is not` })
}

/** NaN when its record was erased. */
async function acceptedAt(
  { first_record: record }: StoredOutbox,
  rooms: Pick<DeliveryRooms, 'messageLog'>,
): Promise<number> {
  const proof = record === null ? undefined : await readProof(Number(record), rooms)
  return proof === undefined ? Number.NaN : Date.parse(readReceipt(Buffer.from(proof.receipt, 'base64')).time)
}
