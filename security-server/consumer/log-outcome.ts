/**
 * Guarantees that a logged request which got no acceptable reply is closed by a record: refused (with the peer's signed
 * refusal when it verifies), not sent, or outcome unknown. Gives back the fault to answer with.
 */
import { createHash } from 'node:crypto'
import { requestHash } from '#core/transport/rest-message.ts'
import { asFault, type Fault, type FaultCode } from '#schemas/fault.ts'
import { type MemberId, memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { Logged, RequestMessage, Signed } from '../peer/message.ts'
import type { LogEntry } from '../peer/message-log.ts'
import { refusalStatement } from '../peer/refusal-statement.ts'
import { PeerRefusal } from './peer-refusal.ts'
import type { ConsumerRooms } from './rooms.ts'

/** With these the request never left us: the provider cannot have carried it out. */
const NOT_SENT: ReadonlySet<FaultCode> = new Set([
  'network_error',
  'unknown_server',
  'unknown_peer',
  'cert_validation',
  'invalid_cert_path',
  'incorrect_certificate',
  'incorrect_validation_info',
  'tls_profile_not_allowed',
])

export async function logOutcome(
  logged: Logged<Signed<RequestMessage>>,
  cause: unknown,
  rooms: ConsumerRooms,
): Promise<Fault> {
  const fault = asFault(cause)
  const refusal = fault instanceof PeerRefusal ? await verifiedRefusal(fault, logged, rooms) : undefined
  const refused = fault instanceof PeerRefusal || NOT_SENT.has(fault.code)
  try {
    await rooms.messageLog.append({
      kind: refused ? 'refusal' : 'outcome-unknown',
      direction: fault instanceof PeerRefusal ? 'in' : 'out',
      ids: { id: logged.request.id!, requestId: logged.requestId },
      client: logged.request.client,
      service: logged.request.service,
      peer: fault instanceof PeerRefusal ? fault.server : undefined,
      time: new Date(rooms.clock()),
      outcome: (fault.received?.type ?? fault.code).slice(0, 100),
      message: refusal?.message,
      body: undefined,
      signature: refusal?.signature,
      answers: logged.record.index,
      extra: { detail: fault.detail },
    })
  } catch {
    // The log refuses: the request stays open and recovery closes it as unknown. The first fault is the one to report.
  }
  return fault
}

/** The statement and its signature, when a server of the provider's member or owner signed exactly this refusal. */
async function verifiedRefusal(
  fault: PeerRefusal,
  logged: Logged<Signed<RequestMessage>>,
  rooms: ConsumerRooms,
): Promise<Pick<LogEntry, 'message' | 'signature'> | undefined> {
  if (fault.signatures === undefined || fault.received === undefined) return undefined
  const hash = requestHash({ message: logged.messageSha512, body: logged.body?.sha512 })
  const message = refusalStatement({ requestId: logged.requestId, requestHash: hash, fault: fault.received })
  const messageSha512 = createHash('sha512').update(message).digest()
  const parts = { message, messageSha512, body: undefined, signature: { signatures: fault.signatures } }
  for (const member of signersOf(logged, fault.server)) {
    try {
      const snapshot = rooms.globalConfiguration.current()
      await rooms.verifyMessage({ parts, member, snapshot, at: rooms.clock() })
      return parts
    } catch {
      // Not signed by this member: the next may have; an unproved refusal is logged without proof.
    }
  }
  return undefined
}

function signersOf(logged: RequestMessage, server: ServerId): MemberId[] {
  return [memberOf(logged.request.service), memberOf(server)]
}
