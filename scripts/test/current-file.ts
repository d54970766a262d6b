/**
 * What test files get for tap where several of them run in one process: tests, hooks and what is to be done at the end belong to the file that
 * runs, not to the process. Outside such a process it is tap itself.
 */
import tap, { type Test } from 'tap'

/** Ends with the process: for what its files share. */
export const wholeProcess = tap

let current: Test | typeof tap = tap

export { current as default }

const afterAll: (() => Promise<void>)[] = []

/** For what files share and whose processor time is to be told: done when the last of them has ended, in reverse order. */
export function afterAllFiles(act: () => Promise<void>): void {
  if (current === wholeProcess) wholeProcess.teardown(act)
  else afterAll.push(act)
}

/** Ends what the files of this process shared. */
export async function endShared(): Promise<void> {
  for (const act of afterAll.splice(0).toReversed()) await act()
}

/** Runs one file as one subtest of the process until all its tests have ended. */
export async function runInProcess(name: string, load: () => Promise<unknown>): Promise<void> {
  await wholeProcess.test(name, async (t) => {
    current = t
    await load()
  })
  current = wholeProcess
}
