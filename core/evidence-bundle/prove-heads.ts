/** Proves since when the tree heads of a bundle have existed, with the evidence records in the bundle. */
import type { Certificate } from '#core/certificate/certificate.ts'
import { type StampEnd, verifyEvidenceRecord } from '#core/evidence-record/verify-evidence-record.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { BundleEvidenceRecord, BundleQuestion } from './bundle.ts'
import { stampedNote } from './stamped-note.ts'
import { stampersOf } from './stampers-of.ts'
import { CLOCK_TOLERANCE_MS } from './validation-policy.ts'

export type HeadProof = {
  since: Date
  end: StampEnd
  stamps: number
  /** Whether the proof still counts now. */
  counts: boolean
  ocspResponses: Buffer[]
}

export type HeadProofs = {
  /** Finds the proof by the name of the tree head's entry. */
  of(checkpoint: string): HeadProof | undefined
  failure: string | undefined
}

export function proveHeads(q: BundleQuestion): HeadProofs {
  const tsaCertificates = stampersOf(q).flatMap((one) => one.tsaCertificates)
  const found = new Map<string, HeadProof>()
  let failure: string | undefined
  for (const entry of q.bundle.manifest.evidenceRecords) {
    try {
      const proof = prove(entry, q, tsaCertificates)
      const other = found.get(entry.checkpoint)
      if (other === undefined || !other.counts) found.set(entry.checkpoint, proof)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      failure ??= thrown.what ?? thrown.message
    }
  }
  return { of: (checkpoint) => found.get(checkpoint), failure }
}

function prove(entry: BundleEvidenceRecord, q: BundleQuestion, tsaCertificates: Certificate[]): HeadProof {
  const { files, manifest } = q.bundle
  const data = stampedNote(files.get(entry.checkpoint)!.toString(), manifest.log)
  const { since, end, stamps } = verifyEvidenceRecord({
    record: files.get(entry.record)!,
    data,
    tsaCertificates,
  })
  if (since.getTime() > q.now.getTime() + CLOCK_TOLERANCE_MS)
    throw new Fault('evidence_record_invalid', { what: say`its first time-stamp lies in the future` })
  return {
    since,
    end,
    stamps: stamps.length,
    counts: q.now.getTime() <= end.time,
    ocspResponses: entry.ocspResponses.map((name) => files.get(name)!),
  }
}
