/**
 * The databases that settings name: whether they can be reached, whether they keep what they confirm, and
 * which version they are of.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { registryMigrations } from '#central-registry/features.ts'
import { schemaIn } from '#platform/database/migrate.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { asFault } from '#schemas/fault.ts'
import { serverMigrations } from '#security-server/features.ts'
import { LOG_PARTS } from '#security-server/log-parts.ts'
import { logMigrations } from '#security-server/message-log/part.ts'
import { lookAtDisk } from './disk.ts'
import { type Finding, toDo, well } from './finding.ts'
import type { Setting } from './settings.ts'

/** 15 and newer are what the tests use. */
const OLDEST = 14
const WARNS_MS = 10_000

export function databasesIn(settings: Setting[]): Setting[] {
  return settings.filter(({ value }) => /^(?:sqlite|postgres(?:ql)?):/.test(value))
}

/** By a server's kind and the setting that names the database. */
const SCHEMAS: Record<string, Record<string, SchemaChange>> = {
  'security-server database': serverMigrations,
  'security-server messageLogDatabase': logMigrations(LOG_PARTS),
  'central-registry database': registryMigrations,
}

export async function lookAtDatabase(kind: string, { name, value }: Setting): Promise<Finding[]> {
  const isEmbedded = value.startsWith('sqlite:')
  const file = value.slice('sqlite:'.length)
  const disk = isEmbedded ? await lookAtDisk({ name, value: path.dirname(file) }, true) : []
  // To look at a file that is not there would make it.
  if (isEmbedded && !existsSync(file)) return disk
  try {
    const database = await openDatabase(value)
    try {
      const judged = isEmbedded ? [] : await lookAtPostgresql(name, database)
      const schema = SCHEMAS[`${kind} ${name}`]
      return [...disk, ...judged, ...(schema === undefined ? [] : await lookAtSchema(name, database, schema))]
    } finally {
      await database.close()
    }
  } catch (thrown) {
    const { what, cause } = asFault(thrown)
    const why = (cause as Error | undefined)?.message ?? what
    const todo = isEmbedded
      ? 'look at the owner and the mode of the file and its folder'
      : 'look at address, user, password file, and pg_hba.conf there'
    return [...disk, toDo(name, `it cannot be used (${String(why).split('\n')[0]})`, todo)]
  }
}

async function lookAtPostgresql(name: string, database: Database): Promise<Finding[]> {
  const row = await sql<Facts>`select current_setting('server_version_num')::int as version,
    current_setting('server_version') as text, current_setting('fsync') as fsync,
    current_setting('synchronous_commit') as synchronous_commit, current_setting('full_page_writes') as full_page_writes,
    current_setting('server_encoding') as encoding, current_setting('max_connections')::int as connections,
    pg_is_in_recovery() as standby, coalesce(has_schema_privilege(current_schema(), 'create'), false) as creates,
    extract(epoch from clock_timestamp())::float8 as seconds`.execute(database.kysely)
  return judgePostgresql(name, row.rows[0]!, Date.now())
}

async function lookAtSchema(
  name: string,
  database: Database,
  schema: Record<string, SchemaChange>,
): Promise<Finding[]> {
  const label = `${name}, tables`
  const texts = {
    empty: 'none yet: the first start makes them',
    current: 'those of this version',
    older: 'those of an older version: the next start changes them, make a backup first',
    newer: 'those of a newer version, with which this one goes on',
  }
  const found = await schemaIn(database, schema)
  if (found !== 'too new') return [well(label, texts[found])]
  return [
    toDo(
      label,
      'those of a newer version, with which this one cannot go on',
      'start that version, or restore a backup into an empty database',
    ),
  ]
}

type Facts = {
  version: number
  text: string
  fsync: string
  synchronous_commit: string
  full_page_writes: string
  encoding: string
  connections: number
  /** It follows another server, and takes no changes. */
  standby: boolean
  /** Whether our user may make tables. */
  creates: boolean
  seconds: number
}

/** A process keeps at most ten connections to each database. */
const CONNECTIONS = 30

export function judgePostgresql(name: string, facts: Facts, now: number): Finding[] {
  const found = `PostgreSQL ${facts.text}`
  const findings = [
    Math.floor(facts.version / 10_000) >= OLDEST
      ? well(name, found)
      : toDo(name, found, `update PostgreSQL to ${OLDEST} or newer`),
  ]
  for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes'] as const)
    if (facts[setting] === 'off')
      findings.push(
        toDo(`${name}, ${setting}`, 'off', `set ${setting} to on: what was acknowledged could be lost`),
      )
  if (facts.encoding !== 'UTF8')
    findings.push(toDo(`${name}, encoding`, facts.encoding, 'make the database with encoding UTF8'))
  if (facts.connections < CONNECTIONS)
    findings.push(
      toDo(
        `${name}, max_connections`,
        String(facts.connections),
        `raise it to ${CONNECTIONS} a node or more`,
      ),
    )
  if (facts.standby)
    findings.push(toDo(`${name}, role`, 'a standby, which takes no changes', 'name the primary'))
  else if (!facts.creates)
    findings.push(
      toDo(
        `${name}, rights`,
        'its user may make no tables there',
        'make the user of the server the owner of the database',
      ),
    )
  const errorMs = Math.abs(now - facts.seconds * 1000)
  if (errorMs > WARNS_MS)
    findings.push(
      toDo(
        `${name}, clock`,
        `it differs by ${Math.round(errorMs / 1000)} s from ours`,
        'synchronise both clocks',
      ),
    )
  return findings
}
