/**
 * What a person agrees to with their wallet, and its digest. The portal that asks the wallet, the server that
 * verifies the answer and whoever judges a saved consent make it alike, so that a presentation proves one
 * agreement and no other. Pure.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Transaction } from '#core/presentation/transaction-data.ts'
import type { ConsentDemand } from '#schemas/consents.ts'
import type { ConsentDocument } from './document.ts'

/** Identifiers are in text form. */
export type Agreement = NonNullable<ConsentDocument['asked']> &
  Pick<ConsentDocument, 'client' | 'contract' | 'demand' | 'kind' | 'validUntil' | 'shown'>

const FORM = 'concordat-consent-agreement/1'
/** For so long after `askedAt` a wallet may answer. */
export const ANSWER_MS = 5 * 60_000

/** SHA-256 of the RFC 8785 form. */
export function agreementDigest(agreement: Agreement): Buffer {
  return createHash('sha256')
    .update(canonicalJson({ form: FORM, ...agreement }))
    .digest()
}

/** The transaction that the wallet shows and its holder signs. */
export function transactionOf(
  agreement: Agreement,
  { purpose, services }: Pick<ConsentDemand, 'purpose'> & { services: Pick<Service, Named>[] },
): Transaction {
  const { contract, client, kind, validUntil, askedAt } = agreement
  return {
    contract: `${contract.id}, version ${contract.version}`,
    operation: `${kind === 'once' ? 'One call' : 'Calls'} by ${client} until ${validUntil}`,
    purpose,
    fields: services.flatMap(({ serviceCode, responseFields }) =>
      (responseFields ?? ['/*']).map((field) => `${serviceCode}${field}`),
    ),
    requestDigest: agreementDigest(agreement),
    expires: new Date(Date.parse(askedAt) + ANSWER_MS),
  }
}

type Service = ConsentDemand['services'][number]
type Named = 'serviceCode' | 'responseFields'

/** The agreement of a consent that a wallet proved; undefined for another. */
export function agreementOf(document: ConsentDocument): Agreement | undefined {
  const { asked, client, contract, demand, kind, validUntil, shown } = document
  return asked && { ...asked, client, contract, demand, kind, validUntil, shown }
}
