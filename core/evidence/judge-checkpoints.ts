/** Who signed the tree heads of a bundle: a member's certificate ties a log to a member, its own key ties it to nobody. */
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { type Note, noteName, parseCheckpoint, verifyMemberSignature } from '#core/merkle/checkpoint.ts'
import { judgeWitnesses } from '#core/merkle/witness-policy.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId, memberOf, parseServerId } from '#schemas/identifiers.ts'
import type { BundleVerdict, CheckpointVerdict, RecordVerdict } from './bundle.ts'
import type { BundleQuestion } from './judge-bundle.ts'

/**
 * For each tree head, whether the server's owner signed it: with a certificate that a message of the bundle proves at its
 * time-stamp, or with the one that came along, judged at the time at which the bundle says it was made. A tree head has no
 * proven time of its own; the time-stamps of the messages have.
 */
export function judgeCheckpoints(q: BundleQuestion, records: RecordVerdict[]): BundleVerdict['checkpoints'] {
  const owner = ownerOf(q.bundle.manifest.log)
  const certificates = owner === undefined ? [] : [...provenBy(records, owner), ...cameAlong(q, owner)]
  const names = new Set(q.bundle.manifest.records.map(({ checkpoint }) => checkpoint))
  return [...names].flatMap((name) => {
    try {
      const { size, note } = parseCheckpoint(q.bundle.files.get(name)!.toString())
      const signedByMember = certificates.some((certificate) =>
        verifyMemberSignature(note, noteName(idText(owner!)), publicKeyOf(certificate)),
      )
      return [{ size, signedByMember, ...witnessesOf(note, q) }]
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      // Its records have failed for the same reason; a forged line of a known key is no signature.
      return [
        { size: 0, signedByMember: false, ...(q.witnesses && { witnesses: { names: [], quorum: false } }) },
      ]
    }
  })
}

/** A forged line of a witness that the policy knows is no cosignature, and leaves none of the others in doubt: no quorum then. */
function witnessesOf(
  note: Note,
  { witnesses: policy }: BundleQuestion,
): Pick<CheckpointVerdict, 'witnesses'> {
  if (policy === undefined) return {}
  try {
    const { met: quorum, witnesses } = judgeWitnesses(note, policy)
    return { witnesses: { names: witnesses.map(({ name }) => name), quorum } }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { witnesses: { names: [], quorum: false } }
  }
}

function ownerOf(log: string): MemberId | undefined {
  try {
    return memberOf(parseServerId(log))
  } catch {
    return undefined
  }
}

function provenBy(records: RecordVerdict[], owner: MemberId): Certificate[] {
  return records.flatMap(({ container }) => {
    if (container?.signer === undefined || container.verdict === 'TOTAL-FAILED') return []
    const isOwner = idText(memberOf(container.signer)) === idText(owner)
    return isOwner && container.signingCertificate !== undefined ? [container.signingCertificate] : []
  })
}

function cameAlong({ bundle, configuration }: BundleQuestion, owner: MemberId): Certificate[] {
  const { checkpointSigner, made } = bundle.manifest
  const index = configuration.get(owner.instance)
  if (index === undefined || checkpointSigner.certificates.length === 0) return []
  try {
    const bytes = (name: string): Buffer => bundle.files.get(name)!
    const [certificate, ...certificates] = checkpointSigner.certificates.map((name) =>
      parseCertificate(bytes(name)),
    )
    const ocspResponses = checkpointSigner.ocspResponses.map(bytes)
    const signature = { certificate: certificate!, certificates, ocspResponses }
    checkSigner({ signature, configuration: index, at: new Date(made), member: owner })
    return [certificate!]
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return []
  }
}
