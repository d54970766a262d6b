/**
 * Messages between registries about contracts between their instances: read strictly, verified with the keys
 * of the sending registry.
 */
import { createHash } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import {
  CONTRACT_DOCUMENT,
  CONTRACT_STATES,
  type CounterSeal,
  type PartnerContract,
  type PartnerList,
  type PartnerPlace,
  type PartnerQuery,
} from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { integer, isoTime, list, oneOf, optional, plainText, type Read, record, unique } from './fields.ts'
import { code, memberId, sha256, uuid } from './read-content.ts'

/** The maximum number of contracts on one page of a partner list, and the maximum bytes of the page. */
export const MAX_PARTNER_LIST_BYTES = 8 * 1024 * 1024
export const MOST_BETWEEN = 10_000
const MOST_HASHES = 100
export const MOST_SEALS = 60

const counterSeal = record<CounterSeal>({
  instance: code,
  contract: uuid,
  version: integer(1, 1_000_000),
  hash: sha256,
  at: isoTime,
})

const place = record<PartnerPlace>({ contract: uuid, version: integer(1, 1_000_000) })

const query = record<PartnerQuery>({
  id: uuid,
  createdAt: isoTime,
  instance: code,
  asked: code,
  hashes: optional(unique(list(sha256, 1, MOST_HASHES), (one) => one)),
  after: optional(place),
})

const partnerContract = record<PartnerContract>({
  contract: uuid,
  version: integer(1, 1_000_000),
  hash: sha256,
  state: oneOf(CONTRACT_STATES),
  origin: code,
  proposedBy: memberId,
  seals: unique(list(sha256, 0, MOST_SEALS), (one) => one),
  counterSeal: optional(sha256),
  reason: optional(plainText(1000)),
})

const partnerList = record<PartnerList>({
  instance: code,
  asked: code,
  answers: uuid,
  generatedAt: isoTime,
  contracts: unique(list(partnerContract, 0, MOST_BETWEEN), (one) => `${one.contract} ${one.version}`),
  next: optional(place),
})

/**
 * The instance that the document claims to come from, unverified. Use it only to choose the keys for
 * verification.
 */
export function claimedInstance(bytes: Buffer): string {
  const { payload } = (parseStrictJson(bytes) ?? {}) as { payload?: unknown }
  const text = Buffer.from(typeof payload === 'string' ? payload : '', 'base64url')
  const { instance } = (parseStrictJson(text) ?? {}) as { instance?: unknown }
  if (typeof instance !== 'string')
    throw new Fault('malformed_signature', { what: 'the document names no instance' })
  return instance
}

/**
 * `certificates`: DER, of the keys that sign for the sending instance. Throws `access_denied` if another key
 * signed.
 */
export function verifyPartnerQuery(bytes: Buffer, certificates: Buffer[]): PartnerQuery {
  return verified(bytes, CONTRACT_DOCUMENT.partnerQuery, query, certificates)
}

export function verifyPartnerList(bytes: Buffer, certificates: Buffer[]): PartnerList {
  return verified(bytes, CONTRACT_DOCUMENT.partnerList, partnerList, certificates, MAX_PARTNER_LIST_BYTES)
}

export function verifyCounterSeal(
  bytes: Buffer,
  certificates: Buffer[],
): { seal: CounterSeal; sha256: string; certificate: string } {
  const { document, signatures } = readSignedJson(bytes, CONTRACT_DOCUMENT.counterSeal)
  const signer = trustedOf(signatures, certificates)
  const seal = counterSeal(document, 'counter-seal')
  return { seal, sha256: createHash('sha256').update(bytes).digest('hex'), certificate: signer }
}

/** Reads a stored counter-seal, which was verified when it arrived. */
export function readKeptCounterSeal(bytes: Buffer): CounterSeal {
  const { payload } = parseStrictJson(bytes) as { payload: string }
  return counterSeal(parseStrictJson(Buffer.from(payload, 'base64url')), 'counter-seal')
}

/** Whether the counter-seal is this registry's agreement to exactly this version. */
export function fits(
  seal: CounterSeal,
  q: { instance: string; contract: string; version: number; hash: string },
): boolean {
  return (
    seal.instance === q.instance &&
    seal.contract === q.contract &&
    seal.version === q.version &&
    seal.hash === q.hash
  )
}

function verified<T>(
  bytes: Buffer,
  type: string,
  read: Read<T>,
  certificates: Buffer[],
  maxBytes?: number,
): T {
  const { document, signatures } = readSignedJson(bytes, type, maxBytes)
  trustedOf(signatures, certificates)
  return read(document, 'document')
}

function trustedOf(
  signatures: ReturnType<typeof readSignedJson>['signatures'],
  certificates: Buffer[],
): string {
  const trusted = new Set(certificates.map((der) => readCertificate(der).sha256))
  const [first, ...more] = signatures
  if (more.length > 0 || first === undefined || !trusted.has(first.certificate.sha256))
    throw new Fault('access_denied', { what: 'it is not signed by a key of the instance that it names' })
  return first.certificate.sha256
}
