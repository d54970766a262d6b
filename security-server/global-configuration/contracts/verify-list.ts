/**
 * Reads and verifies the registry's list of the contracts of this server's clients. verify-answer.ts says
 * what that proves.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import {
  flag,
  integer,
  isoTime,
  list,
  oneOf,
  optional,
  plainText,
  type Read,
  record,
  serverId,
} from '#core/contract/fields.ts'
import { memberId, sha256, uuid } from '#core/contract/read-content.ts'
import {
  CONTACT_STATES,
  CONTRACT_DOCUMENT,
  CONTRACT_SIDES,
  CONTRACT_STATES,
  type ContractList,
  type ListedContract,
  type ListedMandate,
  MAX_CONTRACT_LIST_BYTES,
  MOST_LISTED_MANDATES,
} from '#schemas/contract.ts'
import { verifyAnswer } from '../registration/verify-answer.ts'

const MOST_CONTRACTS = 50_000
const MOST_SEALS = 10_000

const code: Read<string> = (value, at) => plainText(255)(value, at)

const listed = record<ListedContract>({
  contract: uuid,
  version: integer(1, 1_000_000),
  hash: sha256,
  state: oneOf(CONTRACT_STATES),
  seals: list(sha256, 0, MOST_SEALS),
  waitsFor: list(memberId, 0, 60),
  reason: optional(plainText(1000)),
  proposedBy: optional(memberId),
  proposedAt: optional(isoTime),
  changedAt: optional(isoTime),
  inForceAt: optional(isoTime),
  contacts: optional(list(oneOf(CONTACT_STATES), 0, 20)),
  contactsMissing: optional(list(oneOf(CONTRACT_SIDES), 1, 2)),
  counterSeals: optional(list(sha256, 0, 2)),
})

const listedMandate = record<ListedMandate>({
  id: integer(1, Number.MAX_SAFE_INTEGER),
  ...{ host: memberId, client: memberId, validUntil: isoTime },
})

export const readList = record<ContractList>({
  instance: code,
  server: serverId,
  answers: uuid,
  generatedAt: isoTime,
  contractRequired: flag,
  contracts: list(listed, 0, MOST_CONTRACTS),
  hostingMandates: optional(list(listedMandate, 0, MOST_LISTED_MANDATES)),
})

export function verifyList(
  bytes: Buffer,
  q: { configuration: ConfigurationIndex; server: string; question: string; now: number },
): ContractList {
  const form = { type: CONTRACT_DOCUMENT.list, what: 'list of contracts', maxBytes: MAX_CONTRACT_LIST_BYTES }
  return verifyAnswer(bytes, { ...form, read: readList }, q)
}
