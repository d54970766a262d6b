/**
 * Guarantees that what was refused is on record: for a verified request the request itself and our signed refusal, for
 * an authenticated peer the refusal; strangers are only counted, so that they cannot fill the log. An intent that was
 * not answered is closed as refused or as outcome unknown. Gives the fault with the refusal's signature.
 */
import { createHash } from 'node:crypto'
import { requestHash } from '#core/transport/rest-message.ts'
import { asFault, type Fault, type FaultCode, wireFault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import type { MessageSignature, RecordReference } from '../peer/message.ts'
import { refusalStatement } from '../peer/refusal-statement.ts'
import { requestEntry } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'
import type { Way } from './way.ts'

/** A fault on its way to the peer, with what proves it. */
export type Refusal = { fault: Fault; signatures: Buffer | undefined; peerKnown: boolean }

/** After the intent these say that the system was not reached; anything else leaves the outcome unknown. */
const NOT_CALLED: ReadonlySet<FaultCode> = new Set(['service_missing_url', 'service_malformed_url'])

export async function refuse(cause: unknown, way: Way, rooms: ProviderRooms): Promise<RefusedExchange> {
  const fault = asFault(cause)
  const proof =
    way.peer === undefined || way.claimed === undefined ? undefined : await prove(fault, way, rooms)
  if (way.peer !== undefined) await record(fault, proof, way, rooms)
  await way.body?.discard()
  return new RefusedExchange({
    fault,
    signatures: proof?.signature.signatures,
    peerKnown: way.peer !== undefined,
  })
}

/** Carries a refusal to the edge. */
export class RefusedExchange extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.fault.message, { cause: refusal.fault })
    this.refusal = refusal
  }
}

async function prove(
  fault: Fault,
  way: Way,
  rooms: ProviderRooms,
): Promise<{ message: Buffer; signature: MessageSignature } | undefined> {
  const { request, requestId } = way.claimed!
  // Refused before the body was read, the refusal speaks of the message alone.
  const hash = way.requestHash === undefined ? '' : requestHash(way.requestHash)
  const message = refusalStatement({
    requestId,
    requestHash: hash,
    fault: wireFault(fault, 'server.serverproxy'),
  })
  const messageSha512 = createHash('sha512').update(message).digest()
  try {
    const served = rooms.globalConfiguration
      .current()
      .index.isMemberOnServer(rooms.server, memberOf(request.service))
    const member = served ? memberOf(request.service) : memberOf(rooms.server)
    return { message, signature: await rooms.signMessage(member, { messageSha512, body: undefined }) }
  } catch {
    // Without a usable key the refusal goes out unsigned; the fault itself is what matters.
    return undefined
  }
}

async function record(
  fault: Fault,
  proof: { message: Buffer; signature: MessageSignature } | undefined,
  way: Way,
  rooms: ProviderRooms,
): Promise<void> {
  const { claimed } = way
  if (claimed === undefined) return
  try {
    const answers = way.intent ?? (await recordRequest(fault, way, rooms))
    const unknown = way.intent !== undefined && !NOT_CALLED.has(fault.code)
    await rooms.messageLog.append({
      kind: unknown ? 'outcome-unknown' : 'refusal',
      direction: 'out',
      ids: { id: claimed.request.id!, requestId: claimed.requestId },
      client: claimed.request.client,
      service: claimed.request.service,
      peer: way.peer,
      time: new Date(rooms.clock()),
      outcome: fault.code,
      message: proof?.message,
      body: undefined,
      signature: proof?.signature,
      answers: answers?.index,
      extra: { detail: fault.detail },
    })
  } catch {
    // The log refuses: the peer gets its fault all the same, and an open intent is closed by recovery.
  }
}

/** A verified request that is refused is evidence too; its replays are not, so that they cannot fill the log. */
async function recordRequest(
  fault: Fault,
  way: Way,
  rooms: ProviderRooms,
): Promise<RecordReference | undefined> {
  if (way.verified === undefined || fault.code === 'replayed_request') return undefined
  const record = await rooms.messageLog.append(
    requestEntry({ ...way.verified, peer: way.peer! }, fault.code, rooms),
  )
  way.body = undefined
  return record
}
