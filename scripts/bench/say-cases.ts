/**
 * How far a bench is: on a terminal the line of a tally, elsewhere a line at the start of each case and one
 * at its end.
 */
import { tallyOf } from '../command-line/tally.ts'

type Said = {
  begin(what: string): void
  end(): void
}

/** On the error stream, so that the standard output may be a file or a pipe. */
export function sayCases(total: number, stream: NodeJS.WriteStream = process.stderr): Said {
  const tally = tallyOf({ what: 'measuring', unit: 'cases', total }, stream)
  const write = (text: string): void => void (stream.isTTY !== true && stream.write(`${text}\n`))
  let done = 0
  let now = { what: '', since: 0 }
  return {
    begin(what) {
      now = { what, since: performance.now() }
      tally.at(done)
      write(`${what}: begins, ${done + 1} of ${total}`)
    },
    end() {
      done++
      tally.end()
      write(`${now.what}: ended after ${((performance.now() - now.since) / 1000).toFixed(1)} s`)
    },
  }
}
