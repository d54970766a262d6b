/**
 * The addresses of this section's pages. An offer has its number from the system that makes it, so both name
 * it.
 */
import type { At } from './ask-offers.ts'

export const LIST = '/services'
export const ONE = '/services/one'
export const OPEN = '/services/open'
export const SUBMIT = '/services/submit'
export const DECLINE = '/services/decline'

export function addressOf({ system, id }: At): string {
  return `${ONE}?${new URLSearchParams({ system: system.id, offer: id })}`
}
