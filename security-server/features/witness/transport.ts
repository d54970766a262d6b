/** How this room asks a witness, whichever way it goes: by its address, or by mutual TLS to a peer server. */

/** A bounded answer of any status; throws `network_error` when none came. */
export type WitnessReply = { status: number; contentType: string; body: Buffer }

type WitnessCall = { method: 'GET' | 'POST'; path: string; body?: Buffer; contentType?: string }

/** Asks below the witness's submission prefix. */
export type AskWitness = (call: WitnessCall) => Promise<WitnessReply>

/** Where the peer listener has the witness and what partners ask of this server's own log. */
export const PEER_PREFIX = '/witness'

/** A checkpoint with all its lines, a statement with its certificates and OCSP answers. */
export const MAX_REPLY_BYTES = 256 * 1024
