/** The record of a time-stamp: its leaf commits to the token and to everything else that is stored with it. */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { ownRecord } from '../own-record.ts'
import type { OwnRecord } from '../records/writer.ts'
import type { TimeStampBatch } from './batch.ts'
import type { StoredTimeStamp } from './store.ts'

/** What the authority gave, and what is needed to trust it later: DER certificates and OCSP responses. */
export type TimeStampAnswer = { token: Buffer; certificates: Buffer[]; ocspResponses: Buffer[] }

const CERTIFICATE = 1
const OCSP = 2

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

/** What the record's `body` commitment covers: first and last id (8 octets each), then three parts behind their lengths. */
export function batchBytes(
  stored: Pick<StoredTimeStamp, 'first_id' | 'last_id' | 'digests' | 'hash_chain_result' | 'evidence'>,
): Buffer {
  const ids = Buffer.alloc(16)
  ids.writeBigUInt64BE(BigInt(stored.first_id))
  ids.writeBigUInt64BE(BigInt(stored.last_id), 8)
  const parts = [stored.digests, stored.hash_chain_result ?? Buffer.alloc(0), stored.evidence]
  return Buffer.concat([ids, ...parts.flatMap((part) => [lengthOf(part), part])])
}

/** Repeated `type (1: certificate, 2: OCSP response) ‖ length (4) ‖ DER`. */
export function encodeEvidence(answer: Pick<TimeStampAnswer, 'certificates' | 'ocspResponses'>): Buffer {
  const entry = (type: number) => (der: Buffer) => [Buffer.of(type), lengthOf(der), der]
  return Buffer.concat([
    ...answer.certificates.flatMap(entry(CERTIFICATE)),
    ...answer.ocspResponses.flatMap(entry(OCSP)),
  ])
}

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

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  return length
}

function malformed(): Fault {
  return new Fault('log_inconsistent', { what: 'the evidence of a time-stamp' })
}
