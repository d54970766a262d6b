/**
 * The parts of a bundle that stay verifiable after certificates expire: time-stamp records and evidence
 * records, with the certificates and OCSP responses stored with them.
 */
import type { BundleEvidenceRecord, BundleOpening, BundleTimeStamp } from '#core/evidence-bundle/bundle.ts'
import type { EvidenceRecordProof } from '../../message-log/message-log.ts'
import type { InclusionEvidence, Opening } from './prove-inclusion.ts'
import type { StampProof } from './read-stamp.ts'

type Add = (name: string, bytes: Buffer) => string

/** Undefined when the log key that opens the time-stamp's record was destroyed. */
export function addTimeStamp(
  q: { stamp: StampProof; proof: InclusionEvidence; checkpoint: string },
  add: Add,
): BundleTimeStamp | undefined {
  const { stamp, proof } = q
  const { message, body } = proof.openings
  if (message === undefined || body === undefined) return undefined
  const folder = `time-stamps/${stamp.index}`
  const { hashChainResult } = stamp
  return {
    index: stamp.index,
    form: proof.form,
    path: proof.path.map((node) => node.toString('base64')),
    checkpoint: q.checkpoint,
    openings: { message: opened(message), body: opened(body) },
    firstId: stamp.firstId,
    lastId: stamp.lastId,
    digests: add(`${folder}/digests.bin`, stamp.digests),
    ...(hashChainResult && { hashChainResult: add(`${folder}/ts-hashchainresult.xml`, hashChainResult) }),
    token: add(`${folder}/token.tst`, stamp.token),
    ...addKept(folder, stamp, add),
  }
}

export function addEvidenceRecord(
  q: { evidence: EvidenceRecordProof; checkpoint: string },
  add: Add,
): BundleEvidenceRecord {
  const folder = `evidence-records/${q.evidence.size}`
  return {
    checkpoint: q.checkpoint,
    record: add(`${folder}/evidence-record.der`, q.evidence.record),
    ...addKept(folder, q.evidence, add),
  }
}

/**
 * Writes certificates and OCSP responses as separate files, for public tools. The first certificate is the
 * subject's.
 */
export function addKept(
  folder: string,
  kept: { certificates: Buffer[]; ocspResponses: Buffer[] } | undefined,
  add: Add,
): { certificates: string[]; ocspResponses: string[] } {
  const numbered = (name: string, ders: Buffer[] = []): string[] =>
    ders.map((der, i) => add(`${folder}/${name}-${i}.der`, der))
  return {
    certificates: numbered('certificate', kept?.certificates),
    ocspResponses: numbered('ocsp', kept?.ocspResponses),
  }
}

export function opened({ key, digest }: Opening): BundleOpening {
  return { key: key.toString('base64'), digest: digest.toString('base64') }
}
