/** COSE_Sign1 and COSE_Key (RFC 9052), as far as mobile documents use them. */
import type { KeyObject } from 'node:crypto'
import type { CborNode } from '#core/cbor/read-cbor.ts'
import { writeCbor } from '#core/cbor/write-cbor.ts'
import { isCoseSignedWith, keyOfJwk } from '../jws.ts'
import { need } from '../refused.ts'
import type { EcJwk } from '../thumbprint.ts'
import { bytesOf, type CborMap, itemsOf, mapOf, readNode } from './nodes.ts'

type CoseSign1 = {
  protectedBytes: Buffer
  algorithm: unknown
  unprotected: CborMap
  /** Undefined where it is detached. */
  payload: Buffer | undefined
  signature: Buffer
}

const SIGN1 = 18
const [ALGORITHM, CRITICAL, CHAIN] = [1, 2, 33]
const CURVES: Record<number, { crv: string; octets: number }> = {
  1: { crv: 'P-256', octets: 32 },
  2: { crv: 'P-384', octets: 48 },
  3: { crv: 'P-521', octets: 66 },
}

export function readSign1(node: CborNode | undefined, what: string): CoseSign1 {
  const untagged = node?.kind === 'tag' && node.tag === SIGN1 ? node.content : node
  const parts = itemsOf(untagged, what)
  need(parts.length === 4, 'presentation_malformed', what)
  const [head, unprotected, payload, signature] = parts
  const protectedBytes = bytesOf(head, what)
  const header = mapOf(readNode(protectedBytes), what)
  need(!header.has(CRITICAL), 'presentation_malformed', 'crit')
  const algorithm = header.get(ALGORITHM)
  const isDetached = payload?.kind === 'simple' && payload.value === null
  return {
    protectedBytes,
    algorithm: algorithm?.kind === 'integer' ? algorithm.value : undefined,
    unprotected: mapOf(unprotected, what),
    payload: isDetached ? undefined : bytesOf(payload, what),
    signature: bytesOf(signature, what),
  }
}

/** Whether `key` signed `payload` (RFC 9052 section 4.4, no external data). */
export function isSign1By(sign1: CoseSign1, payload: Buffer, key: KeyObject): boolean {
  const signed = writeCbor(['Signature1', sign1.protectedBytes, Buffer.alloc(0), payload])
  return isCoseSignedWith(signed, sign1.signature, sign1.algorithm, key)
}

/**
 * The chain in the header, the signer's certificate first (RFC 9360: one certificate alone is not in a list).
 */
export function chainOf({ unprotected }: CoseSign1): Buffer[] {
  const chain = unprotected.get(CHAIN)
  need(chain !== undefined, 'issuer_chain_malformed', 'x5chain')
  if (chain.kind === 'bytes') return [chain.value]
  need(chain.kind === 'array', 'issuer_chain_malformed', 'x5chain')
  return chain.items.map((one) => bytesOf(one, 'x5chain'))
}

/** The holder's key: two coordinates on one of the three curves. */
export function readCoseKey(node: CborNode | undefined): { key: KeyObject; jwk: EcJwk } {
  need(node?.kind === 'map', 'holder_key_missing')
  const [kty, crv, x, y] = [1, -1, -2, -3].map((label) => node.entries.get(label))
  need(kty?.kind === 'integer' && kty.value === 2, 'holder_key_missing')
  const curve = crv?.kind === 'integer' ? CURVES[Number(crv.value)] : undefined
  need(curve !== undefined && x?.kind === 'bytes' && y?.kind === 'bytes', 'holder_key_missing')
  need(x.value.length === curve.octets && y.value.length === curve.octets, 'holder_key_missing')
  const coordinates = { x: x.value.toString('base64url'), y: y.value.toString('base64url') }
  const jwk = { kty: 'EC', crv: curve.crv, ...coordinates }
  return { jwk, key: keyOfJwk(jwk, 'holder_key_missing') }
}
