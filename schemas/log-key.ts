/** How a member says which key signs the checkpoints of its server's log: a JWS by its signing key. */

/** `server` is the origin of the log; `logKey` a C2SP verifier key of a log with that name. Ids in their text form. */
export type LogKeyStatement = {
  id: string
  createdAt: string
  signer: string
  server: string
  logKey: string
}

/** The `typ` of its JWS. */
export const LOG_KEY_TYPE = 'concordat-log-key'

/** Media types between logs and witnesses: C2SP's for a tree size, ours for the statement. */
export const WITNESS_TYPE = { size: 'text/x.tlog.size', statement: 'application/jose+json' } as const
