/** Collects the parts of an ASiC-E container from a record of the log, including its time-stamp. */
import { Readable } from 'node:stream'
import type { ContainerParts } from '#core/container/container.ts'
import { insertTimeStamp } from '#core/signature/insert-time-stamp.ts'
import { Fault } from '#schemas/fault.ts'
import type { BodyFolder } from '../../message-log/bodies/body-folder.ts'
import { openBody } from '../../message-log/bodies/spool.ts'
import type { StoredEvidence } from './read-evidence.ts'

/** Throws `not_found` when the message was erased, not stored, or not signed. */
export function containerParts(evidence: StoredEvidence, folder: Pick<BodyFolder, 'open'>): ContainerParts {
  const { message, signatures, hashChainResult, hashChain, timeStamp } = evidence
  if (message === undefined || signatures === undefined) {
    const why = evidence.erased === undefined ? 'holds no signed message' : `was erased on ${evidence.erased}`
    throw new Fault('not_found', { what: `record ${evidence.index} ${why}` })
  }
  const isSingle = timeStamp !== undefined && timeStamp.hashChainResult === undefined
  const container: ContainerParts = {
    message,
    signatures: isSingle ? insertTimeStamp(signatures, timeStamp.token) : signatures,
    attachments: attachmentsOf(evidence, folder),
  }
  if (hashChainResult !== undefined) container.hashChainResult = hashChainResult
  if (hashChain !== undefined) container.hashChain = hashChain
  if (timeStamp?.hashChainResult !== undefined && timeStamp.hashChain !== undefined) {
    container.timestampHashChainResult = timeStamp.hashChainResult
    container.timestampHashChain = timeStamp.hashChain
    container.timestampToken = timeStamp.token
  }
  return container
}

function attachmentsOf(
  { body, bodyFile, attachments }: StoredEvidence,
  folder: Pick<BodyFolder, 'open'>,
): ContainerParts['attachments'] {
  const size = body?.length ?? bodyFile?.size
  if (size === undefined) return []
  let start = 0
  return (attachments ?? [{ size }]).map((attachment, i) => {
    const piece = { start, size: attachment.size }
    start += attachment.size
    const name = `attachment${i + 1}`
    if (body === undefined) return { name, size: piece.size, open: () => openBody(folder, bodyFile!, piece) }
    const bytes = body.subarray(piece.start, piece.start + piece.size)
    const open = () => Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false })
    return { name, size: bytes.length, open, bytes }
  })
}
