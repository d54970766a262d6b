/** The nodes of this server, and secrets with which others join it. */
import type { Kysely } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { sharedFileMigrations } from '#platform/shared-files/store.ts'
import type { Time, Uuid } from '#schemas/sent-values.ts'

export type NodeRow = {
  name: string
  /** Made anew by each start: two processes with one name have two of them. */
  instance: string
  version: string
  started_at: Time
  seen_at: Time
  /** JSON of `Told`. */
  told: string
  /** When another process with the same name was last seen beside this one. */
  cloned_at: Time | null
  left_at: Time | null
}

export type JoinSecretRow = {
  id: Uuid
  /** Who asked for it, and alone is shown it. */
  asked_by: string
  url: string
  /** The secret, sealed under the cluster key. */
  sealed: Buffer
  expires_at: Time
  shown_at: Time | null
  used_at: Time | null
}

export type NodeSettingsRow = {
  /** The node's. */
  name: string
  /** What it tells of its settings, sealed under the cluster key. */
  sealed: Buffer
  /** Since when it says this; what is sealed has the time too, and that one counts. */
  told_at: Time
}

export type NodeTables = { node: NodeRow; join_secret: JoinSecretRow; node_settings: NodeSettingsRow }

export const nodeMigrations: Record<string, SchemaChange> = {
  ...sharedFileMigrations,
  'nodes-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('node')
        .addColumn('name', type.text, (column) => column.primaryKey())
        .addColumn('instance', type.text, (column) => column.notNull())
        .addColumn('version', type.text, (column) => column.notNull())
        .addColumn('started_at', type.text, (column) => column.notNull())
        .addColumn('seen_at', type.text, (column) => column.notNull())
        .addColumn('told', type.text, (column) => column.notNull())
        .addColumn('cloned_at', type.text)
        .addColumn('left_at', type.text)
        .execute()
      await kysely.schema
        .createTable('join_secret')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('asked_by', type.text, (column) => column.notNull())
        .addColumn('url', type.text, (column) => column.notNull())
        .addColumn('sealed', type.blob, (column) => column.notNull())
        .addColumn('expires_at', type.text, (column) => column.notNull())
        .addColumn('shown_at', type.text)
        .addColumn('used_at', type.text)
        .execute()
    },
  },
  'nodes-002-settings': {
    olderVersionsGoOn: true,
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('node_settings')
        .addColumn('name', type.text, (column) => column.primaryKey())
        .addColumn('sealed', type.blob, (column) => column.notNull())
        .addColumn('told_at', type.text, (column) => column.notNull())
        .execute()
    },
  },
}
