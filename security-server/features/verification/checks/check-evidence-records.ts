/**
 * Checks every evidence record: it covers its tree head unchanged, an authority signed it, and it was renewed
 * while it was still valid.
 */
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { stampedNote } from '#core/evidence-bundle/stamped-note.ts'
import { verifyEvidenceRecord } from '#core/evidence-record/verify-evidence-record.ts'
import { decodeEvidence } from '../../../message-log/time-stamps/stamp-record.ts'
import type { LogSource } from './source.ts'

/**
 * Returns how many there are. Calls `found` for each invalid one, with the index of the last record that it
 * covers.
 */
export async function checkEvidenceRecords(q: {
  source: LogSource
  origin: string | undefined
  tsaCertificates: Certificate[] | undefined
  found: (index: number, thrown: unknown) => void
}): Promise<number> {
  const { source, origin, tsaCertificates, found } = q
  if (source.evidenceRecords === undefined || origin === undefined) return 0
  let count = 0
  for await (const { size, note, record, evidence } of source.evidenceRecords()) {
    count++
    try {
      verifyEvidenceRecord({
        record,
        data: stampedNote(note, origin),
        tsaCertificates:
          tsaCertificates ?? decodeEvidence(evidence).certificates.map((der) => parseCertificate(der)),
      })
    } catch (thrown) {
      found(size - 1, thrown)
    }
  }
  return count
}
