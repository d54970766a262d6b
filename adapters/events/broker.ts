/** The one interface of every broker to the rest of the adapter. */
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Fault } from '#schemas/fault.ts'
import type { SendSettings } from './settings.ts'

/** A message that the broker has given out and keeps until `confirm`. */
export type Taken = {
  /** The subject or topic to which it was published. */
  subject: string
  /**
   * Names the message at the broker, the same each time it is given out; undefined where the broker has no
   * such name.
   */
  position: string | undefined
  /**
   * Content-Type and `ce-` headers, as in the HTTP binding of CloudEvents, whatever the broker's own form is.
   */
  headers: HeaderList
  /** Kafka: the key of the record. Messages with the same one are handed over one after the other. */
  key?: string | undefined
  /** The headers of the message as the broker has them. */
  properties: ReadonlyMap<string, string>
  body: Buffer
  /** Why it can be no event, whatever the settings say: its end is missing, its headers cannot be read. */
  fault?: Fault | undefined
  /**
   * Tells the broker that it is done. Rejects when the broker may not know: then it gives the message out
   * again.
   */
  confirm(): Promise<void>
}

/** A message for the broker. */
export type Outgoing = {
  to: string
  /** Content-Type and `ce-` headers, as in the HTTP binding of CloudEvents. */
  headers: HeaderList
  /** Further headers. */
  properties: readonly (readonly [name: string, value: string])[]
  body: Buffer
  /** By which the broker, if it can, recognises a repetition. */
  id: string
  /** Messages with the same key stay in order, at brokers that have several lanes. */
  key: string | undefined
}

/** Messages of one subject or topic are being taken. */
export type Taking = {
  finding(): Finding
  /** No further message is given out; then `release` gives back what was not confirmed. */
  stop(): Promise<void>
  release(): Promise<void>
}

export type Broker = {
  /** Gives out messages, at most as many unconfirmed ones as the limits say, until it is stopped. */
  take(way: SendSettings, deliver: (message: Taken) => void): Promise<Taking>
  /**
   * Resolves when the broker has confirmed that it keeps the message. Throws `source_refused` if it will
   * never take this one, and `source_unavailable` for everything else; then it may have it nevertheless.
   */
  publish(message: Outgoing): Promise<void>
  /** Whether there is a connection, and if not, why. */
  finding(): Finding
  close(): Promise<void>
}
