/**
 * Finds the outside programs that tests check against. A missing one is a loud skip, and a failure when CI is
 * set.
 */
import { accessSync, constants, readdirSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'

/** The first of `names` on PATH or in `folders`, as an absolute path. */
export function findProgram(names: string[], folders: string[] = []): string | undefined {
  const places = [...(process.env['PATH'] ?? '').split(':'), ...folders].filter((place) =>
    path.isAbsolute(place),
  )
  for (const name of names) {
    for (const place of places) {
      const file = path.join(place, name)
      try {
        accessSync(file, constants.X_OK)
        return file
      } catch {
        // look further
      }
    }
  }
  return undefined
}

/**
 * Debian's folders of PostgreSQL server programs, newest first; there initdb and postgres are not on PATH.
 */
export function postgresqlFolders(): string[] {
  try {
    const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => `/usr/lib/postgresql/${version}/bin`)
  } catch {
    return []
  }
}

/** Ends a subtest whose outside program is missing. */
export function skipFor(t: Test, reason: string): void {
  if (process.env['CI']) t.fail(`${reason}, and CI allows no skip`)
  else t.pass(reason, { skip: reason })
}

/**
 * For a Java program that lives for seconds: what compiles and collects for a long life would take two fifths
 * of it.
 */
export const SHORT_LIVED_JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
