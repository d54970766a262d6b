/**
 * Verifies the signed documents of members about contracts before any other code uses them; pure. Each has
 * exactly its fields and was signed now with the signing key of the member that it names.
 */

import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { isoTime, list, oneOf, optional, plainText, record, serverId, unique } from '#core/contract/fields.ts'
import { email, memberId, readContent, sha256, uuid } from '#core/contract/read-content.ts'
import { type VerifiedSeal, verifySeal } from '#core/contract/verify-seal.ts'
import {
  CONTRACT_DOCUMENT,
  type ContactConfirmation,
  type ContactLetter,
  type ContractAct,
  type ContractFetch,
  type ContractProposal,
  type ContractQuery,
  MEMBER_ACTS,
} from '#schemas/contract.ts'
import type { SignedWith } from '../../documents/taken-store.ts'
import { ofOwner, verified } from '../../documents/verify-document.ts'
import { checkFresh, describeCertificate, type ProofFacts } from '../../documents/verify-signer.ts'

type Trust = { configuration: ConfigurationIndex; now: number }

/** The most contents and seals that one fetch may request. */
const MOST_HASHES = 100

const head = { id: uuid, createdAt: isoTime, signer: memberId, server: serverId }

const proposal = record<ContractProposal>({ ...head, content: readContent })
const act = record<ContractAct>({
  ...head,
  contract: uuid,
  hash: sha256,
  act: oneOf(MEMBER_ACTS),
  reason: plainText(1000),
  mandated: optional(unique(list(plainText(255), 1, 2), (one) => one)),
})
const confirmation = record<ContactConfirmation>({
  ...{ ...head, contract: uuid, email, code: plainText(100), person: plainText(300) },
})
const letter = record<ContactLetter>({ ...head, contract: uuid, email })
const query = record<ContractQuery>(head)
const fetch = record<ContractFetch>({
  ...head,
  hashes: unique(list(sha256, 1, MOST_HASHES), (one) => one),
})

export function verifyProposal(bytes: Buffer, trust: Trust): SignedWith<ContractProposal> {
  return verified(bytes, CONTRACT_DOCUMENT.proposal, proposal, trust)
}

export function verifyAct(bytes: Buffer, trust: Trust): SignedWith<ContractAct> {
  return verified(bytes, CONTRACT_DOCUMENT.act, act, trust)
}

export function verifyConfirmation(bytes: Buffer, trust: Trust): SignedWith<ContactConfirmation> {
  return verified(bytes, CONTRACT_DOCUMENT.confirmation, confirmation, trust)
}

export function verifyLetter(bytes: Buffer, trust: Trust): SignedWith<ContactLetter> {
  return verified(bytes, CONTRACT_DOCUMENT.letter, letter, trust)
}

/** Throws `access_denied` unless the owner of the server asks. */
export function verifyQuery(bytes: Buffer, trust: Trust): SignedWith<ContractQuery> {
  return ofOwner(verified(bytes, CONTRACT_DOCUMENT.query, query, trust))
}

export function verifyFetch(bytes: Buffer, trust: Trust): SignedWith<ContractFetch> {
  return ofOwner(verified(bytes, CONTRACT_DOCUMENT.fetch, fetch, trust))
}

export type FreshSeal = VerifiedSeal & { facts: Required<Pick<ProofFacts, 'signingCertificate'>> }

/** Verifies a seal that was made within the accepted time. It is stored for as long as the contract. */
export function verifyFreshSeal(bytes: Buffer, { configuration, now }: Trust): FreshSeal {
  const one = verifySeal(bytes, configuration)
  checkFresh(one.seal, now)
  return { ...one, facts: { signingCertificate: describeCertificate(one.signature.certificate) } }
}
