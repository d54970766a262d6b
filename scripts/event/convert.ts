/**
 * `concordat event convert`: writes events in another mode of the HTTP binding, with data as the bytes that
 * it is.
 */
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { readEvents } from '#core/events/read-event.ts'
import { writeBatch, writeBinary } from '#core/events/write-event.ts'
import { type HeaderList, headerLines } from '#core/transport/header-list.ts'
import { writeNew } from './bounded-file.ts'
import { type Given, INPUT_OPTIONS, readValid } from './read-given.ts'
import { argumentsOf, needed, type Surroundings, takesNone, wrongUsage } from './surroundings.ts'
import { documentOf } from './write-given.ts'

const text = { type: 'string' } as const
const OPTIONS = { ...INPUT_OPTIONS, to: text, 'headers-file': text, 'data-file': text }
const MODES = ['binary', 'structured', 'batch']

/** 0, or 1 where an event is not valid or the batch would be larger than a reader takes. */
export async function convert(args: string[], surroundings: Surroundings): Promise<number> {
  const { values, positionals } = argumentsOf(args, OPTIONS)
  takesNone(positionals)
  const to = needed(values.to, 'to')
  if (!MODES.includes(to)) throw wrongUsage(`--to is ${MODES.join(', ')}`)
  const { 'headers-file': headersFile, 'data-file': dataFile } = values
  if ((headersFile === undefined) !== (dataFile === undefined))
    throw wrongUsage('--headers-file and --data-file belong together')
  if (headersFile !== undefined && to !== 'binary')
    throw wrongUsage('--headers-file and --data-file are for --to binary')
  const given = await readValid('convert', values, surroundings)
  if (given === undefined) return 1
  if (to === 'batch') surroundings.out.write(batchOf(given))
  else if (to === 'structured') surroundings.out.write(documentOf('structured', [onlyOne(given, to)]))
  else {
    const { headers, body } = writeBinary(onlyOne(given, to))
    if (headersFile === undefined || dataFile === undefined) {
      surroundings.out.write(`${headerLines(headers)}\r\n`)
      surroundings.out.write(body)
    } else {
      await writeNew(dataFile, body)
      await writeNew(headersFile, curlHeaders(headers))
    }
  }
  return 0
}

/** Reads what it wrote: many files that are each small enough may make a batch that no receiver takes. */
function batchOf({ events }: Given): Buffer {
  const { headers, body } = writeBatch(events.map(({ event }) => event))
  readEvents(headers, body)
  return Buffer.concat([body, Buffer.from('\n')])
}

function onlyOne({ events }: Given, to: string): CloudEvent {
  const [one, ...more] = events
  if (one === undefined || more.length > 0)
    throw wrongUsage(`--to ${to} takes one event, ${events.length} are given`)
  return one.event
}

/**
 * The headers as curl reads them from `-H @file`: a colon with nothing behind it takes a header away, a
 * semicolon in its place sends it empty. Without a content type, curl would add that of a form, which would
 * be the event's.
 */
function curlHeaders(headers: HeaderList): string {
  const lines = headers.map(([name, value]) => (value === '' ? `${name};` : `${name}: ${value}`))
  if (!headers.some(([name]) => name === 'content-type')) lines.push('content-type:')
  return `${lines.join('\n')}\n`
}
