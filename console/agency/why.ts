/** Readers of content must give case and reason; both are recorded before anything is shown. */
import type { Field, Values } from '../kit/field.tsx'

export const CASE: Field = { name: 'case', title: 'why.case', hint: 'why.caseHint', maxLength: 100 }

export const WHY: Field[] = [CASE, { name: 'reason', title: 'why.reason', maxLength: 500 }]

export function whyOf(values: Values): { case: string; reason: string } {
  return { case: String(values['case']).trim(), reason: String(values['reason']).trim() }
}
