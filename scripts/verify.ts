/**
 * `concordat verify <container.asice> --conf <directory, zip or anchor> [--json]` verifies a message
 * container offline (with an anchor it fetches the configuration);
 * `concordat verify <bundle.zip> [--conf ...]` an evidence bundle,
 * `concordat verify <archive.zip> [--conf ...] [--previous <digest>]` an archive of a message log,
 * `concordat verify <statement.json> --conf ...` a statement of reconciliation,
 * `concordat verify <export.zip>` an export of a message log,
 * `concordat verify <record.json> --issuers <issuers.json>` the record of a wallet's presentation, or a saved
 * consent that one proves. Exit code 0 only for TOTAL-PASSED, 1 otherwise, 2 for wrong usage.
 */
import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { MAX_HISTORY_BYTES } from '#core/did/read-history.ts'
import { printable, printableJson } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { faultInWords } from './command-line/missing-file.ts'
import { type Tally, tallyOf } from './command-line/tally.ts'
import { judgeFile } from './verify/judge-file.ts'
import { loadConfiguration } from './verify/load-configuration.ts'
import { publicFileKind, verifyPublicFile } from './verify/verify-public-file.ts'
import { readWitnessPolicy } from './verify/witness-policy.ts'

const USAGE = `Usage: concordat verify <container.asice> --conf <directory, verificationconf.zip or anchor.xml> [--json]
       concordat verify <statement.json> --conf <directory, verificationconf.zip or anchor.xml> [--json]
       concordat verify <bundle.zip> [--conf <directory, verificationconf.zip or anchor.xml>] [--witnesses <policy>] [--json]
       concordat verify <use.zip> [--conf <...>] [--json]
       concordat verify <archive.zip> [--conf <...>] [--previous <last digest of the archive before, or none>] [--json]
       concordat verify <export.zip> [--conf <...>] [--witnesses <policy>] [--json]
       concordat verify <consent.json> [--issuers <issuers.json>] [--verifiers <verifiers.json>] [--codes <codes.json>] [--max-status-age <seconds>] [--json]
       concordat verify <record.json> --issuers <issuers.json> [--verifiers <verifiers.json>] [--codes <codes.json>] [--max-status-age <seconds>] [--json]
       concordat verify <entry.tlog-proof> --log-key <key> [--entry <file>] [--witnesses <policy>] [--json]
       concordat verify <did.jsonl> --did <did:webvh:...> [--proof <entry.tlog-proof> --log-key <key>] [--witnesses <policy>] [--json]
       concordat verify <credential.vc.jwt> --issuer <did.json> [--json]
       concordat verify --page <file.html>

Judges a signed message container, an evidence bundle with all its messages and their place in the log, or a statement of
reconciliation: who signed, when, what the signature covers, and whether all of it holds. A bundle brings a configuration of
its own; name yours unless you trust where the bundle comes from. With --witnesses (a C2SP tlog-policy file) every signed state of a
bundle needs the cosignatures of its quorum. A use of a person's data that the portal saved is judged by what each side said and by its
proof. An archive of a message log, X-Road's or ours, is judged with
its chain; the last digest of each is what --previous of the next one takes. Without --conf only its chain can be judged.
The record of a wallet's presentation, or a consent that one proves, is judged by the trusted issuers and, with --verifiers, the verifiers that you name; status lists
may have been a day old, or --max-status-age (docs/wallets.md). Without --issuers a consent is judged by those that it brings, and the verdict stays INDETERMINATE.
So does that of a consent with several credentials, unless --codes says where each type has the code of its person.
What a registry publishes for everybody (docs/identity.md) is judged by what you name: the proof of a log entry by the log's key, the history
of a DID by the DID and the log's proof of its newest entry, a credential by the DID document of its issuer.
--page writes one HTML file that judges all of this in a browser, without a server or a network, and prints its SHA-256.
Exit code 0 for TOTAL-PASSED, 1 for any other verdict, 2 for wrong usage.
`

const NO_EVIDENCE =
  'nor is it an evidence bundle, an archive or an export, which are ZIP files too, or a signed statement'
const OPENING_BRACE = 0x7b

type Surroundings = {
  out: { write(text: string): unknown }
  errors: { write(text: string): unknown }
  clock: () => number
}

/** Runs the command. Never throws for mistakes of the user. */
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
    if (options.page !== undefined) return await writePage(options.page, out)
    if (options.issuers !== undefined) return await judgePresentation(options, out)
    const judgedAt = new Date(clock())
    const { file, configuration, witnesses, previous } = options
    const published = await judgePublic(options, judgedAt, out)
    if (published !== undefined) return published
    if (await isSavedConsent(file)) return await judgePresentation(options, out)
    let tally: Tally | undefined
    const report = await judgeFile({
      file,
      content: (await isJson(file)) ? await readFile(file) : file,
      configuration:
        configuration === undefined ? undefined : () => loadConfiguration(configuration, judgedAt),
      witnesses: witnesses === undefined ? undefined : await readWitnessPolicy(witnesses),
      previousDigest: previous === 'none' ? '' : previous,
      judgedAt,
      onProgress: (bundles, total) => {
        tally ??= tallyOf({ what: printable(file), unit: 'bundles', total, from: bundles })
        tally.at(bundles)
      },
    }).finally(() => tally?.end())
    if (report === 'configuration is missing') {
      errors.write(`The configuration is missing: --conf.\n\n${USAGE}`)
      return 2
    }
    if (report === 'no evidence') throw new Fault('malformed_container', { what: NO_EVIDENCE })
    out.write(options.json ? `${printableJson(report.facts)}\n` : report.text)
    return report.passed ? 0 : 1
  } catch (thrown) {
    const { code } = asFault(thrown)
    const message = faultInWords(asFault(thrown))
    if (options.json) out.write(`${printableJson({ file: options.file, error: { code, message } })}\n`)
    else errors.write(`${printable(`concordat verify: ${message}`)}\n`)
    return 1
  }
}

type Options = {
  file: string
  configuration: string | undefined
  witnesses: string | undefined
  previous: string | undefined
  /** Trusted issuers, for the record of a presentation. */
  issuers: string | undefined
  /** The verifiers that are expected to have asked for it. */
  verifiers: string | undefined
  /** Where credentials have the code of their person. */
  codes: string | undefined
  maxStatusAge: string | undefined
  /**
   * The key of a log, a file with one of its entries, and the DID document of an issuer, for what a registry
   * publishes.
   */
  logKey: string | undefined
  entry: string | undefined
  /** The DID whose history is judged, and a file with the proof that the log has its newest entry. */
  did: string | undefined
  proof: string | undefined
  issuer: string | undefined
  json: boolean
  /** The file for the page that verifies; if it is set, nothing is verified. */
  page: string | undefined
}

/** The options, 'help', or a text about what is wrong with the arguments. */
function readArguments(args: string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        conf: { type: 'string' },
        witnesses: { type: 'string' },
        previous: { type: 'string' },
        issuers: { type: 'string' },
        verifiers: { type: 'string' },
        codes: { type: 'string' },
        'max-status-age': { type: 'string' },
        'log-key': { type: 'string' },
        entry: { type: 'string' },
        did: { type: 'string' },
        proof: { type: 'string' },
        issuer: { type: 'string' },
        json: { type: 'boolean', default: false },
        page: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return 'help'
    const [file, ...more] = positionals
    const { conf, witnesses, previous, issuers, verifiers, codes, json, page } = values
    const maxStatusAge = values['max-status-age']
    if (page !== undefined && file !== undefined) return 'With --page nothing is judged: leave the file out.'
    if (file === undefined && page === undefined) return 'The container is missing.'
    if (more.length > 0) return 'Only one container can be verified at a time.'
    const ofRecord = { issuers, verifiers, codes, maxStatusAge }
    const { entry, did, proof, issuer } = values
    const published = { logKey: values['log-key'], entry, did, proof, issuer }
    return {
      file: file ?? '',
      configuration: conf,
      witnesses,
      previous,
      ...ofRecord,
      ...published,
      json,
      page,
    }
  } catch (thrown) {
    return (thrown as Error).message
  }
}

/** Undefined when the file is none of those that a registry publishes for everybody. */
async function judgePublic(
  options: Options,
  now: Date,
  out: Surroundings['out'],
): Promise<number | undefined> {
  const { file, logKey, entry, did, proof, issuer, json } = options
  const { size } = await stat(file).catch(() => ({ size: Number.POSITIVE_INFINITY }))
  if (size > MAX_HISTORY_BYTES) return undefined
  const content = await readFile(file)
  const kind = publicFileKind(file, content)
  if (kind === undefined) return undefined
  const witnesses = options.witnesses === undefined ? undefined : await readWitnessPolicy(options.witnesses)
  const named = { logKey, entry, did, proof, issuer, witnesses }
  const report = await verifyPublicFile(kind, { file, content, ...named, now })
  out.write(json ? `${printableJson(report.facts)}\n` : report.text)
  return report.passed ? 0 : 1
}

async function judgePresentation(options: Options, out: Surroundings['out']): Promise<number> {
  const { verifyPresentation } = await import('./verify/verify-presentation.ts')
  const { file, json, maxStatusAge } = options
  const read = (name: string): Promise<Buffer> =>
    readFile(name).catch((cause: unknown) => {
      throw new Fault('io_error', { what: `${name} cannot be read`, cause })
    })
  const readJson = async (name: string | undefined): Promise<unknown> =>
    name === undefined ? undefined : parseStrictJson(await read(name))
  const issuers = await readJson(options.issuers)
  const verifiers = await readJson(options.verifiers)
  const codes = await readJson(options.codes)
  const content = await read(file)
  const report = verifyPresentation({ file, content, issuers, verifiers, codes, maxStatusAge })
  out.write(json ? `${printableJson(report.facts)}\n` : report.text)
  return report.passed ? 0 : 1
}

async function writePage(file: string, out: Surroundings['out']): Promise<number> {
  const { buildPage } = await import('./verify/page/build-page.ts')
  const { html, sha256 } = await buildPage()
  await writeFile(file, html).catch((cause: unknown) => {
    throw new Fault('io_error', { what: `${file} cannot be written`, cause })
  })
  out.write(`${file}: the page that verifies, ${html.length} bytes, SHA-256 ${sha256}\n`)
  return 0
}

/** Without issuers of yours it is judged by those that it brings. */
async function isSavedConsent(file: string): Promise<boolean> {
  if (!(await isJson(file))) return false
  const { readSavedConsent } = await import('./verify/verify-consent.ts')
  return readSavedConsent(await readFile(file)) !== undefined
}

/**
 * Whether the file begins like a statement, which no ZIP file does. Statements are small and read as a whole.
 */
async function isJson(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => undefined)
  try {
    const head = await handle?.read(Buffer.alloc(1), 0, 1, 0)
    return head?.bytesRead === 1 && head.buffer[0] === OPENING_BRACE
  } catch {
    return false
  } finally {
    await handle?.close()
  }
}

if (import.meta.main) process.exitCode = await run(process.argv.slice(2))
