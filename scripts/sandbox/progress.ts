/** How far a start of the sandbox is, in words: a line for each part that is ready, and on a terminal what goes on now. */
import { styleText } from 'node:util'
import type { Progress } from './running.ts'

/** `began`: when the start did, in elapsed milliseconds. */
export function progressOn(say: (line: string) => void, began: number): Progress {
  const since = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`
  const isTerminal = process.stdout.isTTY === true
  const clear = (): void => void (isTerminal && process.stdout.write('\r\u001b[K'))
  return {
    begin(part) {
      const start = performance.now()
      return {
        now(how) {
          if (!isTerminal) return
          clear()
          process.stdout.write(`  ${since(began).padStart(7)}  ${part}: ${how}`)
        },
        done(what) {
          clear()
          const more = what === undefined ? '' : `: ${what}`
          say(
            `  ${since(began).padStart(7)}  ${styleText('green', 'ready')}  ${part}${more} (${since(start)})`,
          )
        },
      }
    },
  }
}
