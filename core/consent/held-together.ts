/**
 * Whether the credentials of a presentation belong together by what each of them has itself, whatever claim
 * whoever asked had chosen to link them by: alike before a consent is kept, and years later. Pure.
 */
import type { JudgedCredential } from '#core/presentation/judge.ts'
import { need } from '#core/presentation/refused.ts'
import { openNonce } from '#core/presentation/transaction-data.ts'

/** Where in a credential the code of its person stands. */
export type CodePlace = string[]

/**
 * `codes` in the order of the credentials. Throws a `Refused`: each has one code, and it is the same in all.
 */
export function verifyOnePerson(
  credentials: readonly JudgedCredential[],
  codes: readonly CodePlace[] | undefined,
): void {
  const isEach = codes?.length === credentials.length
  need(isEach, 'persons_differ', 'It is not said where each credential has the code of its person.')
  const found = credentials.map(({ type, claims }, at) => {
    const place = JSON.stringify(codes[at])
    // A contract may want the code itself attested: then it is asked for twice.
    const values = new Set(
      claims.flatMap((claim) => (JSON.stringify(claim.path) === place ? claim.values : [])),
    )
    const [code] = values
    const isOne = values.size === 1 && typeof code === 'string' && code !== ''
    need(isOne, 'persons_differ', `${type} has no code of a person at ${codes[at]!.join('.')}`)
    return code
  })
  need(
    found.every((code) => code === found[0]),
    'persons_differ',
    'The codes of the persons differ.',
  )
}

/**
 * Of several credentials one alone signs transaction data (OpenID4VP 5.1). What every holder signs is the
 * nonce, each with the key of their own credential: with it each is bound to this digest.
 */
export function isBoundByAll(nonce: string, digest: Buffer): boolean {
  return openNonce(nonce)?.requestDigest.equals(digest) === true
}
