/** The databases that settings name: whether they can be reached, and whether they keep what they confirm. */
import path from 'node:path'
import { sql } from 'kysely'
import { openDatabase } from '#platform/database/open-database.ts'
import { asFault } from '#schemas/fault.ts'
import { lookAtDisk } from './disk.ts'
import { type Finding, toDo, well } from './finding.ts'
import type { Setting } from './settings.ts'

/** 15 and newer are what the tests use. */
const OLDEST = 14
const WARNS_MS = 10_000

export function databasesIn(settings: Setting[]): Setting[] {
  return settings.filter(({ value }) => /^(?:sqlite|postgres(?:ql)?):/.test(value))
}

export async function lookAtDatabase(setting: Setting): Promise<Finding[]> {
  const { name, value } = setting
  if (value.startsWith('sqlite:'))
    return lookAtDisk({ name, value: path.dirname(value.slice('sqlite:'.length)) }, true)
  try {
    const database = await openDatabase(value)
    try {
      const row = await sql<Facts>`select current_setting('server_version_num')::int as version,
        current_setting('server_version') as text, current_setting('fsync') as fsync,
        current_setting('synchronous_commit') as synchronous_commit, current_setting('full_page_writes') as full_page_writes,
        current_setting('server_encoding') as encoding, current_setting('max_connections')::int as connections,
        extract(epoch from clock_timestamp())::float8 as seconds`.execute(database.kysely)
      return judgePostgresql(name, row.rows[0]!, Date.now())
    } finally {
      await database.close()
    }
  } catch (thrown) {
    const { what, cause } = asFault(thrown)
    const why = (cause as Error | undefined)?.message ?? what
    return [
      toDo(
        name,
        `it cannot be reached (${String(why).split('\n')[0]})`,
        'look at address, user, password file, and pg_hba.conf there',
      ),
    ]
  }
}

type Facts = {
  version: number
  text: string
  fsync: string
  synchronous_commit: string
  full_page_writes: string
  encoding: string
  connections: number
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
