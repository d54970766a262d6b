/** Our own statement which key signs our log's checkpoints: signed by the member when somebody asks, and again after a minute. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import { idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import { LOG_KEY_TYPE, type LogKeyStatement } from '#schemas/log-key.ts'

/** Well within the five minutes for which others take it. */
const KEPT_MS = 60_000

/** `sign` gives the document as JWS by the signing key of the server's owner; throws while the token is locked. */
export function createLogKeyStatement(q: {
  server: ServerId
  logKey(): Promise<string>
  sign(document: LogKeyStatement, type: string): Promise<string>
  clock: Clock
}): () => Promise<Buffer> {
  let kept: { statement: Buffer; until: number } | undefined
  return async () => {
    const now = q.clock()
    if (kept !== undefined && now < kept.until) return kept.statement
    const document = {
      id: randomUUID(),
      createdAt: new Date(now).toISOString(),
      signer: idText(memberOf(q.server)),
      server: idText(q.server),
      logKey: await q.logKey(),
    }
    kept = { statement: Buffer.from(await q.sign(document, LOG_KEY_TYPE)), until: now + KEPT_MS }
    return kept.statement
  }
}
