/** Which contracts of a list end of themselves: those in force, without those that a newer version in force replaces. */
import type { KeptContract } from './verify-contract.ts'

export function newestInForce(all: readonly KeptContract[]): KeptContract[] {
  const inForce = all.filter(({ listed }) => listed.state === 'ACTIVE' || listed.state === 'SUSPENDED')
  return inForce.filter(
    ({ content }) =>
      !inForce.some(
        (one) => one.content.contract === content.contract && one.content.version > content.version,
      ),
  )
}
