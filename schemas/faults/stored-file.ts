/** Faults of files that nodes keep in the database. */
import type { FaultEntry } from './entry.ts'

export const storedFileFaults = {
  stored_file_damaged: {
    status: 500,
    blame: 'server',
    text: 'A file in the database is not what was written',
    remedy: 'Order an export again. For an archive, restore the database of the message log from a backup',
  },
} satisfies Record<string, FaultEntry>
