/**
 * A mobile document (ISO/IEC 18013-5): issued to the holder's key, presented with the elements that are asked
 * for and nothing else.
 */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { type CborValue, writeCbor } from '#core/cbor/write-cbor.ts'
import { sessionTranscript } from '#core/presentation/mdoc/session-transcript.ts'
import type { Held, Issuer } from './held.ts'
import type { Pair } from './keys.ts'

/** A map of fewer than 24 entries. */
function map(...entries: [string | number, CborValue][]): CborValue {
  const written = entries.flatMap(([name, value]) => [writeCbor(name), writeCbor(value)])
  return { raw: Buffer.concat([Buffer.of(0xa0 | entries.length), ...written]) }
}

export const cborFlag = (value: boolean): CborValue => ({ raw: Buffer.of(value ? 0xf5 : 0xf4) })
const wrapped = (value: CborValue): CborValue => ({ tag: 24, value: writeCbor(value) })
const timeOf = (ms: number): CborValue => ({ tag: 0, value: `${new Date(ms).toISOString().slice(0, 19)}Z` })

/** COSE_Sign1 with ES256; a detached payload is signed and not sent. */
function sign1(payload: Buffer, key: KeyObject, chain: Buffer[], isDetached: boolean): CborValue {
  const head = writeCbor(map([1, -7]))
  const signed = writeCbor(['Signature1', head, Buffer.alloc(0), payload])
  const signature = sign('sha256', signed, { key, dsaEncoding: 'ieee-p1363' })
  const unprotected = chain.length === 0 ? map() : map([33, chain.length === 1 ? chain[0]! : chain])
  return [head, unprotected, isDetached ? null : payload, signature]
}

export function issueMdoc(q: {
  issuer: Issuer
  holder: Pair
  type: string
  nameSpace: string
  elements: Record<string, CborValue>
  from: number
  until: number
}): Held {
  const { issuer, holder, type, nameSpace } = q
  const items = Object.entries(q.elements).map(([name, value], at) => ({
    name,
    item: wrapped(
      map(
        ['digestID', at],
        ['random', randomBytes(16)],
        ['elementIdentifier', name],
        ['elementValue', value],
      ),
    ),
  }))
  const digests = items.map(({ item }, at): [number, CborValue] => [
    at,
    createHash('sha256').update(writeCbor(item)).digest(),
  ])
  const coordinate = (text: string): Buffer => Buffer.from(text, 'base64url')
  const deviceKey = map([1, 2], [-1, 1], [-2, coordinate(holder.jwk.x)], [-3, coordinate(holder.jwk.y)])
  const securityObject = map(
    ['version', '1.0'],
    ['digestAlgorithm', 'SHA-256'],
    ['valueDigests', map([nameSpace, map(...digests)])],
    ['deviceKeyInfo', map(['deviceKey', deviceKey])],
    ['docType', type],
    [
      'validityInfo',
      map(['signed', timeOf(q.from)], ['validFrom', timeOf(q.from)], ['validUntil', timeOf(q.until)]),
    ],
  )
  const issuerAuth = sign1(writeCbor(wrapped(securityObject)), issuer.key, issuer.chain, false)
  return {
    ...{ format: 'mso_mdoc', type, paths: items.map(({ name }) => [nameSpace, name]) },
    present({ asked, paths }) {
      const shown = items.filter(({ name }) => paths.some(([, element]) => element === name))
      const nameSpaces = wrapped(map())
      const transcript: CborValue = { raw: sessionTranscript(asked) }
      const authentication = writeCbor(
        wrapped({ raw: writeCbor(['DeviceAuthentication', transcript, type, nameSpaces]) }),
      )
      const deviceSignature = sign1(authentication, holder.privateKey, [], true)
      const document = map(
        ['docType', type],
        [
          'issuerSigned',
          map(['nameSpaces', map([nameSpace, shown.map(({ item }) => item)])], ['issuerAuth', issuerAuth]),
        ],
        [
          'deviceSigned',
          map(['nameSpaces', nameSpaces], ['deviceAuth', map(['deviceSignature', deviceSignature])]),
        ],
      )
      return writeCbor(map(['version', '1.0'], ['documents', [document]], ['status', 0])).toString(
        'base64url',
      )
    },
  }
}
