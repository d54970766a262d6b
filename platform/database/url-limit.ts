import { Fault } from '#schemas/fault.ts'

/** Milliseconds where the URL says nothing else. */
const LIMITS = { connectMs: 2000, statementMs: 5000 }
const MOST_MS = 24 * 3_600_000

/**
 * Takes a limit out of the URL of a PostgreSQL database, which is none of pg's options. Throws
 * `invalid_configuration`: no wait is unbounded.
 */
export function takeLimit({ searchParams }: URL, name: keyof typeof LIMITS): number {
  const given = searchParams.get(name)
  searchParams.delete(name)
  if (given === null) return LIMITS[name]
  const limitMs = /^\d{1,8}$/.test(given) ? Number(given) : 0
  if (limitMs < 1 || limitMs > MOST_MS)
    throw new Fault('invalid_configuration', {
      what: `${name} in the URL of a database is 1 to ${MOST_MS} milliseconds`,
    })
  return limitMs
}
