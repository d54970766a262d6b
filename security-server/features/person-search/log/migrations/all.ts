/**
 * The migrations of the index by person in the log's database. Names never change; new ones are added at the
 * end.
 */
import type { Migration } from 'kysely/migration'
import { looks } from './looks.ts'
import { personUses } from './person-uses.ts'
import { subjectMonths } from './subject-months.ts'
import { subjectTotals } from './subject-totals.ts'
import { subjects } from './subjects.ts'

export const subjectMigrations: Record<string, Migration> = {
  '2026-12-13-message-log-subjects': subjects,
  '2026-12-15-message-log-subject-months': subjectMonths,
  '2026-12-16-message-log-subject-totals': subjectTotals,
  '2026-12-19-message-log-person-uses': personUses,
  '2026-12-20-message-log-looks': looks,
}
