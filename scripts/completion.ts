/**
 * `concordat completion bash|zsh|fish`: prints a script by which a shell completes commands, options and
 * their values.
 */
import { type Level, levelsOf } from './command-line/levels.ts'
import { SHELLS } from './command-line/shells.ts'
import type { Words } from './command-line/words.ts'
import { type Command, readCommands } from './management/commands.ts'
import type { Program } from './management/run-management.ts'
import { REGISTRY } from './registry.ts'
import { SERVER } from './server.ts'

const USAGE = `Usage: concordat completion bash|zsh|fish

Prints a script by which the shell completes commands, options, and those of their values that are known. Print it anew after an update.

  bash   concordat completion bash > ~/.local/share/bash-completion/completions/concordat
  zsh    concordat completion zsh > ~/.zfunc/_concordat     (a folder of fpath, before compinit)
  fish   concordat completion fish > ~/.config/fish/completions/concordat.fish
`

/** Exit code 0, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const [shell = '', ...more] = args
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE)
    return 0
  }
  if (!Object.hasOwn(SHELLS, shell) || more.length > 0) {
    process.stderr.write(`concordat completion takes one of bash, zsh and fish\n\n${USAGE}`)
    return 2
  }
  process.stdout.write(SHELLS[shell]!(await readLevels()))
  return 0
}

async function readLevels(): Promise<Level[]> {
  const [registry, server] = await Promise.all([operationsOf(REGISTRY), operationsOf(SERVER)])
  return levelsOf({ registry, server })
}

/** The commands of a management API in the form of the table. */
async function operationsOf({ file, more }: Program): Promise<Words> {
  const own = Object.entries(more).map(([name, { summary, options = [] }]): [string, Words] => [
    name,
    // What follows the colon is the usage.
    { summary: summary.split(': ', 1)[0]!, options: [...CONNECTION, ...options] },
  ])
  const operations = (await readCommands(file)).map((one): [string, Words] => [one.name, operation(one)])
  return { summary: '', options: CONNECTION, words: Object.fromEntries([...own, ...operations]) }
}

const CONNECTION = ['--url=', '--key-file=']
const COMMON = ['--json', '--all', '--output=', '--why=']

function operation({ summary, options, operation: { bodySchema } }: Command): Words {
  const own = options.map(({ name, schema }) => `--${name}${schema.type === 'boolean' ? '' : '='}`)
  const body = bodySchema === undefined ? [] : ['--body=']
  const values = options.flatMap(({ name, schema }) => {
    const known = (schema['enum'] ?? schema.items?.['enum']) as unknown[] | undefined
    return known === undefined ? [] : [[`--${name}`, known.map(String)] as const]
  })
  return {
    summary,
    options: [...new Set([...own, ...body, ...COMMON, ...CONNECTION])],
    values: Object.fromEntries(values),
  }
}
