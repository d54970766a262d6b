/**
 * Brings the leaves of the proxy up to the head that the registry signed. Guarantees that the kept leaves are
 * those under the head: their root is computed, and others are forgotten.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogHead } from '#schemas/global-configuration.ts'
import type { Get } from './judge-upstream.ts'
import type { LeafTree } from './leaf-tree.ts'

/** A registry sends at most 500 entries, of which each has a form and a content. */
const MAX_ENTRIES_BYTES = 16 * 1024 * 1024
export const MOST_ENTRIES = 500
/** Leaves that no head has proved yet: 256 MiB with the levels above them. */
export const MOST_UNPROVED = 4 * 1024 * 1024

/** `marked` is the head of the last accepted configuration. Throws `invalid_proof` or `network_error`. */
export async function followLog(q: {
  get: Get
  /** The address of the directory. */
  url: string
  head: LogHead
  tree: LeafTree
  marked: LogHead | undefined
}): Promise<void> {
  const { head, tree, marked } = q
  if (head.size - (marked?.size ?? 0) > MOST_UNPROVED)
    throw new Fault('invalid_proof', {
      what: `the log grew by more than ${MOST_UNPROVED} leaves between two configurations`,
    })
  for (let from = await tree.size(); from < head.size; from = await tree.size()) {
    const leaves = await fetchLeaves(q, from)
    if (leaves.length === 0) throw new Fault('invalid_proof', { what: `the log has no entry ${from}` })
    await tree.append(leaves.slice(0, head.size - from))
  }
  if (await hasRoot(tree, head)) return
  // Those of before cannot be told from false ones that came with this attempt.
  await tree.truncate(marked !== undefined && (await hasRoot(tree, marked)) ? marked.size : 0)
  throw new Fault('invalid_proof', {
    what: `the entries of the log are not those under its head of ${head.size}`,
  })
}

/**
 * Levels above the leaves may be damaged, for example after a power failure: they are computed anew before
 * the leaves are doubted.
 */
export async function hasRoot(tree: LeafTree, { size, root }: LogHead): Promise<boolean> {
  if ((await tree.size()) < size) return false
  const isRoot = async (): Promise<boolean> => (await tree.root(size)).toString('base64') === root
  if (await isRoot()) return true
  await tree.rebuild()
  return isRoot()
}

async function fetchLeaves({ get, url }: { get: Get; url: string }, from: number): Promise<Buffer[]> {
  const place = new URL(url)
  place.pathname += '-log-entries'
  place.search = `?from=${from}`
  const { status, body } = await get(place.href, MAX_ENTRIES_BYTES)
  if (status !== 200)
    throw new Fault('network_error', {
      what: `${place.host} answered ${status} when asked for entry ${from}`,
    })
  return readLeaves(body)
}

/** Throws `malformed_global_conf`. */
export function readLeaves(body: Buffer): Buffer[] {
  let value: unknown
  try {
    value = parseStrictJson(body, { maxLength: MAX_ENTRIES_BYTES, maxDepth: 6 })
  } catch (cause) {
    throw new Fault('malformed_global_conf', { what: 'log entries: they are not JSON', cause })
  }
  const entries = (value as { entries?: unknown } | null)?.entries
  if (!Array.isArray(entries) || entries.length > MOST_ENTRIES)
    throw new Fault('malformed_global_conf', { what: `log entries: not a list of at most ${MOST_ENTRIES}` })
  return entries.map((entry: unknown) => {
    const text = (entry as { leaf?: unknown } | null)?.leaf
    const leaf = Buffer.from(typeof text === 'string' ? text : '', 'base64')
    if (leaf.length !== HASH_LENGTH || leaf.toString('base64') !== text)
      throw new Fault('malformed_global_conf', { what: 'log entries: a leaf is no hash' })
    return leaf
  })
}
