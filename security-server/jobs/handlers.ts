/** What happens later, never on the message path: each job is one call into a room, safe to repeat. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { STREAM_AUDIT_LOG, STREAM_SECONDS } from '#platform/audit-log/stream-settings.ts'
import { BACKUP_SECONDS, MAKE_BACKUP } from '#platform/backups/daily-backups.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Contracts } from '../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import type { Keys } from '../keys/keys.ts'
import type { LocalSystems } from '../local-systems/local-systems.ts'
import type { MessageLog } from '../message-log/message-log.ts'

type Rooms = {
  keys: Pick<Keys, 'refreshOcsp'>
  globalConfiguration: Pick<GlobalConfiguration, 'refreshOwn' | 'refreshSuspensions'>
  contracts: Pick<Contracts, 'refreshWhenDue'>
  localSystems: Pick<LocalSystems, 'poll'>
  messageLog: Pick<
    MessageLog,
    'timeStampNow' | 'keepEvidenceRecords' | 'checkpointNow' | 'maintain' | 'closeAbandoned' | 'noteAuditHead'
  > & {
    retention: Pick<MessageLog['retention'], 'run'>
  }
  audit: Pick<AuditLog, 'list'>
  reconciliation: { run(): Promise<void> }
  /** Absent where nobody witnesses the log. */
  witnesses?: { submit(): Promise<void> } | undefined
  partners: { check(): Promise<void> }
  registryReports: { reportWhenDue(): Promise<void> }
  /** Absent where the settings keep the counts of exchanges here. */
  callReports?: { reportWhenDue(): Promise<void> } | undefined
  verifications: { daily(signal: AbortSignal): Promise<void> }
  exports: Exports
  subjects: { index(signal: AbortSignal): Promise<void> }
  auditOrders: { run(): Promise<void> }
  /** Absent in tests that make none. */
  backups?: { makeDue(): Promise<void> } | undefined
  /** Absent where no collector takes the audit log. */
  auditStream?: { send(signal: AbortSignal): Promise<void> } | undefined
}

/** What auditors have ordered from the log. */
type Exports = {
  jobKind: string
  run(id: string, signal: AbortSignal): Promise<void>
  expire(): Promise<void>
}

type Job = { seconds: number; run(rooms: Rooms, signal: AbortSignal): Promise<unknown> }

const TIME_STAMP = 'time-stamp'

/** Work on files and memory of one node: every node has its own. */
const OF_THIS_NODE: Record<string, Job> = {
  'refresh-configuration': {
    seconds: 30,
    run: ({ globalConfiguration }) => globalConfiguration.refreshOwn(),
  },
  // A suspension is obeyed within a minute: the registry signs it within seconds, and one attempt may fail.
  'refresh-suspensions': {
    seconds: 20,
    run: ({ globalConfiguration }) => globalConfiguration.refreshSuspensions(),
  },
  // Looks often, so that one that failed is tried again soon.
  'refresh-contracts': { seconds: 5, run: ({ contracts }) => contracts.refreshWhenDue() },
  // Looks often, so that a server that has just started is soon known to run.
  'report-to-registry': { seconds: 5, run: ({ registryReports }) => registryReports.reportWhenDue() },
  // Looks often, asks rarely: an answer may live for a minute only.
  'refresh-ocsp': { seconds: 10, run: ({ keys }) => keys.refreshOcsp() },
  'poll-local-systems': { seconds: 2, run: ({ localSystems }) => localSystems.poll() },
  'expire-exports': { seconds: 600, run: ({ exports }) => exports.expire() },
  // What replies said was heard by this node alone.
  'check-partner-logs': { seconds: 10, run: ({ partners }) => partners.check() },
  // What is under way is known to the node that began it.
  'close-exchanges': { seconds: 10, run: ({ messageLog }) => messageLog.closeAbandoned() },
}

/** Work on a shared database: one node does it. */
const OF_THE_LOG: Record<string, Job> = {
  // Before long witnesses have where the audit log stood.
  'audit-head': { seconds: 300, run: noteAuditHead },
  checkpoint: { seconds: 5, run: ({ messageLog }) => messageLog.checkpointNow() },
  // What has settled waits anyway; other servers are asked again after an hour.
  reconcile: { seconds: 300, run: ({ reconciliation }) => reconciliation.run() },
  'audit-orders': { seconds: 30, run: ({ auditOrders }) => auditOrders.run() },
  'submit-checkpoint': { seconds: 5, run: async ({ witnesses }) => witnesses?.submit() },
  // Looks often, runs once a day, and goes on soon with what a stop broke off.
  'verify-log': { seconds: 300, run: ({ verifications }, signal) => verifications.daily(signal) },
  // Makes none where the settings name no folder for them.
  [MAKE_BACKUP]: { seconds: BACKUP_SECONDS, run: async ({ backups }) => backups?.makeDue() },
  'evidence-records': { seconds: 600, run: ({ messageLog }) => messageLog.keepEvidenceRecords() },
  'maintain-log': { seconds: 5, run: ({ messageLog }) => messageLog.maintain() },
  'report-calls': { seconds: 60, run: async ({ callReports }) => callReports?.reportWhenDue() },
  // Behind the exchanges, and only while the key holder answers.
  'index-subjects': { seconds: 2, run: ({ subjects }, signal) => subjects.index(signal) },
  [STREAM_AUDIT_LOG]: {
    seconds: STREAM_SECONDS,
    run: async ({ auditStream }, signal) => auditStream?.send(signal),
  },
  // Archives and ends contents whose time is over: a minute at most, with rests between its batches.
  retention: { seconds: 10, run: ({ messageLog }, signal) => messageLog.retention.run(signal) },
}

async function noteAuditHead({ audit, messageLog }: Rooms): Promise<void> {
  const [newest] = await audit.list({ limit: 1 })
  if (newest === undefined) return
  await messageLog.noteAuditHead({ records: newest.sequence, digest: newest.digest })
}

/** The handlers for createJobs; `node` sets this node's own work apart. */
export function jobHandlers(rooms: Rooms, node: string): Record<string, JobHandler> {
  const handlers: Record<string, JobHandler> = {
    [TIME_STAMP]: async () => {
      await rooms.messageLog.timeStampNow()
    },
    [rooms.exports.jobKind]: ({ payload, signal }) =>
      rooms.exports.run((payload as { id: string }).id, signal),
  }
  for (const [kind, job] of Object.entries(named(node))) {
    handlers[kind] = async ({ signal }) => {
      await job.run(rooms, signal)
    }
  }
  return handlers
}

/** Sets every job's interval; `timeStampInterval` is asked again and again, so that a change takes effect. */
export async function scheduleJobs(jobs: Jobs, node: string, timeStampInterval: () => number): Promise<void> {
  for (const [kind, { seconds }] of Object.entries(named(node))) await jobs.every(kind, seconds)
  await jobs.every(TIME_STAMP, timeStampInterval)
}

/** For metrics: 1 for each kind whose last run failed, else 0; a node's own work goes by its plain name. */
export async function failingJobs(jobs: Pick<Jobs, 'state'>): Promise<Map<string, number>> {
  const failing = new Map<string, number>()
  for (const { kind, lastError } of await jobs.state()) {
    const plain = kind.split(' ')[0]!
    failing.set(plain, Math.max(failing.get(plain) ?? 0, lastError === null ? 0 : 1))
  }
  return failing
}

function named(node: string): Record<string, Job> {
  const own = Object.entries(OF_THIS_NODE).map(([kind, job]): [string, Job] => [`${kind} ${node}`, job])
  return { ...Object.fromEntries(own), ...OF_THE_LOG }
}
