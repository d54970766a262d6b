/**
 * Reads a TAP 14 stream line by line: totals, time per file, failed tests with their diagnostics, skipped
 * tests.
 */

type Totals = { passed: number; failed: number; skipped: number }

type FileResult = { name: string; passed: boolean; ms: number }

export type TapOutput = {
  totals: Totals | undefined
  files: FileResult[]
  failures: { test: string; diagnostic: string[] }[]
  /** Names of skipped and postponed tests with the reason. */
  skips: string[]
}

const POINT =
  /^( *)(not )?ok \d+(?: - (.*?))?(?: # (SKIP|TODO)\b ?(.*?))?(?: # time=([\d.]+)(ms|s))?(?: \{)?$/
const SUBTEST = /^( *)# Subtest: (.*)$/
const TOTALS = /^# \{ total: \d+.*\}$/

/**
 * Makes a reader. Pass it every line in order. `output` has the results so far, `line` returns a test file
 * that has just ended.
 */
export function createTapReader(): { line(text: string): FileResult | undefined; output: TapOutput } {
  const output: TapOutput = { totals: undefined, files: [], failures: [], skips: [] }
  const open: { name: string; failuresBefore: number }[] = []
  let diagnostic: { indent: string; lines: string[] } | undefined
  let failed: string[] | undefined

  return {
    output,
    line(text) {
      if (diagnostic !== undefined) {
        if (text === `${diagnostic.indent}...`) diagnostic = undefined
        else diagnostic.lines.push(text.slice(diagnostic.indent.length))
        return undefined
      }
      if (/^ *---$/.test(text)) {
        diagnostic = { indent: text.slice(0, -3), lines: failed ?? [] }
        return undefined
      }
      failed = undefined
      const subtest = SUBTEST.exec(text)
      if (subtest !== null) {
        const depth = subtest[1]!.length / 4
        open.length = depth
        open[depth] = { name: plainName(subtest[2]!), failuresBefore: output.failures.length }
        return undefined
      }
      if (TOTALS.test(text)) output.totals = readTotals(text)
      const point = POINT.exec(text)
      if (point === null) return undefined
      const [, indent = '', not, written = '', directive, reason = '', time = '0', unit] = point
      const depth = indent.length / 4
      const name = plainName(written)
      const path = [...open.slice(0, depth).map((one) => one.name), name].join(' > ')
      const subtestOfPoint = open[depth]
      open.length = depth
      if (directive !== undefined)
        output.skips.push(reason === '' || reason === name ? path : `${path}: ${reason}`)
      // A subtest that failed only because of the tests inside it adds no information.
      const explained = subtestOfPoint !== undefined && output.failures.length > subtestOfPoint.failuresBefore
      if (not !== undefined && directive === undefined && !explained) {
        failed = []
        output.failures.push({ test: path, diagnostic: failed })
      }
      if (depth > 0) return undefined
      const file = { name, passed: not === undefined, ms: Number(time) * (unit === 's' ? 1000 : 1) }
      output.files.push(file)
      return file
    },
  }
}

function readTotals(line: string): Totals {
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') }
}

function plainName(name: string): string {
  return name.replaceAll(/\\([#\\])/g, '$1')
}
