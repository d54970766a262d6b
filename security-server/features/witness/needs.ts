/** The part of the feature that its operations use. */
import type { OwnWitnesses } from '#platform/witness/own-witnesses.ts'
import type { WitnessStore } from '#platform/witness/store.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { RegistryLogState } from './registry-log/cosign-registry-log.ts'

type Contradiction = { server: string; time: string; kind: string; known_note: string; seen_note: string }

/** The data about witnesses that operations show. */
export type WitnessRoomView = {
  /**
   * The C2SP tlog-policy file that defines a sufficient set of cosignatures. Undefined if no witness is
   * configured.
   */
  policyText?: string | undefined
  /** Undefined if no witness is configured. */
  witnesses: Pick<OwnWitnesses, 'submit' | 'witnessed' | 'state' | 'health'> | undefined
  /** Whether the witnesses with these names are a quorum. False without a policy. */
  hasQuorum(names: string[]): boolean
  /** Undefined when this server is no witness. */
  witness: { verifierKey: string } | undefined
  /** Undefined when this server does not cosign the registry's log. */
  registryLog: { state(): Promise<RegistryLogState> } | undefined
  store: Pick<WitnessStore, 'logs' | 'refusals'>
  partners: {
    heads(): Promise<{ server: string; size: number; time: string; note: string }[]>
    contradictions(): Promise<Contradiction[]>
    unproven(): { server: string; since: string; reason: string }[]
  }
}

export type Needs = { messageLog: Pick<MessageLog, 'witnesses'>; witnessRoom: WitnessRoomView }
