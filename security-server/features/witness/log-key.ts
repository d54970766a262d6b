/**
 * This server's statement about which key signs its log's checkpoints. The member signs it on request; a
 * statement is reused for a minute.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import { idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import { LOG_KEY_TYPE, type LogKeyStatement } from '#schemas/log-key.ts'

/** Much less than the five minutes for which others accept a statement. */
const KEPT_MS = 60_000

/**
 * `sign` returns the document as a JWS, signed with the signing key of the server's owner. It throws while
 * the token is locked.
 */
export function createLogKeyStatement(q: {
  server: ServerId
  logKey(): Promise<string>
  sign(document: LogKeyStatement, type: string): Promise<string>
  clock: Clock
}): () => Promise<Buffer> {
  let kept: { statement: Buffer; at: number } | undefined
  return async () => {
    const now = q.clock()
    // One from before the clock was set back is of a time that others do not accept yet.
    if (kept !== undefined && kept.at <= now && now < kept.at + KEPT_MS) return kept.statement
    const document = {
      id: randomUUID(),
      createdAt: new Date(now).toISOString(),
      signer: idText(memberOf(q.server)),
      server: idText(q.server),
      logKey: await q.logKey(),
    }
    kept = { statement: Buffer.from(await q.sign(document, LOG_KEY_TYPE)), at: now }
    return kept.statement
  }
}
