/**
 * The issuer's half of a mobile document: the signed digests (MSO), and the elements that they are of
 * (ISO/IEC 18013-5 9.1.2).
 */
import { createHash, type KeyObject } from 'node:crypto'
import { plainValue } from '#core/cbor/plain-value.ts'
import type { CborNode } from '#core/cbor/read-cbor.ts'
import type { JsonObject } from '../json.ts'
import { need } from '../refused.ts'
import { readStatusReference, type StatusReference } from '../status-list.ts'
import type { EcJwk } from '../thumbprint.ts'
import { type IssuerPath, type TrustedIssuer, verifyIssuer } from '../trusted-issuers.ts'
import { chainOf, isSign1By, readCoseKey, readSign1 } from './cose.ts'
import { bytesOf, type CborMap, encodedOf, itemsOf, mapOf, readNode, textOf, timeOf } from './nodes.ts'

type IssuerSigned = IssuerPath & {
  claims: JsonObject
  device: { key: KeyObject; jwk: EcJwk }
  status: StatusReference | undefined
}

const DIGESTS: Record<string, string> = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }
const MAX_ELEMENTS = 500
const MIN_RANDOM = 16
const SKEW_MS = 60_000

/** The elements by namespace. `docType` is that of the document, which the issuer must have signed. */
export function verifyIssuerAuth(q: {
  issuerSigned: CborMap
  docType: string
  issuers: TrustedIssuer[]
  at: Date
}): IssuerSigned {
  const { docType, issuers, at } = q
  const sign1 = readSign1(q.issuerSigned.get('issuerAuth'), 'issuerAuth')
  need(sign1.payload !== undefined, 'presentation_malformed', 'issuerAuth')
  const chain = chainOf(sign1)
  const path = verifyIssuer({ chain, type: docType, format: 'mso_mdoc', issuers, at })
  need(isSign1By(sign1, sign1.payload, path.key), 'issuer_signature_invalid')
  const mso = mapOf(encodedOf(readNode(sign1.payload), 'mobile security object'), 'mobile security object')
  need(textOf(mso.get('version'), 'version').startsWith('1.'), 'presentation_malformed', 'version')
  need(textOf(mso.get('docType'), 'docType') === docType, 'credential_type_mismatch')
  verifyValidity(mapOf(mso.get('validityInfo'), 'validityInfo'), path, at)
  const status = mso.get('status')
  return {
    ...path,
    claims: verifyElements(q.issuerSigned.get('nameSpaces'), mso),
    device: readCoseKey(mapOf(mso.get('deviceKeyInfo'), 'deviceKeyInfo').get('deviceKey')),
    status: readStatusReference(status === undefined ? undefined : plainValue(status)),
  }
}

function verifyValidity(validity: CborMap, { path }: IssuerPath, at: Date): void {
  const [signed, from, until] = ['signed', 'validFrom', 'validUntil'].map((name) =>
    timeOf(validity.get(name), name).getTime(),
  ) as [number, number, number]
  need(at.getTime() < until, 'credential_expired')
  need(at.getTime() >= from - SKEW_MS, 'credential_not_yet_valid')
  // 9.3.1: the certificate was valid when it signed.
  const { notBefore, notAfter } = path[0]!
  const isWithin = signed >= notBefore.getTime() && signed <= notAfter.getTime()
  need(isWithin, 'issuer_untrusted', 'signed outside the validity of its certificate')
}

function verifyElements(nameSpaces: CborNode | undefined, mso: CborMap): JsonObject {
  const name = textOf(mso.get('digestAlgorithm'), 'digestAlgorithm')
  const algorithm = Object.hasOwn(DIGESTS, name) ? DIGESTS[name]! : undefined
  need(algorithm !== undefined, 'algorithm_refused', 'digestAlgorithm')
  const digests = mapOf(mso.get('valueDigests'), 'valueDigests')
  const claims: JsonObject = {}
  let count = 0
  for (const [nameSpace, list] of nameSpaces === undefined ? [] : mapOf(nameSpaces, 'nameSpaces')) {
    need(typeof nameSpace === 'string', 'presentation_malformed', 'nameSpaces')
    const signed = digests.get(nameSpace)
    const elements: JsonObject = {}
    for (const item of itemsOf(list, 'nameSpaces')) {
      need(++count <= MAX_ELEMENTS, 'disclosures_too_many')
      const { id, element, value } = readItem(item)
      const digest = signed?.kind === 'map' ? signed.entries.get(id) : undefined
      // Over the item as it stands in the document, with its tag.
      const computed = createHash(algorithm).update(item.raw).digest()
      need(digest?.kind === 'bytes' && digest.value.equals(computed), 'digest_mismatch')
      need(!Object.hasOwn(elements, element), 'disclosure_repeated')
      put(elements, element, value)
    }
    put(claims, nameSpace, elements)
  }
  return claims
}

function readItem(item: CborNode): { id: number; element: string; value: unknown } {
  const fields = mapOf(encodedOf(item, 'an element'), 'an element')
  const id = fields.get('digestID')
  need(id?.kind === 'integer' && typeof id.value === 'number', 'disclosure_malformed', 'digestID')
  need(bytesOf(fields.get('random'), 'random').length >= MIN_RANDOM, 'disclosure_malformed', 'random')
  const value = fields.get('elementValue')
  need(value !== undefined, 'disclosure_malformed', 'elementValue')
  return {
    id: id.value,
    element: textOf(fields.get('elementIdentifier'), 'elementIdentifier'),
    value: plainValue(value),
  }
}

/** Plain assignment to __proto__ would change the prototype. */
function put(object: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}
