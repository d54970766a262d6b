/** The nodes of this registry: what they share beyond what the nodes of every server do (`platform/nodes`). */
import type { FeatureModule } from '#platform/feature.ts'
import { nodeMigrations } from '#platform/nodes/migrations.ts'
import { type NodeGround, openNodes } from '#platform/nodes/open-nodes.ts'

type Ground = NodeGround & {
  settings: { publicUrl: string; configuration: { otherUrls?: string[] | undefined } }
  privateKeys: { reload(): void }
}

const OF_A_MACHINE = new Set([
  ...['directory', 'database', 'public', 'admin', 'signingToken', 'nodes'],
  ...['logLevel', 'backups', 'pinFile', 'redisUrlFile'],
])

export const nodes: FeatureModule<Ground> = {
  name: 'nodes',
  migrations: nodeMigrations,
  open: (ground) => {
    const { publicUrl, configuration } = ground.settings
    const { otherUrls = [], ...more } = configuration
    return openNodes(ground, {
      ...{
        program: 'central-registry',
        server: `the central registry at ${publicUrl}`,
        scope: 'central registry',
      },
      // Each node names the others, so all of them have to name the same ones together.
      compared: {
        ...ground.settings,
        publicUrl: [...new Set([publicUrl, ...otherUrls])].sort(),
        configuration: more,
      },
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
