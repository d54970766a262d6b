/**
 * How far a start of the sandbox is, in words: a line for each part that is ready, and on a terminal what
 * goes on now.
 */
import { styleText } from 'node:util'
import { timeLeft } from '../command-line/tally.ts'
import type { Progress } from './running.ts'

/**
 * `began`: when the start did, in elapsed milliseconds. `terminal`: where what goes on now is written over.
 * `longest` is the part that took the most time so far, and how much.
 */
export function progressOn(
  say: (line: string) => void,
  began: number,
  terminal: NodeJS.WriteStream = process.stdout,
): Progress & { longest(): { part: string; time: string } | undefined } {
  let most: { part: string; ms: number } | undefined
  const since = (start: number): string => inSeconds(performance.now() - start)
  const isTerminal = terminal.isTTY === true
  const clear = (): void => void (isTerminal && terminal.write('\r\u001b[K'))
  const show = (text: string): void => {
    if (!isTerminal) return
    clear()
    terminal.write(`  ${since(began).padStart(7)}  ${text}`.slice(0, (terminal.columns || 80) - 1))
  }
  return {
    longest: () => most && { part: most.part, time: inSeconds(most.ms) },
    begin(part) {
      const start = performance.now()
      show(part)
      return {
        now(how, share = 0) {
          const left = ((performance.now() - start) / 1000) * (1 / share - 1)
          show(`${part}: ${how}${share > 0 ? `, ${timeLeft(left)} left` : ''}`)
        },
        done(what) {
          clear()
          const ms = performance.now() - start
          if (most === undefined || ms > most.ms) most = { part, ms }
          const more = what === undefined ? '' : `: ${what}`
          say(
            `  ${since(began).padStart(7)}  ${styleText('green', 'ready')}  ${part}${more} (${inSeconds(ms)})`,
          )
        },
      }
    },
  }
}

/**
 * For a program that started the sandbox: a line for all that begins, goes on or is ready, so that it sees
 * that something moves.
 */
export function progressInLines(write: (line: string) => void): Progress {
  return {
    begin(part) {
      write(part)
      return {
        now: (how) => write(`${part}: ${how}`),
        done: (what) => write(`${part}: ready${what === undefined ? '' : `, ${what}`}`),
      }
    },
  }
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

/**
 * For a start that is not what the command is about: a terminal shows what goes on, and nothing of it is
 * left.
 */
export function passingProgress(): Progress {
  return progressOn(() => undefined, performance.now(), process.stderr)
}
