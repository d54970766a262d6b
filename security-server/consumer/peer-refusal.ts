/** A fault that the provider's server sent, with the signed refusal that came beside it, if any. */
import { Fault, type FaultCode, type WireFault } from '#schemas/fault.ts'
import type { ServerId } from '#schemas/identifiers.ts'

const MAX_SIGNATURE_BASE64 = 64 * 1024
const DAY_SECONDS = 86_400

/**
 * Given before the call, and passed on with their own status: the asking system has nothing to do but to
 * wait.
 */
const TO_WAIT_FOR: readonly FaultCode[] = [
  ...([
    'contract_quota_used_up',
    'contract_quota_unknown',
    'inbox_full',
    'service_busy',
    'preview_waiting',
  ] as const),
]

export class PeerRefusal extends Fault {
  readonly server: ServerId
  /** signatures.xml over the refusal statement, unverified. */
  readonly signatures: Buffer | undefined

  constructor(
    received: WireFault,
    server: ServerId,
    beside: { refusal?: string | undefined; retryAfter?: string | undefined },
  ) {
    const retryAfter = waitFor(received.type) === undefined ? undefined : secondsIn(beside.retryAfter)
    super('peer_fault', { what: received.message, retryAfter }, received)
    this.server = server
    this.signatures =
      beside.refusal === undefined || beside.refusal.length > MAX_SIGNATURE_BASE64
        ? undefined
        : Buffer.from(beside.refusal, 'base64')
  }
}

/** The code for which the asking system has to wait, when `type`, a provider's server's word, is one. */
export function waitFor(type: string): FaultCode | undefined {
  return TO_WAIT_FOR.find((code) => type === `server.serverproxy.${code}`)
}

/** Retry-After in seconds (RFC 9110 section 10.2.3); nothing that it names lasts longer than a day. */
function secondsIn(header: string | undefined): number {
  return /^[0-9]{1,5}$/.test(header ?? '') ? Math.min(Math.max(1, Number(header)), DAY_SECONDS) : 1
}
