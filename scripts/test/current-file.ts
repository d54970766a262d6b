/**
 * What test files get for tap where several of them run in one process: tests, hooks and what is to be done
 * at the end belong to the file that runs, not to the process. Outside such a process it is tap itself.
 */
import tap, { type Test } from 'tap'

let current: Test | typeof tap = tap

export { current as default }

const atEnd: (() => unknown)[] = []

/** For what files share: it ends after the last of them, in reverse order. */
export const wholeProcess = {
  teardown(act: () => unknown): void {
    if (current === tap) tap.teardown(act)
    else atEnd.push(act)
  },
  async end(): Promise<void> {
    const faults: unknown[] = []
    for (const act of atEnd.splice(0).toReversed()) {
      try {
        await act()
      } catch (fault) {
        // What stands behind it still has to end.
        faults.push(fault)
      }
    }
    if (faults.length > 0) throw faults[0]
  },
}

/** Runs one file as one subtest of the process until all its tests have ended. */
export async function runInProcess(name: string, load: () => Promise<unknown>): Promise<void> {
  await tap.test(name, async (t) => {
    current = t
    await load()
  })
  current = tap
}
