/**
 * Calls to look at rows. Calls in quick succession become one, and no work depends on a call: any can be
 * lost.
 */

const APART_MS = 10

/** `toAll` gives a call to a node that is free; false when that is not possible now. */
export function createCalls({ toAll }: { toAll(name: string): boolean }) {
  const acts = new Map<string, () => void>()
  /** Names that were called a moment ago, and whether they were called again since. */
  const called = new Map<string, boolean>()
  let isStopped = false

  const take = (name: string): void => {
    if (!isStopped) acts.get(name)?.()
  }
  const call = (name: string): void => {
    if (isStopped) return
    if (called.has(name)) {
      called.set(name, true)
      return
    }
    called.set(name, false)
    const timer = setTimeout(() => {
      const again = called.get(name) === true
      called.delete(name)
      if (again) call(name)
    }, APART_MS)
    timer.unref()
    if (!toAll(name)) take(name)
  }
  return {
    onCall: (name: string, act: () => void): void => void acts.set(name, act),
    call,
    /** Does here what was called for. */
    take,
    stop: (): void => {
      isStopped = true
    },
  }
}
