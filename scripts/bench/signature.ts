/**
 * `concordat bench signature`: processor time of verifying one signature, in our form and in X-Road's, on the
 * exact path and on the general one, in alternating rounds of one run. The documents are golden ones, with an
 * intermediate certificate where P-256.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readContainer } from '#core/container/read-container.ts'
import type { CheckedSignature } from '#core/signature/checked-signature.ts'
import { checkSignatureGeneral } from '#core/signature/verify-general.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import { tallyOf } from '../command-line/tally.ts'

const USAGE = `Usage: concordat bench signature [--times N] [--json]

Microseconds of processor time (all threads of the process) of verifying one signature document: the value, the digest of the
signed properties and the certificates that are named. Not in it: the trust in the signer and the digests of the message.
`
const GOLDEN = new URL('../../schemas/golden/', import.meta.url)
const ROUNDS = 5

type Row = { document: string; exactMicroseconds: number; generalMicroseconds: number }

/** Exit code 0, 1 when a document does not take the path that it should, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      times: { type: 'string', default: '1000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const times = Number(values.times)
  if (values.help || !(times >= 1 && times <= 1_000_000)) {
    ;(values.help ? process.stdout : process.stderr).write(USAGE)
    return values.help ? 0 : 2
  }
  const read = (name: string): Buffer => readFileSync(new URL(name, GOLDEN))
  const xRoads = async (name: string): Promise<Buffer> =>
    (await readContainer(read(`made-by-x-road/${name}.asice`))).signatures
  const documents = [
    ['ours, P-256', read('signature/signer.signatures.xml')],
    ['ours, RSA', read('signature/signer-rsa.signatures.xml')],
    ["X-Road's, P-256", await xRoads('request-plain')],
    ["X-Road's, RSA", await xRoads('request-rsa')],
  ] as const
  process.stdout.write('document           exact µs   general µs\n')
  const rows: Row[] = []
  const tally = tallyOf({ what: 'measuring', unit: 'rounds', total: documents.length * (ROUNDS + 1) })
  for (const [name, document] of documents) {
    if ((await checkSignature(document)).way !== 'exact') {
      process.stderr.write(`The bench failed: ${name} does not take the exact path\n`)
      return 1
    }
    const exact: number[] = []
    const general: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      tally.at(rows.length * (ROUNDS + 1) + round)
      exact.push(await microseconds(times, () => checkSignature(document)))
      general.push(await microseconds(times, () => checkSignatureGeneral(document)))
    }
    // The first round compiles.
    const row = { document: name, exactMicroseconds: median(exact), generalMicroseconds: median(general) }
    rows.push(row)
    tally.end()
    const columns = [row.exactMicroseconds, row.generalMicroseconds].map((value) => String(value).padStart(8))
    process.stdout.write(`${name.padEnd(18)} ${columns.join('     ')}\n`)
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ documents: rows })}\n`)
  return 0
}

async function microseconds(times: number, check: () => Promise<CheckedSignature>): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < times; i++) await check()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}

function median(values: number[]): number {
  const sorted = values.slice(1).sort((a, b) => a - b)
  return Math.round(sorted[Math.floor(sorted.length / 2)]!)
}
