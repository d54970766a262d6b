/**
 * The bytes in which X-Road's own software writes the document of our template (its SignatureXmlBuilder with
 * Apache Santuario, 7.0 to 7.8). Values, elements and attributes are the same, and so is canonical
 * xades:SignedProperties. Only the layout differs: a line feed after the elements that Santuario makes, its
 * base64 in lines, and empty elements in one tag.
 */
import { hash } from 'node:crypto'
import { DIGEST_URI } from '#schemas/wire.ts'
import type { SignatureMethod } from './algorithms.ts'
import * as T from './template.ts'
import { type Identity, timeText } from './write-signature.ts'

/**
 * Java's MIME encoder ends a line with CR LF, and an XML writer has to print CR as a reference: Java's one in
 * the document ...
 */
export const LINE_BREAK = '&#13;\n'
/** ... and Canonical XML another. */
const CANONICAL_LINE_BREAK = '&#xD;\n'
const LINE = /.{76}(?=.)/g

/** Base64 as Santuario prints it, 76 letters a line. */
export function inLines(base64: string, lineBreak: string = LINE_BREAK): string {
  return base64.replace(LINE, `$&${lineBreak}`)
}

/** Prints empty elements in one tag. The text around the tags holds no `<`, so nothing else can match. */
function written(canonical: string): string {
  return canonical.replace(/><\/ds:\w+Method>/g, '/>')
}

const sha512Method = `<ds:DigestMethod Algorithm="${DIGEST_URI['SHA-512']}"></ds:DigestMethod>`
/** Canonical ds:SignedInfo from its start tag on, split where the values go. */
const SIGNED_INFO = {
  beforeMethod: `\n<ds:CanonicalizationMethod Algorithm="${T.C14N.inclusive}"></ds:CanonicalizationMethod>\n<ds:SignatureMethod Algorithm="`,
  beforeUri: '"></ds:SignatureMethod>\n<ds:Reference Id="signature-reference-0" URI="',
  beforeDigest: `">\n${sha512Method}\n<ds:DigestValue>`,
  beforeProperties: `</ds:DigestValue>\n</ds:Reference>\n<ds:Reference Id="signature-reference-1" Type="${T.SIGNED_PROPERTIES_TYPE}" URI="#signed-properties">\n${sha512Method}\n<ds:DigestValue>`,
  end: '</ds:DigestValue>\n</ds:Reference>\n</ds:SignedInfo>',
} as const

const HEAD = T.DOCUMENT_HEAD.replace('<ds:SignedInfo>', '\n<ds:SignedInfo>')
const VALUE_TAG = '\n<ds:SignatureValue Id="signature-value">'
const END = T.DOCUMENT_END.replace('</ds:Signature>', '\n</ds:Signature>')

/** The texts of the document between its values, in their order. */
export const X_ROAD_PIECE = {
  beforeMethod: HEAD + written(SIGNED_INFO.beforeMethod),
  beforeUri: written(SIGNED_INFO.beforeUri),
  beforeDigest: written(SIGNED_INFO.beforeDigest),
  beforeProperties: written(SIGNED_INFO.beforeProperties),
  beforeValue: SIGNED_INFO.end + VALUE_TAG,
  beforeCertificate: '</ds:SignatureValue>\n<ds:KeyInfo>\n<ds:X509Data>\n<ds:X509Certificate>\n',
  beforeTime: `\n</ds:X509Certificate>\n</ds:X509Data>\n</ds:KeyInfo>\n<ds:Object><xades:QualifyingProperties Target="#signature"><xades:SignedProperties Id="signed-properties">${T.BEFORE_TIME}`,
  beforeUnsigned: T.BEFORE_UNSIGNED,
  end: END,
} as const

/** The parts of a document that stay the same for one certificate with one set of OCSP responses. */
type XRoadTexts = { beforeTime: Buffer; afterTime: Record<T.DataUri, Buffer>; unsigned: Buffer }

const texts = new WeakMap<Identity, XRoadTexts>()

function textsOf(identity: Identity): XRoadTexts {
  let known = texts.get(identity)
  if (known === undefined) {
    const { certificate, afterTime, unsigned } = identity
    const properties = unsigned.toString().slice(0, -T.DOCUMENT_END.length)
    known = {
      beforeTime: Buffer.from(
        X_ROAD_PIECE.beforeCertificate +
          inLines(certificate.der.toString('base64')) +
          X_ROAD_PIECE.beforeTime,
      ),
      afterTime: {
        '/message.xml': Buffer.from(written(afterTime['/message.xml'])),
        '/sig-hashchainresult.xml': Buffer.from(written(afterTime['/sig-hashchainresult.xml'])),
      },
      unsigned: Buffer.from(written(properties) + END),
    }
    texts.set(identity, known)
  }
  return known
}

/**
 * X-Road's document for these values, without the signature value: what the key signs, and the pieces of the
 * document.
 */
export function xRoadForm(q: {
  identity: Identity
  method: SignatureMethod
  reference: { uri: T.DataUri; sha512: Buffer }
  signingTime: Date
}): { signedInfo: Buffer; pieces(valueText: string, token: Buffer | undefined): Buffer[] } {
  const { identity, method, reference } = q
  const { uri } = reference
  const canonicalTime = timeText(q.signingTime)
  // Java prints no milliseconds if they are zero.
  const time = canonicalTime.replace('.000Z', 'Z')
  const properties = hash('sha512', T.PROPERTIES_START + time + identity.afterTime[uri], 'base64')
  const digest = reference.sha512.toString('base64')
  const signedInfo = (part: (text: string) => string, lineBreak: string): string =>
    part(SIGNED_INFO.beforeMethod) +
    method.uri +
    part(SIGNED_INFO.beforeUri) +
    uri +
    part(SIGNED_INFO.beforeDigest) +
    inLines(digest, lineBreak) +
    part(SIGNED_INFO.beforeProperties) +
    inLines(properties, lineBreak) +
    SIGNED_INFO.end
  return {
    signedInfo: Buffer.from(T.APEX.signedInfo + signedInfo((text) => text, CANONICAL_LINE_BREAK)),
    pieces: (valueText, token) => {
      const { beforeTime, afterTime, unsigned } = textsOf(identity)
      const stamp = token === undefined ? '' : T.STAMP.open + token.toString('base64') + T.STAMP.close
      return [
        Buffer.from(HEAD + signedInfo(written, LINE_BREAK) + VALUE_TAG + valueText),
        beforeTime,
        Buffer.from(time),
        afterTime[uri],
        Buffer.from(T.BEFORE_UNSIGNED + stamp),
        unsigned,
      ]
    },
  }
}
