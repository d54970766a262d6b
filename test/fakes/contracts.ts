/**
 * Contracts and their parties, correct and incorrect: contents, signed documents, and the registry that
 * receives them.
 */
import { createHash, randomUUID } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { CONTRACT_DOCUMENT, type ContractContent } from '#schemas/contract.ts'
import { headOf, ocspFor, type Party } from './management-requests.ts'

const DAY_MS = 86_400_000

export function inDays(now: number, days: number): string {
  return new Date(now + days * DAY_MS).toISOString()
}

/** A contract without personal data between DEV/GOV/1234/plain, the provider, and DEV/GOV/5678/tax. */
export function contentAt(now: number, more: Partial<ContractContent> = {}): ContractContent {
  return {
    contract: randomUUID(),
    version: 1,
    title: 'Persons for taxation',
    provider: 'DEV/GOV/1234/plain',
    consumers: { subsystems: ['DEV/GOV/5678/tax'] },
    services: [{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] }],
    purpose: 'Assessment of income tax',
    legalBasis: 'Tax Procedure Act, section 18',
    personalData: false,
    logLevel: 'full',
    retentionDays: 3650,
    validFrom: inDays(now, -1),
    validUntil: inDays(now, 365),
    reviewAt: inDays(now, 360),
    critical: false,
    outageGraceHours: 0,
    contacts: [{ member: 'DEV/GOV/5678', name: 'Contract desk', email: 'desk@tax.example' }],
    ...more,
  }
}

export function hashOf(content: object): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex')
}

type SignOptions = { by: Party; signer: string; at: number; ocsp?: Buffer[] }

/** A signed document of a member; fields of `document` override the default head. */
export function contractDocument(
  purpose: keyof typeof CONTRACT_DOCUMENT,
  document: object,
  { by, signer, at, ocsp = ocspFor(by) }: SignOptions,
): Buffer {
  const signers = [{ certificates: [by.certificate], ocspResponses: ocsp, key: by.key }]
  const server = `${signer}/SS1`
  const whole = { ...headOf(signer, at), server, ...document }
  return Buffer.from(writeSignedJson(whole, CONTRACT_DOCUMENT[purpose], signers))
}

export function sealOf(content: ContractContent, o: SignOptions, more: object = {}): Buffer {
  const { contract, version } = content
  const mandated = ['Director (1)', 'Lawyer (2)']
  return contractDocument('seal', { contract, version, hash: hashOf(content), mandated, ...more }, o)
}
