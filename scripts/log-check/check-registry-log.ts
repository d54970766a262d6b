/**
 * Recomputes the transparency log of a registry from its tiles, and checks it with the checkpoint of the last
 * time. Guarantees that a log that passes twice with one state only grew between: another root of the same
 * size, a changed past, or a log that lost entries is refused.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { type Checkpoint, parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { type CompactRange, createCompactRange } from '#core/merkle/compact-range.ts'
import { HASH_LENGTH } from '#core/merkle/hash.ts'
import { TILE_WIDTH } from '#core/merkle/tiles.ts'
import type { VerifierKey } from '#core/merkle/verifier-key.ts'
import { judgeWitnesses, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'
import { findSecondHistories, type Histories } from './find-second-histories.ts'
import { getFile, getTile } from './get-tile.ts'
import { type Known, readKnown, signedBy, writeKnown } from './known-head.ts'

type Question = {
  /** The registry's public address. */
  url: string
  log: VerifierKey
  witnesses: WitnessPolicy | undefined
  /** The file that keeps the checkpoint from one time to the next. */
  state: string | undefined
  /** Whether all entries are read, to find two histories of one DID. */
  identities?: boolean | undefined
  /** Told while entries are read: how many of how many. */
  onProgress?: ((entries: number, total: number) => void) | undefined
}

/**
 * `before` is the size of the last time. It is larger than `size` when the registry shows an older head of
 * the same tree.
 */
type CheckedLog = {
  size: number
  root: string
  before: number
  witnesses: string[]
  identities?: Histories
}

type From = { prefix: string } & Pick<Question, 'onProgress'>

const MAX_CHECKPOINT = 64 * 1024

/**
 * Throws `untrusted_checkpoint`, `invalid_proof`, `registry_fork` or `network_error`; the state is then as it
 * was.
 */
export async function checkRegistryLog({
  url,
  log,
  witnesses,
  state,
  identities,
  onProgress,
}: Question): Promise<CheckedLog> {
  const prefix = url.replace(/\/+$/, '')
  const note = (await getFile(`${prefix}/log/checkpoint`, MAX_CHECKPOINT)).toString('utf8')
  const now = signedBy(log, parseCheckpoint(note))
  const judged = witnesses === undefined ? undefined : judgeWitnesses(now.note, witnesses)
  if (judged?.met === false)
    throw new Fault('invalid_proof', { what: 'too few witnesses of the policy cosigned' })
  const before = state === undefined ? undefined : readKnown(state, log)
  if (before?.size === now.size && !before.root.equals(now.root))
    throw fork(`the log signed another root of ${now.size} entries than the last time`)
  const tree = await treeOf(now, before, { prefix, onProgress })
  const histories = identities ? await findSecondHistories(now, prefix, onProgress) : undefined
  if (state !== undefined && tree !== undefined) {
    writeFileSync(`${state}.part`, writeKnown(note, tree.peaks), { mode: 0o600 })
    renameSync(`${state}.part`, state)
  }
  const names = judged?.witnesses.map(({ name }) => name) ?? []
  return {
    ...{ size: now.size, root: now.root.toString('base64'), before: before?.size ?? 0, witnesses: names },
    ...(histories !== undefined && { identities: histories }),
  }
}

/**
 * The tree under the head, which grew from that of the last time; undefined when the head is an older one of
 * that tree.
 */
async function treeOf(
  now: Checkpoint,
  before: Known | undefined,
  from: From,
): Promise<CompactRange | undefined> {
  if (before !== undefined && before.size > now.size) {
    await findWithin(now, before, from)
    return undefined
  }
  if (before?.peaks !== undefined) {
    const tree = createCompactRange({ size: before.size, peaks: before.peaks })
    await grow(tree, now.size, { ...from, most: now.size })
    if (tree.root().equals(now.root)) return tree
    // The whole tree tells whether the past was changed, or the new entries are not those that were signed.
  }
  const tree = createCompactRange()
  const all = { ...from, most: now.size }
  if (before !== undefined) {
    await grow(tree, before.size, all)
    if (!tree.root().equals(before.root))
      throw fork(`the first ${before.size} entries are others than the last time`)
  }
  await grow(tree, now.size, all)
  if (!tree.root().equals(now.root))
    throw new Fault('invalid_proof', { what: 'the entries do not give the signed root' })
  return tree
}

/**
 * A smaller head than the last time is no fork while the log still has all entries, and both heads are of
 * them.
 */
async function findWithin(now: Checkpoint, before: Known, from: From): Promise<void> {
  const all = { ...from, most: before.size }
  const tree = createCompactRange()
  const isNot = fork(`the log has ${now.size} entries; it had ${before.size}`)
  await grow(tree, now.size, all, isNot)
  if (!tree.root().equals(now.root)) throw isNot
  await grow(tree, before.size, all, isNot)
  if (!tree.root().equals(before.root)) throw isNot
}

/**
 * Appends the leaves up to `size`, from tiles of a tree of `most` leaves. Throws `missing`, if given, for a
 * tile that is not there.
 */
async function grow(
  tree: CompactRange,
  size: number,
  { prefix, most, onProgress }: From & { most: number },
  missing?: Fault,
): Promise<void> {
  while (tree.size < size) {
    const index = Math.floor(tree.size / TILE_WIDTH)
    const width = Math.min(TILE_WIDTH, most - index * TILE_WIDTH)
    const tile = await getTile(prefix, { level: '0', index, width }, missing)
    if (tile.length !== width * HASH_LENGTH)
      throw new Fault('invalid_proof', { what: `tile ${index} is not whole` })
    const end = Math.min(width, size - index * TILE_WIDTH)
    for (let at = tree.size % TILE_WIDTH; at < end; at++)
      tree.append(tile.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH))
    onProgress?.(tree.size, most)
  }
}

function fork(what: string): Fault {
  return new Fault('registry_fork', { what })
}
