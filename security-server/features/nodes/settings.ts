/** The settings of a server that is several nodes. */
import { Fault } from '#schemas/fault.ts'

export type NodeSettings = { clusterKeyFile: string }

export const nodesSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['clusterKeyFile'],
  description: 'Several nodes on one PostgreSQL share keys, anchor and marks through the database',
  properties: {
    clusterKeyFile: {
      type: 'string',
      'x-path': true,
      description: 'The key under which they are sealed, mode 0600; the first node makes it',
    },
  },
} as const

/** Throws `invalid_configuration` for nodes without a database that they can share. */
export function checkNodes(q: {
  nodes?: NodeSettings | undefined
  database: string
  messageLogDatabase: string
}): void {
  if (q.nodes === undefined) return
  for (const name of ['database', 'messageLogDatabase'] as const)
    if (!/^postgres(ql)?:/.test(q[name]))
      throw new Fault('invalid_configuration', {
        what: `nodes needs PostgreSQL: ${name} is a file of this machine`,
      })
}
