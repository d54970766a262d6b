/**
 * Reads what a contract demands of a person's consent, and checks that a call names the person from whom it
 * is demanded.
 */
import { templateOf } from '#core/subject/place.ts'
import type { ConsentRule, ContractContent, ContractService, Span } from '#schemas/contract.ts'
import { integer, list, oneOf, optional, plainText, type Read, record, serverId, unique } from './fields.ts'
import { attestedAttributes } from './read-attributes.ts'

/** Ten years, as long as a contract itself may hold. */
const MOST_DAYS = 3650

const span: Read<Span> = record<Span>({
  unit: oneOf(['day', 'month', 'year'] as const),
  value: integer(1, 36_600),
})

export const consentRule: Read<ConsentRule> = record<ConsentRule>({
  proof: oneOf(['login', 'wallet'] as const),
  attributes: optional(attestedAttributes),
  kinds: unique(list(oneOf(['once', 'standing'] as const), 1, 2), (one) => one),
  maxDays: integer(1, MOST_DAYS),
  dataLife: span,
  frequency: optional(
    record<NonNullable<ConsentRule['frequency']>>({
      times: integer(1, 1_000_000),
      per: oneOf(['hour', 'day', 'month', 'year'] as const),
    }),
  ),
  range: optional(span),
  services: optional(unique(list(plainText(255), 1, 50), (one) => one)),
  keptAt: optional(serverId),
})

/** The services of a contract that need a consent. */
export function consentedServices({
  consent,
  services,
}: Pick<ContractContent, 'consent' | 'services'>): ContractService[] {
  if (consent === undefined) return []
  const { services: named } = consent
  return services.filter(({ serviceCode }) => named?.includes(serviceCode) !== false)
}

/** What is wrong with the rule beside its form; undefined where nothing is. */
export function consentFault(
  content: Pick<ContractContent, 'consent' | 'personalData' | 'services' | 'secret'>,
) {
  const { consent, personalData, services, secret } = content
  if (consent === undefined) return undefined
  if (secret !== undefined)
    return 'a secret contract demands no consent: whoever agrees reads what they agree to, and sees each use'
  if (consent.attributes !== undefined && consent.proof !== 'wallet')
    return 'consent.attributes are attested by a wallet: consent.proof has to be wallet'
  if (!personalData) return 'consent is about personal data: personalData has to be true'
  const codes = services.map(({ serviceCode }) => serviceCode)
  const stranger = consent.services?.find((one) => !codes.includes(one))
  if (stranger !== undefined) return `consent.services names ${stranger}, which is no service of the contract`
  return strangerFault('consent', consentedServices(content))
}

/**
 * Where calls of one of the services do not name the person whom they are about; `term` is what needs to
 * know.
 */
export function strangerFault(
  term: 'consent' | 'preview',
  services: readonly ContractService[],
): string | undefined {
  for (const { serviceCode, dataSubject, endpoints } of services) {
    if (dataSubject === undefined)
      return `${term} needs to know whom a call is about: ${serviceCode} has to have a dataSubject`
    const { in: where, name } = dataSubject
    const vague = endpoints.find(({ path }) => where === 'path' && templateOf(path, name) === undefined)
    if (vague !== undefined)
      return `${term} needs to know whom a call is about: ${vague.path} of ${serviceCode} has to have one * as a segment, where the person stands`
  }
  return undefined
}
