/** The settings of a security server that is several nodes. */
import { checkNodes, type NodeSettings, nodesSchema } from '#platform/nodes/settings.ts'
import { Fault } from '#schemas/fault.ts'

export type ServerNodeSettings = NodeSettings & {
  /** Where bodies of messages, archives and exports go. */
  files: 'database' | 'folders'
}

/** Settings that each machine has for itself; nodes do not compare them. */
export const OF_A_MACHINE: ReadonlySet<string> = new Set([
  ...['directory', 'database', 'messageLogDatabase', 'clients', 'admin', 'hardwareTokens'],
  ...['logLevel', 'development', 'killPoint', 'backups', 'pinFile', 'redisUrlFile', 'workers'],
])

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

export const workersSchema = {
  type: 'integer',
  minimum: 1,
  maximum: 64,
  default: 1,
  description: 'How many processes of this machine answer on its ports, about one a core; each is a node',
} as const

/** Throws `invalid_configuration` for nodes, or workers, without a database that they can share. */
export function checkServerNodes(q: {
  nodes?: ServerNodeSettings | undefined
  workers: number
  database: string
  messageLogDatabase: string
}): void {
  const { nodes, workers, database, messageLogDatabase } = q
  const databases = { database, messageLogDatabase }
  if (workers === 1) {
    checkNodes(nodes, databases)
    return
  }
  for (const [name, url] of Object.entries(databases))
    if (!/^postgres(ql)?:/.test(url))
      throw new Fault('invalid_configuration', {
        what: `workers needs PostgreSQL: ${name} is a file, which one process alone may write`,
      })
  if (nodes === undefined)
    throw new Fault('invalid_configuration', {
      what: 'workers needs nodes.clusterKeyFile: each worker is a node, and they share their keys as nodes do',
    })
}
