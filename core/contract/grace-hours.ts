/** For how long exchanges under a contract may go on while the registry cannot be reached. */
import type { ContractTerms } from '#schemas/contract.ts'

/**
 * In hours. None for personal data, unless the parties said that it holds for them as well, and none where
 * people are asked, by consent or preview: who withdraws must not wait until the registry is back, and so
 * their calls do not go on without it either.
 */
export function graceHoursOf({
  outageGraceHours,
  personalData,
  outageGracePersonalData,
  ...more
}: Pick<
  ContractTerms,
  'outageGraceHours' | 'personalData' | 'outageGracePersonalData' | 'consent' | 'preview'
>): number {
  if (more.consent !== undefined || more.preview !== undefined) return 0
  return personalData && outageGracePersonalData !== true ? 0 : outageGraceHours
}
