/** The parts of the server that reconciliation uses. Of the message log it needs only a small part. */
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

/** The opening of a commitment, from the log. */
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
    /**
     * Members of clients and services, and the servers through which they exchanged messages, between two ISO
     * times.
     */
    pairs(q: { from: string; to: string }): Promise<{ client: string; service: string; peer: string }[]>
    /** The secrecy of the pair's most secret exchange between two ISO times. 0: all readers may see them. */
    secrecy(q: { from: string; to: string; pair: { own: string; peer: string } }): Promise<number>
    /** The records of a pair between two ISO times, in order. */
    read(q: { from: string; to: string; pair: { own: string; peer: string } }): AsyncGenerator<Stretch>
  }
  /** Signs the present tree head. */
  checkpointNow(): Promise<string | undefined>
  proof(index: number): Promise<LogProof>
  /** Which of these records are erased down to their leaves. */
  leavesAmong(indexes: number[]): Promise<number[]>
}

export type ReconciliationRooms = {
  server: ServerId
  clock: Clock
  keys: Pick<Keys, 'signJson' | 'authenticationIdentity'>
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  verifyPeer: VerifyPeer
  peerClient: Pick<PeerClient, 'post'>
  log: ComparedLog
  /** The secrecy that contracts give to the fact that two members exchange messages. */
  secrecyBetween(a: string, b: string): number
  store: ReconciliationStore
  entries: EntriesStore
  shapes: CheckShapes
  /** Records in the audit log, durably, what is about to be concluded. */
  audit(act: { target: string; data: unknown }): Promise<unknown>
}
