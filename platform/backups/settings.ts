/** The settings of backups, the same for both servers. */

export type BackupSettings = { directory: string; keyFile: string; hour: number; keep: number }

export const backupSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['directory', 'keyFile'],
  description: 'Daily backups; without it none is made',
  properties: {
    directory: { type: 'string', 'x-path': true, description: 'The folder of the backups' },
    keyFile: {
      type: 'string',
      'x-path': true,
      description: 'Secret file with the text under which backups are encrypted, mode 0600',
    },
    hour: { type: 'integer', minimum: 0, maximum: 23, default: 3, description: 'After this hour, UTC' },
    keep: { type: 'integer', minimum: 1, maximum: 1000, default: 30, description: 'How many are kept' },
  },
} as const
