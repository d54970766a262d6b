/** `isOver` (platform/not-before.ts) as a condition on a column. */
import { sql } from 'kysely'
import { latestPlausible, type NotBeforeQuestion } from '../not-before.ts'

export function whereOver(column: string, q: NotBeforeQuestion) {
  const until = sql.ref(column)
  return sql<boolean>`(${until} <= ${q.now} or ${until} > ${latestPlausible(q)})`
}
