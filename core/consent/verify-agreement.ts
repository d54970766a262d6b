/**
 * Verifies that the record of a presentation proves one agreement: that trusted issuers, holder and status
 * hold, that the holder committed to exactly this, and that what the contract demands is attested. It judges
 * alike before a consent is kept and years later.
 */
import type { JudgedCredential } from '#core/presentation/judge.ts'
import { type Reader, verifyRecord } from '#core/presentation/record.ts'
import { need, Refused } from '#core/presentation/refused.ts'
import { type Transaction, writeTransaction } from '#core/presentation/transaction-data.ts'
import type { TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import type { Attested } from '#schemas/consents.ts'
import { type Agreement, ANSWER_MS, agreementDigest } from './agreement.ts'
import { verifyAttested } from './attested.ts'
import { isBoundByAll } from './held-together.ts'

/** Clocks of wallets, portals and servers. */
export const SKEW_MS = 60_000

type ProvenAgreement = Pick<
  ReturnType<typeof verifyRecord>,
  'asked' | 'judgedAt' | 'isVerifierKnown' | 'statusLists'
> & {
  credentials: JudgedCredential[]
  /** Empty where the contract demands nothing to be attested. */
  attested: Attested[]
  /** `nonce`: the wallet could not show what it was about. */
  boundBy: 'transaction data' | 'nonce'
}

/**
 * `record` is its canonical text. `transaction`: what the wallet had to show, compared word for word where it
 * could show it. Throws a `Refused`.
 */
export function verifyAgreement(
  record: string,
  q: {
    agreement: Agreement
    transaction?: Transaction | undefined
    issuers: TrustedIssuer[]
    reader: Reader
  },
): ProvenAgreement {
  const { agreement, transaction, reader } = q
  const { verdict, boundTo, ...verified } = verifyRecord(record, q.issuers, reader)
  if (verdict.outcome === 'refused') throw new Refused(verdict.reason)
  const { asked, judgedAt, isVerifierKnown, statusLists } = verified
  const boundBy = boundTo(agreementDigest(agreement))
  need(boundBy !== undefined, 'transaction_data_mismatch', 'It is bound to something else.')
  // Beside ours, a wallet would show and sign what nobody looks at here.
  const [entry, ...others] = asked.transactionData
  need(others.length === 0, 'transaction_data_mismatch', 'There is more than one.')
  if (entry !== undefined && transaction !== undefined)
    need(
      entry.text === writeTransaction(transaction, entry.credentialIds),
      'transaction_data_mismatch',
      'The wallet was given other words to show.',
    )
  const askedAt = Date.parse(agreement.askedAt)
  need(
    judgedAt.getTime() >= askedAt - SKEW_MS,
    'record_differs',
    'It was judged before the wallet was asked.',
  )
  need(judgedAt.getTime() < askedAt + ANSWER_MS, 'transaction_ended')
  const { credentials } = verdict
  need(credentials.length === 1 || isBoundByAll(asked.nonce, agreementDigest(agreement)), 'nonce_unbound')
  const attested = verifyAttested(agreement.attributes ?? [], credentials)
  return { credentials, attested, boundBy, asked, judgedAt, isVerifierKnown, statusLists }
}
