/** For tests only: options of a log whose archives go to its database. */
import { parseClusterKeys } from '#platform/shared-files/cluster-key.ts'
import type { TestLogOptions } from '../../../message-log/fixture.ts'

/** `living` are the processes that live besides `maker`; `left` the nodes that are gone for good. */
export function inDatabase(
  clusterKey: string,
  maker: string,
  living: ReadonlySet<string> = new Set(),
  left: ReadonlySet<string> = new Set(),
): Pick<TestLogOptions, 'sealing' | 'makers'> {
  return {
    sealing: { keys: parseClusterKeys(clusterKey, 'cluster key'), scope: 'DEV/GOV/1234/ss1' },
    makers: { maker, isUsed: true, living: async () => new Set([maker, ...living]), left: async () => left },
  }
}
