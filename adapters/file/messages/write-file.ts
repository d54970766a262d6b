/**
 * An event of an inbox becomes a file. Guarantees that the file is there whole and durable under its name
 * before the event is acknowledged, that the same event makes the same file, and that no event makes a file
 * of another one.
 */
import { createHash } from 'node:crypto'
import type { InboxEvent } from '#adapters/client/index.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { isPlainName } from '../file-name.ts'
import type { Places } from './places.ts'
import type { DeliverSettings } from './settings.ts'

type Given = Pick<InboxEvent, 'id' | 'bytes' | 'delivery'>

export async function writeFileOf(
  given: Given,
  { directory, file, content }: DeliverSettings,
  places: Pick<Places, 'put' | 'holdsOther'>,
): Promise<void> {
  const event = Buffer.from(given.bytes)
  const read = content === 'event' ? event : readEvent([['content-type', STRUCTURED]], event).data
  const whole = Buffer.from(read ?? '')
  const name = nameOf(file, given)
  // An inbox that was restored from a backup counts its places anew.
  const isTaken = await places.holdsOther(directory, name, whole)
  await places.put(directory, isTaken ? nameOf(file, given, `.${digestOf(whole)}`) : name, whole)
}

/**
 * The id of the delivery is the sender's X-Road-Id, which several events may have: the place in the inbox is
 * one event's.
 */
function nameOf(pattern: string, { delivery, id }: Given, more = ''): string {
  const name = pattern.replace('{delivery}', () => `${delivery}.${id}${more}`)
  if (isPlainName(name) && Buffer.byteLength(name) < 200) return name
  return pattern.replace('{delivery}', () => `${digestOf(delivery)}.${id}${more}`)
}

function digestOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex')
}
