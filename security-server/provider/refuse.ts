/**
 * Guarantees that what was refused is on record: for a verified request the request itself and our signed
 * refusal, for an authenticated peer the refusal; strangers, and what is beyond a limit, are only counted, so
 * that they cannot fill the log. An intent that was not answered is closed: as refused, with our signature,
 * when the system was not reached, else as outcome unknown, which nothing signed may call a refusal. A SOAP
 * fault of the system is signed as just that.
 */
import { createHash } from 'node:crypto'
import { faultStatement } from '#core/transport/fault-statement.ts'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { asFault, type Fault, type FaultCode, wireFault } from '#schemas/fault.ts'
import { memberOf, type ServerId } from '#schemas/identifiers.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import { discardOnFailure } from '../message/body.ts'
import type { MessageSignature, Request } from '../message/message.ts'
import { afterTheCall } from '../peer/after-the-call.ts'
import { secrecyOf } from '../peer/course.ts'
import { NotGiven } from '../peer/not-given.ts'
import { NotSent } from '../peer/not-sent.ts'
import { PreviewFault } from '../peer/previews.ts'
import type { TermsOnRecord } from '../peer/terms-on-record.ts'
import { termsWhenRefused } from './check-rights.ts'
import { requestFacts } from './log-intent.ts'
import { type Reached, visitOf } from './reached.ts'
import type { ProviderRooms } from './rooms.ts'

/**
 * What the provider's system did; all else after the call is ours, and none of it a code that a peer takes
 * for a refusal.
 */
const OF_THE_CALL: ReadonlySet<FaultCode> = new Set(['service_failed', 'service_timeout', 'internal_error'])

/**
 * Given before anything was done, by the thousand where a system does not wait: counted, and no record
 * (docs/message-path.md).
 */
const ONLY_COUNTED: ReadonlySet<FaultCode> = new Set([
  'contract_quota_used_up',
  'service_busy',
  'preview_waiting',
  'preview_elsewhere',
])

/** A fault on its way to the peer, with what proves it. */
export type Refusal = { fault: Fault; signatures: Buffer | undefined; peerKnown: boolean }

/** A request of which at least the message was read; `hash` is '' when its body was not. */
type Refused = { request: Request; peer: ServerId; hash: string; terms: TermsOnRecord }
type Proof = { message: Buffer; signature: MessageSignature }

export async function refuse(
  thrown: unknown,
  reached: Reached,
  rooms: ProviderRooms,
): Promise<RefusedExchange> {
  // After the intent only what carries a mark did not reach the system, or was asked of it and not given.
  const isNotGiven = thrown instanceof NotGiven
  const cause = isNotGiven ? thrown.fault : thrown
  const isOpen = reached.step === 'intent' && !isNotGiven && !(cause instanceof NotSent)
  const kind = isOpen ? 'outcome-unknown' : 'refusal'
  const fault = isOpen
    ? afterTheCall(cause, 'reply_not_made', (code) => OF_THE_CALL.has(code))
    : asFault(cause)
  if (!isOpen) await giveBackConsent(reached)
  await giveBackPreview(reached)
  if (reached.step === 'allowed' && ONLY_COUNTED.has(fault.code)) {
    await reached.asked.body?.discard()
    reached.asked.visit.course.isOnlyCounted = true
    return new RefusedExchange({ fault, signatures: undefined, peerKnown: true })
  }
  const refused = refusedOf(reached, rooms)
  const message = refused && statementOf(kind, fault, refused)
  const visit = visitOf(reached)
  if (visit !== undefined && refused !== undefined) visit.course.secrecy = secrecyOf(refused.terms)
  const proof = refused && message && (await prove(message, refused, rooms))
  if (refused !== undefined) await record({ kind, fault, proof, refused, reached }, rooms)
  const signatures = proof?.signature.signatures
  return new RefusedExchange({ fault, signatures, peerKnown: visit !== undefined })
}

/** What was not carried out uses up nothing. */
async function giveBackConsent(reached: Reached): Promise<void> {
  if (reached.step === 'allowed' || reached.step === 'intent') await reached.asked.giveBackConsent?.()
}

/** Whatever came of the call: nothing has left. */
async function giveBackPreview(reached: Reached): Promise<void> {
  if (reached.step === 'allowed' || reached.step === 'intent') await reached.asked.preview?.taken?.giveBack()
}

/** Carries a refusal to the edge. */
export class RefusedExchange extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.fault.message, { cause: refusal.fault })
    this.refusal = refusal
  }
}

function refusedOf(reached: Reached, rooms: ProviderRooms): Refused | undefined {
  switch (reached.step) {
    case 'nothing':
    case 'peer':
      return undefined
    case 'claim': {
      const { request, visit } = reached
      return { request, peer: visit.peer, hash: '', terms: termsOfRefused(request, rooms) }
    }
    case 'received':
    case 'verified': {
      const { request, visit, codec } = reached.asked
      const hash = codec.requestHash(reached.asked)
      return { request, peer: visit.peer, hash, terms: termsOfRefused(request, rooms) }
    }
    default: {
      const { request, visit, codec, terms } = reached.asked
      return { request, peer: visit.peer, hash: codec.requestHash(reached.asked), terms }
    }
  }
}

/** Refused before the contract under which it goes was known: of those that name its parties. */
function termsOfRefused(request: Request, rooms: ProviderRooms): TermsOnRecord {
  return termsWhenRefused(request, rooms.contracts.termsOfRefused(request), rooms)
}

/** What is signed: a refusal, the fault that the system answered with, or nothing. */
function statementOf(
  kind: 'refusal' | 'outcome-unknown',
  fault: Fault,
  { request: { requestId }, hash: requestHash }: Refused,
): Buffer | undefined {
  const sent = wireFault(fault, 'server.serverproxy')
  if (kind === 'refusal') return refusalStatement({ requestId, requestHash, fault: sent })
  if (fault.received === undefined) return undefined
  return faultStatement({ requestId, requestHash, document: writeSoapFault(sent) })
}

async function prove(
  message: Buffer,
  { request }: Refused,
  rooms: ProviderRooms,
): Promise<Proof | undefined> {
  const messageSha512 = createHash('sha512').update(message).digest()
  try {
    const served = rooms.globalConfiguration
      .currentWithin(ANY_GRACE)
      .index.isMemberOnServer(rooms.server, memberOf(request.service))
    const member = served ? memberOf(request.service) : memberOf(rooms.server)
    return await rooms.signMessage(member, { message, messageSha512, body: undefined }, { alone: true })
  } catch {
    // Without a usable key it goes out unsigned; the fault itself is what matters.
    return undefined
  }
}

async function record(
  q: {
    kind: 'refusal' | 'outcome-unknown'
    fault: Fault
    proof: Proof | undefined
    refused: Refused
    reached: Reached
  },
  rooms: ProviderRooms,
): Promise<void> {
  const { fault, proof, refused } = q
  const { request, peer, terms } = refused
  try {
    const answers = await recordRequest(q.reached, refused, fault, rooms)
    await rooms.messageLog.append({
      kind: q.kind,
      direction: 'out',
      ids: { id: request.id, requestId: request.requestId },
      client: request.client,
      service: request.service,
      peer,
      time: new Date(rooms.clock()),
      outcome: fault.code,
      message: proof?.message,
      body: undefined,
      signature: proof?.signature,
      ...terms,
      answers,
      extra: { detail: fault.detail, ...(fault instanceof PreviewFault && fault.preview) },
    })
  } catch {
    // The log refuses: the peer gets its fault all the same, and the log closes an open intent when it can.
  }
}

/**
 * Where the request stands in the log. A verified request that is refused is evidence too; its replays are
 * not, so that they cannot fill the log. A body that no record keeps is removed.
 */
async function recordRequest(
  reached: Reached,
  { terms }: Refused,
  fault: Fault,
  rooms: ProviderRooms,
): Promise<number | undefined> {
  if (reached.step === 'intent') return reached.asked.record.index
  if (!('asked' in reached)) return undefined
  const { message, body, signature } = reached.asked
  if (reached.step === 'received' || fault.code === 'replayed_request') {
    await body?.discard()
    return undefined
  }
  return discardOnFailure(body, async () => {
    const facts = requestFacts(reached.asked, terms, fault.code, rooms)
    return (await rooms.messageLog.append({ ...facts, message, body, signature })).index
  })
}
