/**
 * `concordat verify <container.asice> --conf <directory, zip or anchor> [--json]`: judges a message container offline
 * (with an anchor it fetches the configuration); `concordat verify <bundle.zip> [--conf ...]` an evidence bundle,
 * `concordat verify <archive.zip> [--conf ...] [--previous <digest>]` an archive of a message log, `concordat verify
 * <statement.json> --conf ...` a statement of reconciliation. Exit code 0 only for TOTAL-PASSED, 1 otherwise, 2 for wrong usage.
 */
import { parseArgs } from 'node:util'
import { isArchive } from '#core/archive/read-archive.ts'
import type { ContainerVerdict } from '#core/container/container.ts'
import { readContainer } from '#core/container/read-container.ts'
import { verifyContainer } from '#core/container/verify-container.ts'
import { isBundle } from '#core/evidence/read-bundle.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { loadConfiguration } from './verify/load-configuration.ts'
import { jsonReport, printable, textReport } from './verify/report.ts'
import { verifyArchive } from './verify/verify-archive.ts'
import { verifyBundle } from './verify/verify-bundle.ts'
import { isStatement, verifyStatement } from './verify/verify-statement.ts'

const USAGE = `Usage: concordat verify <container.asice> --conf <directory, verificationconf.zip or anchor.xml> [--json]
       concordat verify <statement.json> --conf <directory, verificationconf.zip or anchor.xml> [--json]
       concordat verify <bundle.zip> [--conf <directory, verificationconf.zip or anchor.xml>] [--witnesses <policy>] [--json]
       concordat verify <archive.zip> [--conf <...>] [--previous <last digest of the archive before, or none>] [--json]

Judges a signed message container, an evidence bundle with all its messages and their place in the log, or a statement of
reconciliation: who signed, when, what the signature covers, and whether all of it holds. A bundle brings a configuration of
its own; name yours unless you trust where the bundle comes from. With --witnesses (a C2SP tlog-policy file) every tree head of a
bundle needs the cosignatures of its quorum. An archive of a message log, X-Road's or ours, is judged with
its chain; the last digest of each is what --previous of the next one takes. Without --conf only its chain can be judged.
Exit code 0 for TOTAL-PASSED, 1 for any other verdict, 2 for wrong usage.
`

type Surroundings = {
  out: { write(text: string): unknown }
  errors: { write(text: string): unknown }
  clock: () => number
}

/** Runs the command; never throws for what users can get wrong. */
export async function run(args: string[], surroundings: Partial<Surroundings> = {}): Promise<number> {
  const { out = process.stdout, errors = process.stderr, clock = Date.now } = surroundings
  const options = readArguments(args)
  if (options === 'help') {
    out.write(USAGE)
    return 0
  }
  if (typeof options === 'string') {
    errors.write(`${options}\n\n${USAGE}`)
    return 2
  }
  try {
    const judgedAt = new Date(clock())
    const isOfLog = await isArchive(options.file)
    if (!isOfLog && (await isBundle(options.file))) return await verifyBundle({ ...options, judgedAt, out })
    if (isOfLog) {
      const { configuration, previous } = options
      const previousDigest = previous === 'none' ? '' : previous
      return await verifyArchive({ ...options, configuration, previousDigest, judgedAt, out })
    }
    if (options.configuration === undefined) {
      errors.write(`The configuration is missing: --conf.\n\n${USAGE}`)
      return 2
    }
    if (await isStatement(options.file))
      return await verifyStatement({ ...options, configuration: options.configuration, judgedAt, out })
    const configuration = await loadConfiguration(options.configuration, judgedAt)
    const verdict = await judge(options.file, configuration.indexes, judgedAt)
    const report = options.json ? jsonReport : textReport
    out.write(report({ file: options.file, verdict, configuration, judgedAt }))
    return verdict.verdict === 'TOTAL-PASSED' ? 0 : 1
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    if (options.json) out.write(`${JSON.stringify({ file: options.file, error: { code, message } })}\n`)
    else errors.write(`${printable(`concordat verify: ${message}`)}\n`)
    return 1
  }
}

type Options = {
  file: string
  configuration: string | undefined
  witnesses: string | undefined
  previous: string | undefined
  json: boolean
}

/** The options, 'help', or what is wrong with the arguments. */
function readArguments(args: string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        conf: { type: 'string' },
        witnesses: { type: 'string' },
        previous: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return 'help'
    const [file, ...more] = positionals
    if (file === undefined) return 'The container is missing.'
    if (more.length > 0) return 'Only one container can be verified at a time.'
    const { conf, witnesses, previous, json } = values
    return { file, configuration: conf, witnesses, previous, json }
  } catch (thrown) {
    return (thrown as Error).message
  }
}

async function judge(
  file: string,
  configuration: Parameters<typeof verifyContainer>[0]['configuration'],
  now: Date,
): Promise<ContainerVerdict> {
  try {
    return await verifyContainer({ container: await readContainer(file), configuration, now })
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== 'malformed_container') throw thrown
    return {
      verdict: 'TOTAL-FAILED',
      subIndication: 'FORMAT_FAILURE',
      code: thrown.code,
      reason: thrown.message,
      covers: [],
    }
  }
}

if (import.meta.main) process.exitCode = await run(process.argv.slice(2))
