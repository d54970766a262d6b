/** The settings of a server that is several nodes. */
import { Fault } from '#schemas/fault.ts'

export type NodeSettings = { clusterKeyFile: string }

export const nodesSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['clusterKeyFile'],
  description: 'Several nodes on one PostgreSQL share their keys through the database',
  properties: {
    clusterKeyFile: {
      type: 'string',
      'x-path': true,
      description: 'The key under which they are sealed, mode 0600; the first node makes it',
    },
  },
} as const

/** Throws `invalid_configuration` for nodes without a database that they can share. */
export function checkNodes(nodes: NodeSettings | undefined, databases: Record<string, string>): void {
  if (nodes === undefined) return
  for (const [name, url] of Object.entries(databases))
    if (!/^postgres(ql)?:/.test(url))
      throw new Fault('invalid_configuration', {
        what: `nodes needs PostgreSQL: ${name} is a file of this machine`,
      })
}
