/**
 * Guarantees that a logged request which got no acceptable reply is closed by a record: a refusal when it was
 * not carried out (never sent, or refused, with the peer's signed refusal when it verifies), else outcome
 * unknown, with the peer's signed word that its system answered with this fault when that verifies. Gives
 * back the fault to answer with.
 */
import { createHash } from 'node:crypto'
import { faultStatement } from '#core/transport/fault-statement.ts'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { type Fault, isCodeOfServers, type WireFault } from '#schemas/fault.ts'
import { type MemberId, memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { RequestMessage } from '../message/codec.ts'
import { afterTheCall } from '../peer/after-the-call.ts'
import type { LogEntry } from '../peer/message-log.ts'
import { NotSent } from '../peer/not-sent.ts'
import type { LoggedRequest } from './log-request.ts'
import { PeerRefusal } from './peer-refusal.ts'
import { saysNotCalled, saysReplayed } from './refused-codes.ts'
import type { ConsumerRooms } from './rooms.ts'

export async function logOutcome(
  logged: LoggedRequest,
  cause: unknown,
  rooms: ConsumerRooms,
): Promise<Fault> {
  const fault = isToldAsItIs(cause) ? cause : afterTheCall(cause, 'reply_not_accepted')
  const peerRefusal = fault instanceof PeerRefusal ? fault : undefined
  rooms.usedUpQuotas.hear(logged.terms.contract, fault)
  const proof = peerRefusal === undefined ? undefined : await verifiedStatement(peerRefusal, logged, rooms)
  try {
    await rooms.messageLog.append({
      kind: isNotCarriedOut(fault, proof !== undefined) ? 'refusal' : 'outcome-unknown',
      direction: peerRefusal === undefined ? 'out' : 'in',
      ids: { id: logged.request.id, requestId: logged.request.requestId },
      client: logged.request.client,
      service: logged.request.service,
      peer: peerRefusal?.server,
      time: new Date(rooms.clock()),
      outcome: (fault.received?.type ?? fault.code).slice(0, 100),
      message: proof?.message,
      body: undefined,
      signature: proof?.signature,
      ...logged.terms,
      answers: logged.record.index,
      extra: { detail: fault.detail.slice(0, 100) },
    })
  } catch {
    // The log refuses: it closes the request when it can. The first fault is the one to report.
  }
  return fault
}

/** Before the call nothing has to be put right, and a peer's words are its own. */
function isToldAsItIs(cause: unknown): cause is NotSent | PeerRefusal {
  return cause instanceof NotSent || cause instanceof PeerRefusal
}

/**
 * Not sent, or refused by the peer's signed word or by a code that no server gives once it has called its
 * system.
 */
function isNotCarriedOut(fault: Fault, proved: boolean): boolean {
  if (fault instanceof NotSent) return true
  if (!(fault instanceof PeerRefusal) || fault.received === undefined) return false
  if (saysReplayed(fault.received.type) || isOfSystem(fault.received)) return false
  return proved || saysNotCalled(fault.received.type)
}

/** The provider's system answered: nobody but it knows what it did before. */
function isOfSystem({ type }: WireFault): boolean {
  return !isCodeOfServers(type)
}

/** The statement and its signature, when a server of the provider's member or owner signed exactly this. */
async function verifiedStatement(
  fault: PeerRefusal,
  logged: LoggedRequest,
  rooms: ConsumerRooms,
): Promise<Pick<LogEntry, 'message' | 'signature'> | undefined> {
  const { signatures, received } = fault
  if (signatures === undefined || received === undefined) return undefined
  for (const message of statementsOf(received, logged)) {
    const messageSha512 = createHash('sha512').update(message).digest()
    const parts = { message, messageSha512, body: undefined, signature: { signatures } }
    for (const member of signersOf(logged, fault.server)) {
      try {
        const snapshot = rooms.globalConfiguration.currentWithin(logged.terms.graceMs ?? 0)
        await rooms.verifyMessage({ parts, member, snapshot, at: rooms.clock() })
        return parts
      } catch {
        // Not this statement or not this member: the next may fit; what is not proved is logged without
        // proof.
      }
    }
  }
  return undefined
}

function statementsOf(fault: WireFault, logged: LoggedRequest): Buffer[] {
  const { requestId } = logged.request
  const requestHash = logged.codec.requestHash(logged)
  if (isOfSystem(fault)) return [faultStatement({ requestId, requestHash, document: writeSoapFault(fault) })]
  // Refused before its body was read, a request is named by its id alone.
  return [requestHash, ''].map((hash) => refusalStatement({ requestId, requestHash: hash, fault }))
}

function signersOf(logged: RequestMessage, server: ServerId): MemberId[] {
  return [memberOf(logged.request.service), memberOf(server)]
}
