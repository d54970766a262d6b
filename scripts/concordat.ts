/**
 * The command line: checks the words, loads only the command that is called, and exits with its exit code.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { styleText } from 'node:util'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { wrongWord } from './command-line/check-words.ts'
import { faultInWords } from './command-line/missing-file.ts'
import { didYouMean } from './command-line/nearest-word.ts'
import { COMMANDS, type CommandName, commandOf, GROUPS, SERVERS } from './command-line/words.ts'

/** An installed package leaves out what works on the sources (scripts/package/stage-tree.ts). */
type Loaded = { run?(args: string[]): Promise<number> }

const LOADS: Record<CommandName, () => Promise<Loaded>> = {
  sandbox: () => import('./sandbox.ts'),
  mock: () => import('./mock.ts'),
  wallet: () => import('./wallet.ts'),
  registry: () => import('./registry.ts'),
  server: () => import('./server.ts'),
  join: () => import('./join.ts'),
  'delete-shared-file': () => import('./delete-shared-file.ts'),
  adapter: () => import('./adapter.ts'),
  doctor: () => import('./doctor.ts'),
  verify: () => import('./verify.ts'),
  log: () => import('./log.ts'),
  'audit-order': () => import('./audit-order.ts'),
  event: () => import('./event.ts'),
  bench: () => import('./bench.ts'),
  docs: () => import('./docs.ts'),
  completion: () => import('./completion.ts'),
  console: () => import('./console.ts'),
  build: () => import('./build.ts'),
  package: () => import('./package.ts'),
  check: () => import('./check.ts'),
}

/** What a shell says of a program that SIGPIPE ended, a signal that Node ignores. */
const BROKEN_PIPE = 141

// A reader that has enough, such as head, closes the pipe. The work may not be done, so this is no success.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(BROKEN_PIPE)
})

const [name, ...args] = process.argv.slice(2)
// `help server get-client` is what others say for `server get-client --help`.
process.exitCode =
  name === 'help' && args[0] !== undefined && !args[0].startsWith('-')
    ? await main(args[0], [...args.slice(1), '--help'])
    : await main(name, args)

async function main(name: string | undefined, args: string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(help())
    return name === undefined ? 2 : 0
  }
  if (name === '--version') {
    process.stdout.write(`concordat ${version()} (Node ${process.versions.node})\n`)
    return 0
  }
  if (Object.hasOwn(SERVERS, name)) {
    // Called otherwise, a server's own program runs, if it is here.
    if (args[0] !== '--help' && args[0] !== '-h') return needsSources(name)
    process.stdout.write(serverHelp(name))
    return 0
  }
  const command = commandOf(name)
  if (command === undefined) {
    const near =
      didYouMean(name, [...Object.keys(COMMANDS), ...Object.keys(SERVERS), '--version']) ||
      (await ofAnApi(name))
    process.stderr.write(
      `concordat: there is no command ${JSON.stringify(name)}${near || ';'} concordat --help lists them\n`,
    )
    return 2
  }
  // The operations of an API are not in the table, so these commands check their words themselves.
  const wrong = command.isApi ? undefined : wrongWord(name, command, args)
  if (wrong !== undefined) {
    process.stderr.write(`${wrong.split('\n').map(printable).join('\n')}\n`)
    return 2
  }
  try {
    const { run } = await LOADS[name as CommandName]()
    return run === undefined ? needsSources(name) : await run(args)
  } catch (thrown) {
    if (isWrongUsage(thrown)) {
      process.stderr.write(
        `concordat ${name}: ${printable(thrown.message.split('\n', 1)[0]!)}\nconcordat ${name} --help says what it takes.\n`,
      )
      return 2
    }
    // Any other error is a bug, for which the stack is useful.
    if (!(thrown instanceof Fault)) throw thrown
    process.stderr.write(`concordat ${name}: ${printable(faultInWords(thrown))}\n`)
    return 1
  }
}

/**
 * What may have been meant by the bare name of an operation: who read of `get-members` may forget whose it
 * is.
 */
async function ofAnApi(name: string): Promise<string> {
  const { readCommands } = await import('./management/commands.ts')
  const apis = { registry: 'central-registry-api.yaml', server: 'security-server-api.yaml' }
  const meant = await Promise.all(
    Object.entries(apis).map(async ([api, file]) =>
      (await readCommands(file)).some((one) => one.name === name) ? [`concordat ${api} ${name}`] : [],
    ),
  )
  return meant.flat().length === 0 ? '' : `; did you mean ${meant.flat().join(' or ')}?`
}

function needsSources(name: string): number {
  process.stderr.write(
    `concordat ${name} works on the sources, or is for development, and is not part of an installed package: call it in a clone of the repository.\n`,
  )
  return 2
}

/** What Node's parseArgs throws: an option without its value, say. */
function isWrongUsage(thrown: unknown): thrown is Error {
  return (
    thrown instanceof TypeError && String((thrown as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS')
  )
}

function help(): string {
  const line = ([name, summary]: [string, string]): string =>
    `  ${styleText('bold', name.padEnd(21))}${summary}\n`
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const own = Object.entries(COMMANDS).filter(([, command]) => command.group === group)
    return `${title}:\n${own.map(([name, { summary }]) => line([name, summary])).join('')}\n`
  })
  return (
    `Usage: concordat <command> [options]\n\n${groups.join('')}` +
    `Servers, each with --configuration file.yaml:\n${Object.entries(SERVERS).map(line).join('')}\n` +
    `concordat <command> --help says more; concordat --version\n`
  )
}

function serverHelp(name: string): string {
  return (
    `Usage: concordat ${name} --configuration file.yaml\n\n` +
    `Runs ${SERVERS[name]} until SIGTERM or SIGINT, then drains. Its settings are in docs/configuration.md.\n` +
    `Exit code 0 after a clean end, 1 when it failed, 2 for a wrong configuration.\n`
  )
}

function version(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(path.join(import.meta.dirname, '../package.json'), 'utf8'),
  )
  return String((manifest as { version: unknown }).version)
}
