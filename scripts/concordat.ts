/** The command line: names each command, loads only the one that is asked for, and ends with its exit code. */
import { styleText } from 'node:util'

type Command = { summary: string; load: () => Promise<{ run(args: string[]): Promise<number> }> }

const COMMANDS: Record<string, Command> = {
  sandbox: {
    summary: 'a whole instance on this machine, with exchanges to look at',
    load: () => import('./sandbox.ts'),
  },
  verify: { summary: 'judge a message container (ASiC-E) offline', load: () => import('./verify.ts') },
  log: { summary: 'verify a whole message log', load: () => import('./log.ts') },
  bench: { summary: 'measure exchanges beside a bare pair of proxies', load: () => import('./bench.ts') },
  check: {
    summary: 'format, lint, types and import rules of this repository',
    load: () => import('./check.ts'),
  },
}

/** Servers, which scripts/concordat starts itself so that no second process stands above them. */
const SERVERS: Record<string, string> = {
  'central-registry': 'the registry of an instance (--configuration file.yaml)',
  'security-server': 'the gateway of an agency (--configuration file.yaml)',
  'trust-services': 'development CA, OCSP responder and TSA (--configuration file.yaml)',
}

const [name, ...args] = process.argv.slice(2)
process.exitCode = await main(name, args)

async function main(name: string | undefined, args: string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(help())
    return name === undefined ? 2 : 0
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command !== undefined) return await (await command.load()).run(args)
  const why = Object.hasOwn(SERVERS, name) ? 'is started by scripts/concordat' : 'is no command'
  process.stderr.write(`concordat: '${name}' ${why}\n\n${help()}`)
  return 2
}

function help(): string {
  const line = ([name, summary]: [string, string]): string =>
    `  ${styleText('bold', name.padEnd(18))}${summary}\n`
  const commands = Object.entries(COMMANDS).map(([name, { summary }]): [string, string] => [name, summary])
  return (
    `Usage: concordat <command> [options]      concordat <command> --help\n\n` +
    `${commands.map(line).join('')}\nServers:\n${Object.entries(SERVERS).map(line).join('')}`
  )
}
