/**
 * What the nodes say of their settings, sealed under the cluster key in a row each, as each was started. So every node, and whoever sets one up, sees in
 * what they differ. No node takes a setting from there by itself: docs/decisions/nodes.md says why.
 */
import { createHmac } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { ClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { openFile, sealFile } from '#platform/shared-files/seal-file.ts'
import type { NodeRow, NodeSettingsRow } from './migrations.ts'
import { type Difference, differencesOf, type SettingValues } from './setting-values.ts'
import type { NodeStore } from './store.ts'
import { differing, readTold, settingDigests, type Told } from './told.ts'

export type SettingsOfNodes = {
  /** What goes with each beat, so that nobody reads rows while nothing differs. */
  told: Pick<Told, 'settings' | 'values'>
  /** From now on the others see these. */
  tell(): Promise<void>
  /** By the name of a node, of those that say other things than this one. `clusterKeys` are this node's. */
  differences(rows: readonly NodeRow[], clusterKeys?: string[]): Promise<Map<string, Difference[]>>
}

export function createSettingsOfNodes(q: {
  node: string
  store: Pick<NodeStore, 'tellSettings' | 'settings' | 'now'>
  keys: ClusterKeys
  /** What the rows are bound to. */
  scope: string
  compared: object
  schema: object
  ofAMachine: ReadonlySet<string>
  values: SettingValues
}): SettingsOfNodes {
  const { node, store, keys, scope, values } = q
  const key = createHmac('sha256', keys.lines.at(-1)!.key).update('concordat settings of nodes').digest()
  const told = {
    settings: settingDigests(q.compared, { schema: q.schema, ofAMachine: q.ofAMachine, key }),
    values: createHmac('sha256', key).update(canonicalJson(values)).digest('hex').slice(0, 16),
  }
  return {
    told,
    async tell() {
      const [at, before] = [await store.now(), (await store.settings()).find(({ name }) => name === node)]
      const known = before && openSettings(before, { keys, scope })
      const isSame = known !== undefined && differencesOf(known, values).length === 0
      await store.tellSettings({
        name: node,
        sealed: sealFile(keys, boundTo(scope, node), Buffer.from(JSON.stringify(values))),
        told_at: isSame ? before!.told_at : new Date(at).toISOString(),
      })
    },
    async differences(rows, clusterKeys) {
      const others = rows.filter(({ name, left_at, told: text }) => {
        const { values: its } = readTold(text)
        return name !== node && left_at === null && its !== told.values
      })
      const found = new Map<string, Difference[]>()
      if (others.length === 0) return found
      const settings = new Map((await store.settings()).map((row) => [row.name, row]))
      for (const { name, told: text } of others) {
        const row = settings.get(name)
        const theirs = row && openSettings(row, { keys, scope })
        const list =
          theirs === undefined
            ? differing({ ...told, ...(clusterKeys && { clusterKeys }) }, readTold(text)).map((name) => ({
                name,
              }))
            : differencesOf(values, theirs)
        if (list.length > 0) found.set(name, list)
      }
      return found
    },
  }
}

/** Undefined for a row that is sealed under a key which is not here, or that was altered. */
export function openSettings(
  { name, sealed }: Pick<NodeSettingsRow, 'name' | 'sealed'>,
  { keys, scope }: { keys: ClusterKeys; scope: string },
): SettingValues | undefined {
  const opened = openFile(keys, boundTo(scope, name), sealed)
  if ('failure' in opened || opened.content === undefined) return undefined
  return JSON.parse(opened.content.toString()) as SettingValues
}

const boundTo = (scope: string, node: string) => ({
  ...{ scope, change: 0 },
  name: `settings of the node ${JSON.stringify(node)}`,
})
