/**
 * Reads all entries of a registry's log and looks for two that give one version of a DID different contents.
 * Guarantees that what was read is what the log signed: the entries are hashed anew and have to give its
 * root, so none can be changed. A registry can keep entries back, as it would to hide two histories: these
 * are counted, and while there are any the check has not passed.
 */
import { hash } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { Checkpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { HASH_LENGTH, leafHash } from '#core/merkle/hash.ts'
import { entriesOf, TILE_WIDTH } from '#core/merkle/tiles.ts'
import { Fault } from '#schemas/fault.ts'
import { getTile } from './get-tile.ts'

/**
 * `unread`: entries that the registry has no more, of which only the hash is left; two histories may hide
 * there.
 */
export type Histories = { dids: number; versions: number; unread: number }

const VERSION = /^([1-9]\d{0,9})-[A-Za-z0-9]{1,100}$/

/** Throws `registry_fork`, `invalid_proof` or `network_error`. */
export async function findSecondHistories(
  { size, root }: Pick<Checkpoint, 'size' | 'root'>,
  prefix: string,
  onProgress?: (entries: number, total: number) => void,
): Promise<Histories> {
  const tree = createCompactRange()
  /** By DID and number of the version: what it is, and which entry said so. */
  const known = new Map<string, { said: string; at: number }>()
  const dids = new Set<string>()
  let unread = 0
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH)
    const entries = await entriesIn(prefix, { index, width })
    if (entries === undefined) unread += width
    else for (const [n, entry] of entries.entries()) look(entry, index * TILE_WIDTH + n)
    for (const leaf of entries?.map(leafHash) ?? (await leavesIn(prefix, { index, width }))) tree.append(leaf)
    onProgress?.(tree.size, size)
  }
  if (!tree.root().equals(root)) throw unproven('the entries do not give the signed root')
  return { dids: dids.size, versions: known.size, unread }

  function look(entry: Buffer, at: number): void {
    const version = versionIn(entry, at)
    if (version === undefined) return
    const { did, number, said } = version
    const name = `${number} ${did}`
    const first = known.get(name)
    if (first !== undefined && first.said !== said)
      throw new Fault('registry_fork', {
        what: `the entries ${first.at} and ${at} give version ${number} of ${did} two contents`,
      })
    dids.add(did)
    known.set(name, first ?? { said, at })
  }
}

type Place = { index: number; width: number }

/** Undefined for a bundle of which an entry was lost with a database. */
async function entriesIn(prefix: string, place: Place): Promise<Buffer[] | undefined> {
  const missing = new Fault('not_found')
  const bundle = await getTile(prefix, { level: 'entries', ...place }, missing).catch((thrown: unknown) => {
    if (thrown === missing) return undefined
    throw thrown
  })
  if (bundle === undefined) return undefined
  const entries = entriesOf(bundle, place.width)
  if (entries === undefined) throw unproven(`the bundle ${place.index} of entries is not whole`)
  return entries
}

async function leavesIn(prefix: string, place: Place): Promise<Buffer[]> {
  const tile = await getTile(prefix, { level: '0', ...place })
  if (tile.length !== place.width * HASH_LENGTH) throw unproven(`tile ${place.index} is not whole`)
  return Array.from({ length: place.width }, (_, n) => tile.subarray(n * HASH_LENGTH, (n + 1) * HASH_LENGTH))
}

/** Undefined for an entry about something else. */
function versionIn(entry: Buffer, at: number): { did: string; number: string; said: string } | undefined {
  const value = readEntry(entry, at)
  if (value['kind'] !== 'identity') return undefined
  const { did, version, entry: content } = value
  const [, number] = typeof version === 'string' ? (VERSION.exec(version) ?? []) : []
  if (number === undefined || typeof did !== 'string' || typeof content !== 'string')
    throw unproven(`entry ${at} is of a DID and names no version`)
  return { did, number, said: hash('sha256', JSON.stringify([version, content]), 'base64') }
}

function readEntry(entry: Buffer, at: number): Record<string, unknown> {
  try {
    const value = parseStrictJson(entry, { maxDepth: 12 })
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch (cause) {
    throw new Fault('invalid_proof', { what: `entry ${at} of the log cannot be read`, cause })
  }
  throw unproven(`entry ${at} of the log is no object`)
}

function unproven(what: string): Fault {
  return new Fault('invalid_proof', { what })
}
