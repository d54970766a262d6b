/** Reads ds:DigestMethod and ds:DigestValue, as in references and certificate digests. */

import { say } from '#schemas/said.ts'
import { DIGESTS } from './algorithms.ts'
import type { DataReference } from './checked-signature.ts'
import { algorithmOf, base64Of, type ElementReader, refuse } from './element-reader.ts'

/**
 * Reads the next two children; the value must have the length of the method's digest. Throws
 * `malformed_signature`.
 */
export function readDigest(reader: ElementReader): Pick<DataReference, 'digest' | 'value'> {
  const methodElement = reader.one('ds:DigestMethod')
  const digest = DIGESTS.get(algorithmOf(methodElement))
  const valueElement = reader.one('ds:DigestValue')
  const value = base64Of(valueElement)
  if (digest === undefined) throw refuse(methodElement, say`the algorithm is not accepted`)
  if (value.length * 8 !== Number(digest.slice(4))) throw refuse(valueElement, say`its length is wrong`)
  return { digest, value }
}
