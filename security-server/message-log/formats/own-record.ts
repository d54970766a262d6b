/** Records that the log writes itself: time-stamps, erasures, key rotations, unknown outcomes. */

import type { Metadata } from '../record-input.ts'
import type { PackedRecord, RecordHead } from './group-format.ts'

/** The metadata as JSON with sorted names. These bytes are stored and committed to. */
export function metadataText(metadata: Metadata): string {
  const { answers, circumstances, client, configuration, extra, id, keepDays, node } = metadata
  const { peer, requestId, secrecy, service } = metadata
  return JSON.stringify({
    ...{ answers, circumstances, client, configuration, extra, id, keepDays, node },
    ...{ peer, requestId, secrecy, service },
  })
}

export function ownRecord(q: {
  kind: RecordHead['kind']
  direction?: RecordHead['direction']
  time: number
  metadata: Metadata
  answers?: number | undefined
  message?: Buffer
  bodySha512?: Buffer
  logLevel?: RecordHead['logLevel']
  contract?: string
}): PackedRecord {
  const head: RecordHead = {
    kind: q.kind,
    direction: q.direction ?? '',
    time: q.time,
    outcome: '',
    logLevel: q.logLevel ?? 'digest',
    contract: q.contract ?? '',
    ...(q.answers === undefined ? {} : { answers: q.answers }),
  }
  return {
    head,
    metadata: Buffer.from(metadataText(q.metadata)),
    message: q.message,
    bodySha512: q.bodySha512,
    body: undefined,
    bodyKey: undefined,
    hashChainResult: undefined,
    hashChain: undefined,
    signatures: undefined,
    replayKey: undefined,
    circumstances: undefined,
    attachments: undefined,
  }
}
