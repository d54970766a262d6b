/** What the message path hands to the log, and what it gets back. */
import type { SealedCircumstances } from '#core/circumstances/seal.ts'
import type { ClientId, ServerId, ServiceId } from '#schemas/identifiers.ts'
import type { SpooledBody } from './spool.ts'

/** How much of a message is kept: all of it, digests only, or ids only. */
export type LogLevel = 'full' | 'digest' | 'none'

/** How secret a record is: 1 for those who may see secret contracts, 2 for nobody who reads this log. */
export type Secrecy = 1 | 2

/** The most secret records that a reader may see. */
export type Clearance = 0 | Secrecy

export type RecordInput = {
  kind: 'request' | 'reply' | 'refusal' | 'outcome-unknown'
  /** `out` leaves towards a peer, `in` comes from one. */
  direction: 'in' | 'out'
  /** x-road-id (the query id) and x-road-request-id. */
  ids: { id: string; requestId: string }
  client: ClientId
  service: ServiceId
  /** The other security server; absent when both subsystems are served here. */
  peer: ServerId | undefined
  time: Date
  /** '', 'ok' or a fault code. */
  outcome: string
  /** The signed message bytes as they stand on the wire. */
  message: Buffer | undefined
  body: SpooledBody | undefined
  /** signatures.xml and, for a multipart or batch signature, its hash chain. */
  signature: { signatures: Buffer; hashChainResult?: Buffer; hashChain?: Buffer } | undefined
  /** The index of the record that this one answers. */
  answers?: number
  /** Accepted once, as long as its message can come again; a second time this record alone is refused with `replayed_request`. */
  replayKey?: Buffer
  logLevel?: LogLevel
  /** The contract version under which the exchange took place. */
  contract?: string
  /** How long the contract wants the content kept, in days. */
  keepDays?: number
  /** Under a secret contract; absent: open. */
  secrecy?: Secrecy
  /** The circumstances of the exchange: kept once for all records that name it. */
  circumstances?: SealedCircumstances
  /** The global configuration by which the exchange was judged: "<instance>/<index>". */
  configuration?: string
  /** Further metadata (userId, issue, method), encrypted with the content. */
  extra?: Record<string, string>
}

/** Where a durable record stands in the tree, and its leaf hash. */
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
  /** Days that the contract wants the content kept. */
  keepDays?: number
  node: string
  peer?: string
  requestId: string
  /** Who may see it; absent: all who read the log. */
  secrecy?: Secrecy
  service?: string
}
