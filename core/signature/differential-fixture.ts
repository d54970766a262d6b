/** For tests only: what the exact paths and the general path say of a document, compared. */
import { Fault } from '#schemas/fault.ts'
import type { CheckedSignature } from './checked-signature.ts'
import { checkSignatureExact } from './verify-exact.ts'
import { checkSignatureXRoad } from './verify-exact-x-road.ts'
import { checkSignatureGeneral } from './verify-general.ts'

/** The exact paths, in their order. */
export function checkExact(document: Buffer): CheckedSignature | undefined {
  return checkSignatureExact(document) ?? checkSignatureXRoad(document)
}

/** The whole content of a signature, except which path verified it. */
function words({ way: _way, certificate, certificates, ...rest }: CheckedSignature): string {
  return JSON.stringify({
    ...rest,
    certificate: certificate.sha256,
    certificates: certificates.map((c) => c.sha256),
  })
}

/** The signed content. */
export function signedWords({
  certificate,
  references,
  signingTime,
  signedInfoDigest,
}: CheckedSignature): string {
  return JSON.stringify([certificate.sha256, references, signingTime, signedInfoDigest])
}

type Outcome = { checked: CheckedSignature | undefined; code: string | undefined }

export async function outcomeOf(
  check: () => CheckedSignature | undefined | Promise<CheckedSignature>,
): Promise<Outcome> {
  try {
    return { checked: await check(), code: undefined }
  } catch (thrown) {
    if (thrown instanceof Fault) return { checked: undefined, code: thrown.code }
    throw thrown
  }
}

/**
 * How the two paths contradict each other about `document`, a modification of `original`; undefined if they
 * do not.
 */
export async function disagreement(
  document: Buffer,
  original?: CheckedSignature,
): Promise<string | undefined> {
  const exact = await outcomeOf(() => checkExact(document))
  const general = await outcomeOf(() => checkSignatureGeneral(document))
  if (exact.checked !== undefined) {
    if (general.checked === undefined) return `only exact accepts, general says ${general.code}`
    if (words(exact.checked) !== words(general.checked)) return 'both accept, with different words'
  }
  if (exact.code !== undefined && exact.code !== general.code)
    return `exact ${exact.code}, general ${general.code}`
  if (general.checked !== undefined && original !== undefined) {
    if (signedWords(general.checked) !== signedWords(original)) return 'accepted with other signed words'
  }
  return undefined
}
