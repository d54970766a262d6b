/**
 * The addresses of this section's pages. A complaint has its number from the system that keeps it, so both
 * name it.
 */
import type { Complaint } from './complaint.ts'

export const LIST = '/complaints'
export const ONE = '/complaints/one'
export const REPLY = '/complaints/reply'
export const WITHDRAW = '/complaints/withdraw'
export const WRONG = '/wrong'

export function addressOf({ told, number }: Pick<Complaint, 'told' | 'number'>): string {
  return `${ONE}?${new URLSearchParams({ system: told.id, number })}`
}
