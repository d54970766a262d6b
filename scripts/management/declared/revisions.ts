/**
 * Reads what was applied. Each text is held against the SHA-256 that its revision has on record, so that the
 * comparison is with what was applied and not with what somebody put in its place.
 */
import { createHash } from 'node:crypto'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import { readingOf, unless } from './calls.ts'
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

type Kept = Pick<Revision, 'number' | 'sha256'>

/** The text of a revision as it was kept, and what it declares. Throws a CommandError. */
export async function readRevision<D>(
  api: ManagementApi,
  kind: Pick<DeclaredKind<D>, 'readContent'>,
  revision: Kept,
): Promise<{ content: string; declared: D }> {
  return understood(kind, revision, await bytesOf(api, revision))
}

async function bytesOf(api: ManagementApi, { number }: Kept): Promise<Buffer> {
  const url = `/api/v1/revisions/${number}/content`
  return (await api.send({ method: 'GET', url, headers: {}, body: undefined })).bytes
}

function understood<D>(
  { readContent }: Pick<DeclaredKind<D>, 'readContent'>,
  { number, sha256 }: Kept,
  bytes: Buffer,
): { content: string; declared: D } {
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new CommandError(1, `the text of revision ${number} is not the one on record: its SHA-256 differs`)
  const content = bytes.toString('utf8')
  return { content, declared: readContent(`revision ${number}`, content) }
}

/** The revision with this number, as somebody gave it. Throws a CommandError. */
export async function revisionOf(api: ManagementApi, number: string): Promise<Revision> {
  if (!/^[1-9][0-9]{0,14}$/.test(number)) throw new CommandError(2, `${number} is no number of a revision`)
  return readingOf(api).get<Revision>(`/revisions/${number}`)
}

/** Who declared it, and how it ended. */
export function describeRevision({ number, begunAt, by, reason, state, sha256 }: Revision): string[] {
  return [`revision ${number}, ${begunAt}, declared by ${by.name}: ${reason}`, `${state}, SHA-256 ${sha256}`]
}

/**
 * All that was applied: each part as the newest revision has it that speaks of it. `from` is the oldest that
 * had to be read, or that named what is gone and no newer one accounts for. `unread` says which could not be
 * compared: one that nobody can read must not hide all others.
 */
export async function appliedParts<D>(
  api: ManagementApi,
  kind: Pick<DeclaredKind<D>, 'readContent' | 'contentOf' | 'merging' | 'nothing'>,
): Promise<{ declared: D; revisions: Revision[]; from: number; unread: string[] }> {
  const revisions = await readingOf(api).all<Revision>('/revisions')
  const underneath = await kind.merging(api)
  const unread: string[] = []
  /**
   * What is gone, with the oldest revision that named it, and what of it the next version of a file left out.
   */
  const [missing, leftOut] = [new Map<string, number>(), new Set<string>()]
  const seen = new Set<string>()
  let declared = kind.nothing
  let from = revisions[0]?.number ?? 0
  for (const revision of revisions) {
    if (seen.has(revision.sha256)) continue
    if (seen.size === MOST_CONTENTS) {
      unread.push(`revision ${revision.number} and older ones are not compared`)
      break
    }
    seen.add(revision.sha256)
    const read = await declaredBy(api, kind, revision)
    if (typeof read === 'string') {
      unread.push(`revision ${revision.number} is not compared: ${read}`)
      continue
    }
    const { both, gone, isNext } = underneath(declared, read.declared)
    for (const one of gone) if (isNext) leftOut.add(one)
    for (const one of gone) missing.set(one, revision.number)
    if (kind.contentOf(both) !== kind.contentOf(declared)) from = revision.number
    declared = both
  }
  for (const [one, number] of missing) if (!leftOut.has(one)) from = Math.min(from, number)
  return { declared, revisions, from, unread }
}

/**
 * What it declares, or why nobody can tell: it is no file of this kind, another text than the one on record,
 * or damaged at the server.
 */
async function declaredBy<D>(
  api: ManagementApi,
  kind: Pick<DeclaredKind<D>, 'readContent'>,
  revision: Kept,
): Promise<{ declared: D } | string> {
  const bytes = await unless(500, bytesOf(api, revision))
  if (bytes === undefined) return 'the server does not hand its text out, and its log says why'
  try {
    return understood(kind, revision, bytes)
  } catch (error) {
    if (error instanceof CommandError) return error.message
    throw error
  }
}
