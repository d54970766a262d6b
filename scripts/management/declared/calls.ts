/** Calls that read a management API. */
import { tallyOf } from '../../command-line/tally.ts'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import type { Call } from '../read-call.ts'
import { sendForAll } from '../run-command.ts'

export type Reading = {
  /** The answer in JSON. */
  get<T>(path: string): Promise<T>
  /** All pages of a list. */
  all<T>(path: string): Promise<T[]>
}

export function readingOf(api: ManagementApi): Reading {
  return {
    get: async (path) => JSON.parse((await api.send(reading(path))).bytes.toString('utf8')),
    all: async (path) => JSON.parse((await sendForAll(api, reading(path))).bytes.toString('utf8')),
  }
}

/** SHA-256 of the content of each proposal that waits for a second person. */
export async function proposedAt({ all }: Reading): Promise<Set<string>> {
  const proposals = await all<{ state: string; contentSha256: string }>('/approvals')
  return new Set(
    proposals.filter(({ state }) => state === 'proposed').map(({ contentSha256 }) => contentSha256),
  )
}

/**
 * Undefined when the API answers with this status: 404, for example, because the member or the resource does
 * not exist.
 */
export async function unless<T>(status: number, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof CommandError && error.status === status) return undefined
    throw error
  }
}

/**
 * One after the other, because the API allows only so many calls a second. A terminal shows how many of them,
 * in this unit, are done.
 */
export async function inTurn<T, R>(
  all: readonly T[],
  one: (of: T) => Promise<R>,
  unit?: string,
): Promise<R[]> {
  const tally = unit === undefined ? undefined : tallyOf({ what: 'reading', unit, total: all.length })
  const results: R[] = []
  try {
    for (const each of all) {
      tally?.at(results.length)
      results.push(await one(each))
    }
  } finally {
    tally?.end()
  }
  return results
}

function reading(path: string): Call {
  return { method: 'GET', url: `/api/v1${path}`, headers: {}, body: undefined }
}
