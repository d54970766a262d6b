/**
 * Deletes a shared file from outside of the nodes: by a sealed row that says so, since a row that is merely
 * gone would come back from a folder.
 */
import { Fault } from '#schemas/fault.ts'
import { type ClusterKeys, clusterKeysOf } from './cluster-key.ts'
import { keyOf, openFile, sealFile } from './seal-file.ts'
import type { SharedFileStore } from './store.ts'

/**
 * Throws `not_found` for a file that no node shares, `conflict` when it is changed at the same moment,
 * `invalid_configuration` when these keys do not open it.
 */
export async function deleteSharedFile(
  store: SharedFileStore,
  { keys, scope, name }: { keys: ClusterKeys; scope: string; name: string },
): Promise<void> {
  const row = (await store.after(0)).find((one) => one.name === name)
  if (row === undefined) throw new Fault('not_found', { what: `no node shares ${name}` })
  // Nodes with other keys would refuse what these seal.
  const opened = openFile(keys, { scope, name, change: row.change }, row.sealed)
  if ('failure' in opened)
    throw new Fault('invalid_configuration', { what: `the cluster key of this node does not open ${name}` })
  if (opened.content === undefined) return
  // Nodes that run may lack the newest line of the file, but have that of the row.
  const its = clusterKeysOf([keys.lines.find(({ id }) => id === keyOf(row.sealed))!])
  const seal = (change: number): Buffer => sealFile(its, { scope, name, change }, undefined)
  if ((await store.write({ name, known: row.change, seal })) === undefined)
    throw new Fault('conflict', { what: `${name} was changed at this moment: try again` })
}
