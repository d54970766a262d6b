/**
 * X-Road's signed management requests (pr-mserv): multipart messages with their parts in a fixed order.
 * Guarantees that each signature matches the SOAP bytes and the certificate in the message; pure.
 */
import { constants, type KeyObject, type SigningOptions, verify } from 'node:crypto'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { isStrongKey } from '#core/certificate/key-strength.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { createMultipartParser } from '#core/transport/multipart-parser.ts'
import { boundaryOf } from '#core/transport/multipart-reader.ts'
import { Fault } from '#schemas/fault.ts'

type Part = { type: string; algorithm: string | undefined; body: Buffer }
type Method = { digest: string; keyType: string; options: SigningOptions }

/** A signed message of any kind except authCertReg. */
export type SignedMessage = {
  soap: Buffer
  signing: Certificate
  /** DER of the OCSP response for the signing certificate. */
  ocsp: Buffer
}

const REGISTRATION_PARTS = [
  'SOAP message',
  'first signature',
  'second signature',
  'first certificate',
  'second certificate',
  'OCSP answer',
]
const SIGNED_PARTS = ['SOAP message', 'signature', 'certificate', 'OCSP answer']
const MAX_HEADER_BYTES = 1024

type AuthCertRegMessage = SignedMessage & { authentication: Certificate }

/**
 * Java's names of signature algorithms, which X-Road writes into `signature-algorithm-id`; SHA-1 is not
 * accepted.
 */
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

/**
 * Reads an authCertReg message with two signatures. Throws `mime_parsing_failed`, `invalid_request` for a
 * part that is missing, `invalid_content_type`, `missing_signature`, `invalid_signature_value` or
 * `malformed_certificate`.
 */
export function readAuthCertReg(contentType: string, body: Buffer): AuthCertRegMessage {
  const parts = readParts(contentType, body, REGISTRATION_PARTS)
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

/** Like readAuthCertReg, for a message with one signature. */
export function readSignedMessage(contentType: string, body: Buffer): SignedMessage {
  const parts = readParts(contentType, body, SIGNED_PARTS) as [Part, Part, Part, Part]
  const [soap, signature, signingDer, ocsp] = parts
  const signing = parseCertificate(signingDer.body)
  checkSignature(soap.body, signature, publicKeyOf(signing), "client's signing key")
  return { soap: soap.body, signing, ocsp: ocsp.body }
}

function readParts(contentType: string, body: Buffer, wanted: string[]): Part[] {
  const parts: Part[] = []
  const parser = createMultipartParser({
    boundary: boundaryOf(contentType),
    limits: { maxParts: wanted.length, maxHeaderBytes: MAX_HEADER_BYTES },
    onPart: (headers) => {
      const { write, bytes } = collectBytes(body.length, () => new Fault('mime_parsing_failed'))
      const type = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
      return {
        write,
        end: () => {
          parts.push({ type, algorithm: headers.get('signature-algorithm-id'), body: bytes() })
        },
      }
    },
  })
  // The handlers are synchronous, and therefore the parser too.
  void parser.push(body)
  parser.finish()
  const missing = wanted[parts.length]
  if (missing !== undefined)
    // An X-Road server tries its connection with a SOAP message alone and takes `invalid_request` as the
    // answer that all is well.
    throw new Fault('invalid_request', {
      what: `the ${missing} is missing of ${wanted.length} parts: ${wanted.join(', ')}`,
    })
  for (const [at, { type }] of parts.entries()) {
    const needed = at === 0 ? 'text/xml' : 'application/octet-stream'
    if (type !== needed)
      throw new Fault('invalid_content_type', { what: `the part ${wanted[at]} has to be ${needed}` })
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
