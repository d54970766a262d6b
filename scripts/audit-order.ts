/**
 * `concordat audit-order key|create|open`: the work of a data protection authority with audit orders, on its
 * own machine. Exit code 0 when every check of an answer is good, 1 when one is not or the server refused, 2
 * for wrong usage.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { formOf } from '#core/audit-order/in-scope.ts'
import { checkOrder, orderHash, readOrder } from '#core/audit-order/read-order.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { printable } from '#platform/plain-text.ts'
import { AUDIT_DOCUMENT, AUDIT_FORM, type AuditScope } from '#schemas/audit-order.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { makeKeys, readKeys } from './audit-order/authority-keys.ts'
import { openAudit } from './audit-order/open.ts'
import { faultInWords } from './command-line/missing-file.ts'
import { writeNew } from './event/bounded-file.ts'
import { loadConfiguration } from './verify/load-configuration.ts'
import { readWitnessPolicy } from './verify/witness-policy.ts'

const USAGE = `Usage: concordat audit-order key --keys <new folder> --authority <name>
       concordat audit-order create --keys <folder> --authority <name> --instance <instance> --case <number> --legal-basis <text>
         --server <INSTANCE/CLASS/CODE/SERVERCODE>... --from <time> --to <time> --deadline <time> [--party <id>]... [--service <id>]...
         [--contract <uuid>[/<version>]] [--purpose <text>]... [--endpoint <method and path, as declared>]... [--sample <records, 0 to 20>] --out <order.json>
       concordat audit-order open --keys <folder> --order <order.json> --answer <answer.json> --conf <directory, zip or anchor>
         [--witnesses <policy>] [--out <folder>]

key makes the key that signs orders and the one to which answers are sealed, and prints the digest that registry and servers pin.
create writes a signed order, which is filed at the registry (POST /audit-orders). open decrypts a server's answer and checks who
signed it, that every record listed lies in the scope, that the seed draws the sample, that a witness cosigned the seed after the order was made, and every evidence bundle;
--out writes the list of records and the bundles, each of which concordat verify judges too, as new files that only you can read.
`

type Surroundings = {
  out: { write(text: string): unknown }
  errors: { write(text: string): unknown }
  clock: () => number
}

const text = { type: 'string' } as const
const many = { type: 'string', multiple: true } as const
const OPTIONS = {
  ...{ keys: text, authority: text, instance: text, case: text, 'legal-basis': text, contract: text },
  ...{ from: text, to: text, deadline: text, sample: text, order: text, answer: text, conf: text },
  ...{ witnesses: text, out: text, server: many, party: many, service: many, purpose: many },
  endpoint: many,
}
type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']

/** Runs the command. Never throws for mistakes of the user. */
export async function run(args: string[], surroundings: Partial<Surroundings> = {}): Promise<number> {
  const { out = process.stdout, errors = process.stderr, clock = Date.now } = surroundings
  const [command, ...rest] = args
  const act = { key, create, open }[command ?? '']
  if (act === undefined) {
    const isHelp = command === '--help' || command === '-h'
    ;(isHelp ? out : errors).write(USAGE)
    return isHelp ? 0 : 2
  }
  try {
    const { values } = parseArgs({ args: rest, options: OPTIONS })
    return await act(values, { out, errors, clock })
  } catch (thrown) {
    if (!(thrown instanceof Fault) && !(thrown instanceof TypeError)) throw thrown
    errors.write(
      `concordat audit-order: ${printable(asFault(thrown).code === 'internal_error' ? (thrown as Error).message : faultInWords(asFault(thrown)))}\n`,
    )
    return thrown instanceof Fault && thrown.code !== 'invalid_input' ? 1 : 2
  }
}

async function key(values: Values, { out, clock }: Surroundings): Promise<number> {
  const certificate = await makeKeys(needed(values, 'keys'), {
    authority: needed(values, 'authority'),
    now: clock(),
  })
  out.write(`${certificate.sha256}\n`)
  return 0
}

async function create(values: Values, { out, clock }: Surroundings): Promise<number> {
  const keys = await readKeys(needed(values, 'keys'))
  const { party, service, contract, purpose, endpoint } = values
  const scope: AuditScope = {
    ...(party && { parties: party }),
    ...(service && { services: service }),
    ...(contract && { contract }),
    ...(purpose && { purposes: purpose }),
    ...(endpoint && { endpoints: endpoint }),
    ...{ from: timeOf(needed(values, 'from')), to: timeOf(needed(values, 'to')) },
  }
  const order = checkOrder({
    // Servers of every version can answer the first form, so a version is given only when the scope needs it.
    ...(formOf(scope) > 1 && { version: AUDIT_FORM }),
    id: randomUUID(),
    createdAt: new Date(clock()).toISOString(),
    ...{ instance: needed(values, 'instance'), authority: needed(values, 'authority') },
    ...{ case: needed(values, 'case'), legalBasis: needed(values, 'legal-basis') },
    deadline: timeOf(needed(values, 'deadline')),
    servers: values.server ?? [],
    scope,
    sample: Number(values.sample ?? 0),
    recipient: keys.recipient.toString('base64'),
  })
  const signer = { certificates: [keys.certificate], ocspResponses: [], key: keys.signingKey }
  await writeFile(needed(values, 'out'), writeSignedJson(order, AUDIT_DOCUMENT.order, [signer]))
  out.write(`order ${order.id}, ${orderHash(order)}\n`)
  return 0
}

async function open(values: Values, { out, clock }: Surroundings): Promise<number> {
  const keys = await readKeys(needed(values, 'keys'))
  const bytes = await bytesOf(needed(values, 'order'))
  const given = JSON.parse(
    Buffer.from((JSON.parse(bytes.toString()) as { payload: string }).payload, 'base64url').toString(),
  ) as {
    authority: string
    instance: string
  }
  const authorities = [{ name: given.authority, certificateSha256: keys.certificate.sha256 }]
  const { order } = readOrder(bytes, { authorities, instance: given.instance })
  const now = new Date(clock())
  const { answer, payload, checks } = await openAudit({
    ...{ order, keys, now, answer: await bytesOf(needed(values, 'answer')) },
    configuration: await loadConfiguration(needed(values, 'conf'), now),
    witnesses: values.witnesses === undefined ? undefined : await readWitnessPolicy(values.witnesses),
  })
  const words = { good: 'holds', warn: 'not proved', bad: 'FAILS' } as const
  const lines = [
    `${answer.server}: order ${order.id}, case ${order.case}`,
    ...checks.map(({ what, state, why }) => `  ${what}: ${words[state]}, ${why}`),
  ]
  out.write(`${lines.map(printable).join('\n')}\n`)
  if (payload !== undefined && values.out !== undefined) {
    await mkdir(values.out, { recursive: true, mode: 0o700 })
    const bundles = payload.bundles.flatMap(({ index, bundle }) =>
      bundle === undefined
        ? []
        : [{ file: `evidence-${Number(index)}.zip`, bytes: Buffer.from(bundle, 'base64') }],
    )
    const there = ['records.jsonl', ...bundles.map(({ file }) => file)].find((file) =>
      existsSync(path.join(values.out!, file)),
    )
    if (there !== undefined)
      throw new Fault('io_error', {
        what: `${path.join(values.out, there)} is there already: name a new folder`,
      })
    const records = payload.records.map((record) => `${JSON.stringify(record)}\n`).join('')
    // A file that is there keeps its mode, and may be of another server's answer.
    await writeNew(path.join(values.out, 'records.jsonl'), records)
    for (const { file, bytes } of bundles) await writeNew(path.join(values.out, file), bytes)
  }
  return payload !== undefined && checks.every(({ state }) => state !== 'bad') ? 0 : 1
}

function needed(values: Values, name: keyof Values & string): string {
  const value = values[name]
  if (typeof value !== 'string' || value === '')
    throw new Fault('invalid_input', { what: `--${name} is needed` })
  return value
}

function timeOf(given: string): string {
  const time = Date.parse(given)
  if (Number.isNaN(time)) throw new Fault('invalid_input', { what: `${given} is no time` })
  return new Date(time).toISOString()
}

async function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw new Fault('io_error', { what: file, cause })
  })
}
