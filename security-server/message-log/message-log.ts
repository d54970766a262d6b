/**
 * The message log: records in, evidence out. `append` resolves when the record is durable; whatever cannot be written is
 * refused, and the log takes records again by itself when the cause is gone.
 */
import { ALGORITHM_ENDS } from '#core/evidence-bundle/validation-policy.ts'
import type { Clock } from '#platform/clock.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { type AuditHeads, auditHeadsOf } from './audit-heads.ts'
import { type BodyFolder, openBodyFolder } from './body-folder.ts'
import { createKeptCircumstances } from './circumstances/kept.ts'
import { type LogWitnesses, logWitnesses } from './cosignatures/log-witnesses.ts'
import {
  createEvidenceRecords,
  type EvidenceRecordSettings,
  type Stamp,
} from './evidence-renewal/keep-records.ts'
import { closeRest, createOpenExchanges } from './open-exchanges.ts'
import { packRecord } from './pack-record.ts'
import { createPassingBodies } from './passing-bodies.ts'
import { type OwnReads, ownReads } from './reads.ts'
import type { LoggedRecord, RecordInput } from './record-input.ts'
import { createReplayHolds } from './replay-holds.ts'
import { createSpool, type Spool } from './spool.ts'
import { MAX_BATCH } from './time-stamps/batch.ts'
import { decodeEvidence } from './time-stamps/stamp-record.ts'
import { type CheckpointSigner, countersign } from './tree/countersign.ts'
import type { LogKeyState, NewLogKey } from './worker-api.ts'
import { startWorker } from './worker-client.ts'

/** As X-Road: after four hours without a time-stamp, exchange stops. */
const UNSTAMPED_LIMIT_MS = 4 * 60 * 60 * 1000

const PROBE_MS = 500

export type MessageLogOptions = {
  /** The file that runs the log's thread with its parts (`runLogThread`). */
  thread: URL
  /** The log's own database, apart from the server's: sqlite:/path or postgres://... */
  databaseUrl: string
  /** Log keys (0600), outside any backup of the database. The folder exists; keys are made for an empty log. */
  keyFolder: string
  /** Large bodies, encrypted. The folder exists. */
  bodyFolder: string
  /** The origin of the log's checkpoints. */
  server: ServerId
  /** Tells the processes apart that append to one log on PostgreSQL. */
  node: string
  /** Nodes that are no more, whose open exchanges and bodies are this one's: their folders are taken over. */
  formerNodes?: string[]
  clock: Clock
  /** Countersigns checkpoints with the member's signing key; a checkpoint without it is made when it fails. */
  signer?: CheckpointSigner | undefined
  stamp?: Stamp | undefined
  /** OCSP answers of now about signing certificates (DER) and their authorities; what cannot be had is left out. */
  signerStatus?: ((certificates: Buffer[]) => Promise<Buffer[]>) | undefined
  /** One evidence record a day, renewed 90 days before it ceases to count, unless told. */
  evidenceRecords?: Partial<EvidenceRecordSettings>
  unstampedLimitMs?: number
  /** For tests, which have few records: in a partition of a small log on PostgreSQL. */
  partitionRecords?: number
  /** Hears of faults that no caller waits for. */
  onFault?: (fault: Fault) => void
}

/** `Parts`: what the parts of its thread may be asked. */
export type MessageLog<Parts extends object = object> = OwnReads & {
  parts: Parts
  /** Bodies of records in files. */
  bodies: Pick<BodyFolder, 'open' | 'erase'>
  /** Throws `logging_failed`, or `replayed_request` for this record alone. */
  append(record: RecordInput): Promise<LoggedRecord>
  /**
   * From the arrival (ms) of a message's head until its replay key is claimed or it is given up: keeps the keys that it
   * could repeat, for at most LONGEST_UPLOAD_MS. Gives the function that ends the hold.
   */
  holdReplayKeys(arrived: number): () => void
  spool: Spool
  noteAuditHead: AuditHeads['noteAuditHead']
  auditHeads: AuditHeads['auditHeads']
  /** The newest checkpoint's text. */
  treeHead(): string | undefined
  /** How many records there are, as of the last commit of this process. */
  size(): number
  /** What proves since when the record exists; made now when there is none yet and an authority answers. */
  evidenceRecord(index: number): Promise<EvidenceRecordProof | undefined>
  /** The evidence record of the day, and renewals that are due; for a job. Says how many were renewed. */
  keepEvidenceRecords(): Promise<number>
  oldestUnstamped(): Date | undefined
  /** Throws `logging_failed` or `timestamping_failed` when no record should be begun. */
  checkUsable(): void
  /** Signs and stores the tree head, unless the newest checkpoint has it. Returns the newest one. */
  checkpointNow(): Promise<string | undefined>
  /** What witnesses are told and what they say of the log's checkpoints. */
  witnesses: LogWitnesses
  /** Stamps what waits; says how many batches. */
  timeStampNow(): Promise<number>
  /** Tiles, what parts have to do, clean-up, until nothing waits: then the index holds every record. For a job every few seconds. */
  maintain(): Promise<void>
  /** Once after start: outcome-unknown records for what a crash left open, orphaned body files deleted. */
  recover(): Promise<number>
  /**
   * Closes exchanges whose closing record the log refused, with their true outcome, and as outcome-unknown what the log holds
   * without this process having been told of it. Spares what is under way; for a job every few seconds.
   */
  closeAbandoned(): Promise<number>
  rotateLogKey(): Promise<NewLogKey>
  /** The keys that records came from, the newest first. */
  logKeys(): Promise<LogKeyState[]>
  close(): Promise<void>
}

/** Over the tree head of `size`; with chains and status of its signer and of the authorities, DER. */
export type EvidenceRecordProof = {
  size: number
  record: Buffer
  certificates: Buffer[]
  ocspResponses: Buffer[]
}

const DAY_MS = 86_400_000
const EVIDENCE_RECORDS: EvidenceRecordSettings = {
  intervalMs: DAY_MS,
  beforeMs: 90 * DAY_MS,
  ends: ALGORITHM_ENDS,
}

/** Throws `invalid_configuration`, `conflict` (another writer), `log_inconsistent` or `database_error`. */
export async function openMessageLog<Parts extends object>(q: MessageLogOptions): Promise<MessageLog<Parts>> {
  const { clock, node, databaseUrl, keyFolder, bodyFolder } = q
  const folder = await openBodyFolder(bodyFolder, node, q.formerNodes)
  const limit = q.unstampedLimitMs ?? UNSTAMPED_LIMIT_MS
  const holds = createReplayHolds()
  const exchanges = createOpenExchanges()
  const kept = createKeptCircumstances()
  const passing = createPassingBodies(folder, (cause) => q.onFault?.(asFault(cause)))
  let fault: Fault | undefined
  let probing: NodeJS.Timeout | undefined
  let treeHead: string | undefined

  const onState = (state: { fault: Fault | undefined }): void => {
    fault = state.fault
    if (fault === undefined) return
    exchanges.suspect()
    q.onFault?.(fault)
    probeLater()
  }
  // A log that refuses gets no records, so nothing but this would find out that the cause is gone.
  const probeLater = (): void => {
    probing ??= setTimeout(() => {
      probing = undefined
      worker.call('probe').then(
        () => onState({ fault: undefined }),
        (thrown: unknown) => {
          if (fault !== undefined) fault = asFault(thrown)
          probeLater()
        },
      )
    }, PROBE_MS).unref()
  }
  const worker = await startWorker({
    thread: q.thread,
    setup: () => ({
      databaseUrl,
      keyFolder,
      node,
      formerNodes: q.formerNodes ?? [],
      origin: idText(q.server),
      now: clock(),
      partitionRecords: q.partitionRecords,
    }),
    onState,
  })
  treeHead = await worker.call('newestCheckpoint')

  const append = async (record: RecordInput): Promise<LoggedRecord> => {
    try {
      const logged = await write(record)
      exchanges.logged(record, logged.index)
      passing.logged(record, logged.index)
      return logged
    } catch (thrown) {
      // Whatever else kept it out may be gone by the next try; what stands already is not written twice.
      if (asFault(thrown).code !== 'replayed_request') exchanges.refused(record)
      throw thrown
    }
  }
  const put = async (record: RecordInput): Promise<LoggedRecord> => {
    const unknown = kept.unknownOf(record)
    const logged = await worker.append(packRecord(record, node, unknown?.document))
    if (unknown !== undefined) kept.add(unknown)
    return logged
  }
  const write = async (record: RecordInput): Promise<LoggedRecord> => {
    const file = record.logLevel === undefined || record.logLevel === 'full' ? record.body?.file : undefined
    if (file === undefined) return put(record)
    folder.claim(file.name)
    try {
      const logged = await put(record)
      folder.settle(file.name, 'kept')
      return logged
    } catch (thrown) {
      folder.settle(file.name, asFault(thrown).code === 'replayed_request' ? 'unused' : 'unknown')
      throw thrown
    }
  }
  const makeCheckpoint = async (): Promise<string | undefined> => {
    const draft = await worker.call('draftCheckpoint')
    if (draft === undefined) {
      treeHead = await worker.call('newestCheckpoint')
      return treeHead
    }
    const note = q.signer === undefined ? draft.note : await countersign(draft.note, q.signer)
    await worker.call('putCheckpoint', { size: draft.size, root: draft.root, note, now: clock() })
    treeHead = note
    return note
  }
  const stampAll = async (): Promise<number> => {
    if (q.stamp === undefined) throw new Fault('timestamping_failed', { what: 'no authority is configured' })
    for (let batches = 0; ; batches++) {
      const batch = await worker.call('nextTimeStampBatch', MAX_BATCH)
      if (batch === undefined) return batches
      // Just before the stamp: whoever signed with a certificate that was revoked meanwhile shows.
      const { firstId, lastId } = batch
      const signers = q.signerStatus && (await worker.call('signersOf', { firstId, lastId }))
      const statuses = signers && (await q.signerStatus!(signers))
      const answer = await q.stamp(batch.imprint)
      const ocspResponses = [...answer.ocspResponses, ...(statuses ?? [])]
      await worker.call('putTimeStamp', { batch, answer: { ...answer, ocspResponses }, now: clock() })
    }
  }
  // A job and an administrator may ask at the same time: both get the one that is under way.
  const checkpointNow = singleFlight(makeCheckpoint)
  const timeStampNow = singleFlight(stampAll)
  const evidenceRecords = createEvidenceRecords({
    worker,
    clock,
    origin: idText(q.server),
    signer: q.signer,
    stamp: q.stamp,
    settings: { ...EVIDENCE_RECORDS, ...q.evidenceRecords },
    checkpointNow,
    onFault: q.onFault,
  })
  const keepEvidenceRecords = singleFlight(evidenceRecords.keep)
  const closeAbandoned = singleFlight(() =>
    closeRest({
      exchanges,
      write: async (record) => {
        const { index } = await write(record)
        passing.logged(record, index)
      },
      clock,
      async recover(underWay) {
        const waiting = passing.waiting()
        const found = await worker.call('recover', { now: clock(), underWay })
        const open = new Set(found.open)
        passing.closed(waiting.filter((index) => !open.has(index)))
        return found
      },
    }),
  )
  const maintain = async (): Promise<void> => {
    try {
      while (await worker.call('maintain', { now: clock(), oldestArrival: holds.oldestArrival() }));
    } catch (thrown) {
      // A log that nobody appends to would not find out that it cannot be written.
      await worker.call('probe').catch((cause: unknown) => onState({ fault: asFault(cause) }))
      throw thrown
    }
  }
  return {
    append,
    holdReplayKeys: holds.hold,
    spool: createSpool(folder),
    treeHead: () => treeHead,
    size: () => worker.state().size,
    // Which parts they are the thread's file says.
    parts: worker.parts as Parts,
    bodies: folder,
    ...ownReads(worker),
    ...auditHeadsOf(worker, clock),
    evidenceRecord: async (index) => {
      const found = await evidenceRecords.covering(index)
      return found && { size: Number(found.size), record: found.record, ...decodeEvidence(found.evidence) }
    },
    keepEvidenceRecords,
    oldestUnstamped: () => {
      const { oldestUnstamped } = worker.state()
      return oldestUnstamped === undefined ? undefined : new Date(oldestUnstamped)
    },
    checkUsable: () => {
      if (fault !== undefined) throw new Fault('logging_failed', { cause: fault })
      const { oldestUnstamped } = worker.state()
      if (oldestUnstamped !== undefined && clock() - oldestUnstamped > limit) {
        throw new Fault('timestamping_failed', { what: `since ${new Date(oldestUnstamped).toISOString()}` })
      }
    },
    checkpointNow,
    witnesses: logWitnesses(worker),
    timeStampNow,
    maintain,
    closeAbandoned,
    recover: async () => {
      const closed = await closeAbandoned()
      await folder.sweep(async (names) => new Set(await worker.call('referredBodyFiles', names)))
      await folder.forgetFormer()
      return closed
    },
    rotateLogKey: () => worker.call('rotateKey', clock()),
    logKeys: () => worker.call('logKeys'),
    close: async () => {
      clearTimeout(probing)
      await worker.call('close').catch(() => undefined)
      await worker.close()
    },
  }
}

function singleFlight<T>(act: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined
  return () => {
    underWay ??= act().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}
