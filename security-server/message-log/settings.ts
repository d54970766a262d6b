/** The settings of how a server's message log is kept, verified, archived and kept provable. */
import { ALGORITHM_ENDS } from '#core/evidence-bundle/validation-policy.ts'
import { Fault } from '#schemas/fault.ts'

/** Where bodies over 64 KiB go. */
export type BodyPlace = 'files' | 'database'

export type KeepingSettings = {
  messageLogBodies?: BodyPlace
  verification: { hour: number; fullEveryDays: number }
  archives: { path?: string; maxFileBytes: number }
  evidenceRecords: {
    intervalHours: number
    renewBeforeDays: number
    algorithmEnds: string[]
  }
}

const DAY = '20\\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])'

/** JSON Schema of these settings. */
export const keepingProperties = {
  messageLogBodies: {
    type: 'string',
    enum: ['files', 'database'],
    description:
      "Where new bodies over 64 KiB go: to files in `directory`, or to the message log's database (PostgreSQL), as for nodes unless `nodes.files` says `folders`",
  },
  verification: {
    type: 'object',
    additionalProperties: false,
    default: {},
    properties: {
      hour: {
        type: 'integer',
        minimum: 0,
        maximum: 23,
        default: 1,
        description: 'After which hour (UTC) the message log is verified each day',
      },
      fullEveryDays: {
        type: 'integer',
        minimum: 1,
        maximum: 366,
        default: 7,
        description: 'Every so many days from the first record on',
      },
    },
  },
  archives: {
    type: 'object',
    additionalProperties: false,
    default: {},
    properties: {
      path: {
        type: 'string',
        'x-path': true,
        description: 'Where archives of the message log go; archives in `directory` when absent',
      },
      maxFileBytes: {
        type: 'integer',
        minimum: 65536,
        default: 33554432,
        description: 'A new archive is begun when contents of so many bytes are in one',
      },
    },
  },
  evidenceRecords: {
    type: 'object',
    additionalProperties: false,
    default: {},
    properties: {
      intervalHours: {
        type: 'number',
        minimum: 1,
        default: 24,
        description: 'How often an evidence record over the tree head is made',
      },
      renewBeforeDays: {
        type: 'integer',
        minimum: 1,
        default: 90,
        description: 'How long before it ceases to count an evidence record is renewed',
      },
      algorithmEnds: {
        type: 'array',
        items: { type: 'string', pattern: `^(${Object.keys(ALGORITHM_ENDS).join('|')}) ${DAY}$` },
        default: [],
        description:
          'Last days of algorithms (SHA-256 2029-12-31), where they differ from docs/validation-policy.md',
      },
    },
  },
} as const

/** Nodes that keep their files in the databases keep bodies there too, unless something else is said. */
export function bodyPlaceOf(q: {
  messageLogBodies?: BodyPlace | undefined
  nodes?: { files: 'database' | 'folders' } | undefined
}): BodyPlace {
  return q.messageLogBodies ?? (q.nodes?.files === 'database' ? 'database' : 'files')
}

/** Throws `invalid_configuration` for bodies in a database that holds none. */
export function checkBodyPlace(
  q: Pick<KeepingSettings, 'messageLogBodies'> & { messageLogDatabase: string },
): void {
  if (q.messageLogBodies !== 'database' || /^postgres(ql)?:/.test(q.messageLogDatabase)) return
  throw new Fault('invalid_configuration', {
    what: 'messageLogBodies: database needs PostgreSQL, and messageLogDatabase is a file of this machine: leave messageLogBodies out, and bodies are files beside it',
  })
}
