/**
 * `concordat log verify [--json] <configuration or database url ...>`: verifies whole message logs: every
 * record, signature, time-stamp, tree and checkpoint. Exit code 0 when all logs are valid, 1 when one is not,
 * 2 for wrong usage.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { printable, printableJson } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { type Settings, settingsSchema } from '#security-server/config.ts'
import { parseState, type VerifyState } from '#security-server/features/verification/checks/state.ts'
import {
  type StoredQuestion,
  type StoredReport,
  verifyStored,
} from '#security-server/features/verification/checks/verify-stored.ts'
import { faultInWords } from './command-line/missing-file.ts'
import { type Tally, tallyOf } from './command-line/tally.ts'
import { checkRegistryLog } from './log-check/check-registry-log.ts'
import { loadConfiguration } from './verify/load-configuration.ts'
import { witnessPolicyText } from './verify/witness-policy.ts'

const USAGE = `Usage: concordat log verify [options] <security server configuration or database url> ...
       concordat log check <address of a registry> --log-key <key> [--witnesses <policy>] [--state <file>] [--identities] [--json]

Checks message logs from the first record to the last; a log may be in use meanwhile. With --state it keeps where it has come to,
goes on there after a break, and later verifies only what was logged since.
  --keys <folder>        log keys, for a database url: without them contents stay sealed and only digests are checked
  --bodies <folder>      large bodies, for a database url
  --conf <location>      global configuration (directory, zip or anchor): time-stamps are judged by its authorities
  --witnesses <policy>   C2SP tlog-policy file: cosignatures are verified, and how far a quorum has come is said
  --state <file>         where it has come to, one log a file; keep it where the owner of the log cannot write
  --full                 from the first record on, whatever the state says
  --checkpoint <file>    a signed state (checkpoint) that somebody else kept; may be repeated
  --log-key <key>        the verifier key of a registry's log, for check
  --identities           for check: reads all entries, and finds two that give one version of a DID different contents;
                         exit code 1 while the registry does not show all of them
  --json                 one object a log on a line
With check it recomputes the whole transparency log of a registry (docs/transparency-log.md), and with --state that it only grew since.
Exit code 0 when every log holds, 1 otherwise, 2 for wrong usage.
`

type Output = { write(text: string): unknown }

type Target = { name: string; databaseUrl: string; keyFolder?: string; bodyFolder?: string }

/** Runs the command and writes to the given streams. Never throws for mistakes of the user. */
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
  if (options.command === 'check') return await checkLog(options, out, errors)
  let exitCode = 0
  for (const name of options.targets) {
    try {
      const report = await verifyTarget(await targetOf(name, options), options, (text) => {
        if (!options.json) out.write(`${printable(text)}\n`)
      })
      out.write(options.json ? `${printableJson({ log: name, ...report })}\n` : textReport(name, report))
      if (!report.ok) exitCode = 1
    } catch (thrown) {
      const { code, message } = asFault(thrown)
      const words = faultInWords(asFault(thrown))
      // The file of which a fault speaks is not named a second time.
      const at = words === message && !message.includes(name) ? `${name}: ` : ''
      if (options.json) out.write(`${printableJson({ log: name, error: { code, message: words } })}\n`)
      else errors.write(`${printable(`concordat log verify: ${at}${words}`)}\n`)
      exitCode = 1
    }
  }
  return exitCode
}

type Options = {
  command: string
  targets: string[]
  json: boolean
  keys?: string | undefined
  bodies?: string | undefined
  conf?: string | undefined
  checkpoint?: string[] | undefined
  'log-key'?: string | undefined
  witnesses?: string | undefined
  state?: string | undefined
  full: boolean
  identities: boolean
}

/** Checks the logs of registries; a failure of one is said and the others are checked all the same. */
async function checkLog(options: Options, out: Output, errors: Output): Promise<number> {
  let exitCode = 0
  const { state, identities } = options
  for (const url of options.targets) {
    try {
      const log = parseVerifierKey(options['log-key'] ?? '', 'log')
      const witnesses =
        options.witnesses === undefined
          ? undefined
          : parseWitnessPolicy(await witnessPolicyText(options.witnesses))
      const tally = entriesTally(printable(url))
      const found = await checkRegistryLog({
        ...{ url, log, witnesses, state, identities, onProgress: tally.at },
      }).finally(tally.end)
      // A registry that hides two histories would say of their entries that they are lost.
      if ((found.identities?.unread ?? 0) > 0) exitCode = 1
      const { before } = found
      const older = `; an older head than the last time, and still one of the tree of ${before} entries`
      const grown = before === 0 ? '' : `, the first ${before} as the last time`
      const since = before > found.size ? older : grown
      const seen = found.witnesses.length === 0 ? '' : `, cosigned by ${found.witnesses.join(', ')}`
      const text = `${url}: ${found.size} entries give the signed root${since}${seen}${historiesIn(found)}`
      out.write(options.json ? `${printableJson({ log: url, ...found })}\n` : `${printable(text)}\n`)
    } catch (thrown) {
      const { code, message } = asFault(thrown)
      if (options.json) out.write(`${printableJson({ log: url, error: { code, message } })}\n`)
      else errors.write(`${printable(`concordat log check: ${url}: ${message}`)}\n`)
      exitCode = 1
    }
  }
  return exitCode
}

/** Entries may be read a second time, for their histories: that is work of its own. */
function entriesTally(what: string): { at(entries: number, total: number): void; end(): void } {
  let tally: Tally | undefined
  let reached = 0
  return {
    at(entries, total) {
      if (entries < reached) tally?.end()
      if (tally === undefined || entries < reached)
        tally = tallyOf({ what, unit: 'entries', total, from: entries })
      reached = entries
      tally.at(entries)
    },
    end: () => tally?.end(),
  }
}

function historiesIn({ identities }: Awaited<ReturnType<typeof checkRegistryLog>>): string {
  if (identities === undefined) return ''
  const { dids, versions, unread } = identities
  const all = `${dids} DIDs have one history each, of ${versions} versions in all`
  return unread === 0
    ? `; ${all}`
    : `; NOT ALL READ: the registry does not show ${unread} entries, in which two histories may hide; in the others ${all}`
}

/** The options, 'help', or a text about what is wrong with the arguments. */
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
        'log-key': { type: 'string' },
        witnesses: { type: 'string' },
        state: { type: 'string' },
        full: { type: 'boolean', default: false },
        identities: { type: 'boolean', default: false },
      },
    })
    if (values.help) return 'help'
    const [command, ...targets] = positionals
    if (command !== 'verify' && command !== 'check') return 'The commands are verify and check.'
    if (command === 'check' && values['log-key'] === undefined)
      return 'The key of the log is missing: --log-key.'
    if (targets.length === 0) return 'The log is missing: a configuration file or a database url.'
    if (values.state !== undefined && targets.length > 1)
      return 'A state is of one log: name one with --state.'
    return { ...values, command, targets }
  } catch (thrown) {
    return (thrown as Error).message
  }
}

/** A database url, or a security server's configuration file, which names the other paths. */
async function targetOf(name: string, options: Options): Promise<Target> {
  if (/^(?:sqlite|postgres|postgresql):/.test(name)) {
    // Opening would create an empty database, and an empty log counts as valid.
    if (name.startsWith('sqlite:')) await mustBeThere(name.slice('sqlite:'.length))
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

async function mustBeThere(file: string): Promise<void> {
  await access(file).catch((cause: unknown) => {
    throw new Fault('io_error', { what: `${file} cannot be opened`, cause })
  })
}

async function verifyTarget(
  target: Target,
  options: Options,
  say: (text: string) => void,
): Promise<StoredReport> {
  const kept = options.checkpoint ?? []
  const question: StoredQuestion = {
    checkpoints: await Promise.all(kept.map(readCheckpoint)),
  }
  if (options.witnesses !== undefined) question.witnessPolicy = await witnessPolicyText(options.witnesses)
  if (options.conf !== undefined) {
    const { indexes } = await loadConfiguration(options.conf, new Date())
    question.tsaCertificates = [...indexes.values()].flatMap((index) => index.tsaCertificates)
  }
  const { state } = options
  if (state !== undefined) {
    question.state = options.full ? undefined : readState(state)
    question.onState = (reached) => writeState(state, reached)
    if (question.state !== undefined)
      say(
        `${target.name}: ${question.state.done ? 'verified' : 'broken off'} at record ${question.state.records}`,
      )
  }
  let tally: Tally | undefined
  question.onProgress = (records, total) => {
    tally ??= tallyOf({ what: printable(target.name), unit: 'records', total, from: records })
    tally.at(records)
  }
  try {
    return await verifyStored(target, question)
  } finally {
    tally?.end()
  }
}

async function readCheckpoint(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Fault('io_error', { what: `${file} cannot be read`, cause })
  })
}

/**
 * Undefined when the file does not exist. Throws `invalid_input` for a file that is not a state, so that it
 * is not overwritten.
 */
function readState(file: string): VerifyState | undefined {
  return existsSync(file) ? parseState(readFileSync(file, 'utf8')) : undefined
}

/** Replaces the file completely or not at all: after a crash in between the earlier state is still there. */
function writeState(file: string, state: VerifyState): void {
  writeFileSync(`${file}.part`, JSON.stringify(state), { mode: 0o600 })
  renameSync(`${file}.part`, file)
}

function textReport(name: string, report: StoredReport): string {
  const { records, signatures, timeStamps, checkpoints, unstamped, erased, sealed, problems } = report
  const { from, cosignatures, witnessed, evidenceRecords } = report
  const lines = [
    `${name}${report.origin === undefined ? '' : ` (${report.origin})`}`,
    ...(from > 0 ? [`  went on at record ${from}; what is before was verified in earlier runs`] : []),
    `  ${records} records, ${signatures} signatures, ${timeStamps} time-stamps, ${checkpoints} signed states`,
    `  ${unstamped} signatures not time-stamped yet, ${erased} records erased, ${sealed} sealed (their log key is not here)`,
    ...(cosignatures > 0
      ? [`  ${cosignatures} cosignatures; a quorum has cosigned ${witnessed} records`]
      : []),
    ...(evidenceRecords > 0 ? [`  ${evidenceRecords} evidence records over signed states`] : []),
  ]
  for (const { index, what } of problems.slice(0, 20)) lines.push(`  record ${index}: ${what}`)
  if (problems.length > 20) lines.push(`  and ${problems.length - 20} more`)
  const first = problems[0]
  lines.push(
    first === undefined ? '  The log holds.' : `  THE LOG DOES NOT HOLD from record ${first.index} on.`,
  )
  if (first !== undefined && from > 0) lines.push('  Verify with --full: what broke may lie before.')
  return `${lines.map(printable).join('\n')}\n`
}

if (import.meta.main) process.exitCode = await run(process.argv.slice(2))
