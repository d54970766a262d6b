/**
 * A management API on the command line: finds the command, opens the API with the caller's key, and prints
 * the answer.
 */
import { parseArgs } from 'node:util'
import { printable } from '#platform/plain-text.ts'
import { faultInWords } from '../command-line/missing-file.ts'
import { didYouMean } from '../command-line/nearest-word.ts'
import { type ManagementApi, openManagementApi } from './client.ts'
import { CommandError } from './command-error.ts'
import { type Command, readCommands } from './commands.ts'
import type { Headings } from './headings.ts'
import { describeCommand, listCommands } from './help.ts'
import { runCommand } from './run-command.ts'

/** `options`: for the completion of shells; one that takes a value ends with an equals sign. */
type Named = { summary: string; options?: string[] }

export type More = Named & {
  /** Returns the exit code. */
  run(q: { api: ManagementApi; commands: Command[]; args: string[] }): Promise<number>
}

/** A command that needs no API. */
type Offline = Named & { offline(args: string[]): Promise<number> }

export type Program = {
  program: string
  /** The name of the OpenAPI file in schemas/. */
  file: string
  /** The environment variables that replace --url and --key-file. */
  variables: { url: string; keyFile: string }
  headings: Headings
  /** Commands that are not a single operation. */
  more: Record<string, More | Offline>
}

/**
 * Exit code 0 when the command was carried out, 1 when it was refused, 2 for wrong usage. Never throws for
 * what users can correct.
 */
export async function runManagement(q: Program, args: string[]): Promise<number> {
  try {
    return await runOne(q, args)
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    process.stderr.write(
      `concordat ${q.program}: ${faultInWords(error).split('\n').map(printable).join('\n')}\n`,
    )
    return error.exitCode
  }
}

async function runOne(q: Program, given: string[]): Promise<number> {
  const commands = await readCommands(q.file)
  const { url, keyFile, words } = connection(q, given, commands)
  const [name, ...args] = words
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage(q, commands))
    return name === undefined ? 2 : 0
  }
  const more = Object.hasOwn(q.more, name) ? q.more[name] : undefined
  const command = commands.find((one) => one.name === name)
  if (more === undefined && command === undefined) {
    const near = didYouMean(name, [...Object.keys(q.more), ...commands.map((one) => one.name)])
    throw new CommandError(
      2,
      `there is no command ${JSON.stringify(name)}${near || ';'} concordat ${q.program} --help lists them`,
    )
  }
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(
      command === undefined
        ? `Usage: concordat ${q.program} ${name}\n\n${more?.summary}\n`
        : describeCommand(q.program, command),
    )
    return 0
  }
  if (more !== undefined && 'offline' in more) return await more.offline(args)
  if (url === undefined || keyFile === undefined)
    throw new CommandError(
      2,
      `--url and --key-file (or ${q.variables.url} and ${q.variables.keyFile}) are missing`,
    )
  const api = await openManagementApi({ url, keyFile })
  if (more !== undefined) return await more.run({ api, commands, args })
  await runCommand(api, command!, args, process.stdout)
  return 0
}

type Connection = { url: string | undefined; keyFile: string | undefined; words: string[] }

/**
 * URL and key file: from the options, wherever they stand, or from the environment. After a command that has
 * a field of that name, such as `set-webhook --url`, the option is the field.
 */
function connection(q: Program, args: string[], commands: Command[]): Connection {
  const { tokens } = parseArgs({
    args,
    strict: false,
    tokens: true,
    options: { url: { type: 'string' }, 'key-file': { type: 'string' } },
  })
  const called = tokens.find((one) => one.kind === 'positional')
  const fields = commands.find(({ name }) => name === called?.value)?.options.map(({ name }) => name) ?? []
  const given = new Map<string, string>()
  const taken = new Set<number>()
  for (const token of tokens) {
    if (token.kind !== 'option' || !(token.name === 'url' || token.name === 'key-file')) continue
    if (called !== undefined && token.index > called.index && fields.includes(token.name)) continue
    if (token.value === undefined) throw new CommandError(2, `--${token.name} needs a value`)
    given.set(token.name, token.value)
    taken.add(token.index)
    if (token.inlineValue === false) taken.add(token.index + 1)
  }
  return {
    url: given.get('url') ?? process.env[q.variables.url],
    keyFile: given.get('key-file') ?? process.env[q.variables.keyFile],
    words: args.filter((_, at) => !taken.has(at)),
  }
}

function usage({ program, variables, more, headings }: Program, commands: Command[]): string {
  return (
    `Usage: concordat ${program} [--url URL] [--key-file FILE] <command> [arguments] [options]\n\n` +
    `URL and FILE of the API key may stand anywhere, or in ${variables.url} and ${variables.keyFile}. After a command\n` +
    `that has a --url of its own the API's stands before the command. Each command takes\n` +
    `  --json         the answer as one line of JSON\n` +
    `  --all          every page of a list\n` +
    `  --output FILE  the answer into a new file of yours\n` +
    `  --why TEXT     the reason, where a second person decides\n` +
    `  --help         its arguments\n\n` +
    `${listCommands(more, commands, headings)}\n` +
    `Exit code 0 when it was done or proposed, 1 when it was refused, 2 for wrong usage.\n`
  )
}
