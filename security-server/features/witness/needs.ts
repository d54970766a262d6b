/** What this server has to do with witnesses, as its operations show it. */
import type { Finding } from '#platform/health/create-health.ts'
import type { WitnessStore } from '#platform/witness/store.ts'
import type { MessageLog } from '../../message-log/message-log.ts'

type Contradiction = { server: string; time: string; kind: string; known_note: string; seen_note: string }

/** What this server has to do with witnesses; main.ts hands it in. */
export type WitnessRoomView = {
  /** The C2SP tlog-policy file by which cosignatures are enough; absent when nobody witnesses our log. */
  policyText?: string | undefined
  /** Absent when nobody witnesses our log. */
  witnesses:
    | { submit(): Promise<void>; witnessed(): unknown; state(): unknown[]; health(): Finding }
    | undefined
  /** Whether witnesses of these names are enough. */
  hasQuorum(names: string[]): boolean
  /** Absent when this server is no witness. */
  witness: { verifierKey: string } | undefined
  store: Pick<WitnessStore, 'logs' | 'refusals'>
  partners: {
    heads(): Promise<{ server: string; size: number; time: string; note: string }[]>
    contradictions(): Promise<Contradiction[]>
    unproven(): unknown[]
  }
}

export type Needs = { messageLog: Pick<MessageLog, 'witnesses'>; witnessRoom: WitnessRoomView }
