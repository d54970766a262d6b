/**
 * Databases whose tables are there: a process runs migrations once, and each test gets a copy, which takes a
 * quarter of the processor time on SQLite and a fifth on PostgreSQL. Copies have one name of a queue in Redis
 * (platform/jobs): tests that use Redis begin with empty databases.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { migrate } from '#platform/database/migrate.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { postgresql } from './postgresql.ts'

export type Migrations = Record<string, SchemaChange>

const files = new Map<Migrations, Promise<Buffer>>()
const databases = new Map<Migrations, Promise<string>>()

/** Writes `file`, which does not exist yet. */
export async function writeMigratedFile(file: string, migrations: Migrations): Promise<void> {
  writeFileSync(file, await madeOnce(files, migrations, migratedFile), { mode: 0o600, flag: 'wx' })
}

/** The URL of a new database on this process's PostgreSQL. */
export async function migratedDatabase(migrations: Migrations): Promise<string> {
  return (await postgresql()).freshDatabase(await madeOnce(databases, migrations, migratedTemplate))
}

async function migratedFile(migrations: Migrations): Promise<Buffer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-migrated-'))
  try {
    const file = path.join(folder, 'migrated.db')
    await migrateAt(`sqlite:${file}`, migrations)
    return readFileSync(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function migratedTemplate(migrations: Migrations): Promise<string> {
  const url = await (await postgresql()).freshDatabase()
  await migrateAt(url, migrations)
  return url
}

async function migrateAt(url: string, migrations: Migrations): Promise<void> {
  const database = await openDatabase(url)
  try {
    await migrate(database, migrations)
  } finally {
    await database.close()
  }
}

/** A failed try is not kept: the next test tries again. */
function madeOnce<T>(
  made: Map<Migrations, Promise<T>>,
  migrations: Migrations,
  make: (migrations: Migrations) => Promise<T>,
): Promise<T> {
  const before = made.get(migrations)
  if (before !== undefined) return before
  const making = make(migrations)
  made.set(migrations, making)
  void making.catch(() => made.delete(migrations))
  return making
}
