/** The settings of a security server that is several nodes. */
import { type NodeSettings, nodesSchema } from '#platform/nodes/settings.ts'

export type ServerNodeSettings = NodeSettings & {
  /** Where bodies of messages, archives and exports go. */
  files: 'database' | 'folders'
}

export const serverNodesSchema = {
  ...nodesSchema,
  description: 'Several nodes on one PostgreSQL share keys, anchor, marks and files through the database',
  properties: {
    ...nodesSchema.properties,
    files: {
      type: 'string',
      enum: ['database', 'folders'],
      default: 'database',
      description:
        'Where archives and exports go: into the databases, sealed, so that each node has them; or into folders of one shared file system',
    },
  },
} as const
