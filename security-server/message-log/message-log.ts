/**
 * The message log: appends records and returns evidence. `append` resolves when the record is durable. A
 * record that cannot be written is refused; the log accepts records again by itself once the cause is gone.
 */
import { ALGORITHM_ENDS } from '#core/evidence-bundle/validation-policy.ts'
import { type Clock, elapsedTime } from '#platform/clock.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { createPassingBodies } from './bodies/passing-bodies.ts'
import { createSpool, type Spool } from './bodies/spool.ts'
import { type Bodies, openBodies } from './bodies.ts'
import { createKeptCircumstances } from './circumstances/kept.ts'
import { type LogWitnesses, logWitnesses } from './cosignatures/log-witnesses.ts'
import {
  createEvidenceRecords,
  type EvidenceRecordSettings,
  type Stamp,
} from './evidence-renewal/keep-records.ts'
import { packRecord } from './formats/pack-record.ts'
import { newLogKey } from './keys/log-keys.ts'
import type { LoggedRecord, RecordInput } from './record-input.ts'
import { type AuditHeads, auditHeadsOf } from './records/audit-heads.ts'
import { closeRest, createOpenExchanges, isClosedLater } from './recovery/open-exchanges.ts'
import { createReplayHolds } from './replay-keys/replay-holds.ts'
import type { BodyPlace } from './settings.ts'
import { MAX_BATCH } from './time-stamps/batch.ts'
import { decodeEvidence } from './time-stamps/stamp-record.ts'
import { type CheckpointSigner, countersign } from './tree/countersign.ts'
import { type OwnReads, ownReads } from './worker/reads.ts'
import { nextFlight, singleFlight } from './worker/share-runs.ts'
import type { LogKeyState, NewLogKey } from './worker-api.ts'
import { type StartThread, startWorker } from './worker-client.ts'

/** As in X-Road: exchange stops after four hours without a time-stamp. */
const UNSTAMPED_LIMIT_MS = 4 * 60 * 60 * 1000

const PROBE_MS = 500

export type MessageLogOptions = {
  /** With the log's parts. */
  startThread: StartThread
  /** The log's own database, separate from the server's: sqlite:/path or postgres://... */
  databaseUrl: string
  /** The log keys' folder (0600), outside backups of the database. It must exist; an empty log gets keys. */
  keyFolder: string
  /** Writes a file into the key folders of all nodes; undefined for a server that is one node. */
  shareKey?: ((name: string, bytes: Buffer) => Promise<void>) | undefined
  /** The folder of large bodies, which are encrypted. It must exist. */
  bodyFolder: string
  /** Where new large bodies go, `files` when absent; `database` needs PostgreSQL. */
  bodyPlace?: BodyPlace | undefined
  /** The origin of the log's checkpoints. */
  server: ServerId
  /** Distinguishes the processes that append to one log on PostgreSQL. */
  node: string
  /** Names of nodes that no longer exist: this node takes over their folders, open exchanges and bodies. */
  formerNodes?: string[]
  /** Live nodes that know another schema. A change of the log that they could not live with is refused. */
  otherNodes?: readonly string[]
  clock: Clock
  /** For tests: elapsed milliseconds, independent of the clock. */
  elapsed?: () => number
  /** Countersigns checkpoints as the member. When that fails they are stored without that signature. */
  signer?: CheckpointSigner | undefined
  stamp?: Stamp | undefined
  /** Fetches OCSP responses for signing certificates (DER) and their CAs; leaves unavailable ones out. */
  signerStatus?: ((certificates: Buffer[]) => Promise<Buffer[]>) | undefined
  /** By default one evidence record a day, renewed 90 days before its proof ends. */
  evidenceRecords?: Partial<EvidenceRecordSettings>
  unstampedLimitMs?: number
  /** For tests, which have few records: the number of records in a partition of a small log on PostgreSQL. */
  partitionRecords?: number
  /** Called with faults that no caller waits for. */
  onFault?: (fault: Fault) => void
}

/** `Parts` are the methods of the parts in its thread. */
export type MessageLog<Parts extends object = object> = OwnReads & {
  parts: Parts
  /** The records' bodies that are not in their rows. */
  bodies: Pick<Bodies, 'open' | 'erase'>
  /** Throws `logging_failed`, or `replayed_request` (of this record). Once it resolves, the body may end. */
  append(record: RecordInput): Promise<LoggedRecord>
  /**
   * Call when the head of a message arrives at `arrived` (ms). Keeps the replay keys that the message could
   * repeat, for at most LONGEST_UPLOAD_MS. Call the returned function when the message's key is claimed or
   * the message is given up.
   */
  holdReplayKeys(arrived: number): () => void
  spool: Spool
  noteAuditHead: AuditHeads['noteAuditHead']
  auditHeads: AuditHeads['auditHeads']
  /** The text of the newest checkpoint. */
  treeHead(): string | undefined
  /** Whether a newer version has changed the log's database so that this one must not go on. */
  isTooNew(): Promise<boolean>
  /** The number of records after the last commit of this process. */
  size(): number
  /** The proof of when the record existed; made now if there is none yet and an authority answers. */
  evidenceRecord(index: number): Promise<EvidenceRecordProof | undefined>
  /** For a job: makes the day's evidence record and renews those due. Resolves to how many it renewed. */
  keepEvidenceRecords(): Promise<number>
  oldestUnstamped(): Date | undefined
  /** Throws `logging_failed` or `timestamping_failed` when no exchange should begin. */
  checkUsable(): void
  /** Signs and stores the tree head unless a checkpoint covers it. Resolves to the newest checkpoint. */
  checkpointNow(): Promise<string | undefined>
  /** What witnesses need, and their cosignatures and contradictions. */
  witnesses: LogWitnesses
  /** Stamps all signatures that wait; resolves to the number of batches. */
  timeStampNow(): Promise<number>
  /**
   * For a job every few seconds: tiles, maintenance of the parts and clean-up until nothing is left. After it
   * the index has every record.
   */
  maintain(): Promise<void>
  /**
   * Call once after start: writes outcome-unknown records for exchanges that a crash left open, and deletes
   * files of bodies without a record. Resolves to the number of closed exchanges.
   */
  recover(): Promise<number>
  /**
   * For a job every few seconds. Closes exchanges whose closing record the log refused, with their true
   * outcome. Closes as outcome-unknown those that the log has although this process was never told of the
   * commit. Does not touch exchanges that are under way.
   */
  closeAbandoned(): Promise<number>
  /** Whether there may be some: after a failure of the log. */
  mayHaveAbandoned(): boolean
  /**
   * For a job every few seconds of each node: deletes bodies in the log's database that no record refers to
   * and this process does not write: what a crash, a failed commit or a node that is gone left. Ten gigabytes
   * take some seconds. Tries each, then throws the first failure.
   */
  deleteUnusedBodies(): Promise<void>
  /** This node closes what that one, gone for good, had open. Resolves to the number of exchanges closed. */
  takeOver(node: string): Promise<number>
  rotateLogKey(): Promise<NewLogKey>
  /** The log keys, the newest first. */
  logKeys(): Promise<LogKeyState[]>
  close(): Promise<void>
}

/**
 * The evidence record over the tree head of `size`; with the certificate chains and OCSP responses of its
 * signer and of the authorities, in DER.
 */
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
  const { clock, node, databaseUrl, keyFolder, bodyFolder, bodyPlace = 'files', elapsed = elapsedTime } = q
  const folder = await openBodies({
    ...{ databaseUrl, root: bodyFolder, place: bodyPlace, node, formerNodes: q.formerNodes ?? [] },
  })
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
  // A log that refuses gets no more records, so only this probe finds out that the cause is gone.
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
    startThread: q.startThread,
    setup: () => ({
      ...{ databaseUrl, keyFolder, bodyFolder, bodyPlace, node },
      formerNodes: q.formerNodes ?? [],
      origin: idText(q.server),
      otherNodes: q.otherNodes ?? [],
      now: clock(),
      partitionRecords: q.partitionRecords,
    }),
    onState,
  }).catch(closing(folder))
  treeHead = await worker.call('newestCheckpoint').catch(closing(worker, folder))

  const append = async (record: RecordInput): Promise<LoggedRecord> => {
    try {
      const logged = await write(record)
      exchanges.logged(record, logged.index)
      passing.logged(record, logged.index)
      return logged
    } catch (thrown) {
      // Any other cause may be gone at the next attempt. A replayed request is in the log already and must
      // not be written twice.
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
      if (asFault(thrown).code === 'replayed_request') folder.settle(file.name, 'unused')
      // Its body stays claimed until it is written again.
      else if (!isClosedLater(record)) folder.settle(file.name, 'unknown')
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
    // What is stamped, cosigned and told has to be the one that is kept.
    treeHead = await worker.call('putCheckpoint', { ...draft, note, now: clock() })
    return treeHead
  }
  const stampAll = async (): Promise<number> => {
    if (q.stamp === undefined) throw new Fault('timestamping_failed', { what: 'no authority is configured' })
    for (let batches = 0; ; batches++) {
      const batch = await worker.call('nextTimeStampBatch', MAX_BATCH)
      if (batch === undefined) return batches
      // Just before the stamp, so that a certificate that was revoked meanwhile is detected.
      const { firstId, lastId } = batch
      const signers = q.signerStatus && (await worker.call('signersOf', { firstId, lastId }))
      const statuses = signers && (await q.signerStatus!(signers))
      const answer = await q.stamp(batch.imprint)
      const ocspResponses = [...answer.ocspResponses, ...(statuses ?? [])]
      await worker.call('putTimeStamp', { batch, answer: { ...answer, ocspResponses }, now: clock() })
    }
  }
  // Who has just appended wants a head that covers it.
  const checkpointNow = nextFlight(makeCheckpoint)
  // It goes on until nothing waits.
  const timeStampNow = singleFlight(stampAll)
  const witnesses = logWitnesses(worker)
  const evidenceRecords = createEvidenceRecords({
    ...{ worker, clock, origin: idText(q.server) },
    signer: q.signer,
    stamp: q.stamp,
    settings: { ...EVIDENCE_RECORDS, ...q.evidenceRecords },
    ...{ checkpointNow, quorum: witnesses.quorum, nextCosignature: witnesses.nextCosignature },
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
  const look = () => ({ now: clock(), elapsed: elapsed(), oldestArrival: holds.oldestArrival() })
  const maintain = async (): Promise<void> => {
    try {
      while (await worker.call('maintain', look()));
    } catch (thrown) {
      // If nobody appends, the log would not notice that it cannot be written.
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
    isTooNew: () => worker.call('isTooNew'),
    // What runs in the thread decides which parts there are.
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
      if (oldestUnstamped === undefined || clock() - oldestUnstamped <= limit) return
      const since = new Date(oldestUnstamped).toISOString()
      throw new Fault('timestamping_failed', { what: say`since ${since}` })
    },
    checkpointNow,
    witnesses,
    timeStampNow,
    maintain,
    ...{ closeAbandoned, mayHaveAbandoned: exchanges.isSuspect },
    deleteUnusedBodies: singleFlight(folder.deleteUnused),
    recover: async () => {
      const closed = await closeAbandoned()
      await folder.sweep(async (names) => new Set(await worker.call('referredBodyFiles', names)))
      await folder.forgetFormer()
      await worker.call('sweepSegments')
      return closed
    },
    takeOver: (gone) => takeOver(gone, { worker, exchanges, closeAbandoned, folder }),
    rotateLogKey: () => rotateKey(q, worker),
    logKeys: () => worker.call('logKeys'),
    close: async () => {
      clearTimeout(probing)
      await worker.call('close').catch(() => undefined)
      await worker.close()
      await folder.close()
    },
  }
}

async function rotateKey(q: MessageLogOptions, worker: LogThread): Promise<NewLogKey> {
  // Other nodes have the key before a record needs it.
  const made = q.shareKey && newLogKey(q.keyFolder)
  if (made !== undefined) await q.shareKey!(made.name, Buffer.from(made.text))
  return worker.call('rotateKey', { now: q.clock(), id: made?.id })
}

async function takeOver(
  gone: string,
  q: {
    worker: LogThread
    exchanges: { suspect(): void }
    closeAbandoned: () => Promise<number>
    folder: Pick<Bodies, 'takeOver'>
  },
): Promise<number> {
  await q.worker.call('takeOver', gone)
  q.exchanges.suspect()
  // One that is under way may not know the name yet.
  const before = await q.closeAbandoned()
  await q.folder.takeOver(gone)
  q.exchanges.suspect()
  return before + (await q.closeAbandoned())
}

type LogThread = Awaited<ReturnType<typeof startWorker>>

/**
 * For a start that fails: closes what was open by then, and throws its error, whatever fails while closing.
 */
function closing(...opened: { close(): Promise<void> }[]): (thrown: unknown) => Promise<never> {
  return async (thrown) => {
    for (const one of opened) await one.close().catch(() => undefined)
    throw thrown
  }
}
