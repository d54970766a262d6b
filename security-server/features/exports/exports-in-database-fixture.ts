/** For tests only: loaded also by a process that a test kills, so apart from what verifies exports. */
import { parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import type { Sealing } from '#platform/stored-files/stored-files.ts'

/** For exports whose files are in the server's database. */
export function exportsInDatabase(clusterKey: string): { sealing: Sealing; isUsed: boolean } {
  const keys = parseClusterKeys(clusterKey, 'cluster key')
  return { sealing: { keys, scope: 'DEV/GOV/1234/ss1' }, isUsed: true }
}
