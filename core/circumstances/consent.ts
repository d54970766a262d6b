/**
 * What the metadata of records say of the consent and the preview under which a request was carried out, or
 * refused: the same in every language.
 */

const NUMBER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const DIGEST = /^[0-9a-f]{64}$/
const TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]{8,12}Z$/

/** Undefined for a record that names none. */
export function consentInWords(metadata: unknown): string | undefined {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  const [number, digest] = [extra?.['consent'], extra?.['consentDigest']]
  if (typeof number !== 'string' || !NUMBER.test(number)) return undefined
  return typeof digest === 'string' && DIGEST.test(digest) ? `${number}, SHA-256 ${digest}` : number
}

/**
 * The number of a preview, when the person released or stopped it, and the digest of its document; undefined
 * for a record that names none.
 */
export function previewInWords(metadata: unknown): string | undefined {
  const { extra } = (metadata ?? {}) as { extra?: Record<string, unknown> }
  const { preview, previewDigest, previewReleasedAt, previewAt } = extra ?? {}
  if (typeof preview !== 'string' || !NUMBER.test(preview)) return undefined
  const [released, decided] = [timeIn(previewReleasedAt), timeIn(previewAt)]
  return [
    preview,
    ...(released === undefined ? [] : [`released ${released}`]),
    ...(decided === undefined ? [] : [`stopped ${decided}`]),
    ...(typeof previewDigest === 'string' && DIGEST.test(previewDigest) ? [`SHA-256 ${previewDigest}`] : []),
  ].join(', ')
}

function timeIn(value: unknown): string | undefined {
  return typeof value === 'string' && TIME.test(value) ? value : undefined
}
