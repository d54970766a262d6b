/** The parts of the message log that work in its thread, one a line. Their maintenance runs in this order. */
import { subjectPart } from './features/person-search/log/part.ts'
import { reconciliationPart } from './features/reconciliation/log/part.ts'
import { retentionPart } from './features/retention/part.ts'
import type { MethodsOf } from './message-log/part.ts'
import { readingPart } from './reading/part.ts'

export const LOG_PARTS = [readingPart, subjectPart, reconciliationPart, retentionPart] as const

export type LogPartMethods = MethodsOf<typeof LOG_PARTS>
