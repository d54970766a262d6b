/** The records that the message path passes to the log, and the result. */
import type { SealedCircumstances } from '#core/circumstances/seal.ts'
import type { ReceiptKind } from '#core/delivery/receipt.ts'
import type { ClientId, ServerId, ServiceId } from '#schemas/identifiers.ts'
import type { SpooledBody } from './bodies/spool.ts'

/** How much of a message is stored: all of it, digests only, or ids only. */
export type LogLevel = 'full' | 'digest' | 'none'

/** How secret a record is: 1 for readers who may see secret contracts, 2 for no reader of this log. */
export type Secrecy = 1 | 2

/** The most secret level of records that a reader may see. */
export type Clearance = 0 | Secrecy

export type RecordInput = {
  kind: 'request' | 'reply' | 'refusal' | 'outcome-unknown' | ReceiptKind
  /** `out` was sent to a peer, `in` came from one. */
  direction: 'in' | 'out'
  /** x-road-id (the query id) and x-road-request-id. */
  ids: { id: string; requestId: string }
  client: ClientId
  service: ServiceId
  /** The other security server; absent when this server serves both subsystems. */
  peer: ServerId | undefined
  time: Date
  /** '', 'ok' or a fault code. */
  outcome: string
  /** The signed bytes of the message as sent on the wire. */
  message: Buffer | undefined
  body: SpooledBody | undefined
  /** signatures.xml and, for a multipart or batch signature, its hash chain. */
  signature: { signatures: Buffer; hashChainResult?: Buffer; hashChain?: Buffer } | undefined
  /** The index of the record that this one answers. */
  answers?: number
  /**
   * Accepted once, for as long as its message can be repeated: a second record with it is refused with
   * `replayed_request`.
   */
  replayKey?: Buffer
  logLevel?: LogLevel
  /** The contract version under which the exchange took place. */
  contract?: string
  /** How long the contract wants the content to be stored, in days. */
  keepDays?: number
  /** Set under a secret contract; absent otherwise. */
  secrecy?: Secrecy
  /** The circumstances of the exchange; stored once for all records that name them. */
  circumstances?: SealedCircumstances
  /** The global configuration by which the exchange was judged: "<instance>/<index>". */
  configuration?: string
  /** Further metadata (userId, issue, method), encrypted with the content. */
  extra?: Record<string, string>
}

/** The index and leaf hash of a durable record. */
export type LoggedRecord = { index: number; leaf: Buffer }

/** What the content of a record says about itself; the `parties` commitment covers these bytes. */
export type Metadata = {
  answers?: number
  /** Base64 of the SHA-256 of the circumstances of the exchange. */
  circumstances?: string
  client?: string
  configuration?: string
  extra?: Record<string, string>
  id: string
  /** How many days the contract wants the content to be stored. */
  keepDays?: number
  node: string
  peer?: string
  requestId: string
  /** Who may see the record; absent: all readers of the log. */
  secrecy?: Secrecy
  service?: string
}
