/**
 * Guarantees that the server on the line is a registered one whose certificate is good now, that it may use
 * this TLS profile, and that it has not used up its quota. From here on replay keys are held for the message
 * that it brings.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import { beginCourse, type Course } from '../peer/course.ts'
import type { ProviderRooms } from './rooms.ts'

/** With what a peer server comes. */
export type Presented = {
  headers: Record<string, string | string[] | undefined>
  /** The chain of the TLS handshake. */
  presented: Certificate[]
  /** 'TLSv1.3', or an older one that only some peers may use. */
  protocol: string | null
  /** Of a message that is an exchange. */
  course?: Course
}

/** The stay of a peer server with one message. */
export type Visit = {
  peer: ServerId
  /**
   * It says itself that it is no X-Road server. Under a registry that makes no statements none of ours does.
   */
  isOurs: boolean
  /** What proved it: judged again when the body, which may take long, is there. */
  proof: { presented: Certificate[]; instance: string; ocspResponses: Buffer[] }
  /** When the head of the message came, before its body: its signing time is compared with this. */
  arrived: number
  /** Ends the hold on the replay keys that this message could repeat. */
  release(): void
  /** Ends the peer's claim on its quota, and what else the message claimed. */
  leave(): void
  /** Calls `end` when the message leaves. */
  alsoLeave(end: () => void): void
  /** What the monitoring is told in the end. */
  course: Course
}

export function identifyPeer(
  arrival: Presented,
  { instance, ocspResponses }: { instance: string; ocspResponses: Buffer[] },
  rooms: ProviderRooms,
): Visit {
  const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
  const { presented, protocol } = arrival
  const proof = { presented, instance, ocspResponses }
  const { server } = rooms.verifyPeer({ ...proof, snapshot, at: rooms.clock() })
  if (protocol !== 'TLSv1.3' && !rooms.xroadTlsPeers.has(idText(server.id))) {
    throw new Fault('tls_profile_not_allowed', { what: `${idText(server.id)} came by ${protocol}` })
  }
  const head = arrival.headers[HEADER.configurationHead]
  rooms.globalConfiguration.hear(typeof head === 'string' ? head : undefined)
  const ends = [rooms.quota.enter(server.id)]
  const leave = (): void => {
    for (const end of ends.splice(0)) end()
  }
  const alsoLeave = (end: () => void): void => void ends.push(end)
  const arrived = rooms.clock()
  const release = rooms.messageLog.holdReplayKeys(arrived)
  const course = arrival.course ?? beginCourse('provider', rooms.clock)
  course.peer = server.id
  return {
    ...{ peer: server.id, isOurs: arrival.headers[HEADER.configurationIndex] !== undefined },
    ...{ proof, arrived, release, leave, alsoLeave, course },
  }
}
