/**
 * Writes the lines of each turn of the event loop at once: under load a write for each line costs as much as
 * making it. A process that is killed loses the lines of the turn in which that happens, one that ends
 * otherwise none.
 */
import { pino } from 'pino'

export function writePerTurn(): { write(line: string): void; flushSync(): void } {
  const output = pino.destination({ dest: 1, sync: true })
  let lines = ''
  const flushSync = (): void => {
    if (lines === '') return
    const whole = lines
    lines = ''
    output.write(whole)
  }
  process.on('exit', flushSync)
  return {
    write: (line) => {
      if (lines === '') setImmediate(flushSync)
      lines += line
    },
    flushSync,
  }
}
