/** The command line: has the list of commands, loads only the one that is called, and exits with its exit code. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { styleText } from 'node:util'
import { Fault } from '#schemas/fault.ts'

type Command = { summary: string; load: () => Promise<{ run(args: string[]): Promise<number> }> }

const COMMANDS: Record<string, Command> = {
  sandbox: {
    summary: 'a whole instance on this machine, with exchanges to look at',
    load: () => import('./sandbox.ts'),
  },
  verify: { summary: 'judge a message container (ASiC-E) offline', load: () => import('./verify.ts') },
  'audit-order': {
    summary: 'an authority makes audit orders, and checks what servers answered',
    load: () => import('./audit-order.ts'),
  },
  log: { summary: 'verify a whole message log', load: () => import('./log.ts') },
  registry: {
    summary: "every operation of a registry's management API, and a registry from a file",
    load: () => import('./registry.ts'),
  },
  server: {
    summary: "every operation of a security server's management API",
    load: () => import('./server.ts'),
  },
  adapter: {
    summary: "a system of one's own as a service of a security server: describe and register it",
    load: () => import('./adapter.ts'),
  },
  mock: {
    summary: 'answers as a described service would, before there is a right to the real one',
    load: () => import('./mock.ts'),
  },
  event: {
    summary: 'CloudEvents offline: check, convert, filter, sign, verify',
    load: () => import('./event.ts'),
  },
  bench: { summary: 'measure exchanges beside a bare pair of proxies', load: () => import('./bench.ts') },
  console: { summary: 'build the web pages that the servers give', load: () => import('./console.ts') },
  build: { summary: 'write the servers as programs that start sooner', load: () => import('./build.ts') },
  docs: { summary: 'the documents as pages with a search', load: () => import('./docs.ts') },
  check: {
    summary: 'format, lint, types and house rules of this repository',
    load: () => import('./check.ts'),
  },
}

/** Servers: scripts/concordat replaces itself with their main.ts, so that there is no parent process. */
const SERVERS: Record<string, string> = {
  'central-registry': 'the registry of an instance',
  'security-server': 'the gateway of an agency',
  'subject-keys': "the keys by which a log is searched for people, apart from the agency's server",
  'trust-services': 'certification authority, OCSP responder and TSA for development',
}

/** What a shell says of a program that SIGPIPE ended, a signal that Node ignores. */
const BROKEN_PIPE = 141

// A reader that has enough, such as head, closes the pipe. The work may not be done, so this is no success.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(BROKEN_PIPE)
})

const [name, ...args] = process.argv.slice(2)
process.exitCode = await main(name, args)

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
    process.stdout.write(serverHelp(name))
    return 0
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    process.stderr.write(
      `concordat: there is no command ${JSON.stringify(name)}; concordat --help lists them\n`,
    )
    return 2
  }
  try {
    return await (await command.load()).run(args)
  } catch (thrown) {
    // Any other error is a bug, for which the stack is useful.
    if (!(thrown instanceof Fault)) throw thrown
    process.stderr.write(`concordat ${name}: ${thrown.message}\n`)
    return 1
  }
}

function help(): string {
  const line = ([name, summary]: [string, string]): string =>
    `  ${styleText('bold', name.padEnd(18))}${summary}\n`
  const commands = Object.entries(COMMANDS).map(([name, { summary }]): [string, string] => [name, summary])
  return (
    `Usage: concordat <command> [options]\n\n${commands.map(line).join('')}\n` +
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
