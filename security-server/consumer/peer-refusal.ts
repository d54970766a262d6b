/** A fault that the provider's server sent, with the signed refusal that came beside it, if any. */
import { Fault, type WireFault } from '#schemas/fault.ts'
import type { ServerId } from '#schemas/identifiers.ts'

const MAX_SIGNATURE_BASE64 = 64 * 1024

export class PeerRefusal extends Fault {
  readonly server: ServerId
  /** signatures.xml over the refusal statement, unverified. */
  readonly signatures: Buffer | undefined

  constructor(received: WireFault, server: ServerId, header: string | undefined) {
    super('peer_fault', { what: received.message }, received)
    this.server = server
    this.signatures =
      header === undefined || header.length > MAX_SIGNATURE_BASE64 ? undefined : Buffer.from(header, 'base64')
  }
}
