/**
 * What the nodes say of their settings, sealed under the cluster key in a row each, as each was started. So
 * every node, and whoever sets one up, sees in what they differ. No node takes a setting from there by
 * itself: docs/decisions/nodes.md says why.
 */
import { createHmac } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { type ClusterKeys, sealingKey } from '#platform/shared-files/cluster-key.ts'
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
  /** Tells them again if another line of the cluster key seals now. */
  sealAnew(): Promise<void>
  /** By the name of a node, of those that say other things than this one. `clusterKeys` are this node's. */
  differences(rows: readonly NodeRow[], clusterKeys?: string[]): Promise<Map<string, Difference[]>>
}

/** What is sealed. The time is inside, so that a row that was put back is shown with its own. */
type ToldSettings = { toldAt: string; values: SettingValues }

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
  let sealedUnder: string | undefined
  const tell = async (): Promise<void> => {
    const [at, before] = [await store.now(), (await store.settings()).find(({ name }) => name === node)]
    const known = before && openSettings(before, { keys, scope })
    const isSame = known !== undefined && differencesOf(known.values, values).length === 0
    const toldAt = isSame ? known.toldAt : new Date(at).toISOString()
    const { id } = sealingKey(keys)
    const content: ToldSettings = { toldAt, values }
    await store.tellSettings({
      ...{ name: node, told_at: toldAt },
      sealed: sealFile(keys, boundTo(scope, node), Buffer.from(JSON.stringify(content))),
    })
    sealedUnder = id
  }
  return {
    ...{ told, tell },
    async sealAnew() {
      if (sealedUnder !== sealingKey(keys).id) await tell()
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
        // A node that went back to a version which tells no values has left its row of before.
        const row = readTold(text).values === undefined ? undefined : settings.get(name)
        const theirs = row && openSettings(row, { keys, scope })
        const list =
          theirs === undefined
            ? differing({ ...told, ...(clusterKeys && { clusterKeys }) }, readTold(text)).map((name) => ({
                name,
              }))
            : differencesOf(values, theirs.values)
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
): ToldSettings | undefined {
  const opened = openFile(keys, boundTo(scope, name), sealed)
  if ('failure' in opened || opened.content === undefined) return undefined
  const told = JSON.parse(opened.content.toString()) as Partial<ToldSettings>
  return typeof told.toldAt === 'string' && typeof told.values === 'object'
    ? (told as ToldSettings)
    : undefined
}

const boundTo = (scope: string, node: string) => ({
  ...{ scope, change: 0 },
  name: `settings of the node ${JSON.stringify(node)}`,
})
