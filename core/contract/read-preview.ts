/**
 * Reads what a contract demands of a preview, and checks that its calls can be made twice and name the person
 * who sees the answer.
 */
import type { ContractContent, ContractService, PreviewRule } from '#schemas/contract.ts'
import { integer, list, optional, plainText, type Read, record, unique } from './fields.ts'
import { strangerFault } from './read-consent.ts'

export const previewRule: Read<PreviewRule> = record<PreviewRule>({
  minutes: integer(5, 1440),
  services: optional(unique(list(plainText(255), 1, 50), (one) => one)),
})

/** The system is asked once for the person and once for the consumer. */
const READING = ['GET', 'POST']

/** The services of a contract whose answers are shown first. */
export function previewedServices({
  preview,
  services,
}: Pick<ContractContent, 'preview' | 'services'>): ContractService[] {
  if (preview === undefined) return []
  return services.filter(({ serviceCode }) => preview.services?.includes(serviceCode) !== false)
}

/** What is wrong with the rule beside its form; undefined where nothing is. */
export function previewFault(
  content: Pick<ContractContent, 'preview' | 'personalData' | 'services' | 'secret'>,
): string | undefined {
  const { preview, personalData, services, secret } = content
  if (preview === undefined) return undefined
  if (secret !== undefined) return 'a secret contract demands no preview: the person sees who asks'
  if (!personalData) return 'preview is about personal data: personalData has to be true'
  const stranger = preview.services?.find((one) => !services.some(({ serviceCode }) => serviceCode === one))
  if (stranger !== undefined) return `preview.services names ${stranger}, which is no service of the contract`
  for (const { serviceCode, endpoints } of previewedServices(content)) {
    const other = endpoints.find(({ method }) => !READING.includes(method))
    if (other !== undefined)
      return `preview needs calls that only read, since each is made twice: ${other.method} ${other.path} of ${serviceCode} has to be GET or POST`
  }
  return strangerFault('preview', previewedServices(content))
}
