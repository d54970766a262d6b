/** Every evidence record is over its tree head as it stands, by an authority, and was renewed while it still counted. */
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { stampedNote } from '#core/evidence-bundle/stamped-note.ts'
import { verifyEvidenceRecord } from '#core/evidence-record/verify-evidence-record.ts'
import { decodeEvidence } from '../../../message-log/time-stamps/stamp-record.ts'
import type { LogSource } from './source.ts'

/** Says how many there are; `found` hears of each that proves nothing, by the last record that it is about. */
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
