/** The terms of the contract that people make in the consoles: everything that a contract can say. */
import type { World } from '../world.ts'
import { CONTACT } from './confirm-contact.ts'

export const PURPOSE = 'Assessment of income tax'
export const TITLE = 'Persons <b>& more</b> for taxation'

export function termsOf({ servers: { tax, population } }: World): object {
  const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString()
  const endpoints = [{ method: 'GET', path: '/persons/*' }]
  return {
    title: TITLE,
    provider: population.client,
    consumers: { subsystems: [tax.client] },
    services: [
      {
        ...{ serviceCode: 'persons', endpoints, dataSubject: { in: 'path', name: 'id' } },
        responseFields: ['/id', '/name', '/address'],
      },
      {
        ...{ serviceCode: 'extra', endpoints, requestFields: [] },
        representation: {
          ...{ check: 'mandateService', service: 'EE/GOV/70006317/volitused/oraakel', delegate: 'user' },
          ...{ roles: ['EMTA:FILER', 'STAT:*'], answerSeconds: 60 },
        },
      },
    ],
    purpose: PURPOSE,
    legalBasis: 'Tax Procedure Act, section 18',
    personalData: true,
    logLevel: 'full',
    retentionDays: 3650,
    quota: { perSecond: 50, burst: 100 },
    validFrom: inDays(-1),
    validUntil: inDays(365),
    reviewAt: inDays(300),
    critical: false,
    outageGraceHours: 0,
    contacts: [{ member: tax.member, name: 'Contract desk', email: CONTACT }],
  }
}
