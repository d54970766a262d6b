/**
 * An event of an inbox calls a statement. Guarantees that the statement and the mark that the event was taken
 * are in one transaction, so that an event that comes again, after a crash before it was acknowledged, does
 * nothing.
 */
import { createHash } from 'node:crypto'
import type { InboxEvent } from '#adapters/client/index.ts'
import type { Dialect } from '../dialects.ts'
import type { Statement } from '../source.ts'
import type { MessageStore } from './message-store.ts'

export function createCall(q: {
  statementOf(event: InboxEvent): Statement
  dialect: Dialect
  store: MessageStore
}): (event: InboxEvent) => Promise<void> {
  const { place } = q.dialect
  const known = `select delivery from concordat_inbox where event_key = ${place(1)}`
  const mark = `insert into concordat_inbox (event_key, delivery, taken_at) values (${place(1)}, ${place(2)}, ${place(3)})`
  return async (one) => {
    const statement = q.statementOf(one)
    const key = keyOf(one)
    await q.store.inTransaction(async (run) => {
      if ((await run({ text: known, values: [key] })).length > 0) return
      // First, so that a second process of the same event waits here or fails.
      await run({ text: mark, values: [key, one.delivery, new Date().toISOString()] })
      await run(statement)
    })
  }
}

/** `source` and `id` name an event among all of its sender. */
function keyOf({ sender, event: { source, id } }: InboxEvent): string {
  return createHash('sha256')
    .update(JSON.stringify([sender, source, id]))
    .digest('hex')
}
