/**
 * Writes bodies of middle size into segments: files that many bodies share, so that a group of them costs one
 * sync, and no file is made, moved or opened for each. A segment is only appended to, by one process; a start
 * begins a new one, because the end of an older one may be torn.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writevSync,
} from 'node:fs'
import path from 'node:path'
import { endPieces, sealBody } from '../bodies/body-file.ts'
import { UNTOUCHED_MS } from '../bodies/deletable-segments.ts'
import { placeName, segmentFolder } from '../bodies/segment-place.ts'
import type { BodyKeeper, KeptBody } from '../records/keep-larger-bodies.ts'

/** A segment is given up at this size: a file is deleted when all that is in it is erased. */
export const SEGMENT_BYTES = 64 * 1024 * 1024

/** If `keep` throws, what was written of the bodies is gone again. */
export type SegmentWriter = BodyKeeper & {
  /** Whether this process began the segment. */
  isOwn(segment: string): boolean
  /** Nothing is written to the segment any more. */
  leave(segment: string): void
}

export function createSegmentWriter(root: string, node: string): SegmentWriter {
  const folder = segmentFolder(root, node)
  const own = new Set<string>()
  let open: { segment: string; file: number; end: number } | undefined

  const close = (): void => {
    const left = open
    open = undefined
    if (left === undefined) return
    try {
      closeSync(left.file)
    } catch {
      // What was kept is synced, and the number of the file is free either way.
    }
  }
  /** Frees what was written after `end`, for a full disk would else be fuller with each attempt. */
  const cutTo = (end: number): void => {
    if (open === undefined) return
    try {
      if (end === 0) unlinkSync(path.join(folder, open.segment))
      else ftruncateSync(open.file, end)
      open.end = end
    } catch {
      // What is left belongs to no record, and stays as long as the bodies before it.
    }
    if (end === 0) close()
  }
  const begin = (): NonNullable<typeof open> => {
    const segment = randomBytes(16).toString('hex')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const file = openSync(path.join(folder, segment), 'wx', 0o600)
    open = { segment, file, end: 0 }
    own.add(segment)
    // The file's name, and that of the folder, which may be new.
    for (const each of [folder, path.dirname(folder), root]) syncFolder(each)
    return open
  }
  const write = (to: NonNullable<typeof open>, body: Buffer): KeptBody => {
    const { pieces, size, dataKey } = sealBody(body)
    const { segment, end: start } = to
    if (writevSync(to.file, pieces, start) !== size) throw new Error('short write')
    endPieces(pieces)
    to.end += size
    return { name: placeName({ segment, start, size }), dataKey }
  }
  return {
    keep(bodies) {
      if (open !== undefined && (open.end >= SEGMENT_BYTES || !isFresh(open.file))) close()
      const before = open?.end ?? 0
      try {
        const to = open ?? begin()
        const kept = bodies.map((body) => write(to, body))
        fdatasyncSync(to.file)
        if (!isThere(to.file)) throw new Error('the segment was deleted meanwhile')
        return {
          kept,
          areThere: () => isThere(to.file),
          undo: () => {
            if (open !== to) return
            cutTo(before)
            // It may have been given up, and what is cut looks as if it had just been written.
            close()
          },
        }
      } catch (cause) {
        cutTo(before)
        // After a failed sync nobody knows what of this file is on the disk.
        close()
        throw cause
      }
    },
    isOwn: (segment) => own.has(segment),
    leave: (segment) => {
      if (open?.segment === segment) close()
    },
  }
}

/**
 * Whether the segment is there, and no other node may delete it before the commit of what is added now
 * (bodies/deletable-segments.ts).
 */
function isFresh(file: number): boolean {
  try {
    const { nlink, mtimeMs } = fstatSync(file)
    return nlink > 0 && Math.abs(Date.now() - mtimeMs) < UNTOUCHED_MS / 2
  } catch {
    // A file server no longer knows it.
    return false
  }
}

/** Somebody may have deleted the segment meanwhile: what was added to it is lost. */
function isThere(file: number): boolean {
  try {
    return fstatSync(file).nlink > 0
  } catch {
    return false
  }
}

function syncFolder(folder: string): void {
  const file = openSync(folder, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
