/**
 * Guarantees that what was refused is on record: for a verified request the request itself and our signed refusal, for
 * an authenticated peer the refusal; strangers are only counted, so that they cannot fill the log. An intent that was
 * not answered is closed: as refused, with our signature, when the system was not reached, else as outcome unknown,
 * which nothing signed may call a refusal.
 */
import { createHash } from 'node:crypto'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { requestHash } from '#core/transport/rest-message.ts'
import { asFault, type Fault, wireFault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import type { HeldTerms } from '../peer/held-terms.ts'
import type { MessageSignature, RecordReference } from '../peer/message.ts'
import { NotSent } from '../peer/not-sent.ts'
import { heldWhenRefused } from './check-contract.ts'
import { requestEntry } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'
import type { Way } from './way.ts'

/** A fault on its way to the peer, with what proves it. */
export type Refusal = { fault: Fault; signatures: Buffer | undefined; peerKnown: boolean }

export async function refuse(cause: unknown, way: Way, rooms: ProviderRooms): Promise<RefusedExchange> {
  const fault = asFault(cause)
  // After the intent only what carries the mark did not reach the system.
  const kind = way.intent === undefined || cause instanceof NotSent ? 'refusal' : 'outcome-unknown'
  const proof = kind === 'refusal' ? await prove(fault, way, rooms) : undefined
  await record(kind, fault, proof, way, rooms)
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
  if (way.peer === undefined || way.claimed === undefined) return undefined
  const { request, requestId } = way.claimed
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
    const parts = { messageSha512, body: undefined }
    return { message, signature: await rooms.signMessage(member, parts, { alone: true }) }
  } catch {
    // Without a usable key the refusal goes out unsigned; the fault itself is what matters.
    return undefined
  }
}

async function record(
  kind: 'refusal' | 'outcome-unknown',
  fault: Fault,
  proof: { message: Buffer; signature: MessageSignature } | undefined,
  way: Way,
  rooms: ProviderRooms,
): Promise<void> {
  const { peer, claimed } = way
  if (peer === undefined || claimed === undefined) return
  try {
    const answers = way.intent ?? (await recordRequest(fault, way, rooms))
    await rooms.messageLog.append({
      kind,
      direction: 'out',
      ids: { id: claimed.request.id!, requestId: claimed.requestId },
      client: claimed.request.client,
      service: claimed.request.service,
      peer,
      time: new Date(rooms.clock()),
      outcome: fault.code,
      message: proof?.message,
      body: undefined,
      signature: proof?.signature,
      ...termsOf(way, rooms),
      answers: answers?.index,
      extra: { detail: fault.detail },
    })
  } catch {
    // The log refuses: the peer gets its fault all the same, and the log closes an open intent when it can.
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
    requestEntry({ ...way.verified, peer: way.peer!, terms: termsOf(way, rooms) }, fault.code, rooms),
  )
  way.body = undefined
  return record
}

/** Of the contract under which it went or, when it was refused before that was known, of those that name its parties. */
function termsOf({ terms, claimed }: Way, rooms: ProviderRooms): HeldTerms {
  const { request } = claimed!
  return terms ?? heldWhenRefused(request, rooms.contracts.termsOfRefused(request), rooms)
}
