/**
 * Mobile documents written out by ISO/IEC 18013-5, with any part of them changed: no library makes wrong
 * ones.
 */
import { createHash, type KeyObject, sign } from 'node:crypto'
import { type CborValue, writeCbor } from '#core/cbor/write-cbor.ts'
import type { KeyPair } from '#core/certificate/certificate-fixture.ts'
import { LICENCE, NAMES, NOON, publicJwk } from './authority.ts'
import { encryptionThumbprint } from './thumbprint.ts'

export type MdocChanges = {
  /** The type that the issuer signs, in place of the document's. */
  docType?: string
  digestAlgorithm?: string
  signed?: string
  status?: CborValue
  /** The issuer's payload is left out; the device's is put in. */
  isIssuerDetached?: boolean
  isDeviceAttached?: boolean
}

const HOUR = 3_600_000
const timeAt = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** A map of fewer than 24 entries, which the writer of the verifier does not know. */
export function cborMap(...entries: [string | number, CborValue][]): CborValue {
  const written = entries.flatMap(([name, value]) => [writeCbor(name), writeCbor(value)])
  return { raw: Buffer.concat([Buffer.of(0xa0 | entries.length), ...written]) }
}

/** A presentation of a licence whose one element is the family name Mets. */
export function mdocByHand(q: {
  request: Record<string, unknown>
  authority: { chain: Buffer[]; key: KeyPair }
  holder: KeyPair
  changes?: MdocChanges
}): string {
  const { request, authority, holder, changes = {} } = q
  const item = cborMap(
    ['digestID', 0],
    ['random', Buffer.alloc(16, 1)],
    ['elementIdentifier', 'family_name'],
    ['elementValue', 'Mets'],
  )
  const element: CborValue = { tag: 24, value: writeCbor(item) }
  const chain = authority.chain.length === 1 ? authority.chain[0]! : authority.chain
  const issuerAuth = sign1({
    payload: writeCbor({ tag: 24, value: writeCbor(securityObject(element, holder, changes)) }),
    key: authority.key.privateKey,
    unprotected: cborMap([33, chain]),
    isDetached: changes.isIssuerDetached === true,
  })
  const nameSpaces: CborValue = { tag: 24, value: writeCbor(cborMap()) }
  const authentication = writeCbor(['DeviceAuthentication', transcriptOf(request), LICENCE, nameSpaces])
  const deviceSignature = sign1({
    payload: writeCbor({ tag: 24, value: authentication }),
    key: holder.privateKey,
    unprotected: cborMap(),
    isDetached: changes.isDeviceAttached !== true,
  })
  const document = cborMap(
    ['docType', LICENCE],
    ['issuerSigned', cborMap(['nameSpaces', cborMap([NAMES, [element]])], ['issuerAuth', issuerAuth])],
    [
      'deviceSigned',
      cborMap(['nameSpaces', nameSpaces], ['deviceAuth', cborMap(['deviceSignature', deviceSignature])]),
    ],
  )
  const response = cborMap(['version', '1.0'], ['documents', [document]], ['status', 0])
  return writeCbor(response).toString('base64url')
}

function securityObject(element: CborValue, holder: KeyPair, changes: MdocChanges): CborValue {
  const digest = createHash('sha256').update(writeCbor(element)).digest()
  const { x, y } = publicJwk(holder)
  const coordinate = (text: string | undefined): Buffer => Buffer.from(text!, 'base64url')
  const deviceKey = cborMap([1, 2], [-1, 1], [-2, coordinate(x)], [-3, coordinate(y)])
  const noon = NOON.getTime()
  return cborMap(
    ['version', '1.0'],
    ['digestAlgorithm', changes.digestAlgorithm ?? 'SHA-256'],
    ['valueDigests', cborMap([NAMES, cborMap([0, digest])])],
    ['deviceKeyInfo', cborMap(['deviceKey', deviceKey])],
    ['docType', changes.docType ?? LICENCE],
    [
      'validityInfo',
      cborMap(
        ['signed', { tag: 0, value: changes.signed ?? timeAt(noon - HOUR) }],
        ['validFrom', { tag: 0, value: timeAt(noon - HOUR) }],
        ['validUntil', { tag: 0, value: timeAt(noon + HOUR) }],
      ),
    ],
    ...(changes.status === undefined ? [] : [['status', changes.status] as [string, CborValue]]),
  )
}

function sign1(q: {
  payload: Buffer
  key: KeyObject
  unprotected: CborValue
  isDetached: boolean
}): CborValue {
  const head = writeCbor(cborMap([1, -7]))
  const signed = writeCbor(['Signature1', head, Buffer.alloc(0), q.payload])
  const signature = sign('sha256', signed, { key: q.key, dsaEncoding: 'ieee-p1363' })
  return [head, q.unprotected, q.isDetached ? null : q.payload, signature]
}

function transcriptOf(request: Record<string, unknown>): CborValue {
  const { jwkThumbprint } = encryptionThumbprint(request)
  const thumbprint = jwkThumbprint === undefined ? null : Buffer.from(jwkThumbprint)
  const info = [String(request.client_id), String(request.nonce), thumbprint, String(request.response_uri)]
  return [null, null, ['OpenID4VPHandover', createHash('sha256').update(writeCbor(info)).digest()]]
}
