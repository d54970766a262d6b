/**
 * Verifies one presented mobile document: a DeviceResponse with one document, signed by its issuer and by its
 * device.
 */
import { type CborValue, writeCbor } from '#core/cbor/write-cbor.ts'
import type { Asked } from '../asked.ts'
import { type CredentialQuery, typesOf } from '../dcql/query.ts'
import { isObject, type JsonObject, readBase64url } from '../json.ts'
import { need } from '../refused.ts'
import { thumbprintOf } from '../thumbprint.ts'
import type { TrustedIssuer } from '../trusted-issuers.ts'
import type { VerifiedCredential } from '../verified-credential.ts'
import { isSign1By, readSign1 } from './cose.ts'
import { type CborMap, encodedOf, itemsOf, mapOf, readNode, textOf } from './nodes.ts'
import { sessionTranscript } from './session-transcript.ts'
import { verifyIssuerAuth } from './verify-issuer-auth.ts'

const ENCODED_CBOR = 24

/**
 * The verified document with all elements that the issuer signed. What only the device says counts for
 * nothing.
 */
export function verifyMdoc(q: {
  presented: string
  query: CredentialQuery
  asked: Asked
  issuers: TrustedIssuer[]
  at: Date
}): VerifiedCredential {
  const { query, asked } = q
  const response = mapOf(readNode(readBase64url(q.presented, 'presentation_malformed')), 'DeviceResponse')
  need(textOf(response.get('version'), 'version').startsWith('1.'), 'presentation_malformed', 'version')
  const status = response.get('status')
  need(status?.kind === 'integer' && status.value === 0, 'presentation_malformed', 'status')
  const documents = itemsOf(response.get('documents'), 'documents')
  // HAIP 1.0: each document in a response of its own.
  need(documents.length === 1, 'presentation_malformed', 'one document is needed')
  const document = mapOf(documents[0], 'document')
  const docType = textOf(document.get('docType'), 'docType')
  need(typesOf(query).includes(docType), 'credential_type_mismatch')
  const issuerSigned = mapOf(document.get('issuerSigned'), 'issuerSigned')
  const issued = verifyIssuerAuth({ issuerSigned, docType, issuers: q.issuers, at: q.at })
  verifyDevice(mapOf(document.get('deviceSigned'), 'deviceSigned'), docType, asked, issued.device)
  const { issuer, path, claims } = issued
  return {
    ...{
      id: query.id,
      format: query.format,
      type: docType,
      issuer,
      path,
      claims,
      disclosed: elementsOf(claims),
    },
    holderKey: thumbprintOf(issued.device.jwk).toString('base64url'),
    signedAt: undefined,
    transactions: [],
    status: issued.status,
  }
}

/** Every element was disclosed; nothing of them stands in the open. */
function elementsOf(claims: JsonObject): string[][] {
  return Object.entries(claims).flatMap(([nameSpace, elements]) =>
    isObject(elements) ? Object.keys(elements).map((element) => [nameSpace, element]) : [],
  )
}

/** DeviceAuthentication (ISO/IEC 18013-5 9.1.3.4), which is detached: this verifier writes it itself. */
function verifyDevice(
  deviceSigned: CborMap,
  docType: string,
  asked: Asked,
  device: ReturnType<typeof verifyIssuerAuth>['device'],
): void {
  const nameSpaces = deviceSigned.get('nameSpaces')
  mapOf(encodedOf(nameSpaces, 'nameSpaces of the device'), 'nameSpaces of the device')
  const signature = mapOf(deviceSigned.get('deviceAuth'), 'deviceAuth').get('deviceSignature')
  need(signature !== undefined, 'device_signature_missing')
  const sign1 = readSign1(signature, 'deviceSignature')
  need(sign1.payload === undefined, 'presentation_malformed', 'deviceSignature is not detached')
  const transcript: CborValue = { raw: sessionTranscript(asked) }
  const authentication = writeCbor(['DeviceAuthentication', transcript, docType, { raw: nameSpaces!.raw }])
  const signed = writeCbor({ tag: ENCODED_CBOR, value: authentication })
  need(isSign1By(sign1, signed, device.key), 'device_signature_invalid')
}
