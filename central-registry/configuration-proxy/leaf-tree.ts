/**
 * The hashes of the leaves of a registry's transparency log, in files, so that the proxy answers for every
 * proof that a server asks for while the registry is away. A file for each level has the roots of complete
 * subtrees; those above the leaves are computed anew where they are missing.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import path from 'node:path'
import { foldPeaks } from '#core/merkle/compact-range.ts'
import { HASH_LENGTH, nodeHash } from '#core/merkle/hash.ts'
import { consistencyProof, inclusionProof } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'

export type LeafTree = {
  size(): Promise<number>
  /** Durable when it resolves. */
  append(leaves: Buffer[]): Promise<void>
  /** Forgets all leaves from `size` on. */
  truncate(size: number): Promise<void>
  /** Computes everything above the leaves anew. */
  rebuild(): Promise<void>
  root(size: number): Promise<Buffer>
  /** At most `limit` leaves from a position on. */
  leaves(from: number, limit: number): Promise<Buffer[]>
  /** Both sizes must be within the tree. */
  proofs(size: number, from: number): Promise<{ inclusion: Buffer[]; consistency: Buffer[] }>
  close(): Promise<void>
}

/** How many parents are computed and written at once. */
const BLOCK = 4096

/** Opens the tree in `folder`, which is created when it does not exist. */
export async function openLeafTree(folder: string): Promise<LeafTree> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const levels: FileHandle[] = []

  async function level(number: number): Promise<FileHandle> {
    levels[number] ??= await open(path.join(folder, `level-${number}`), 'a+', 0o600).then(async (handle) => {
      await handle.close()
      return open(path.join(folder, `level-${number}`), 'r+')
    })
    return levels[number]
  }

  async function sizeOf(number: number): Promise<number> {
    return Math.floor((await (await level(number)).stat()).size / HASH_LENGTH)
  }

  async function read(number: number, from: number, count: number): Promise<Buffer> {
    const buffer = Buffer.alloc(count * HASH_LENGTH)
    const { bytesRead } = await (await level(number)).read(buffer, 0, buffer.length, from * HASH_LENGTH)
    if (bytesRead !== buffer.length)
      throw new Fault('io_error', { what: `${folder}: level ${number} is cut` })
    return buffer
  }

  /** Makes every level as long as the leaves require. */
  async function grow(): Promise<void> {
    let below = await sizeOf(0)
    for (let number = 1; below > 1; number++) {
      const size = Math.floor(below / 2)
      const handle = await level(number)
      for (let at = Math.min(await sizeOf(number), size); at < size; ) {
        const count = Math.min(BLOCK, size - at)
        const children = await read(number - 1, 2 * at, 2 * count)
        const parents = Array.from({ length: count }, (_, one) => {
          const [left, right] = [hashAt(children, 2 * one), hashAt(children, 2 * one + 1)]
          return nodeHash(left, right)
        })
        await handle.write(Buffer.concat(parents), 0, count * HASH_LENGTH, at * HASH_LENGTH)
        at += count
      }
      below = size
    }
  }

  const nodeAt = (number: number, index: number): Promise<Buffer> => read(number, index, 1)

  async function truncate(size: number): Promise<void> {
    for (let number = 0, left = size; ; number++, left = Math.floor(left / 2)) {
      await (await level(number)).truncate(left * HASH_LENGTH)
      if (left === 0 && (await sizeOf(number + 1)) === 0) return
    }
  }

  // A crash may leave half a leaf, or parents of leaves that never became durable.
  await truncate(await sizeOf(0))
  await grow()
  return {
    size: () => sizeOf(0),
    async append(leaves) {
      const handle = await level(0)
      const bytes = Buffer.concat(leaves)
      await handle.write(bytes, 0, bytes.length, (await sizeOf(0)) * HASH_LENGTH)
      await handle.sync()
      await grow()
    },
    truncate,
    async rebuild() {
      for (let number = 1, left = await sizeOf(0); left > 1 || (await sizeOf(number)) > 0; number++) {
        await (await level(number)).truncate(0)
        left = Math.floor(left / 2)
      }
      await grow()
    },
    async root(size) {
      const peaks: Buffer[] = []
      for (let begin = 0; begin < size; ) {
        const number = Math.floor(Math.log2(size - begin))
        peaks.push(await nodeAt(number, begin / 2 ** number))
        begin += 2 ** number
      }
      return foldPeaks(peaks)
    },
    async leaves(from, limit) {
      const count = Math.min(limit, (await sizeOf(0)) - from)
      if (count <= 0) return []
      const bytes = await read(0, from, count)
      return Array.from({ length: count }, (_, at) => hashAt(bytes, at))
    },
    async proofs(size, from) {
      return {
        inclusion: await inclusionProof(size, size - 1, nodeAt),
        consistency: await consistencyProof(from, size, nodeAt),
      }
    },
    async close() {
      for (const handle of levels) await handle.close()
    },
  }
}

function hashAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH)
}
