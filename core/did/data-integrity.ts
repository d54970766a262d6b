/**
 * Proofs of W3C Data Integrity with the cryptosuite eddsa-jcs-2022: Ed25519 over the hashes of the proof's
 * options and of the document, both in canonical form (RFC 8785). Guarantees that what verifies was signed as
 * it is, with exactly these options.
 */
import { hash, type KeyObject, sign, verify } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import { base58, fromBase58 } from './base58.ts'
import { multikeyOf, readMultikey } from './multikey.ts'

type DataIntegrityProof = {
  type: 'DataIntegrityProof'
  cryptosuite: 'eddsa-jcs-2022'
  verificationMethod: string
  created: string
  proofPurpose: 'assertionMethod'
  proofValue: string
}

const FIELDS = ['type', 'cryptosuite', 'verificationMethod', 'created', 'proofPurpose', 'proofValue']

/** The proof over `document` (without a proof) by the did:key of `privateKey`. */
export function proveDocument(document: object, privateKey: KeyObject, created: string): DataIntegrityProof {
  const multikey = multikeyOf(privateKey)
  const options = {
    type: 'DataIntegrityProof',
    cryptosuite: 'eddsa-jcs-2022',
    verificationMethod: `did:key:${multikey}#${multikey}`,
    created,
    proofPurpose: 'assertionMethod',
  } as const
  return { ...options, proofValue: `z${base58(sign(null, signedOctets(document, options), privateKey))}` }
}

/**
 * The multikey of the did:key that made the proof. Throws `invalid_input` for another kind of proof,
 * `invalid_proof` when it does not verify.
 */
export function verifyDocument(document: object, proof: unknown): string {
  if (typeof proof !== 'object' || proof === null) throw malformed('no proof')
  const { proofValue, ...options } = proof as Record<string, unknown>
  const { type, cryptosuite, proofPurpose, verificationMethod } = options
  const isOurs =
    type === 'DataIntegrityProof' && cryptosuite === 'eddsa-jcs-2022' && proofPurpose === 'assertionMethod'
  if (!isOurs || !Object.keys(proof).every((field) => FIELDS.includes(field)))
    throw malformed('another kind of proof')
  const [, multikey, fragment] = /^did:key:(z[^#]{1,100})#(.{1,100})$/.exec(String(verificationMethod)) ?? []
  if (multikey === undefined || fragment !== multikey) throw malformed('a proof by no did:key')
  if (typeof proofValue !== 'string' || !proofValue.startsWith('z')) throw malformed('no value of a proof')
  const signature = fromBase58(proofValue.slice(1))
  if (!verify(null, signedOctets(document, options), readMultikey(multikey), signature))
    throw new Fault('invalid_proof', { what: `the proof of ${multikey} does not verify` })
  return multikey
}

function signedOctets(document: object, options: object): Buffer {
  return Buffer.concat([options, document].map((one) => hash('sha256', canonicalJson(one), 'buffer')))
}

function malformed(what: string): Fault {
  return new Fault('invalid_input', { what })
}
