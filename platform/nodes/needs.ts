/** What nodes of one server have in common. */
import type { ClusterKeys } from '#platform/shared-files/cluster-key.ts'
import type { SealedAnew } from '#platform/shared-files/seal-anew.ts'
import type { SharedFiles } from '#platform/shared-files/shared-files.ts'

export type Cluster = {
  files: SharedFiles
  keys: ClusterKeys
  /** Seals the rows of shared files under the line that seals now, where they are under an older one. */
  sealAnew(): Promise<SealedAnew>
  /** The file of the cluster keys. */
  keyFile: string
}
