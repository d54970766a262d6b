/**
 * A member's statement of which key signs the checkpoints of its server's log: a JWS with the member's
 * signing key.
 */
import type { Time } from './sent-values.ts'

/**
 * `server` is the origin of the log; `logKey` is a C2SP verifier key with that name. Identifiers are in text
 * form.
 */
export type LogKeyStatement = {
  id: string
  createdAt: Time
  signer: string
  server: string
  logKey: string
}

/** The `typ` of its JWS. */
export const LOG_KEY_TYPE = 'concordat-log-key'

/** Media types between logs and witnesses: C2SP's for a tree size, ours for the statement. */
export const WITNESS_TYPE = { size: 'text/x.tlog.size', statement: 'application/jose+json' } as const
