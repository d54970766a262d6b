/** The log as its worker runs it: one writer, whose commits stand in a row, and reads beside it. */
import { hiddenForm } from '#core/log-export/hidden-form.ts'
import { noteName } from '#core/merkle/checkpoint.ts'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { createTurn } from '#platform/in-turn.ts'
import { workerSubjects } from '../features/person-search/log/worker-subjects.ts'
import { readRecords } from '../features/reconciliation/log/read-records.ts'
import { workerRetention } from '../features/retention/worker-retention.ts'
import { proveInclusion } from '../reading/evidence/prove-inclusion.ts'
import { readEvidence } from '../reading/evidence/read-evidence.ts'
import { readStampProof } from '../reading/evidence/read-stamp.ts'
import { withActors, workerActors } from '../reading/index/worker-actors.ts'
import { putAuditHead } from './audit-heads.ts'
import { checkLogIsWhole, markBeginning, markFirstStart, registerKey } from './check-start.ts'
import { eraseRecords } from './erase.ts'
import { unpackGroup } from './group-format.ts'
import { writeHighWater } from './keys/high-water.ts'
import { keyRotationRecord, openKeyRing } from './keys/key-ring.ts'
import { type LogDatabase, openLogDatabase } from './log-database.ts'
import { createMaintenance } from './maintenance.ts'
import { openPostgresqlStore } from './postgresql/store.ts'
import type { HotStore } from './records/hot-store.ts'
import { type AppendResult, createWriter, type OwnRecord, type Writer } from './records/writer.ts'
import { closeAbandoned, scanIntents } from './recover.ts'
import { openSqliteStore, prepareFile } from './sqlite/store.ts'
import { nextBatch } from './time-stamps/batch.ts'
import { signersOf } from './time-stamps/signers-of.ts'
import { timeStampRecord } from './time-stamps/stamp-record.ts'
import { draftCheckpoint } from './tree/draft-checkpoint.ts'
import { proveConsistency } from './tree/prove-consistency.ts'
import type { LogState, WorkerApi, WorkerSetup } from './worker-api.ts'

export type WorkerLog = {
  append(group: Buffer, count: number): Promise<AppendResult[]>
  state(): LogState
  api: WorkerApi
}

export async function openWorkerLog(setup: WorkerSetup): Promise<WorkerLog> {
  const { log, store, unlock } = await openStores(setup)
  const { node } = setup
  const head = await store.head()
  await checkLogIsWhole(log, head.size, setup.keyFolder)
  await markFirstStart(log, node, head.size)
  const ring = openKeyRing(setup.keyFolder, head.size === 0)
  const writer = createWriter({ store, records: log.records, logKey: ring.current })
  const sizeAtStart = head.size

  // Writes stand in a row: a group never meets a half-done transaction of another writer in this thread.
  const inTurn = createTurn()
  const appendAll = async (records: OwnRecord[]): Promise<number[]> =>
    (await writer.append(records)).map((result) => {
      if ('fault' in result) throw result.fault
      return result.index
    })
  const appendOwn = async (record: OwnRecord): Promise<number> => (await appendAll([record]))[0]!

  await registerKey(log, ring, setup, appendOwn)
  await markBeginning({ log, store, ring, setup })
  await readUnstamped(log, writer)
  const maintenance = createMaintenance({ log, store, writer, ring, setup, sizeAtStart })

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
    api: {
      probe: () => inTurn(() => probe(log, store)),
      newestCheckpoint: async () => (await log.tree.newestCheckpoint())?.note,
      draftCheckpoint: () =>
        inTurn(async () => draftCheckpoint(log, await store.head(), setup.origin, ring.checkpointKey())),
      putCheckpoint: ({ size, root, note, now }) =>
        inTurn(async () => {
          await log.tree.putCheckpoint({ size, root, note, time: new Date(now).toISOString() })
          writeHighWater(setup.keyFolder, note)
        }),
      proveConsistency: async ({ first, second }) => proveConsistency(log, first, second),
      logKey: async () =>
        writeVerifierKey({ name: noteName(setup.origin), publicKey: ring.checkpointKey() }, 'log'),
      putCosignature: (cosignature) => inTurn(() => log.cosignatures.put(cosignature)),
      newestCosigned: (witnesses) => log.cosignatures.newest(witnesses),
      checkpointsWithWitnesses: ({ before, limit }) => log.cosignatures.checkpoints(before, limit),
      putContradiction: (found) => inTurn(() => log.cosignatures.putContradiction(found)),
      contradictions: () => log.cosignatures.contradictions(),
      nextTimeStampBatch: (limit) =>
        inTurn(async () => nextBatch(log.records, await log.timeStamps.lastStamped(), limit)),
      putTimeStamp: ({ batch, answer, now }) =>
        inTurn(async () => {
          await appendOwn(timeStampRecord({ batch, answer, time: now, node }))
          await readUnstamped(log, writer)
        }),
      maintain: (q) => inTurn(() => maintenance.slice(q)),
      findByQueryId: async (queryId) => log.search.byQueryId(queryId, (await log.records.head()).size),
      list: async (filter) =>
        log.terms.withTerms(await log.search.list(withActors(filter, ring), (await log.records.head()).size)),
      listSome: async (filter) => {
        const { size } = await log.records.head()
        const { rows, ...more } = await log.search.listSome(withActors(filter, ring), size)
        return { rows: await log.terms.withTerms(rows), ...more }
      },
      window: async ({ filter, after, size }) => {
        const { rows, last } = await log.search.window(withActors(filter, ring), { after, size })
        return { rows: await log.terms.withTerms(rows), last }
      },
      termsThere: (q) => log.terms.termsThere(q),
      ...workerActors({ log, ring }),
      traffic: (question) => log.search.traffic(question),
      callsOf: (q) => log.search.callsOf(q),
      checkpoints: (limit) => log.tree.newestCheckpoints(limit),
      checkpointOf: (size) => log.tree.checkpointOf(size),
      erasedBelow: (size) => log.records.erasedBelow(size),
      forms: async ({ first, limit, clearance }) => {
        const rows = await log.records.forms(first, limit)
        const last = first + limit - 1
        const hidden = new Set(await log.search.secretRecords({ first, last, clearance }))
        return rows.map(({ idx, form, leaf }) => (hidden.has(Number(idx)) ? hiddenForm(leaf) : form))
      },
      countedDays: (q) => log.dailyCounts.days(q),
      countsOf: (q) => log.dailyCounts.get(q),
      ...workerRetention({
        log,
        ring,
        inTurn,
        erase: (erasures, holds, now) =>
          eraseRecords({ erasures, holds, now, log, ring, node, append: appendAll }),
        indexAll: () => maintenance.indexPast(Number.MAX_SAFE_INTEGER),
        scrub: () => store.scrub(),
      }),
      ...workerSubjects({ log, findKey: ring.find, inTurn }),
      partners: ({ from, to }) => log.reconciliation.partners(from, to),
      secretPartners: ({ from, to }) => log.reconciliation.secretPartners(from, to),
      rangeBetween: ({ from, to }) => log.reconciliation.range(from, to),
      readRecords: (q) => readRecords(log, q, ring.find),
      putAuditHead: ({ head, now }) => inTurn(() => putAuditHead({ log, writer, head, now, node })),
      readEvidence: (index) => readEvidence(log, index, ring.find),
      proveInclusion: ({ index, size }) => proveInclusion(log, index, ring.find, size),
      signersOf: (q) => signersOf(log.records, q),
      stampEvidence: (index) => readStampProof(log, index),
      newestEvidenceRecord: () => log.evidenceRecords.newest(),
      evidenceRecordCovering: (index) => log.evidenceRecords.covering(index),
      dueEvidenceRecords: ({ now, limit }) => log.evidenceRecords.due(now, limit),
      putEvidenceRecord: (row) => inTurn(() => log.evidenceRecords.insert(row)),
      replaceEvidenceRecord: ({ before, row }) => inTurn(() => log.evidenceRecords.replace(before, row)),
      recover: async ({ now, underWay }) => {
        const scan = scanIntents({
          records: log.records,
          node,
          formerNodes: setup.formerNodes,
          findKey: ring.find,
        })
        // Records may be many since the oldest open exchange: only what comes meanwhile is read in the turn.
        await scan.to(Math.max(writer.size, sizeAtStart))
        return inTurn(async () => {
          await scan.to((await store.head()).size)
          const done = await closeAbandoned({ scan, writer, node, underWay, now })
          await scan.moveFormerMarks()
          maintenance.recovered()
          return done
        })
      },
      rotateKey: (now) =>
        inTurn(async () => {
          ring.rotate()
          const record = await appendOwn(keyRotationRecord(ring, now, node))
          return { id: ring.current().id.toString('hex'), record }
        }),
      logKeys: async () => {
        const here = new Set(ring.all().map(({ id }) => id.toString('hex')))
        const current = ring.current().id.toString('hex')
        const known = await log.records.logKeys()
        return known.reverse().map(({ id, idx, time }) => ({
          ...{ id, record: idx, since: time },
          ...{ isHere: here.has(id), isCurrent: id === current },
        }))
      },
      referredBodyFiles: async (names) => [...(await log.records.referredBodyFiles(names))],
      close: () =>
        inTurn(async () => {
          await maintenance.markLowWater()
          await store.close()
          await log.close()
          unlock()
        }),
    },
  }
}

async function openStores(
  setup: WorkerSetup,
): Promise<{ log: LogDatabase; store: HotStore; unlock: () => void }> {
  const { databaseUrl: url, partitionRecords } = setup
  if (!url.startsWith('sqlite:')) {
    const log = await openLogDatabase(url)
    return { log, store: await openPostgresqlStore({ url, partitionRecords }), unlock: () => undefined }
  }
  const file = url.slice('sqlite:'.length)
  const { unlock } = prepareFile(file)
  try {
    const log = await openLogDatabase(url)
    return { log, store: openSqliteStore({ file }), unlock }
  } catch (fault) {
    unlock()
    throw fault
  }
}

async function readUnstamped(log: LogDatabase, writer: Writer): Promise<void> {
  const [first] = await log.records.documentsAfter(await log.timeStamps.lastStamped(), 1)
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
