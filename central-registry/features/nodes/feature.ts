/**
 * The nodes of this registry: what they share beyond what the nodes of every server do (`platform/nodes`).
 */
import type { FeatureModule } from '#platform/feature.ts'
import { nodeMigrations } from '#platform/nodes/migrations.ts'
import { type NodeGround, openNodes } from '#platform/nodes/open-nodes.ts'
import { comparedSettings, OF_A_MACHINE, type PublishedAt, SCOPE } from './settings.ts'

type Ground = NodeGround & {
  settings: PublishedAt
  privateKeys: { reload(): void }
}

export const nodes: FeatureModule<Ground> = {
  name: 'nodes',
  migrations: nodeMigrations,
  open: (ground) => {
    const { publicUrl } = ground.settings
    return openNodes(ground, {
      ...{
        program: 'central-registry',
        server: `the central registry at ${publicUrl}`,
        scope: SCOPE,
      },
      compared: comparedSettings(ground.settings),
      ofAMachine: OF_A_MACHINE,
      informing: new Set(['configuration', 'suspension-list', 'signing-token']),
      ownFolders: [],
      marks: ['highest-published-index', 'highest-suspension-list'],
      // Identity keys are read anew whenever one is missing, and their files never change.
      rooms: [['signing-keys', async () => ground.privateKeys.reload()]],
      // What it had begun are jobs, which others take over by themselves.
      takeOver: async () => undefined,
    })
  },
}
