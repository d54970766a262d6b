/**
 * Reads the accepted structure of a signature document (XML Signature, XAdES 1.3.2, EN 319 132-1): one
 * signature, known elements only, unique Ids, and no transforms except the canonicalisation of the signed
 * properties.
 */

import { say } from '#schemas/said.ts'
import { METHODS, type SignatureMethod } from './algorithms.ts'
import type { DataReference } from './checked-signature.ts'
import { algorithmOf, attributeOf, base64Of, isNamed, readElement, refuse } from './element-reader.ts'
import { readDigest } from './read-digest.ts'
import { type QualifyingProperties, readQualifyingProperties } from './read-properties.ts'
import { C14N, LIMIT, SIGNED_PROPERTIES_TYPE } from './template.ts'
import type { SignatureElement } from './xml-document.ts'

type Canonicalisation = 'inclusive' | 'exclusive'

export type ReadSignature = {
  signedInfo: { element: SignatureElement; canonicalisation: Canonicalisation; method: SignatureMethod }
  references: DataReference[]
  propertiesReference: DataReference & { canonicalisation: Canonicalisation }
  signatureValue: Buffer
  /** DER of ds:X509Certificate. */
  certificate: Buffer
  properties: QualifyingProperties
}

/** The names that references to data may have (SignatureVerifier). */
const DATA_URI = /^\/(?:message\.xml|sig-hashchainresult\.xml|attachment[1-9]\d{0,3})$/
const CONTAINER_NAMESPACES = ['http://uri.etsi.org/02918/v1.2.1#', 'http://uri.etsi.org/02918/v1.1.1#']
/** xs:ID, restricted to ASCII. */
const ID = /^[A-Za-z_][\w.-]{0,127}$/

/** Reads the structure; throws `malformed_signature` for any other. Does not verify anything. */
export function readSignature(root: SignatureElement): ReadSignature {
  const signature = signatureOf(root)
  checkIds(signature)
  const reader = readElement(signature, ['Id'])
  const signedInfo = reader.one('ds:SignedInfo')
  const { canonicalisation, method, references } = readSignedInfo(signedInfo)
  const signatureValue = base64Of(reader.one('ds:SignatureValue'), ['Id'])
  const certificate = readKeyInfo(reader.one('ds:KeyInfo'))
  const object = readElement(reader.one('ds:Object'))
  const properties = readQualifyingProperties(object.one('xades:QualifyingProperties'))
  object.end()
  reader.end()

  if (properties.target !== `#${attributeOf(signature, 'Id')}`) {
    throw refuse(signature, say`the qualifying properties are about another`)
  }
  const target = `#${attributeOf(properties.signedProperties, 'Id')}`
  const data = references.filter(({ type }) => type !== SIGNED_PROPERTIES_TYPE)
  const [ofProperties, ...more] = references.filter(({ type }) => type === SIGNED_PROPERTIES_TYPE)
  if (ofProperties === undefined || more.length > 0 || ofProperties.uri !== target) {
    throw refuse(signedInfo, say`it must refer to the signed properties once`)
  }
  for (const { uri, type, transformed } of data) {
    if (type !== undefined || transformed || !DATA_URI.test(uri)) {
      throw refuse(signedInfo, say`it refers to something that is no part of a message`)
    }
  }
  if (data.length === 0 || new Set(data.map(({ uri }) => uri)).size < data.length) {
    throw refuse(signedInfo, say`it must refer to each part of the message once`)
  }
  return {
    signedInfo: { element: signedInfo, canonicalisation, method },
    references: data.map(({ uri, digest, value }) => ({ uri, digest, value })),
    propertiesReference: ofProperties,
    signatureValue,
    certificate,
    properties,
  }
}

function signatureOf(root: SignatureElement): SignatureElement {
  if (isNamed(root, 'ds:Signature')) return root
  if (root.name !== 'XAdESSignatures' || !CONTAINER_NAMESPACES.includes(root.namespace)) {
    throw refuse(root, say`it is no signature document`)
  }
  const reader = readElement(root)
  const signature = reader.one('ds:Signature')
  reader.end()
  return signature
}

/** All Ids must be distinct, so that every reader resolves a reference to the same element. */
function checkIds(root: SignatureElement, seen = new Set<string>()): void {
  const id = root.attributes.get('Id')
  if (id !== undefined) {
    if (!ID.test(id) || seen.has(id)) throw refuse(root, say`its Id is not allowed or used twice`)
    seen.add(id)
  }
  for (const child of root.children) checkIds(child, seen)
}

type Reference = DataReference & {
  type: string | undefined
  canonicalisation: Canonicalisation
  transformed: boolean
}

function readSignedInfo(element: SignatureElement): {
  canonicalisation: Canonicalisation
  method: SignatureMethod
  references: Reference[]
} {
  const reader = readElement(element)
  const canonicalisation = canonicalisationOf(reader.one('ds:CanonicalizationMethod'))
  const methodElement = reader.one('ds:SignatureMethod')
  const method = METHODS.get(algorithmOf(methodElement))
  if (method === undefined) throw refuse(methodElement, say`the algorithm is not accepted`)
  const references = reader.many('ds:Reference', LIMIT.references).map(readReference)
  reader.end()
  return { canonicalisation, method, references }
}

function canonicalisationOf(element: SignatureElement): Canonicalisation {
  const algorithm = algorithmOf(element)
  if (algorithm === C14N.inclusive) return 'inclusive'
  if (algorithm === C14N.exclusive) return 'exclusive'
  throw refuse(element, say`the algorithm is not accepted`)
}

function readReference(element: SignatureElement): Reference {
  const reader = readElement(element, ['Id', 'Type', 'URI'])
  const transforms = reader.maybe('ds:Transforms')
  const digest = readDigest(reader)
  reader.end()
  return {
    ...digest,
    uri: attributeOf(element, 'URI'),
    type: element.attributes.get('Type'),
    // Without a transform, a node set is digested in inclusive canonical form (XML Signature 4.4.3.2).
    canonicalisation: transforms === undefined ? 'inclusive' : readTransforms(transforms),
    transformed: transforms !== undefined,
  }
}

function readTransforms(element: SignatureElement): Canonicalisation {
  const reader = readElement(element)
  const canonicalisation = canonicalisationOf(reader.one('ds:Transform'))
  reader.end()
  return canonicalisation
}

function readKeyInfo(element: SignatureElement): Buffer {
  const info = readElement(element)
  const data = readElement(info.one('ds:X509Data'))
  const certificate = base64Of(data.one('ds:X509Certificate'))
  data.end()
  info.end()
  return certificate
}
