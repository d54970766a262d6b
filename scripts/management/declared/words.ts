/** What stands after a command for declared files, and lines for people. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { printable } from '#platform/plain-text.ts'
import { CommandError } from '../command-error.ts'

type Words = {
  file: string
  reason: string | undefined
  removes: boolean
  sha256: string | undefined
  /** Given in the place of a file, which is empty then. */
  revision: string | undefined
}

/** The one argument, `what`, with the options that the command takes. Throws a CommandError. */
export function wordsOf(
  name: string,
  args: string[],
  {
    what = 'file',
    takes = ['why'],
  }: { what?: string; takes?: ('why' | 'remove' | 'sha256' | 'revision')[] } = {},
): Words {
  const word = { type: 'string' } as const
  const known = { why: word, remove: { type: 'boolean' }, sha256: word, revision: word } as const
  const options: ParseArgsOptionsConfig = Object.fromEntries(takes.map((one) => [one, known[one]]))
  try {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
    const revision = values['revision'] as string | undefined
    const [file, ...more] = revision === undefined ? positionals : ['', ...positionals]
    if (file !== undefined && more.length === 0)
      return {
        ...{
          file,
          revision,
          reason: values['why'] as string | undefined,
          removes: values['remove'] === true,
        },
        sha256: values['sha256'] as string | undefined,
      }
  } catch (cause) {
    throw new CommandError(2, `${name} does not understand this: ${(cause as Error).message}`, cause)
  }
  throw new CommandError(2, `${name} takes one <${what}>`)
}

export function say(line: string): void {
  process.stdout.write(`${printable(line)}\n`)
}
