/**
 * What a row says of its event, sealed: more than is plain in the row, and kept after the event itself is
 * gone.
 */
import { hash } from 'node:crypto'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { utcSeconds } from '#core/events/timestamp.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { TermsOnRecord } from '../../peer/terms-on-record.ts'
import type { ContentKeys } from './content-keys.ts'
import type { Names } from './names.ts'
import type { BoxRow } from './tables.ts'

export type Facts = {
  source: string
  id: string
  type: string
  /** Base64 of SHA-512 over the event as it travels. */
  digest: string
  /** X-Road headers of the sending system that the exchange repeats. */
  headers: [name: string, value: string][]
  /** Of the contract that held when it came. */
  terms: Pick<TermsOnRecord, 'contract' | 'keepDays' | 'secrecy'>
}

/** Longer ones do not fit into a receipt. */
const MAX_NAME = 1024

/** Throws `invalid_event` for a source or id that no receipt can name. */
export function factsOf(q: {
  event: CloudEvent
  bytes: Buffer
  headers?: Facts['headers']
  terms: TermsOnRecord
}): Facts {
  const { source, id, type } = q.event
  if (source.length > MAX_NAME || id.length > MAX_NAME)
    throw new Fault('invalid_event', { what: say`source and id have at most ${MAX_NAME} characters here` })
  const { contract, keepDays, secrecy } = q.terms
  return {
    ...{ source, id, type, digest: hash('sha512', q.bytes, 'base64'), headers: q.headers ?? [] },
    terms: {
      contract,
      ...(keepDays !== undefined && { keepDays }),
      ...(secrecy !== undefined && { secrecy }),
    },
  }
}

/**
 * The columns by which repetitions and lanes are found. `expirytime` stands in for one that the event has
 * not. Throws `delivery_key_missing`.
 */
export function keysOf(q: {
  client: string
  service: string
  event: Pick<CloudEvent, 'source' | 'id' | 'extensions'>
  names: Pick<Names, 'id' | 'nameOf'>
  expirytime?: string | undefined
}): { event_key: string; lane: string; named_by: string; expires_at: string } {
  const { client, service, event, names } = q
  const key = names.nameOf([client, service, event.source, event.id])
  const partition = event.extensions.get('partitionkey')
  const expiry = event.extensions.get('expirytime') ?? q.expirytime
  return {
    event_key: key,
    lane: partition === undefined ? key : names.nameOf([client, service, 'partition', String(partition)]),
    named_by: names.id,
    expires_at: expiry === undefined ? '' : expiryOf(String(expiry)),
  }
}

export function sealFacts(keys: ContentKeys, delivery: string, facts: Facts): Buffer {
  return keys.seal(`facts ${delivery}`, Buffer.from(JSON.stringify(facts)))
}

/** Throws `io_error` when this node lacks the key. */
export function openFacts(keys: ContentKeys, row: Pick<BoxRow, 'delivery' | 'facts'>): Facts {
  return JSON.parse(keys.open(`facts ${row.delivery}`, row.facts).toString()) as Facts
}

/** A year more would have a sign, and stand before all others as text. */
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * A time of RFC 3339 may have any offset; ours are compared as text. A leap second is the second after it.
 */
function expiryOf(text: string): string {
  const utc = utcSeconds(text)
  if (utc === undefined) throw new Fault('invalid_event', { what: say`expirytime is not a time of RFC 3339` })
  const plain = utc.endsWith(':60Z') ? Date.parse(utc.replace(':60Z', ':59Z')) + 1000 : Date.parse(utc)
  return new Date(Math.min(plain, LAST_MS)).toISOString()
}
