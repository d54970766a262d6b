/**
 * `concordat log verify [--json] <configuration or database url ...>`: checks whole message logs: every record, signature,
 * time-stamp, tree and checkpoint. Exit code 0 when all hold, 1 when one does not, 2 for wrong usage.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { type Settings, settingsSchema } from '#security-server/config.ts'
import type { LogReport } from '#security-server/message-log/verify/source.ts'
import { verifyStored } from '#security-server/message-log/verify/verify-stored.ts'
import { loadConfiguration } from './verify/load-configuration.ts'

const USAGE = `Usage: concordat log verify [options] <security server configuration or database url> ...

Checks message logs from the first record to the last; a log may be in use meanwhile.
  --keys <folder>        log keys, for a database url: without them contents stay sealed and only digests are checked
  --bodies <folder>      large bodies, for a database url
  --conf <location>      global configuration (directory, zip or anchor): time-stamps are judged by its authorities
  --checkpoint <file>    a checkpoint that somebody else kept; may be repeated
  --json                 one object a log on a line
Exit code 0 when every log holds, 1 otherwise, 2 for wrong usage.
`

type Output = { write(text: string): unknown }

type Target = { name: string; databaseUrl: string; keyFolder?: string; bodyFolder?: string }

/** Runs the command; writes to the streams given, never throws for what users can get wrong. */
export async function run(
  args: string[],
  out: Output = process.stdout,
  errors: Output = process.stderr,
): Promise<number> {
  const options = readArguments(args)
  if (options === 'help') {
    out.write(USAGE)
    return 0
  }
  if (typeof options === 'string') {
    errors.write(`${options}\n\n${USAGE}`)
    return 2
  }
  let exitCode = 0
  for (const name of options.targets) {
    try {
      const report = await verifyTarget(await targetOf(name, options), options)
      out.write(options.json ? `${JSON.stringify({ log: name, ...report })}\n` : textReport(name, report))
      if (!report.ok) exitCode = 1
    } catch (thrown) {
      const { code, message } = asFault(thrown)
      if (options.json) out.write(`${JSON.stringify({ log: name, error: { code, message } })}\n`)
      else errors.write(`concordat log verify: ${name}: ${message}\n`)
      exitCode = 1
    }
  }
  return exitCode
}

type Options = {
  targets: string[]
  json: boolean
  keys?: string | undefined
  bodies?: string | undefined
  conf?: string | undefined
  checkpoint?: string[] | undefined
}

/** The options, 'help', or what is wrong with the arguments. */
function readArguments(args: string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        keys: { type: 'string' },
        bodies: { type: 'string' },
        conf: { type: 'string' },
        checkpoint: { type: 'string', multiple: true },
      },
    })
    if (values.help) return 'help'
    const [command, ...targets] = positionals
    if (command !== 'verify') return 'The only command is verify.'
    if (targets.length === 0) return 'The log is missing: a configuration file or a database url.'
    return { ...values, targets }
  } catch (thrown) {
    return (thrown as Error).message
  }
}

/** A database url, or a security server's configuration file: that says where the rest lies. */
async function targetOf(name: string, options: Options): Promise<Target> {
  if (/^(?:sqlite|postgres|postgresql):/.test(name)) {
    // Opening would make an empty database, and an empty log verifies.
    if (name.startsWith('sqlite:') && !existsSync(name.slice('sqlite:'.length))) {
      throw new Fault('io_error', { what: 'there is no such file' })
    }
    return {
      name,
      databaseUrl: name,
      ...(options.keys === undefined ? {} : { keyFolder: options.keys }),
      ...(options.bodies === undefined ? {} : { bodyFolder: options.bodies }),
    }
  }
  const settings = await readConfiguration<Settings>(name, settingsSchema, {}, 'CONCORDAT')
  return {
    name,
    databaseUrl: settings.messageLogDatabase,
    keyFolder: path.join(settings.directory, 'log-keys'),
    bodyFolder: path.join(settings.directory, 'bodies'),
  }
}

async function verifyTarget(target: Target, options: Options): Promise<LogReport> {
  const kept = options.checkpoint ?? []
  const checkpoints = await Promise.all(kept.map((file) => readFile(file, 'utf8')))
  if (options.conf === undefined) return verifyStored(target, { checkpoints })
  const { indexes } = await loadConfiguration(options.conf, new Date())
  const tsaCertificates = [...indexes.values()].flatMap((index) => index.tsaCertificates)
  return verifyStored(target, { checkpoints, tsaCertificates })
}

function textReport(name: string, report: LogReport): string {
  const { records, signatures, timeStamps, checkpoints, unstamped, erased, sealed, problems } = report
  const lines = [
    `${name}${report.origin === undefined ? '' : ` (${report.origin})`}`,
    `  ${records} records, ${signatures} signatures, ${timeStamps} time-stamps, ${checkpoints} checkpoints`,
    `  ${unstamped} signatures not time-stamped yet, ${erased} records erased, ${sealed} sealed (their log key is not here)`,
  ]
  for (const { index, what } of problems.slice(0, 20)) lines.push(`  record ${index}: ${what}`)
  if (problems.length > 20) lines.push(`  and ${problems.length - 20} more`)
  const first = problems[0]
  lines.push(
    first === undefined ? '  The log holds.' : `  THE LOG DOES NOT HOLD from record ${first.index} on.`,
  )
  return `${lines.join('\n')}\n`
}

if (import.meta.main) process.exitCode = await run(process.argv.slice(2))
