/**
 * Reads what was applied. Each text is held against the SHA-256 that its revision has on record, so that the comparison is with what
 * was applied and not with what somebody put in its place.
 */
import { createHash } from 'node:crypto'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import { readingOf } from './calls.ts'
import type { DeclaredKind } from './kind.ts'

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
export async function readRevision<D>(
  api: ManagementApi,
  { readContent }: Pick<DeclaredKind<D>, 'readContent'>,
  { number, sha256 }: Pick<Revision, 'number' | 'sha256'>,
): Promise<{ content: string; declared: D }> {
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
export async function appliedParts<D>(
  api: ManagementApi,
  kind: Pick<DeclaredKind<D>, 'readContent' | 'contentOf' | 'merging' | 'nothing'>,
): Promise<{ declared: D; revisions: Revision[]; from: number; isWhole: boolean }> {
  const revisions = await readingOf(api).all<Revision>('/revisions')
  const underneath = await kind.merging(api)
  const seen = new Set<string>()
  let declared = kind.nothing
  let from = revisions[0]?.number ?? 0
  for (const revision of revisions) {
    if (seen.has(revision.sha256)) continue
    if (seen.size === MOST_CONTENTS) return { declared, revisions, from, isWhole: false }
    seen.add(revision.sha256)
    const { declared: older } = await readRevision(api, kind, revision)
    const both = underneath(declared, older)
    if (kind.contentOf(both) !== kind.contentOf(declared)) from = revision.number
    declared = both
  }
  return { declared, revisions, from, isWhole: true }
}
