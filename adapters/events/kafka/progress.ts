/**
 * How far a partition was taken. Guarantees that what is committed never passes a message that is out: after
 * a crash the group begins at the first one that was not confirmed.
 */

export type Progress = {
  /** The first offset that was not given out. */
  readonly next: number
  /**
   * The returned function confirms it, unless the partition was begun elsewhere meanwhile: then another
   * message may have the offset.
   */
  give(offset: number): () => void
  /** Nothing more stands before this offset. */
  passTo(offset: number): void
  /** The partition has no such place any more: it is taken from another one on. */
  beginAt(offset: number): void
  /** What to commit, if that is another one than what was. */
  toCommit(): number | undefined
  committed(offset: number): void
  isOut(): boolean
}

export function createProgress(start: number, committedBefore?: number): Progress {
  /** In the order of their offsets. */
  const out = new Set<{ offset: number }>()
  let next = start
  let committed = committedBefore
  return {
    get next() {
      return next
    },
    give(offset) {
      const one = { offset }
      out.add(one)
      next = offset + 1
      return () => void out.delete(one)
    },
    passTo(offset) {
      next = Math.max(next, offset)
    },
    beginAt(offset) {
      // Either gone from the topic or given out once more.
      out.clear()
      next = offset
    },
    toCommit() {
      const [first] = out
      const offset = first?.offset ?? next
      return offset === committed ? undefined : offset
    },
    committed(offset) {
      committed = offset
    },
    isOut: () => out.size > 0,
  }
}
