/** `isOver` (platform/held-until.ts) as a condition on a column. */
import { sql } from 'kysely'
import { type HeldQuestion, latestHeld } from '../held-until.ts'

export function whereOver(column: string, q: HeldQuestion) {
  const until = sql.ref(column)
  return sql<boolean>`(${until} <= ${q.now} or ${until} > ${latestHeld(q)})`
}
