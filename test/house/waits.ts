/**
 * Tests wait only with `test/until.ts`: no loop of their own sleeps, counts attempts or reads a clock, and no
 * sleep is as long as a second. Time that is itself what a test is about is taken with `test/take-time.ts`,
 * which names it; in a loop it is a pace.
 */
import { withoutComments } from './doors.ts'
import { type SourceFile, withoutTemplates } from './source-files.ts'

const UNTIL = 'test/until.ts'
const TAKE_TIME = 'test/take-time.ts'
const LONG_MS = 1_000
/** A loop over given values does not count: it ends with them. */
const LOOP = /^( *)(?:\} )?(?:for \((?!.* of )|while \(|do \{)/
const TRIES = /\bfor \(let (?:tries|attempts?|retries)\b/
const CLOCK =
  /\b(?:performance|Date)\.now\(\)[^\n]*(?<!=)[<>]|(?<!=)[<>]=?[^\n]*\b(?:performance|Date)\.now\(\)/
const SLEEP = /\bnew Promise\b[^\n]*\bsetTimeout\(|\btakeTime\((?!'the pace )/
const ALIAS = /\bsetTimeout as (\w+)\b/
/** How long it sleeps: what stands behind the function of a promise. */
const SLEEP_MS = /\bnew Promise\b[^\n]*\bsetTimeout\(\s*\w+,\s*((?:[^()\n]|\([^()\n]*\))+)\)/g

/** Where a test waits in a loop of its own, or for a second and longer. */
export function findWaits(sources: SourceFile[]): string[] {
  return sources
    .filter(({ name }) => name !== UNTIL && name !== TAKE_TIME)
    .flatMap(({ name, text }) =>
      [...loopsThatWait(text), ...longSleeps(text)].map((line) => `${name}: ${line}`),
    )
}

/** The first lines of the loops that wait; a loop's body is the text that is indented deeper. */
function loopsThatWait(text: string): string[] {
  const lines = withoutComments(withoutTemplates(text)).split('\n')
  const alias = ALIAS.exec(text)?.[1]
  const sleep = alias === undefined ? SLEEP : new RegExp(`${SLEEP.source}|(?<![\\w.])${alias}\\(`)
  return lines.flatMap((line, at) => {
    const indent = LOOP.exec(line)?.[1]?.length
    if (indent === undefined) return []
    const after = lines.findIndex((one, i) => i > at && one.trim() !== '' && one.search(/\S/) <= indent)
    const loop = lines.slice(at, after === -1 ? undefined : after).join('\n')
    const waits = sleep.test(loop) || CLOCK.test(loop) || (TRIES.test(line) && /\bawait\b/.test(loop))
    return waits ? [line.trim()] : []
  })
}

/**
 * Sleeps of a second or longer, and until a moment. A variable counts by the number that the file gives it,
 * if it gives one.
 */
function longSleeps(text: string): string[] {
  const code = withoutComments(withoutTemplates(text))
  const alias = ALIAS.exec(text)?.[1]
  const called = alias && new RegExp(`(?<![\\w.])${alias}\\(((?:[^(),]|\\((?:[^()]|\\([^()]*\\))*\\))+)`, 'g')
  const found = [SLEEP_MS, ...(called ? [called] : [])].flatMap((pattern) => [...code.matchAll(pattern)])
  return found.filter(([, ms = '']) => isLong(ms.trim(), code)).map(([sleep]) => sleep)
}

function isLong(ms: string, code: string): boolean {
  if (/\b(?:performance|Date)\.now\(\)/.test(ms)) return true
  const given = /^\w+$/.test(ms) ? new RegExp(`\\bconst ${ms} = ([\\d_]+)$`, 'm').exec(code)?.[1] : undefined
  return Number((given ?? ms).replaceAll('_', '')) >= LONG_MS
}

const IMPORT = "import { setTimeout as wait } from 'node:timers/promises'\n"
const waitFor = (ms: string): string => `${IMPORT}await wait(${ms})`
const promised = (ms: string): string => `await new Promise((resolve) => setTimeout(resolve, ${ms}))`

/** Code that the rule must find, one way each. */
export const WAITS = [
  `${IMPORT}while (!held()) await wait(10)`,
  `${IMPORT}do {\n  await wait(10)\n} while (!held())`,
  'for (;;) {\n  await new Promise((resolve) => setTimeout(resolve, 20))\n}',
  'for (let tries = 0; tries < 9; tries++)\n  answer = await ask()',
  'while (performance.now() < late)\n  await look()',
  'while (!held()) {\n  if (Date.now() > late) throw new Error("late")\n}',
  waitFor('1_000'),
  `const LATE_MS = 1_500\n${waitFor('LATE_MS')}`,
  waitFor('Math.max(0, notAfter.getTime() - Date.now())'),
  promised('2000'),
  "while (!held()) {\n  await takeTime('it is held', 10)\n}",
]

/** Code that is neither a wait in a loop nor a long one. */
export const NO_WAITS = [
  `${IMPORT}for (const each of given) {\n  await wait(10)\n}`,
  `${IMPORT}await wait(10)\nwhile (!held()) await once(child, 'message')`,
  'for (let at = 0; at < 9; at++) {\n  await add(new Date(Date.now() - at))\n}',
  `const SOON_MS = 20\n${waitFor('SOON_MS')}`,
  waitFor('999'),
  "await takeTime('a slow partner', 2000)",
  "while (isOpen) {\n  await ask()\n  await takeTime('the pace of asking', 500)\n}",
  promised('200'),
]
