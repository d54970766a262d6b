/**
 * X-Road's authCertReg message (wire 7.1): six parts in their one order, the SOAP message signed by the authentication key and
 * by the owner's signing key. Guarantees that both signatures fit the SOAP bytes and the certificates that came along; pure.
 */
import { constants, type KeyObject, type SigningOptions, verify } from 'node:crypto'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { isStrongKey } from '#core/certificate/key-strength.ts'
import { createMultipartParser } from '#core/transport/multipart-parser.ts'
import { boundaryOf } from '#core/transport/multipart-reader.ts'
import { Fault } from '#schemas/fault.ts'

export type AuthCertRegMessage = {
  soap: Buffer
  authentication: Certificate
  signing: Certificate
  /** The status of the signing certificate, DER. */
  ocsp: Buffer
}

type Part = { type: string; algorithm: string | undefined; body: Buffer }
type Method = { digest: string; keyType: string; options: SigningOptions }

const PARTS = [
  'SOAP message',
  'first signature',
  'second signature',
  'first certificate',
  'second certificate',
  'OCSP answer',
]
const LIMITS = { maxParts: PARTS.length, maxHeaderBytes: 1024 }

/** Java's names of signatures, which X-Road writes into `signature-algorithm-id`; SHA-1 is not among them. */
const METHODS: ReadonlyMap<string, Method> = new Map(
  ['256', '384', '512'].flatMap((bits): [string, Method][] => {
    const pss = {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }
    const digest = `sha${bits}`
    return [
      [`SHA${bits}withRSA`, { digest, keyType: 'rsa', options: {} }],
      [`SHA${bits}withRSAandMGF1`, { digest, keyType: 'rsa', options: pss }],
      [`SHA${bits}withECDSA`, { digest, keyType: 'ec', options: { dsaEncoding: 'der' } }],
    ]
  }),
)

/** Throws `mime_parsing_failed`, `invalid_content_type`, `missing_signature`, `invalid_signature_value`, `malformed_certificate`. */
export function readAuthCertReg(contentType: string, body: Buffer): AuthCertRegMessage {
  const parts = readParts(contentType, body)
  const [soap, byAuthentication, bySigning, authenticationDer, signingDer, ocsp] = parts as [
    Part,
    Part,
    Part,
    Part,
    Part,
    Part,
  ]
  const authentication = parseCertificate(authenticationDer.body)
  const signing = parseCertificate(signingDer.body)
  checkSignature(soap.body, byAuthentication, publicKeyOf(authentication), 'authentication key')
  checkSignature(soap.body, bySigning, publicKeyOf(signing), "owner's signing key")
  return { soap: soap.body, authentication, signing, ocsp: ocsp.body }
}

function readParts(contentType: string, body: Buffer): Part[] {
  const parts: Part[] = []
  const parser = createMultipartParser({
    boundary: boundaryOf(contentType),
    limits: LIMITS,
    onPart: (headers) => {
      const chunks: Buffer[] = []
      const type = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
      return {
        write: (chunk) => void chunks.push(chunk),
        end: () => {
          parts.push({ type, algorithm: headers.get('signature-algorithm-id'), body: Buffer.concat(chunks) })
        },
      }
    },
  })
  // The handlers are synchronous, so that the parser is as well.
  void parser.push(body)
  parser.finish()
  if (parts.length !== PARTS.length)
    throw new Fault('mime_parsing_failed', { what: `${PARTS.length} parts are needed: ${PARTS.join(', ')}` })
  for (const [at, { type }] of parts.entries()) {
    const wanted = at === 0 ? 'text/xml' : 'application/octet-stream'
    if (type !== wanted)
      throw new Fault('invalid_content_type', { what: `the part ${PARTS[at]} has to be ${wanted}` })
  }
  return parts
}

function checkSignature(data: Buffer, { algorithm, body }: Part, key: KeyObject, whose: string): void {
  const method = METHODS.get(algorithm ?? '')
  if (method === undefined || method.keyType !== key.asymmetricKeyType || !isStrongKey(key))
    throw new Fault('missing_signature', { what: `there is none by the ${whose} with an accepted algorithm` })
  if (!verify(method.digest, data, { key, ...method.options }, body))
    throw new Fault('invalid_signature_value', { what: `of the ${whose}` })
}
