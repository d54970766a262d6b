/**
 * The attachments of a SOAP message for a reader: each by itself, although the log keeps them as one body.
 */
import type { StoredEvidence } from '../../reading/evidence/read-evidence.ts'

/**
 * In the order in which the body joins them, by their names in the container; none when the body is one
 * whole. Without MIME headers: what attachments are called is content.
 */
export function attachmentsView({ attachments = [] }: Pick<StoredEvidence, 'attachments'>, isShown: boolean) {
  return attachments.map(({ size, sha512 }, i) => ({
    ...{ name: `attachment${i + 1}`, size },
    ...(isShown && { sha512: sha512.toString('base64') }),
  }))
}

/** The same for readers of the content: with the MIME headers that came, which nobody signed. */
export function attachmentsWithHeaders(evidence: Pick<StoredEvidence, 'attachments'>) {
  return attachmentsView(evidence, true).map((one, i) => ({
    ...one,
    headers: evidence.attachments![i]!.headers.map(([name, value]) => ({ name, value })),
  }))
}
