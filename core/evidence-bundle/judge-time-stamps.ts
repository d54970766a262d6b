/**
 * Judges the log's own records of time-stamps. Each must be in the tree and commit to its token (including
 * the bytes outside the token's signature) and to the certificates and OCSP answers that were stored with it.
 */
import { hash } from 'node:crypto'
import { leafHash } from '#core/merkle/hash.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Bundle, BundleTimeStamp } from './bundle.ts'
import { checkOpening, checkPlace, differs, readForm } from './read-form.ts'
import { batchBytes, encodeEvidence } from './stamp-batch.ts'

type ProvenStamp = {
  index: number
  /** The tree head under which the time-stamp's record is. */
  checkpoint: string
  token: Buffer
  ocspResponses: Buffer[]
}

export type ProvenStamps = {
  /** Finds the time-stamp over a signature document by the document's SHA-512, base64. */
  of(signature: string): ProvenStamp | undefined
  /** The reason why the first bad time-stamp failed; undefined if all are good. */
  failure: string | undefined
}

const DIGEST = 64
/** Much larger than any batch that a server makes. */
const MAX_DOCUMENTS = 65_536

export function judgeTimeStamps(bundle: Bundle): ProvenStamps {
  const proven = new Map<string, ProvenStamp>()
  let failure: string | undefined
  for (const entry of bundle.manifest.timeStamps) {
    try {
      const stamp = checkStamp(entry, bundle)
      const digests = bundle.files.get(entry.digests)!
      for (let at = 0; at < digests.length; at += DIGEST)
        proven.set(digests.toString('base64', at, at + DIGEST), stamp)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      failure ??= say`Time-stamp ${entry.index}: ${thrown.what ?? thrown.message}`.toString()
    }
  }
  return { of: (signature) => proven.get(signature), failure }
}

function checkStamp(entry: BundleTimeStamp, bundle: Bundle): ProvenStamp {
  const bytes = (name: string): Buffer => bundle.files.get(name)!
  const form = readForm(entry.form)
  if (form.kind !== 'time-stamp') throw differs(say`It is no record of a time-stamp.`)
  checkPlace(entry, leafHash(Buffer.from(entry.form)), bundle)
  checkOpening(form, 'message', entry.openings.message)
  checkOpening(form, 'body', entry.openings.body)
  const token = bytes(entry.token)
  const ocspResponses = entry.ocspResponses.map(bytes)
  const digests = bytes(entry.digests)
  if (digests.length === 0 || digests.length % DIGEST !== 0 || digests.length > MAX_DOCUMENTS * DIGEST)
    throw differs(say`Its digests are cut off.`)
  const batch = batchBytes({
    first_id: entry.firstId,
    last_id: entry.lastId,
    digests,
    hash_chain_result: entry.hashChainResult === undefined ? null : bytes(entry.hashChainResult),
    evidence: encodeEvidence({ certificates: entry.certificates.map(bytes), ocspResponses }),
  })
  const sha512 = (of: Buffer): string => hash('sha512', of, 'base64')
  if (sha512(token) !== entry.openings.message.digest)
    throw differs(say`Its token is not what the leaf commits to.`)
  if (sha512(batch) !== entry.openings.body.digest)
    throw differs(say`Its batch is not what the leaf commits to.`)
  return { index: entry.index, checkpoint: entry.checkpoint, token, ocspResponses }
}
