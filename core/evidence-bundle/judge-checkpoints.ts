/**
 * Judges who signed the tree heads of a bundle. Only a signature with a member's certificate shows which
 * member a log belongs to; the log's own key does not.
 */
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { judgeSignerFault } from '#core/container/judge-fault.ts'
import { type Note, noteName, parseCheckpoint, verifyMemberSignature } from '#core/merkle/checkpoint.ts'
import { judgeWitnesses } from '#core/merkle/witness-policy.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId, memberOf, parseServerId } from '#schemas/identifiers.ts'
import { type Said, say } from '#schemas/said.ts'
import type { BundleQuestion, HeadVerdict, RecordVerdict } from './bundle.ts'
import type { HeadProof, HeadProofs } from './prove-heads.ts'

/**
 * For each tree head, whether the server's owner signed it. The certificate must have been good when an
 * evidence record proves that the tree head existed; without an evidence record it must be good now. Unproved
 * times do not count.
 */
export function judgeCheckpoints(
  q: BundleQuestion,
  records: RecordVerdict[],
  proofs: HeadProofs,
): HeadVerdict[] {
  const owner = ownerOf(q.bundle.manifest.log)
  const certificates = owner === undefined ? [] : [...signers(records, owner), ...cameAlong(q)]
  const { records: shown, timeStamps } = q.bundle.manifest
  const names = new Set([...shown, ...timeStamps].map(({ checkpoint }) => checkpoint))
  return [...names].map((name) => {
    const proof = proofs.of(name)
    const existed = proof && { since: proof.since, until: new Date(proof.end.time), stamps: proof.stamps }
    try {
      const { size, note } = parseCheckpoint(q.bundle.files.get(name)!.toString())
      const byOwner = certificates.filter((one) =>
        verifyMemberSignature(note, noteName(idText(owner!)), publicKeyOf(one)),
      )
      return {
        size,
        existed,
        ...witnessesOf(note, q),
        ...judgeSigner({ byOwner, certificates, owner, proof, failure: proofs.failure }, q),
      }
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      // Its records failed for the same reason. A forged line of a known key is not a signature.
      return {
        ...{ size: 0, existed, ...unsigned },
        ...(q.witnesses && { witnesses: { names: [], quorum: false } }),
      }
    }
  })
}

/** If a line of one of the policy's witnesses is forged, no witness counts, and the quorum is not met. */
function witnessesOf(note: Note, { witnesses: policy }: BundleQuestion): Pick<HeadVerdict, 'witnesses'> {
  if (policy === undefined) return {}
  try {
    const { met: quorum, witnesses } = judgeWitnesses(note, policy)
    return { witnesses: { names: witnesses.map(({ name }) => name), quorum } }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { witnesses: { names: [], quorum: false } }
  }
}

type Judged = Omit<HeadVerdict, 'size' | 'existed' | 'witnesses'>

const unsigned: Judged = {
  signedByMember: false,
  subIndication: 'NO_CERTIFICATE_CHAIN_FOUND',
  reason:
    say`no certificate of the security server's owner is known that signed the state of the log`.toString(),
}

/** `byOwner`: the certificates whose key signed the tree head. */
function judgeSigner(
  {
    byOwner,
    certificates,
    owner,
    proof,
    failure,
  }: {
    byOwner: Certificate[]
    certificates: Certificate[]
    owner: MemberId | undefined
    proof: HeadProof | undefined
    failure: string | undefined
  },
  q: BundleQuestion,
): Judged {
  const configuration = owner && q.configuration.get(owner.instance)
  if (configuration === undefined) return unsigned
  const at = proof?.counts === true ? proof.since : q.now
  let judged: Judged = unsigned
  for (const certificate of byOwner) {
    const signature = {
      certificate,
      certificates: certificates.slice(0, 16),
      ocspResponses: statuses(q, proof),
    }
    try {
      checkSigner({
        signature,
        configuration,
        at,
        member: owner!,
        kept: { ocspResponses: [], now: q.now },
      })
      return { signedByMember: true }
    } catch (thrown) {
      const issuer = configuration.caOf(certificate)?.ca
      const { subIndication, reason } = judgeSignerFault(thrown, {
        ...{ certificate, issuer, at },
        responses: signature.ocspResponses,
      })
      judged = {
        signedByMember: false,
        subIndication,
        reason: say`the signer of the log's state is not trusted: ${reason}`.toString(),
      }
    }
  }
  if (byOwner.length === 0 || proof?.counts === true) return judged
  return {
    signedByMember: false,
    subIndication: proof === undefined ? 'NO_POE' : agedOut(proof),
    reason: String(
      proof === undefined
        ? unproved(failure)
        : say`what proves when the state of the log was signed counted until ${new Date(proof.end.time).toISOString()} only`,
    ),
  }
}

function unproved(failure: string | undefined): Said {
  return failure === undefined
    ? say`nothing proves when the state of the log was signed, and its signer is not known to be good now`
    : say`nothing proves when the state of the log was signed (${failure}), and its signer is not known to be good now`
}

function agedOut({ end }: HeadProof): NonNullable<Judged['subIndication']> {
  return end.cause === 'certificate' ? 'OUT_OF_BOUNDS_NO_POE' : 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE'
}

function statuses({ bundle }: BundleQuestion, proof: HeadProof | undefined): Buffer[] {
  const along = bundle.manifest.checkpointSigner.ocspResponses.map((name) => bundle.files.get(name)!)
  return [...along, ...(proof?.ocspResponses ?? [])]
}

function ownerOf(log: string): MemberId | undefined {
  try {
    return memberOf(parseServerId(log))
  } catch {
    return undefined
  }
}

function signers(records: RecordVerdict[], owner: MemberId): Certificate[] {
  return records.flatMap(({ container }) => {
    if (container?.signer === undefined || container.verdict === 'TOTAL-FAILED') return []
    const isOwner = idText(memberOf(container.signer)) === idText(owner)
    return isOwner && container.signingCertificate !== undefined ? [container.signingCertificate] : []
  })
}

/** The certificates of the current countersigner, and those stored with the evidence records. */
function cameAlong({ bundle }: BundleQuestion): Certificate[] {
  const { checkpointSigner, evidenceRecords } = bundle.manifest
  const names = [checkpointSigner, ...evidenceRecords].flatMap(({ certificates }) => certificates)
  return [...new Set(names)].flatMap((name) => {
    try {
      return [parseCertificate(bundle.files.get(name)!)]
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      return []
    }
  })
}
