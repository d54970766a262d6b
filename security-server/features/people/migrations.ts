/** The table of the people who administer a security server and audit its log. */
import type { Migration } from 'kysely/migration'
import { createPersonTable } from '#platform/people/tables.ts'

export const serverPeopleMigrations: Record<string, Migration> = {
  'security-server-people-001': { up: createPersonTable },
}
