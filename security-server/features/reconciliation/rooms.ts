/** What reconciliation works with; main.ts puts it together. The message log is handed in as the small part that it needs. */
import type { Stretch } from '#core/reconciliation/assemble.ts'
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { PeerClient } from '../../peer/client.ts'
import type { VerifyPeer } from '../../peer/verify-peer.ts'
import type { EntriesStore } from './entries-store.ts'
import type { CheckShapes } from './shapes.ts'
import type { ReconciliationStore } from './store.ts'

/** A commitment's opening, as the log gives it. */
export type LogOpening = { key: Buffer; digest: Buffer }
type LogProof = {
  index: number
  form: string
  path: Buffer[]
  checkpoint: string
  openings: { message?: LogOpening; body?: LogOpening }
}

type ComparedLog = {
  reconciliation: {
    /** Members of clients and services, and the servers by which they spoke, between two ISO times. */
    pairs(q: { from: string; to: string }): Promise<{ client: string; service: string; peer: string }[]>
    /** Of the most secret exchange of a pair between two ISO times; 0: all may see them. */
    secrecy(q: { from: string; to: string; pair: { own: string; peer: string } }): Promise<number>
    /** What is logged about a pair between two ISO times, in order. */
    read(q: { from: string; to: string; pair: { own: string; peer: string } }): AsyncGenerator<Stretch>
  }
  /** Signs the tree head of now. */
  checkpointNow(): Promise<string | undefined>
  proof(index: number): Promise<LogProof>
}

export type ReconciliationRooms = {
  server: ServerId
  clock: Clock
  keys: Pick<Keys, 'signJson' | 'authenticationIdentity'>
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  verifyPeer: VerifyPeer
  peerClient: Pick<PeerClient, 'post'>
  log: ComparedLog
  /** How secret contracts make it that two members have to do with each other. */
  secrecyBetween(a: string, b: string): number
  store: ReconciliationStore
  entries: EntriesStore
  shapes: CheckShapes
  /** Notes in the audit log, durably, what is about to be concluded. */
  audit(act: { target: string; data: unknown }): Promise<unknown>
}
