/** The record of a time-stamp: its leaf commits to the token and to everything that is stored with it. */
import { hash } from 'node:crypto'
import { batchBytes, CERTIFICATE, encodeEvidence, OCSP } from '#core/evidence-bundle/stamp-batch.ts'
import { Fault } from '#schemas/fault.ts'
import { ownRecord } from '../formats/own-record.ts'
import type { OwnRecord } from '../records/writer.ts'
import type { TimeStampBatch } from './batch.ts'

/** The authority's answer, and what is needed to trust it later: certificates and OCSP responses in DER. */
export type TimeStampAnswer = { token: Buffer; certificates: Buffer[]; ocspResponses: Buffer[] }

export function timeStampRecord(q: {
  batch: TimeStampBatch
  answer: TimeStampAnswer
  time: number
  node: string
}): OwnRecord {
  const { batch, answer } = q
  const evidence = encodeEvidence(answer)
  const stored = {
    first_id: batch.firstId,
    last_id: batch.lastId,
    digests: batch.digests,
    hash_chain_result: batch.hashChainResult ?? null,
    evidence,
  }
  const time = new Date(q.time).toISOString()
  return {
    packed: ownRecord({
      kind: 'time-stamp',
      time: q.time,
      metadata: { id: '', node: q.node, requestId: '' },
      message: answer.token,
      bodySha512: hash('sha512', batchBytes(stored), 'buffer'),
    }),
    beside: (idx) => [
      {
        text: 'insert into time_stamp (last_id, first_id, idx, time, digests, hash_chain_result, token, evidence) values (?, ?, ?, ?, ?, ?, ?, ?)',
        values: [
          batch.lastId,
          batch.firstId,
          idx,
          time,
          batch.digests,
          stored.hash_chain_result,
          answer.token,
          evidence,
        ],
      },
    ],
  }
}

/** Reads what `encodeEvidence` wrote; throws `log_inconsistent`. */
export function decodeEvidence(bytes: Buffer): { certificates: Buffer[]; ocspResponses: Buffer[] } {
  const certificates: Buffer[] = []
  const ocspResponses: Buffer[] = []
  let at = 0
  while (at < bytes.length) {
    if (at + 5 > bytes.length) throw malformed()
    const end = at + 5 + bytes.readUInt32BE(at + 1)
    const list = bytes[at] === CERTIFICATE ? certificates : bytes[at] === OCSP ? ocspResponses : undefined
    if (list === undefined || end > bytes.length) throw malformed()
    list.push(bytes.subarray(at + 5, end))
    at = end
  }
  return { certificates, ocspResponses }
}

function malformed(): Fault {
  return new Fault('log_inconsistent', { what: 'the evidence of a time-stamp' })
}
