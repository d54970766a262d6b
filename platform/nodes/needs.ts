/** What nodes of one server have in common. */
import type { ClusterKeys } from '#platform/shared-files/cluster-key.ts'
import type { SharedFiles } from '#platform/shared-files/shared-files.ts'

export type Cluster = {
  files: SharedFiles
  keys: ClusterKeys
  /** The file of the cluster keys. */
  keyFile: string
}
