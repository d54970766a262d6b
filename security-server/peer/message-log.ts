/** The interface of the message log that the message path uses; the wiring passes the implementation. */
import type { ClientId, ServerId, ServiceId } from '#schemas/identifiers.ts'
import type { Body, BodySpool } from '../message/body.ts'
import type { MessageSignature } from '../message/message.ts'
import type { TermsOnRecord } from './terms-on-record.ts'

/** The place of a record in the message log: its index and leaf hash. */
export type RecordReference = { index: number; leaf: Buffer }

export type LogEntry = {
  kind: 'request' | 'reply' | 'refusal' | 'outcome-unknown'
  /** Seen from this server: `in` came from a peer, `out` was sent to one. */
  direction: 'in' | 'out'
  ids: { id: string; requestId: string }
  client: ClientId
  service: ServiceId
  peer: ServerId | undefined
  time: Date
  /** '' while the exchange is open, 'ok', or the fault code. */
  outcome: string
  message: Buffer | undefined
  body: Body | undefined
  signature: MessageSignature | undefined
  /** The index of the record that this one closes. */
  answers?: number | undefined
  /**
   * Unique for as long as its message can be repeated: a second record with it is refused with
   * `replayed_request`.
   */
  replayKey?: Buffer | undefined
  /** Searchable facts; encrypted with the content. */
  extra?: Record<string, string> | undefined
} & Partial<TermsOnRecord>

export type PathLog = {
  /** Resolves when the record is durable; rejects with `logging_failed` or `replayed_request`. */
  append(entry: LogEntry): Promise<RecordReference>
  /**
   * Keeps the replay keys that a message which arrived at that time (ms) could repeat, until the returned
   * function is called.
   */
  holdReplayKeys(arrived: number): () => void
  spool: BodySpool
  /** The newest signed checkpoint of this server's log. */
  treeHead(): string | undefined
  /** Throws `logging_failed` or `timestamping_failed` when no exchange may begin. */
  checkUsable(): void
}
