/** The terms of the contract that people make in the consoles: everything that a contract can say. */
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import type { World } from '../world.ts'
import { CONTACT } from './confirm-contact.ts'
import { unfold } from './pick.ts'

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
    consent: {
      ...{ proof: 'wallet', kinds: ['once'], maxDays: 9, dataLife: { unit: 'day', value: 9 } },
      attributes: [
        {
          ...{ name: 'Drives', values: ['B', '7', true] },
          from: [
            { format: 'dc+sd-jwt', type: 'urn:licence', claim: ['categories', null], issuers: ['Traffic'] },
            { format: 'mso_mdoc', type: 'org.licence', claim: ['org.licence', 'category'] },
          ],
        },
      ],
    },
    quota: { perSecond: 50, burst: 100 },
    validFrom: inDays(-1),
    validUntil: inDays(365),
    reviewAt: inDays(300),
    critical: false,
    outageGraceHours: 0,
    contacts: [{ member: tax.member, name: 'Contract desk', email: CONTACT }],
  }
}

/** What the form says of these terms where they are written in lines. */
export async function formHasAll(t: Test, page: Page): Promise<void> {
  for (const [label, value] of Object.entries({
    'Service 2: fields of the request': 'none',
    'Service 2: roles': 'EMTA:FILER\nSTAT:*',
    'Attested attribute 1: what it is': 'Drives',
    'Attested attribute 1: what it has to be': 'B\n"7"\ntrue',
    'Attested attribute 1: where it stands':
      'dc+sd-jwt urn:licence /categories/* | Traffic\nmso_mdoc org.licence /org.licence/category',
  }))
    t.equal(await page.getByLabel(label).inputValue(), value, label)
  t.ok(await page.getByLabel('Quota: calls at once').isVisible(), 'what the terms say is not folded')
  await page.getByRole('button', { name: 'Add an attested attribute' }).click()
  t.equal(await page.getByLabel('Attested attribute 2: what it is').inputValue(), '')
}

/** Terms that few contracts need are folded until somebody wants them. */
export async function representNobody(t: Test, page: Page): Promise<void> {
  t.notOk(await page.getByLabel('Quota: calls a day').isVisible(), 'what few need is folded')
  await unfold(page, 'More about service 1')
  await page.getByLabel('Service 1: represented party').selectOption('none')
}
