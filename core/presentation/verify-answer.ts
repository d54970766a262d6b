/** Verifies all presentations of an answer, then that together they are what was asked (OpenID4VP 8.6). */
import type { Asked } from './asked.ts'
import { beyondAsked, type Found, matchClaims, matchSets } from './dcql/match-query.ts'
import { verifyMdoc } from './mdoc/verify-mdoc.ts'
import type { Presentations } from './read-answer.ts'
import { need } from './refused.ts'
import { verifySdJwt } from './sd-jwt/verify-sd-jwt.ts'
import { hashOfTransaction } from './transaction-data.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'
import type { VerifiedCredential } from './verified-credential.ts'

export type Answered = VerifiedCredential & {
  /** What was asked for, and nothing else. */
  found: Found[]
  /** What the wallet sent besides: it should not have. */
  beyond: string[]
}

/** Throws a `Refused`. Only the status of the credentials is not looked at yet: the lists have to be fetched first. */
export function verifyAnswer(q: {
  asked: Asked
  presentations: Presentations
  issuers: TrustedIssuer[]
  at: Date
}): Answered[] {
  const { asked, presentations, issuers, at } = q
  const answered = Object.entries(presentations).flatMap(([id, list]) => {
    const query = asked.query.credentials.find((one) => one.id === id)
    need(query !== undefined, 'presentation_unasked')
    need(list.length === 1 || query.multiple === true, 'presentation_unasked', `more than one ${id}`)
    return list.map((presented) => {
      const verify = query.format === 'mso_mdoc' ? verifyMdoc : verifySdJwt
      const credential = verify({ presented, query, asked, issuers, at })
      const found = matchClaims(query, credential.claims)
      return { ...credential, found, beyond: beyondAsked(query, credential.claims, credential.open) }
    })
  })
  matchSets(asked.query, new Set(Object.keys(presentations)))
  // Of the credentials that may authorise a transaction a wallet takes one (OpenID4VP 5.1).
  const signed = new Set(answered.flatMap(({ transactions }) => transactions))
  for (const { text } of asked.transactionData)
    need(signed.has(hashOfTransaction(text)), 'transaction_data_mismatch')
  return answered
}
