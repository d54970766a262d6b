/**
 * The service contracts of the sandbox: who may ask whom for what, why, and by which law. The laws are of no
 * country.
 */
import { CONSENTS } from '#schemas/consents.ts'
import type { ConsentRule, ContractService, ContractTerms, PreviewRule } from '#schemas/contract.ts'
import { FIND_USAGE } from '#schemas/find-usage.ts'
import { PID } from '../wallet/pid.ts'
import { benefitsOf, OFFERS_SERVICE } from './benefits.ts'
import { CHILDREN_CONTRACT, INCOMES_CONTRACT } from './family-benefit-rule.ts'
import {
  type Agency,
  COMPANY_SERVICE,
  INCOME_SERVICE,
  INSURED_SERVICE,
  type Layout,
  POPULATION_SERVICE,
  ROOM_SERVICE,
  subsystemText,
} from './layout.ts'
import { ACTING_ROLES, READING_ROLES, representation } from './mandates.ts'
import { PID_ISSUER, portalTexts, trackersIn } from './portal.ts'
import type { Parties } from './put-in-force.ts'

type Contract = Parties & { terms: ContractTerms }

type Draft = Parties & {
  title: string
  purpose: string
  legalBasis: string
  services: ContractService[]
  consent?: ConsentRule
  preview?: PreviewRule
  /** That it goes on for a day while the registry is away, although it is about people. */
  outageGracePersonalData?: true
  /** Subsystems of the consumer; its usual one when absent. */
  asks?: string[]
}

const YEAR_MS = 365 * 86_400_000

function contractOf(
  layout: Layout,
  from: number,
  { services, consumer, provider, asks = [subsystemText(layout, consumer)], ...words }: Draft,
): Contract {
  const time = (ms: number): string => new Date(ms).toISOString()
  return {
    ...{ consumer, provider },
    terms: {
      ...{ ...words, services, provider: subsystemText(layout, provider) },
      consumers: { subsystems: asks },
      ...{ personalData: true, logLevel: 'full', retentionDays: 3650 },
      ...{ validFrom: time(from), validUntil: time(from + YEAR_MS), reviewAt: time(from + YEAR_MS / 2) },
      ...{ critical: false, outageGraceHours: 24 },
      contacts: [...new Set([consumer, provider])].map((agency: Agency) => ({
        member: `${layout.instance}/${layout.memberClass}/${agency.memberCode}`,
        name: 'Contract desk',
        email: `contracts@${agency.key}.sandbox.example`,
      })),
    },
  }
}

export const NAMES_FIELDS = ['/persons/code', '/persons/givenName', '/persons/familyName']

/** Searches of the tax agency by family name, which get three fields of each person. */
export function namesContract(layout: Layout, from: number): Contract {
  const { tax, population } = layout.agencies
  return contractOf(layout, from, {
    ...{ consumer: tax, provider: population, title: 'Names for tax assessment' },
    ...{ purpose: 'Assessment of income tax', legalBasis: 'Tax Procedure Act, section 18' },
    outageGracePersonalData: true,
    services: [
      {
        serviceCode: POPULATION_SERVICE,
        endpoints: [{ method: 'GET', path: '/persons' }],
        responseFields: NAMES_FIELDS,
      },
    ],
  })
}

/** The one under which nothing passes before the person has agreed. */
const GRANTS: Pick<Draft, 'title' | 'purpose' | 'legalBasis' | 'services' | 'consent'> = {
  ...{ title: 'Incomes for start-up grants', purpose: 'Grants for people who found a company' },
  legalBasis: 'Enterprise Support Act, section 12, with the consent of the person',
  services: [
    {
      serviceCode: INCOME_SERVICE,
      endpoints: [{ method: 'GET', path: '/incomes/*' }],
      dataSubject: { in: 'path', name: 'code' },
    },
  ],
  consent: {
    ...{ proof: 'login', kinds: ['once', 'standing'], maxDays: 365 },
    ...{ dataLife: { unit: 'month', value: 6 }, range: { unit: 'year', value: 1 } },
  },
}

/** The one to which people agree with their wallet, which attests that they are of age. */
const SUBSIDIES: Pick<Draft, 'title' | 'purpose' | 'legalBasis' | 'services' | 'consent'> = {
  ...{ title: 'Insured persons for wage subsidies', purpose: 'Subsidies to companies that hire people' },
  legalBasis: 'Enterprise Support Act, section 20, with the consent of the person',
  services: [
    {
      serviceCode: INSURED_SERVICE,
      endpoints: [{ method: 'GET', path: '/insured/*' }],
      dataSubject: { in: 'path', name: 'code' },
    },
  ],
  consent: {
    ...{ proof: 'wallet', kinds: ['once'], maxDays: 30, dataLife: { unit: 'month', value: 3 } },
    attributes: [
      {
        ...{ name: 'Of age', values: [true] },
        from: [
          { format: 'dc+sd-jwt', type: PID.sdJwt, claim: [PID.ageOver, PID.ofAge], issuers: [PID_ISSUER] },
          {
            ...{ format: 'mso_mdoc', type: PID.mdoc, claim: [PID.mdoc, `age_over_${PID.ofAge}`] },
            issuers: [PID_ISSUER],
          },
        ],
      },
    ],
  },
}

/** People who ask for others: a right alone lets nobody be represented by a mandate. */
function ofPortal(layout: Layout): Draft[] {
  const { tax, population, health } = layout.agencies
  // Two, by what it takes: a contract names a service once, and has one representation for it.
  const drafts = trackersIn(layout).flatMap((provider) =>
    [
      { method: 'GET', roles: READING_ROLES, title: `People and who may look for them: ${provider.name}` },
      { method: 'POST', roles: ACTING_ROLES, title: `People and who may act for them: ${provider.name}` },
    ].map(
      ({ method, roles, title }): Draft => ({
        ...{ consumer: population, provider, asks: portalTexts(layout), title },
        purpose: 'Answers to people about the use of their data',
        legalBasis: 'Data Protection Act, section 15',
        services: [
          {
            serviceCode: FIND_USAGE,
            endpoints: [{ method, path: '/**' }],
            representation: representation(layout, roles),
          },
        ],
      }),
    ),
  )
  for (const provider of [tax, health!])
    drafts.push({
      ...{ consumer: population, provider, asks: portalTexts(layout) },
      title: `People and who may agree for them: ${provider.name}`,
      ...{ purpose: 'Consents of people', legalBasis: 'Data Protection Act, section 9' },
      services: [
        {
          serviceCode: CONSENTS,
          endpoints: ['GET', 'POST'].map((method) => ({ method, path: '/**' })),
          representation: representation(layout, ACTING_ROLES),
        },
      ],
    })
  drafts.push({
    ...{ consumer: population, provider: benefitsOf(layout)!, asks: portalTexts(layout) },
    title: 'People and who may act for them: family benefits',
    ...{ purpose: 'Benefits that come to people', legalBasis: 'Family Benefits Act, section 12' },
    services: [
      {
        serviceCode: OFFERS_SERVICE,
        endpoints: ['GET', 'POST'].map((method) => ({ method, path: '/**' })),
        representation: representation(layout, ACTING_ROLES),
      },
    ],
  })
  return drafts
}

/** What the agencies of a living sandbox have agreed to. */
export function livingContracts(layout: Layout, from: number): Contract[] {
  const { tax, population, business, health } = layout.agencies
  const drafts: Draft[] = [
    {
      ...{ consumer: tax, provider: population, title: 'Persons for tax assessment' },
      ...{ purpose: 'Identification of taxpayers', legalBasis: 'Tax Procedure Act, section 22' },
      services: [
        {
          serviceCode: POPULATION_SERVICE,
          endpoints: [
            { method: 'GET', path: '/persons/*' },
            { method: 'POST', path: '/persons/lookup' },
          ],
        },
      ],
    },
    {
      ...{ consumer: health!, provider: population, title: 'Identity of patients' },
      ...{
        purpose: 'Identification of patients at admission',
        legalBasis: 'Patient Records Act, section 7',
      },
      services: [
        {
          serviceCode: POPULATION_SERVICE,
          endpoints: [{ method: 'GET', path: '/persons/*' }],
          responseFields: ['/code', '/givenName', '/familyName', '/born', '/status'],
        },
      ],
    },
    {
      ...{ consumer: health!, provider: tax, title: 'Incomes for the ceiling on fees' },
      ...{ purpose: "Ceiling on patients' fees", legalBasis: 'Health Insurance Act, section 31' },
      services: [
        {
          serviceCode: INCOME_SERVICE,
          endpoints: [{ method: 'GET', path: '/incomes/*' }],
          dataSubject: { in: 'path', name: 'code' },
        },
      ],
      // The one whose answers the person sees first. Its consumer is of another member than the portal: none
      // releases answers to itself.
      preview: { minutes: 30 },
    },
    {
      ...{ consumer: tax, provider: health!, title: 'Insured persons for social tax' },
      ...{ purpose: 'Collection of social tax', legalBasis: 'Social Tax Act, section 6' },
      services: [{ serviceCode: INSURED_SERVICE, endpoints: [{ method: 'GET', path: '/insured/*' }] }],
    },
    {
      ...{ consumer: tax, provider: business, title: 'Companies for audits of turnover' },
      ...{ purpose: 'Choice of companies to audit', legalBasis: 'Tax Procedure Act, section 60' },
      services: [{ serviceCode: COMPANY_SERVICE, endpoints: [{ method: 'GET', path: '/companies' }] }],
    },
  ]
  drafts.push({ consumer: business, provider: tax, ...GRANTS })
  drafts.push({ consumer: business, provider: health!, ...SUBSIDIES })
  const benefits = benefitsOf(layout)!
  drafts.push(
    {
      ...{ consumer: benefits, provider: population, title: CHILDREN_CONTRACT },
      ...{ purpose: 'Family benefits after a birth', legalBasis: 'Family Benefits Act, section 20' },
      services: [
        {
          serviceCode: POPULATION_SERVICE,
          endpoints: [{ method: 'GET', path: '/persons/*' }],
          responseFields: ['/code', '/givenName', '/familyName', '/born', '/residence'],
        },
        { serviceCode: ROOM_SERVICE, endpoints: [{ method: 'POST', path: '/api/v1/subs/*' }] },
      ],
    },
    {
      ...{ consumer: benefits, provider: tax, title: INCOMES_CONTRACT },
      ...{ purpose: 'The level of family benefits', legalBasis: 'Family Benefits Act, section 21' },
      services: [{ serviceCode: INCOME_SERVICE, endpoints: [{ method: 'GET', path: '/incomes/*' }] }],
    },
  )
  return [
    namesContract(layout, from),
    ...[...drafts, ...ofPortal(layout)].map((draft) => contractOf(layout, from, draft)),
  ]
}

/**
 * The one that waits for the Population Agency: until its people agree, the business register may not ask.
 */
export function waitingContract(layout: Layout, from: number): Contract {
  const { population, business } = layout.agencies
  return contractOf(layout, from, {
    ...{ consumer: business, provider: population, title: 'Identity of board members' },
    ...{
      purpose: 'Registration of members of management boards',
      legalBasis: 'Companies Act, section 44',
    },
    // Another service than the one of which a contract of these two speaks already: a second one would be
    // refused.
    services: [{ serviceCode: ROOM_SERVICE, endpoints: [{ method: 'POST', path: '/api/v1/subs/*' }] }],
  })
}
