/**
 * An event of an inbox becomes a file. Guarantees that the file is there whole and durable under its name before the event is acknowledged,
 * and that the same event makes the same file.
 */
import { createHash } from 'node:crypto'
import type { InboxEvent } from '#adapters/client/index.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { isPlainName } from '../file-name.ts'
import type { Places } from './places.ts'
import type { DeliverSettings } from './settings.ts'

export async function writeFileOf(
  { bytes, delivery }: Pick<InboxEvent, 'bytes' | 'delivery'>,
  { directory, file, content }: DeliverSettings,
  places: Pick<Places, 'put'>,
): Promise<void> {
  const event = Buffer.from(bytes)
  const whole = content === 'event' ? event : (readEvent([['content-type', STRUCTURED]], event).data ?? '')
  await places.put(directory, nameOf(file, delivery), Buffer.from(whole))
}

/** Of the id of the delivery alone: nothing that a sender wrote is in the name. */
function nameOf(pattern: string, delivery: string): string {
  const name = pattern.replace('{delivery}', () => delivery)
  if (isPlainName(name) && Buffer.byteLength(name) < 200) return name
  const digest = createHash('sha256').update(delivery).digest('hex')
  return pattern.replace('{delivery}', () => digest)
}
