/** Intervals that may change while the process runs: what is asked for is brought into the row. */

/** `put` writes the seconds of a kind into its row. */
export function createIntervals(put: (kind: string, seconds: number) => Promise<void>) {
  /** Kinds with variable intervals, with the interval in their rows. */
  const intervals = new Map<string, { asked: () => number; kept: number }>()
  return {
    /** `kept`: what the row has now. */
    set(kind: string, asked: number | (() => number), kept: number): void {
      if (typeof asked === 'number') intervals.delete(kind)
      else intervals.set(kind, { asked, kept })
    },
    async follow(): Promise<void> {
      for (const [kind, interval] of intervals) {
        const seconds = interval.asked()
        if (seconds === interval.kept) continue
        await put(kind, seconds)
        interval.kept = seconds
      }
    },
  }
}
