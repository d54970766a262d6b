/** How a log asks a witness: at its http or https address, or over the wire of the server that asks. */

/** An answer of limited size and of any status. */
export type WitnessReply = { status: number; contentType: string; body: Buffer }

type WitnessCall = { method: 'GET' | 'POST'; path: string; body?: Buffer; contentType?: string }

/** Sends a call below the witness's submission prefix. Throws `network_error` when no answer arrives. */
export type AskWitness = (call: WitnessCall) => Promise<WitnessReply>

/** Enough for a checkpoint with all its lines, and for a statement with certificates and OCSP responses. */
export const MAX_REPLY_BYTES = 256 * 1024
