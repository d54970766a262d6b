/**
 * Which contracts of a list end of themselves: those in force, without those that a newer version in force
 * replaces in time.
 */
import type { KeptContract } from './verify-contract.ts'

/** With `since` also those that ended after it and that nothing replaced. Critical ones have no end. */
export function newestInForce(
  all: readonly KeptContract[],
  since: number = Number.POSITIVE_INFINITY,
): KeptContract[] {
  const listed = all.filter(
    ({ listed: { state }, content }) =>
      state === 'ACTIVE' ||
      state === 'SUSPENDED' ||
      (state === 'EXPIRED' && Date.parse(content.validUntil) > since),
  )
  return listed.filter(
    ({ content }) =>
      !content.critical &&
      !listed.some(
        ({ content: one }) =>
          one.contract === content.contract &&
          one.version > content.version &&
          // One that begins only later leaves a time without.
          Date.parse(one.validFrom) <= Date.parse(content.validUntil),
      ),
  )
}
