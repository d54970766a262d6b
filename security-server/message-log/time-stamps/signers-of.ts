/**
 * The certificates that signed the documents of a batch, so that their status can be checked just before the
 * stamp.
 */
import { applyDelta, touches } from '../formats/document-delta.ts'
import type { RecordStore } from '../records/store.ts'

/** How many signers are checked; a batch with more is stamped without the status of the others. */
const MAX_SIGNERS = 256
const PAGE = 256
const MAX_BASES = 64
const OPENING = 'X509Certificate>'

/** Certificates in DER, each once. Documents without a certificate are skipped. */
export async function signersOf(
  records: Pick<RecordStore, 'storedDocuments' | 'document'>,
  { firstId, lastId }: { firstId: number; lastId: number },
): Promise<Buffer[]> {
  const found = new Set<string>()
  const bases = new Map<number, Buffer>()
  const baseOf = async (id: number): Promise<Buffer> => {
    const known = bases.get(id)
    if (known !== undefined) return known
    const { document } = (await records.document(id))!
    if (bases.size >= MAX_BASES) bases.clear()
    bases.set(id, document)
    return document
  }
  for (let next = firstId; next <= lastId; ) {
    const rows = await records.storedDocuments(next, lastId, PAGE)
    if (rows.length === 0) break
    for (const { base, document } of rows) {
      if (found.size >= MAX_SIGNERS) return [...found].map(fromBase64)
      const whole = base === null ? document : await baseOf(base)
      const place = placeOf(whole)
      if (place === undefined) continue
      const changed = base !== null && touches(document, place)
      found.add((changed ? applyDelta(whole, document) : whole).toString('latin1', place.start, place.end))
    }
    next = rows.at(-1)!.id + 1
  }
  return [...found].map(fromBase64)
}

/** The first certificate in the document is the signer's. */
function placeOf(document: Buffer): { start: number; end: number } | undefined {
  const start = document.indexOf(OPENING)
  const end = start < 0 ? -1 : document.indexOf('<', start)
  return end < 0 ? undefined : { start: start + OPENING.length, end }
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, 'base64')
}
