/** What rooms of events work with; the list of features passes it in. */
import type { FastifyRequest } from 'fastify'
import type { HeaderList } from '#core/transport/header-list.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { ClientId, ServiceId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { MessageValidator } from '../../local-systems/validation/validate-messages.ts'
import type { FieldsOnRecord } from '../../peer/fields-on-record.ts'
import type { EventStore } from './event-store.ts'
import type { ErasedAmong } from './publish-store.ts'
import type { PullStore } from './pull-store.ts'
import type { SourceStore } from './source-store.ts'
import type { SubscriptionStore } from './subscription-store.ts'
import type { TypeStore } from './type-store.ts'

/** Seals what waits in the database; `of` names the row. */
type SealingKeys = {
  readonly current: string
  readonly known: string[]
  seal(of: string, plain: Buffer): Buffer
  /** Throws `delivery_key_missing` when the key is not here. */
  open(of: string, sealed: Buffer): Buffer
}

/** The keys of one-way messages: events of rooms are sealed and named with them. */
export type EventSeals = {
  keys: SealingKeys
  /** A keyed hash: a copy of the database does not show what it names. */
  names: { nameOf(parts: string[]): string }
  addHolder(holder: {
    sealedWith(id: string, most: number): Promise<number>
    dropSealedWith(id: string): Promise<number>
  }): void
  erasedAmong: ErasedAmong
}

/** One-way messages: how events reach inboxes. */
export type DeliveryDoor = {
  /**
   * Accepts an event for an inbox, with a signed receipt; a repetition does nothing. Throws
   * `event_id_reused`, and what an exchange would throw before it sends.
   */
  enqueue(delivery: {
    client: ClientId
    service: ServiceId
    headers: HeaderList
    body: Buffer
    fields?: FieldsOnRecord | undefined
    expirytime?: string | undefined
  }): Promise<{ delivery: string }>
  /** How many messages of this subsystem wait for this inbox, counted up to `most`. */
  waiting(q: { client: ClientId; service: ServiceId; most: number }): Promise<number>
  /**
   * Asks the inbox's server whether it would take messages of the client. Throws `inbox_refuses`,
   * `inbox_not_asked`.
   */
  checkInbox(q: { client: ClientId; service: ServiceId }): Promise<void>
  /**
   * Ways on which messages wait that are refused, here or by the inbox's server, with a code that no later
   * attempt alone changes.
   */
  refusedRoutes(most: number): Promise<{ client: string; service: string }[]>
}

/** The consumer's half: proof of a system, and what an exchange would be refused for at once. */
type ClientDoor = {
  authenticate(request: FastifyRequest, client: ClientId): void
  check(q: {
    method: 'POST'
    url: string
    rawHeaders: string[]
  }): Promise<{ terms: Pick<RecordTerms, 'secrecy'> }>
}

export type SubscriptionRooms = {
  /** The name of this process on the database. */
  node: string
  clock: Clock
  log: Log
  jobs: Pick<Jobs, 'call' | 'onCall'>
  /** The largest event. */
  eventBytes: number
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  contracts: Pick<Contracts, 'contractFor'>
  localSystems: Pick<LocalSystems, 'service' | 'call' | 'view'>
  door: ClientDoor
  deliveries: DeliveryDoor
  keys: SealingKeys
  names: EventSeals['names']
  validator: Pick<MessageValidator, 'judge'>
  types: TypeStore
  sources: SourceStore
  events: EventStore
  subscriptions: SubscriptionStore
  pulls: PullStore
  /** Something was published, or is due again: a node that is free gives it out soon. */
  wake(): void
  count(what: 'published' | 'given' | 'passed_over'): void
}

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}

const SEQUENCE = /^[0-9]{16}$/

/** Texts of this form compare as the numbers do. */
export function sequenceText(sequence: number): string {
  return String(sequence).padStart(16, '0')
}

/** Undefined for any other text. */
export function sequenceOf(text: string): number | undefined {
  return SEQUENCE.test(text) ? Number(text) : undefined
}
