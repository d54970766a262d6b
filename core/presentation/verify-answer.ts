/** Verifies all presentations of an answer, then that together they are what was asked (OpenID4VP 8.6). */
import type { Asked } from './asked.ts'
import { beyondAsked, type Found, matchClaim, matchClaims, matchSets } from './dcql/match-query.ts'
import { LINK, type Query } from './dcql/query.ts'
import { verifyMdoc } from './mdoc/verify-mdoc.ts'
import type { Presentations } from './read-answer.ts'
import { need } from './refused.ts'
import { verifySdJwt } from './sd-jwt/verify-sd-jwt.ts'
import { hashOfTransaction } from './transaction-data.ts'
import { isBelievedOn, type TrustedIssuer } from './trusted-issuers.ts'
import type { VerifiedCredential } from './verified-credential.ts'

export type Answered = VerifiedCredential & {
  /** What was asked for, and nothing else. */
  found: Found[]
  /** What the wallet sent besides: it should not have. */
  beyond: string[]
}

/**
 * Throws a `Refused`. Only the status of the credentials is not looked at yet: the lists have to be fetched
 * first.
 */
export function verifyAnswer(q: {
  asked: Asked
  presentations: Presentations
  issuers: TrustedIssuer[]
  at: Date
}): Answered[] {
  const { asked, presentations, issuers, at } = q
  need(at < asked.expiresAt, 'request_ended')
  const asking = asked.query.credentials
  for (const id of Object.keys(presentations))
    need(
      asking.some((one) => one.id === id),
      'presentation_unasked',
    )
  // In the order of the query: a wallet's own is lost where a record is written, and must not decide.
  const answered = asking.flatMap((query) => {
    const { id } = query
    const list = Object.hasOwn(presentations, id) ? presentations[id]! : []
    need(list.length <= 1 || query.multiple === true, 'presentation_unasked', `more than one ${id}`)
    return list.map((presented) => {
      const verify = query.format === 'mso_mdoc' ? verifyMdoc : verifySdJwt
      const credential = verify({ presented, query, asked, issuers, at })
      const found = matchClaims(query, credential.claims)
      for (const { path } of found)
        need(isBelievedOn(credential.issuer, path), 'issuer_untrusted', `not for ${path.join('.')}`)
      return { ...credential, found, beyond: beyondAsked(query, credential.claims, credential.disclosed) }
    })
  })
  matchSets(asked.query, new Set(Object.keys(presentations)))
  // Even where nothing is required, a verdict is about somebody.
  need(answered.length > 0, 'presentation_missing')
  verifyOnePerson(asked.query, answered)
  // Of the credentials that may authorise a transaction a wallet takes one (OpenID4VP 5.1).
  const signed = new Set(answered.flatMap(({ transactions }) => transactions))
  for (const { text, expires } of asked.transactionData) {
    need(at < expires, 'transaction_ended')
    need(signed.has(hashOfTransaction(text)), 'transaction_data_mismatch')
  }
  return answered
}

/**
 * Several credentials are of one person only if each gives the attribute that links them, and it is equal in
 * all.
 */
function verifyOnePerson(query: Query, answered: Answered[]): void {
  if (answered.length === 1) return
  const links = answered.map(({ id, claims }) => {
    const asked = query.credentials.find((one) => one.id === id)?.claims ?? []
    const link = asked.find((claim) => claim.id === LINK)
    need(link !== undefined, 'persons_differ', 'no attribute links the credentials')
    const values = matchClaim(link, claims).values
    need(values.length === 1 && isIdentifying(values[0]), 'persons_differ', link.path.join('.'))
    return values[0]
  })
  need(
    links.every((one) => one === links[0]),
    'persons_differ',
  )
}

function isIdentifying(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || typeof value === 'number'
}
