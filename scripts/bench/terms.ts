import type { ContractTerms } from '#schemas/contract.ts'
import { type Layout, subsystemText } from '../sandbox/layout.ts'

const YEAR_MS = 365 * 86_400_000

/** The terms of a contract of the bench, between the Tax Agency, which asks, and the Population Register. */
export function termsOf(
  layout: Layout,
  its: Pick<ContractTerms, 'title' | 'services' | 'logLevel'>,
): ContractTerms {
  const { tax, population } = layout.agencies
  const time = (ms: number): string => new Date(Date.now() + ms).toISOString()
  return {
    ...its,
    provider: subsystemText(layout, population),
    consumers: { subsystems: [subsystemText(layout, tax)] },
    purpose: 'Measuring',
    legalBasis: 'None: no data of anybody',
    personalData: false,
    retentionDays: 3650,
    ...{ validFrom: time(0), validUntil: time(YEAR_MS), reviewAt: time(YEAR_MS / 2) },
    ...{ critical: false, outageGraceHours: 0 },
    contacts: [tax, population].map((agency) => ({
      member: `${layout.instance}/${layout.memberClass}/${agency.memberCode}`,
      name: 'Contract desk',
      email: `contracts@${agency.key}.sandbox.example`,
    })),
  }
}
