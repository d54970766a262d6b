/** Answers one OCSP request from the ledger; returns each CertID byte for byte, and the nonce (RFC 6960). */
import { createHash, type KeyObject } from 'node:crypto'
import { parseDer } from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import { keyHash, parseOcspRequest, readCertId } from '#core/certificate/ocsp-request.ts'
import { buildOcspError, buildOcspResponse, type OcspAnswer } from '#core/certificate/ocsp-response.ts'
import { Fault } from '#schemas/fault.ts'
import { signerOf } from '../keys.ts'
import type { Ledger } from '../ledger.ts'
import { type Conditions, cut, type FaultMode, STALE_MS } from '../switches.ts'

export type Signatory = { certificate: Certificate; privateKey: KeyObject }

type OcspState = {
  /**
   * Signs answers about certificates that it issued, above all the intermediate: an issuer is an authorised
   * responder itself.
   */
  root: Signatory
  intermediate: Signatory
  /** Issued by the intermediate for OCSP; signs all other answers. */
  responder: Signatory
  /** Not authorised to sign OCSP answers. */
  stranger: Signatory
  ledger: Ledger
  validitySeconds: number
}

/** Never throws, whatever the request contains. */
export function answerOcsp(state: OcspState, request: Buffer, { at, mode }: Conditions): Buffer {
  let asked: ReturnType<typeof parseOcspRequest>
  try {
    asked = parseOcspRequest(request)
  } catch (thrown) {
    if (thrown instanceof Fault) return buildOcspError('malformedRequest')
    throw thrown
  }
  const issuers = asked.certIds.map((id) => issuerOf(state, id))
  const signatory = issuers.every((issuer) => issuer === 'root') ? state.root : state.responder
  const { certificate, privateKey } = mode === 'wrong-signer' ? state.stranger : signatory
  const thisUpdate = mode === 'stale' ? new Date(at.getTime() - STALE_MS) : at
  const nextUpdate = new Date(thisUpdate.getTime() + state.validitySeconds * 1000)
  const answer = buildOcspResponse({
    answers: asked.certIds.map((certId, index) => ({
      certId,
      ...statusOf(state, certId, issuers[index], thisUpdate, mode),
      thisUpdate,
      nextUpdate,
    })),
    ...(asked.nonce !== undefined && { nonce: asked.nonce }),
    producedAt: thisUpdate,
    responder: certificate,
    includeCertificates: signatory === state.root ? [] : [certificate],
    sign: signerOf(privateKey),
  })
  return mode === 'malformed' ? cut(answer) : answer
}

const DIGESTS: Record<string, string> = {
  [OID.sha1]: 'sha1',
  [OID.sha256]: 'sha256',
  [OID.sha384]: 'sha384',
  [OID.sha512]: 'sha512',
}

/** The authority that issued the certificate of a CertID. */
function issuerOf(state: OcspState, certId: Buffer): 'root' | 'intermediate' | undefined {
  const { digest, issuerNameHash, issuerKeyHash } = readCertId(parseDer(certId))
  const name = DIGESTS[digest]
  if (name === undefined) return undefined
  return (['intermediate', 'root'] as const).find((which) => {
    const { certificate } = state[which]
    const nameHash = createHash(name).update(certificate.subject.der).digest()
    return nameHash.equals(issuerNameHash) && keyHash(certificate, name).equals(issuerKeyHash)
  })
}

function statusOf(
  state: OcspState,
  certId: Buffer,
  issuer: 'root' | 'intermediate' | undefined,
  thisUpdate: Date,
  mode: FaultMode,
): Pick<OcspAnswer, 'status' | 'revokedAt' | 'reason'> {
  const entry = state.ledger.find(readCertId(parseDer(certId)).serialNumber)
  if (mode === 'unknown' || entry === undefined || entry.issuer !== issuer) return { status: 'unknown' }
  if (mode === 'revoked') return { status: 'revoked', revokedAt: thisUpdate }
  // A revocation in the future (the clock was moved) has not happened yet.
  if (entry.revokedAt === undefined || entry.revokedAt > thisUpdate) return { status: 'good' }
  return {
    status: 'revoked',
    revokedAt: entry.revokedAt,
    ...(entry.reason !== undefined && { reason: entry.reason }),
  }
}
