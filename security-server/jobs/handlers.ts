/** What happens later, never on the message path: each job is one call into a room, safe to repeat. */
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import type { Keys } from '../keys/keys.ts'
import type { LocalSystems } from '../local-systems/local-systems.ts'
import type { MessageLog } from '../message-log/message-log.ts'

type Rooms = {
  keys: Keys
  globalConfiguration: GlobalConfiguration
  localSystems: LocalSystems
  messageLog: MessageLog
}

type Job = { seconds: number; run(rooms: Rooms): Promise<unknown> }

/** Work on files and memory of one node: every node has its own. */
const OF_THIS_NODE: Record<string, Job> = {
  'refresh-configuration': { seconds: 30, run: ({ globalConfiguration }) => globalConfiguration.refresh() },
  // Looks often, asks rarely: an answer may live for a minute only.
  'refresh-ocsp': { seconds: 10, run: ({ keys }) => keys.refreshOcsp() },
  'poll-local-systems': { seconds: 2, run: ({ localSystems }) => localSystems.poll() },
}

/** Work on a shared database: one node does it. X-Road's interval for time-stamps is 60 s, from the configuration. */
const OF_THE_LOG: Record<string, Job> = {
  'time-stamp': { seconds: 60, run: ({ messageLog }) => messageLog.timeStampNow() },
  checkpoint: { seconds: 5, run: ({ messageLog }) => messageLog.checkpointNow() },
  'maintain-log': { seconds: 5, run: ({ messageLog }) => messageLog.maintain() },
}

/** The handlers for createJobs; `node` sets this node's own work apart. */
export function jobHandlers(rooms: Rooms, node: string): Record<string, JobHandler> {
  const handlers: Record<string, JobHandler> = {}
  for (const [kind, job] of Object.entries(named(node))) {
    handlers[kind] = async () => {
      await job.run(rooms)
    }
  }
  return handlers
}

/** Sets every job's interval. */
export async function scheduleJobs(jobs: Jobs, node: string): Promise<void> {
  for (const [kind, { seconds }] of Object.entries(named(node))) await jobs.every(kind, seconds)
}

function named(node: string): Record<string, Job> {
  const own = Object.entries(OF_THIS_NODE).map(([kind, job]): [string, Job] => [`${kind} ${node}`, job])
  return { ...Object.fromEntries(own), ...OF_THE_LOG }
}
