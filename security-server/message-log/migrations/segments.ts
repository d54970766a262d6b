/**
 * No table. A version without this name does not open a log that may have bodies in segments: it would take
 * their records for damaged, and their names for those of files.
 */
import type { Migration } from 'kysely/migration'

export const segments: Migration = { up: async () => undefined }
