/** Writes a signed directory as X-Road's central server does, byte by byte (pr-gconf). */
import { createHash, randomInt } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import type { DirectoryPart } from './directory-parts.ts'

type DirectoryToWrite = {
  expireDate: Date
  version: number
  parts: DirectoryPart[]
  /** DER of the certificate that belongs to the signing key. */
  verificationCert: Buffer
  /** URI of the signature algorithm, see `signatureUriFor`. */
  algorithmId: string
  /** Outer and inner boundary, 20 letters and digits each; random by default. */
  boundaries?: [string, string] | undefined
}

const BOUNDARY_LENGTH = 20
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/**
 * Returns the bytes that the directory's signature covers, and a function for the whole document with a
 * signature: the response body of a configuration source, including its MIME head. The signature is an RSA
 * value, or DER of an ECDSA one.
 */
export function prepareDirectory(q: DirectoryToWrite): {
  toBeSigned: Buffer
  finish(signature: Buffer): Buffer
} {
  const [outer, inner] = q.boundaries ?? [randomBoundary(), randomBoundary()]
  const signedBytes = Buffer.from(
    [
      `--${inner}`,
      `Expire-date: ${q.expireDate.toISOString().replace(/\.\d+Z$/, 'Z')}`,
      `Version: ${q.version}`,
      '',
      ...q.parts.flatMap((part) => [`--${inner}`, ...partLines(part)]),
      `--${inner}--`,
      '',
    ].join('\r\n'),
  )
  const certHash = createHash('sha512').update(q.verificationCert).digest('base64')
  const head = [
    `Content-Type: multipart/related; charset=UTF-8; boundary=${outer}`,
    '',
    `--${outer}`,
    `Content-Type: multipart/mixed; charset=UTF-8; boundary=${inner}`,
    '',
    '',
  ]
  const tail = (signature: Buffer): string[] => [
    '',
    `--${outer}`,
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: base64',
    `Signature-Algorithm-Id: ${q.algorithmId}`,
    `Verification-certificate-hash: ${certHash}; hash-algorithm-id="${DIGEST_URI['SHA-512']}"`,
    '',
    signature.toString('base64'),
    `--${outer}--`,
    '',
  ]
  return {
    toBeSigned: signedBytes,
    finish: (signature) =>
      Buffer.concat([Buffer.from(head.join('\r\n')), signedBytes, Buffer.from(tail(signature).join('\r\n'))]),
  }
}

function partLines(part: DirectoryPart): string[] {
  // An apostrophe would end the parameter, also for X-Road's readers.
  if (/['"\r\n]/.test(part.instance) || /[\r\n]/.test(part.location)) {
    throw new Fault('malformed_global_conf', { what: 'an instance or location cannot stand in a directory' })
  }
  return [
    'Content-type: application/octet-stream',
    'Content-transfer-encoding: base64',
    `Content-identifier: ${part.identifier}; instance='${part.instance}'`,
    `Content-location: ${part.location}`,
    ...(part.fileName === undefined ? [] : [`Content-file-name: ${part.fileName}`]),
    `Hash-algorithm-id: ${part.hashAlgorithm}`,
    '',
    part.hash.toString('base64'),
  ]
}

function randomBoundary(): string {
  return Array.from({ length: BOUNDARY_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}
