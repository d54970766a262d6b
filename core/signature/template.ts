/**
 * The form of XAdES document that we write (SignatureXmlBuilder), split where the values go. Empty elements
 * have a start and an end tag. So every slice of the document is already in canonical form (C14N 1.0), except
 * for the namespace declarations on the apex element.
 */
import { DIGEST_URI, PART_NAME } from '#schemas/wire.ts'

export const NAMESPACE = {
  asic: 'http://uri.etsi.org/02918/v1.2.1#',
  ds: 'http://www.w3.org/2000/09/xmldsig#',
  xades: 'http://uri.etsi.org/01903/v1.3.2#',
  xsi: 'http://www.w3.org/2001/XMLSchema-instance',
} as const

export const C14N = {
  inclusive: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  exclusive: 'http://www.w3.org/2001/10/xml-exc-c14n#',
} as const

export const SIGNED_PROPERTIES_TYPE = 'http://uri.etsi.org/01903#SignedProperties'

/** Bounds of a signature document: larger ones are refused before they are parsed. */
export const LIMIT = {
  documentBytes: 1024 * 1024,
  certificates: 8,
  ocspResponses: 8,
  references: 102,
} as const

const declarations = Object.entries(NAMESPACE)
  .map(([prefix, uri]) => ` xmlns:${prefix}="${uri}"`)
  .join('')
const sha512Method = `<ds:DigestMethod Algorithm="${DIGEST_URI['SHA-512']}"></ds:DigestMethod>`

/** Apex tags in canonical XML, with every namespace in scope. */
export const APEX = {
  signedInfo: `<ds:SignedInfo${declarations}>`,
  signedProperties: `<xades:SignedProperties${declarations} Id="signed-properties">`,
} as const

export type DataUri = typeof PART_NAME.message | typeof PART_NAME.hashChainResult

const mediaTypes: Record<DataUri, string> = {
  [PART_NAME.message]: 'text/xml',
  [PART_NAME.hashChainResult]: 'application/hash-chain-result',
}

/** Up to the opening tag of ds:SignedInfo. */
export const DOCUMENT_HEAD = `<?xml version="1.0" encoding="UTF-8" standalone="no"?><asic:XAdESSignatures${declarations}><ds:Signature Id="signature"><ds:SignedInfo>`
export const BEFORE_METHOD = `<ds:CanonicalizationMethod Algorithm="${C14N.inclusive}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="`
export const BEFORE_URI = '"></ds:SignatureMethod><ds:Reference Id="signature-reference-0" URI="'
export const BEFORE_DATA_DIGEST = `">${sha512Method}<ds:DigestValue>`
export const BEFORE_PROPERTIES_DIGEST = `</ds:DigestValue></ds:Reference><ds:Reference Id="signature-reference-1" Type="${SIGNED_PROPERTIES_TYPE}" URI="#signed-properties">${sha512Method}<ds:DigestValue>`
export const SIGNED_INFO_END = '</ds:DigestValue></ds:Reference></ds:SignedInfo>'
export const BEFORE_VALUE = '<ds:SignatureValue Id="signature-value">'
export const BEFORE_CERTIFICATE = '</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
/** The text up to the start tag of xades:SignedProperties, included as in the document. */
export const BEFORE_PROPERTIES =
  '</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object><xades:QualifyingProperties Target="#signature"><xades:SignedProperties Id="signed-properties">'
export const BEFORE_TIME = '<xades:SignedSignatureProperties><xades:SigningTime>'
/** Canonical xades:SignedProperties up to the signing time. */
export const PROPERTIES_START = APEX.signedProperties + BEFORE_TIME
export const BEFORE_UNSIGNED = '<xades:UnsignedProperties><xades:UnsignedSignatureProperties>'
export const STAMP = {
  open: '<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>',
  close: '</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>',
} as const
export const OCSP_VALUE = {
  open: (number: number): string => `<xades:EncapsulatedOCSPValue Id="ocsp-response-${number}">`,
  close: '</xades:EncapsulatedOCSPValue>',
} as const
export const CERTIFICATE_VALUE = {
  open: (number: number): string => `<xades:EncapsulatedX509Certificate Id="encapsulated-cert-${number}">`,
  close: '</xades:EncapsulatedX509Certificate>',
} as const
export const DOCUMENT_END =
  '</xades:UnsignedSignatureProperties></xades:UnsignedProperties></xades:QualifyingProperties></ds:Object></ds:Signature></asic:XAdESSignatures>'

/** Digest, issuer and serial number of a certificate as in xades:Cert; `issuer` must already be escaped. */
export function certificateReference(q: { sha512: string; issuer: string; serialNumber: bigint }): string {
  return `<xades:CertDigest>${sha512Method}<ds:DigestValue>${q.sha512}</ds:DigestValue></xades:CertDigest><xades:IssuerSerial><ds:X509IssuerName>${q.issuer}</ds:X509IssuerName><ds:X509SerialNumber>${q.serialNumber}</ds:X509SerialNumber></xades:IssuerSerial>`
}

/** From the end of the signing time to the end of xades:SignedSignatureProperties. */
export function afterTime(certificate: string): string {
  return `</xades:SigningTime><xades:SigningCertificate><xades:Cert>${certificate}</xades:Cert></xades:SigningCertificate><xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId><xades:Identifier Qualifier="OIDAsURN">urn:oid:1.3.6.1.4.1.3516.16.2</xades:Identifier><xades:Description>Profile for High Performance Digital Signatures (version 1.2)</xades:Description></xades:SigPolicyId><xades:SigPolicyHash>${sha512Method}<ds:DigestValue>BuO0EDNfkxSVlUbxCzmQPzX1AUF1/xx9ytWHk3/6SAOePxQiniEfDYk+90QeYb3lWpV3Izhuz9fKaYyE+lTcXw==</ds:DigestValue></xades:SigPolicyHash><xades:SigPolicyQualifiers><xades:SigPolicyQualifier><xades:SPURI>https://repo.cyber.ee/dsig-profile-1.2.pdf</xades:SPURI></xades:SigPolicyQualifier></xades:SigPolicyQualifiers></xades:SignaturePolicyId></xades:SignaturePolicyIdentifier></xades:SignedSignatureProperties>`
}

/** From there to the end of xades:SignedProperties. */
export function dataObject(uri: DataUri): string {
  return `<xades:SignedDataObjectProperties><xades:DataObjectFormat ObjectReference="#signature-reference-0"><xades:MimeType>${mediaTypes[uri]}</xades:MimeType></xades:DataObjectFormat></xades:SignedDataObjectProperties></xades:SignedProperties>`
}

/** The unsigned properties without a time-stamp: intermediate certificates, if any, then OCSP responses. */
export function unsignedProperties(q: {
  certificates: { reference: string; base64: string }[]
  ocspResponses: string[]
}): string {
  const references = q.certificates.map(
    ({ reference }, index) => `<xades:Cert URI="#encapsulated-cert-${index + 1}">${reference}</xades:Cert>`,
  )
  const certificates = q.certificates.map(
    ({ base64 }, index) => CERTIFICATE_VALUE.open(index + 1) + base64 + CERTIFICATE_VALUE.close,
  )
  const ocsp = q.ocspResponses.map((base64, index) => OCSP_VALUE.open(index + 1) + base64 + OCSP_VALUE.close)
  const chain =
    q.certificates.length === 0
      ? ''
      : `<xades:CompleteCertificateRefs Id="complete-certificate-refs"><xades:CertRefs>${references.join('')}</xades:CertRefs></xades:CompleteCertificateRefs><xades:CertificateValues>${certificates.join('')}</xades:CertificateValues>`
  return `${chain}<xades:RevocationValues><xades:OCSPValues>${ocsp.join('')}</xades:OCSPValues></xades:RevocationValues>`
}

/** XML 1.0 does not allow these characters, not even as character references. */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/

/** Text content in canonical form; undefined if XML does not allow a character of the text. */
export function escapeText(text: string): string | undefined {
  if (NOT_XML.test(text) || !text.isWellFormed()) return undefined
  return text.replace(/[&<>\r]/g, (mark) => ESCAPES[mark as keyof typeof ESCAPES])
}

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' } as const
