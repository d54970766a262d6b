/** Writes OCSP answers (RFC 6960 section 4.2) for our own responder. */
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { Certificate } from './certificate.ts'
import { writeNonce } from './ocsp-extensions.ts'
import { keyHash } from './ocsp-request.ts'

/** One certificate's status; `reason` is a CRLReason code (RFC 5280 5.3.1). */
export type OcspAnswer = {
  certId: Buffer
  status: 'good' | 'revoked' | 'unknown'
  revokedAt?: Date
  reason?: number
  thisUpdate: Date
  nextUpdate?: Date
}

/** Signs bytes; `algorithm` is the DER of the AlgorithmIdentifier. */
export type DerSigner = (tbs: Buffer) => { algorithm: Buffer; value: Buffer }

/**
 * A signed answer. The caller passes each CertID as it was in the request, byte for byte; the answer names
 * the responder by its key.
 */
export function buildOcspResponse(q: {
  answers: OcspAnswer[]
  nonce?: Buffer
  producedAt: Date
  responder: Certificate
  includeCertificates: Certificate[]
  sign: DerSigner
}): Buffer {
  const tbs = der.sequence(
    der.explicit(2, der.octetString(keyHash(q.responder))),
    der.generalizedTime(q.producedAt),
    der.sequence(...q.answers.map(writeAnswer)),
    ...writeNonce(q.nonce).map((extensions) => der.explicit(1, extensions)),
  )
  const { algorithm, value } = q.sign(tbs)
  const certificates = q.includeCertificates.map((certificate) => certificate.der)
  const basic = der.sequence(
    tbs,
    algorithm,
    der.bitString(value),
    ...(certificates.length === 0 ? [] : [der.explicit(0, der.sequence(...certificates))]),
  )
  const content = der.sequence(der.oid(OID.ocspBasic), der.octetString(basic))
  return der.sequence(der.enumerated(0), der.explicit(0, content))
}

function writeAnswer(answer: OcspAnswer): Buffer {
  return der.sequence(
    answer.certId,
    writeStatus(answer),
    der.generalizedTime(answer.thisUpdate),
    ...(answer.nextUpdate === undefined ? [] : [der.explicit(0, der.generalizedTime(answer.nextUpdate))]),
  )
}

function writeStatus(answer: OcspAnswer): Buffer {
  if (answer.status === 'good') return der.contextPrimitive(0, Buffer.alloc(0))
  if (answer.status === 'unknown') return der.contextPrimitive(2, Buffer.alloc(0))
  const time = der.generalizedTime(answer.revokedAt ?? answer.thisUpdate)
  const reason = answer.reason === undefined ? [] : [der.explicit(0, der.enumerated(answer.reason))]
  return der.implicit(1, der.sequence(time, ...reason))
}

const ERROR_STATUS = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const

/** An unsigned error answer. */
export function buildOcspError(status: keyof typeof ERROR_STATUS): Buffer {
  return der.sequence(der.enumerated(ERROR_STATUS[status]))
}
