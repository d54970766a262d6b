/**
 * The log as tests open it, with the logs of the features. It loads nothing else, so that processes that
 * tests start and kill begin soon; what signs and stamps is in fixture.ts.
 */
import path from 'node:path'
import type { Sealing } from '#platform/stored-files/stored-files.ts'
import { type SubjectLog, subjectLog } from '../features/person-search/log/subject-log.ts'
import {
  type ReconciliationLog,
  reconciliationLog,
} from '../features/reconciliation/log/reconciliation-log.ts'
import type { ArchiveOptions } from '../features/retention/archives/archiver.ts'
import { openRetention } from '../features/retention/open-retention.ts'
import type { Retention } from '../features/retention/retention.ts'
import { type LogOptions, openWholeLog, type WholeLog } from '../open-log.ts'

export const SERVER = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', serverCode: 'ss1' }

export function logOptions(folder: string, url?: string): LogOptions {
  return {
    databaseUrl: url ?? `sqlite:${path.join(folder, 'log.db')}`,
    keyFolder: path.join(folder, 'keys'),
    bodyFolder: path.join(folder, 'bodies'),
    server: SERVER,
    node: 'node1',
    clock: () => Date.now(),
  }
}

export type TestLogOptions = LogOptions & {
  archives?: ArchiveOptions | undefined
  /** For archives in the database. */
  sealing?: Sealing | undefined
  makers?: Parameters<typeof openRetention>[0]['makers']
  /** Always by default. */
  isTimeProven?: () => boolean
  nodesOfOtherVersions?: () => Promise<string[]>
}

/** The log with the logs of the features, each made as the feature makes it. */
export type TestLog = WholeLog & {
  subjects: SubjectLog
  reconciliation: ReconciliationLog
  retention: Retention
}

export async function openFullLog({
  archives,
  sealing,
  makers,
  isTimeProven = () => true,
  nodesOfOtherVersions = async () => [],
  ...options
}: TestLogOptions): Promise<TestLog> {
  const log = await openWholeLog(options)
  const { databaseUrl, keyFolder, bodyFolder, server, node, formerNodes, clock } = options
  const { retention, close } = await openRetention({
    ...{
      messageLog: log,
      server,
      node,
      formerNodes,
      clock,
      archives,
      makers,
      isTimeProven,
      nodesOfOtherVersions,
    },
    storedLog: { databaseUrl, keyFolder, bodyFolder, sealing },
  })
  return {
    ...log,
    ...{ subjects: subjectLog(log), reconciliation: reconciliationLog(log), retention },
    close: async () => {
      await close()
      await log.close()
    },
  }
}
