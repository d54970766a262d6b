/** The log as its worker runs it: one writer, whose commits run one after another, and concurrent reads. */
import { noteName } from '#core/merkle/checkpoint.ts'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { merge } from '#platform/feature.ts'
import { createTurn } from '#platform/in-turn.ts'
import { refuseBeside } from '#platform/nodes/older-nodes.ts'
import { type ErasedContent, eraseRecords } from '../erasure/erase.ts'
import { unpackGroup } from '../formats/group-format.ts'
import type { HotStore } from '../hot-store.ts'
import { writeHighWater } from '../keys/high-water.ts'
import { type KeyRing, keyRotationRecord, openKeyRing } from '../keys/key-ring.ts'
import { isLogTooNew, type LogDatabase, openLogDatabase } from '../log-store.ts'
import { beginPieces } from '../migrations/body-pieces.ts'
import { type LogPart, logMigrations, type OpenPart, type PartGround } from '../part.ts'
import { keepInPieces } from '../pieces/keep-in-pieces.ts'
import { openPostgresqlStore } from '../postgresql/store.ts'
import { putAuditHead, readAuditHeads } from '../records/audit-heads.ts'
import { createSettled } from '../records/settled.ts'
import { type AppendResult, createWriter, type OwnRecord, type Writer } from '../records/writer.ts'
import { closeAbandoned, scanIntents } from '../recovery/recover.ts'
import { keptWatch } from '../replay-keys/steady-watch.ts'
import { createSegmentWriter } from '../segments/segment-writer.ts'
import { sweepSegments } from '../segments/sweep-segments.ts'
import { openSqliteStore, prepareFile } from '../sqlite/store.ts'
import { nextBatch } from '../time-stamps/batch.ts'
import { signersOf } from '../time-stamps/signers-of.ts'
import { timeStampRecord } from '../time-stamps/stamp-record.ts'
import { draftCheckpoint } from '../tree/draft-checkpoint.ts'
import { proveConsistency } from '../tree/prove-consistency.ts'
import type { LogKeyState, LogState, WorkerApi, WorkerSetup } from '../worker-api.ts'
import { checkLogIsWhole, markBeginning, markFirstStart, registerKey } from './check-start.ts'
import { createMaintenance } from './maintenance.ts'

/** What replaces nodes one after the other all the same. */
const FILES_MEANWHILE =
  '. To replace them one after the other instead, say messageLogBodies: files in the settings of each new one until no older one runs, then restart each without it'

export type WorkerLog = {
  append(group: Buffer, count: number): Promise<AppendResult[]>
  state(): LogState
  /** The methods of WorkerApi and of the parts. */
  methods: Methods
  ofParts: string[]
}

type Methods = Record<string, (argument: unknown) => Promise<unknown>>

export async function openWorkerLog(
  setup: WorkerSetup,
  list: readonly LogPart<object>[],
): Promise<WorkerLog> {
  const { log, store, unlock } = await openStores(setup, list)
  const { node } = setup
  const head = await store.head()
  await checkLogIsWhole(log, head.size, setup.keyFolder)
  await markFirstStart(log, node, head.size)
  const ring = openKeyRing(setup.keyFolder, head.size === 0)
  await followKeys(log, ring, head.size)
  const segments = createSegmentWriter(setup.bodyFolder, node)
  const isInDatabase = setup.bodyPlace === 'database' && log.database.dialect === 'postgresql'
  if (isInDatabase) await beginPieces(log.database, () => refuseBeside(setup.otherNodes, FILES_MEANWHILE))
  const bodies = isInDatabase ? keepInPieces : segments
  const writer = createWriter({ store, records: log.records, logKey: ring.current, bodies })
  const sizeAtStart = head.size

  // Writes run one after another: a group never meets a half-done transaction of another writer in this
  // thread.
  const inTurn = createTurn()
  const appendAll = async (records: OwnRecord[]): Promise<number[]> =>
    (await writer.append(records)).map((result) => {
      if ('fault' in result) throw result.fault
      return result.index
    })
  const appendOwn = async (record: OwnRecord): Promise<number> => (await appendAll([record]))[0]!

  const settled = createSettled({ store, own: () => Math.max(writer.size, sizeAtStart), inTurn })
  await registerKey(log, ring, setup, appendOwn, settled)
  await markBeginning({ log, store, ring, setup })
  await readUnstamped(log, writer, settled.size())
  const parts: OpenPart<object>[] = []
  const maintenance = createMaintenance({ log, store, settled, writer, parts, setup, sizeAtStart })
  const rowsOf = (erased: ErasedContent) => parts.flatMap((part) => part.erased?.(erased) ?? [])
  const ground: PartGround = {
    ...{ log, ring, settled, recent: writer.recent, inTurn, leaveSegment: segments.leave },
    catchUp: maintenance.catchUp,
    erase: (q) => eraseRecords({ ...q, log, ring, node, rowsOf, append: appendAll }),
    scrub: () => store.scrub(),
  }
  for (const part of list) parts.push(part.open(ground))
  const api: WorkerApi = {
    probe: () => inTurn(() => probe(log, store)),
    isTooNew: () => isLogTooNew(log, logMigrations(list)),
    newestCheckpoint: async () => (await log.tree.newestCheckpoint())?.note,
    draftCheckpoint: () =>
      inTurn(async () => draftCheckpoint(log, await store.head(), setup.origin, ring.checkpointKey())),
    putCheckpoint: ({ size, root, note, now }) =>
      inTurn(async () => {
        await log.tree.putCheckpoint({ size, root, note, time: new Date(now).toISOString() })
        const kept = (await log.tree.checkpointOf(size))?.note ?? note
        writeHighWater(setup.keyFolder, kept)
        return kept
      }),
    proveConsistency: async ({ first, second }) => {
      const size = second <= settled.size() ? second : await inTurn(settled.sizeNow)
      return proveConsistency(log, first, second, size)
    },
    logKey: async () =>
      writeVerifierKey({ name: noteName(setup.origin), publicKey: ring.checkpointKey() }, 'log'),
    putCosignature: (cosignature) => inTurn(() => log.cosignatures.put(cosignature)),
    newestCosigned: (witnesses) => log.cosignatures.newest(witnesses),
    checkpointsWithWitnesses: ({ before, limit }) => log.cosignatures.checkpoints(before, limit),
    cosignedHeads: async (q) => log.cosignatures.headsAmong(await log.cosignatures.sizesBetween(q)),
    putContradiction: (found) => inTurn(() => log.cosignatures.putContradiction(found)),
    contradictions: () => log.cosignatures.contradictions(),
    nextTimeStampBatch: (limit) =>
      inTurn(async () => {
        const size = await settled.sizeNow()
        return nextBatch(log.records, await log.timeStamps.lastStamped(size), limit, size)
      }),
    putTimeStamp: ({ batch, answer, now }) =>
      inTurn(async () => {
        await appendOwn(timeStampRecord({ batch, answer, time: now, node }))
        await readUnstamped(log, writer, settled.size())
      }),
    maintain: (q) =>
      inTurn(async () => {
        const size = await settled.sizeNow()
        await followKeys(log, ring, size)
        return maintenance.slice({ ...q, size })
      }),
    checkpoints: (limit) => log.tree.newestCheckpoints(limit),
    checkpointOf: (size) => log.tree.checkpointOf(size),
    erasedBelow: (size) => log.records.erasedBelow(size),
    leavesAmong: (indexes) => log.records.leavesAmong(indexes),
    countedDays: (q) =>
      settled.read(
        () => log.dailyCounts.days(q),
        ([newest]) => newest?.index ?? -1,
      ),
    countsOf: (q) =>
      settled.read(
        () => log.dailyCounts.get(q),
        (counts) => counts?.index ?? -1,
      ),
    auditHeads: (q) => readAuditHeads({ log, findKey: ring.find, ...q }),
    putAuditHead: ({ head, now }) => inTurn(() => putAuditHead({ log, writer, head, now, node })),
    signersOf: (q) => signersOf(log.records, q),
    newestEvidenceRecord: () => log.evidenceRecords.newest(),
    evidenceRecordCovering: (index) => log.evidenceRecords.covering(index),
    cosignedHeadsWithRecord: async (above) =>
      log.cosignatures.headsAmong(await log.evidenceRecords.cosignedSizes(above)),
    dueEvidenceRecords: ({ now, limit }) => log.evidenceRecords.due(now, limit),
    putEvidenceRecord: (row) => inTurn(() => log.evidenceRecords.insert(row)),
    replaceEvidenceRecord: ({ before, row }) => inTurn(() => log.evidenceRecords.replace(before, row)),
    recover: async ({ now, underWay }) => {
      const { formerNodes } = setup
      const scan = scanIntents({ records: log.records, node, formerNodes, findKey: ring.find })
      // There may be many records since the oldest open exchange: only those that were appended meanwhile are
      // read within the turn.
      await scan.to(Math.max(writer.size, sizeAtStart))
      return inTurn(async () => {
        await scan.to((await store.head()).size)
        const done = await closeAbandoned({ scan, writer, node, underWay, now })
        await scan.moveFormerMarks()
        maintenance.recovered()
        return done
      })
    },
    takeOver: async (gone) => {
      if (gone !== node && !setup.formerNodes.includes(gone)) setup.formerNodes.push(gone)
    },
    rotateKey: (q) =>
      inTurn(async () => {
        const before = ring.current().id.toString('hex')
        ring.rotate(q.id)
        try {
          const record = await appendOwn(keyRotationRecord(ring, q.now, node))
          return { id: ring.current().id.toString('hex'), record }
        } catch (fault) {
          // Whether there is a record of the new key is unknown, and nobody may be there to ask: maintenance
          // follows it if there is.
          ring.follow([before])
          throw fault
        }
      }),
    logKeys: () =>
      settled.read(
        () => logKeysOf(log, ring),
        ([newest]) => newest?.record ?? -1,
      ),
    referredBodyFiles: async (names) => [...(await log.records.referredBodyFiles(names))],
    sweepSegments: () =>
      sweepSegments({ setup, records: log.records, segments, settle: () => inTurn(settled.sizeNow) }),
    close: () =>
      inTurn(async () => {
        await maintenance.markLowWater()
        await store.close()
        await log.close()
        unlock()
      }),
  }
  const ofParts = parts.map(({ methods }) => methods as Methods)

  return {
    append: (group, count) =>
      inTurn(async () => {
        try {
          return await writer.append(unpackGroup(group, count).map((packed) => ({ packed })))
        } catch (thrown) {
          maintenance.unsure()
          throw thrown
        }
      }),
    state: () => ({ size: Math.max(writer.size, sizeAtStart), oldestUnstamped: writer.unstamped?.time }),
    methods: merge('method', [api as Methods, ...ofParts]),
    ofParts: ofParts.flatMap(Object.keys),
  }
}

async function openStores(
  setup: WorkerSetup,
  list: readonly LogPart<object>[],
): Promise<{ log: LogDatabase; store: HotStore; unlock: () => void }> {
  const { databaseUrl: url, partitionRecords } = setup
  const migrations = logMigrations(list)
  const watch = keptWatch(setup.keyFolder)
  const beforeOlderOnesEnd = async (): Promise<void> => refuseBeside(setup.otherNodes)
  if (!url.startsWith('sqlite:')) {
    const log = await openLogDatabase(url, { migrations, beforeOlderOnesEnd })
    return {
      log,
      store: await openPostgresqlStore({ url, partitionRecords, watch }),
      unlock: () => undefined,
    }
  }
  const file = url.slice('sqlite:'.length)
  const { unlock } = prepareFile(file)
  try {
    const log = await openLogDatabase(url, { migrations, beforeOlderOnesEnd })
    return { log, store: openSqliteStore({ file, watch }), unlock }
  } catch (fault) {
    unlock()
    throw fault
  }
}

/**
 * Another node may have rotated the key, or is about to: what counts is its record, one of the first `size`.
 */
async function followKeys(log: LogDatabase, ring: KeyRing, size: number): Promise<void> {
  const known = await log.records.logKeys()
  ring.follow(known.filter(({ idx }) => idx < size).map(({ id }) => id))
}

async function logKeysOf(log: LogDatabase, ring: KeyRing): Promise<LogKeyState[]> {
  const here = new Set(ring.all().map(({ id }) => id.toString('hex')))
  const known = await log.records.logKeys()
  const current = ring.current().id.toString('hex')
  return known.reverse().map(({ id, idx, time }) => ({
    ...{ id, record: idx, since: time },
    ...{ isHere: here.has(id), isCurrent: id === current },
  }))
}

/** Of the first `size` records: what is lost later must not be waited for. */
async function readUnstamped(log: LogDatabase, writer: Writer, size: number): Promise<void> {
  const after = await log.records.documentsAfter(await log.timeStamps.lastStamped(size), 1)
  const first = after.find(({ id }) => id < size)
  const [row] = first === undefined ? [] : await log.records.forms(first.id, 1)
  writer.unstamped =
    first === undefined || row === undefined
      ? undefined
      : { id: first.id, time: Date.parse((JSON.parse(row.form) as { time: string }).time) }
}

async function probe(log: LogDatabase, store: HotStore): Promise<void> {
  await store.head()
  await log.records.setMark('probe', 1)
}
