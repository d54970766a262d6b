/** For how long exchanges under a contract may go on while the registry cannot be reached. */
import type { ContractTerms } from '#schemas/contract.ts'

/** In hours. None for personal data, unless the parties said that it holds for them as well. */
export function graceHoursOf({
  outageGraceHours,
  personalData,
  outageGracePersonalData,
}: Pick<ContractTerms, 'outageGraceHours' | 'personalData' | 'outageGracePersonalData'>): number {
  return personalData && outageGracePersonalData !== true ? 0 : outageGraceHours
}
