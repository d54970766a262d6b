/** What the metadata of a request's record say of the consent under which it was carried out: the same in every language. */

const NUMBER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DIGEST = /^[0-9a-f]{64}$/

/** Undefined for a record that names none. */
export function consentInWords(metadata: unknown): string | undefined {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  const [number, digest] = [extra?.['consent'], extra?.['consentDigest']]
  if (typeof number !== 'string' || !NUMBER.test(number)) return undefined
  return typeof digest === 'string' && DIGEST.test(digest) ? `${number}, SHA-256 ${digest}` : number
}
