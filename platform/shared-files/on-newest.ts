/** A change of a file that several nodes share, made on what the last of them wrote. */
import { isOutdated, takeNewer } from './shared-files.ts'

const MOST_TRIES = 5

/** Runs `act`; when another node was faster with the same file, again on what that node wrote. */
export async function onNewest<T>(
  act: () => Promise<T>,
  readAgain: () => Promise<void> = async () => undefined,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await act()
    } catch (thrown) {
      if (!isOutdated(thrown) || tries === MOST_TRIES) throw thrown
      takeNewer(thrown)
      await readAgain()
    }
  }
}
