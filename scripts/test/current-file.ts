/**
 * What test files get for tap where several of them run in one process: tests, hooks and what is to be done at the end belong to the file that
 * runs, not to the process. Outside such a process it is tap itself.
 */
import tap, { type Test } from 'tap'

/** Ends with the process: for what its files share. */
export const wholeProcess = tap

let current: Test | typeof tap = tap

export { current as default }

/** Runs one file as one subtest of the process until all its tests have ended. */
export async function runInProcess(name: string, load: () => Promise<unknown>): Promise<void> {
  await wholeProcess.test(name, async (t) => {
    current = t
    await load()
  })
  current = wholeProcess
}
