/** How this feature asks a witness: at its http or https address, or over mutual TLS if it is a peer server. */

/** An answer of limited size and of any status. */
export type WitnessReply = { status: number; contentType: string; body: Buffer }

type WitnessCall = { method: 'GET' | 'POST'; path: string; body?: Buffer; contentType?: string }

/** Sends a call below the witness's submission prefix. Throws `network_error` when no answer arrives. */
export type AskWitness = (call: WitnessCall) => Promise<WitnessReply>

/** The path prefix at the peer listener, for the witness and for partners' questions about this server's own log. */
export const PEER_PREFIX = '/witness'

/** Enough for a checkpoint with all its lines, and for a statement with certificates and OCSP responses. */
export const MAX_REPLY_BYTES = 256 * 1024
