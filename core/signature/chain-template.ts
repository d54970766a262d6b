/** The texts of our own hash chain documents: the writer prints them, and the fast reader expects them. */
import { DIGEST_URI } from '#schemas/wire.ts'

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
const NAMESPACES = 'xmlns="http://cyber.ee/hashchain" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
const SHA512 = DIGEST_URI['SHA-512']

export const CHAIN_HEAD = `${DECLARATION}<HashChain ${NAMESPACES}><DefaultDigestMethod Algorithm="${SHA512}"/>`
export const CHAIN_END = '</HashChain>'

/** The result document; `top` in base64. */
export function chainResult(file: string, top: string): string {
  return `${DECLARATION}<HashChainResult ${NAMESPACES} URI="${file}#STEP0"><ds:DigestMethod Algorithm="${SHA512}"/><ds:DigestValue>${top}</ds:DigestValue></HashChainResult>`
}

/** One step of the chain. */
export function chainStep(index: number, items: string): string {
  return `<HashStep id="STEP${index}">${items}</HashStep>`
}

/** A digest of data outside this message, in base64. */
export function hashValue(digest: string): string {
  return `<HashValue><ds:DigestValue>${digest}</ds:DigestValue></HashValue>`
}

/** The digest of a part of the message, in base64. */
export function dataReference(name: string, digest: string): string {
  return `<DataRef URI="${name}"><ds:DigestValue>${digest}</ds:DigestValue></DataRef>`
}

/** The digest of another step. */
export function stepReference(index: number): string {
  return `<StepRef URI="#STEP${index}"/>`
}

/** The texts between the values of a chain. */
export const CHAIN_PIECE = {
  step: ['<HashStep id="', '">'],
  stepEnd: '</HashStep>',
  value: '<HashValue><ds:DigestValue>',
  valueEnd: '</ds:DigestValue></HashValue>',
} as const
