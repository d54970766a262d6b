/**
 * Reads what was applied to a server. Each text is held against the SHA-256 that its revision has on record, so that the comparison is with what
 * was applied and not with what somebody put in its place.
 */
import { createHash } from 'node:crypto'
import type { ManagementApi } from '../../client.ts'
import { CommandError } from '../../command-error.ts'
import { readingOf } from '../calls.ts'
import { type Declared, type DeclaredClient, readContent } from './read-file.ts'

export type Revision = {
  number: number
  sha256: string
  begunAt: string
  by: { id: string; name: string }
  reason: string
  state: string
}

/** How many different contents are looked at for what the newest files do not speak of. */
const MOST_CONTENTS = 100

/** The text of a revision as it was kept, and what it declares. Throws a CommandError. */
export async function readRevision(
  api: ManagementApi,
  { number, sha256 }: Pick<Revision, 'number' | 'sha256'>,
): Promise<{ content: string; declared: Declared }> {
  const url = `/api/v1/revisions/${number}/content`
  const { bytes } = await api.send({ method: 'GET', url, headers: {}, body: undefined })
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new CommandError(1, `the text of revision ${number} is not the one on record: its SHA-256 differs`)
  const content = bytes.toString('utf8')
  return { content, declared: readContent(`revision ${number}`, content) }
}

/**
 * All that was applied: each part as the newest revision has it that speaks of it. `from` is the oldest that had to be read, `isWhole` false
 * where there are older ones that were not.
 */
export async function appliedParts(
  api: ManagementApi,
): Promise<{ declared: Declared; revisions: Revision[]; from: number; isWhole: boolean }> {
  const revisions = await readingOf(api).all<Revision>('/revisions')
  const seen = new Set<string>()
  let declared: Declared = {}
  let from = revisions[0]?.number ?? 0
  for (const revision of revisions) {
    if (seen.has(revision.sha256)) continue
    if (seen.size === MOST_CONTENTS) return { declared, revisions, from, isWhole: false }
    seen.add(revision.sha256)
    const { declared: older } = await readRevision(api, revision)
    const both = underneath(declared, older)
    if (adds(declared, older)) from = revision.number
    declared = both
  }
  return { declared, revisions, from, isWhole: true }
}

/** `newer` with what only `older` speaks of; pure. Of clients, each by itself, and of each its own parts. */
export function underneath(newer: Declared, older: Declared): Declared {
  const known = new Map(newer.clients?.map((client) => [client.id, client]))
  const clients = [
    ...(newer.clients ?? []).map((client) => ({
      ...older.clients?.find(({ id }) => id === client.id),
      ...client,
    })),
    ...(older.clients ?? []).filter(({ id }) => !known.has(id)),
  ]
  const has = newer.clients !== undefined || older.clients !== undefined
  return { ...older, ...newer, ...(has ? { clients } : {}) }
}

/** Whether `older` speaks of something of which `newer` does not; pure. */
function adds(newer: Declared, older: Declared): boolean {
  const lacks = (one: object, of: object): boolean => Object.keys(of).some((name) => !(name in one))
  const ownOf = ({ id }: DeclaredClient) => newer.clients?.find((one) => one.id === id)
  return lacks(newer, older) || (older.clients ?? []).some((one) => lacks(ownOf(one) ?? {}, one))
}
