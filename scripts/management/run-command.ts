/** Runs one command of a management API: reads the arguments, sends the call, prints the answer. */
import { writeFile } from 'node:fs/promises'
import { printableJson } from '#platform/plain-text.ts'
import { type Tally, tallyOf } from '../command-line/tally.ts'
import type { ManagementAnswer, ManagementApi } from './client.ts'
import { columnsOf } from './columns.ts'
import { CommandError } from './command-error.ts'
import type { Command } from './commands.ts'
import { readableAnswer } from './print.ts'
import { type Call, readCall } from './read-call.ts'

const PAGE = 500

/**
 * Writes the answer to `out`, or to the file in `--output`. Throws a CommandError for what the user can
 * correct.
 */
export async function runCommand(
  api: ManagementApi,
  command: Command,
  args: string[],
  out: { write(text: string | Buffer): unknown },
): Promise<void> {
  const { call, options } = await readCall(command, args)
  const isPaged = command.options.some(({ name, place }) => name === 'offset' && place === 'query')
  if (options.all && !isPaged) throw new CommandError(2, `${command.name} has no pages: --all does not fit`)
  const answer = options.all ? await sendForAll(api, call) : await api.send(call)
  if (options.output !== undefined) {
    // A file from the API may be a secret or evidence, so only its owner may read it.
    await writeFile(options.output, answer.bytes, { mode: 0o600, flag: 'wx' }).catch((cause: Error) => {
      throw new CommandError(2, `${options.output} cannot be written: ${cause.message}`, cause)
    })
    return
  }
  if (answer.bytes.length === 0) {
    if (!options.json) out.write('Done.\n')
    return
  }
  if (!answer.type.startsWith('application/json')) {
    out.write(answer.bytes)
    return
  }
  const value: unknown = JSON.parse(answer.bytes.toString('utf8'))
  if (options.json) out.write(`${printableJson(value)}\n`)
  else {
    const { rows, columns } = columnsOf(command.name, value) ?? { rows: value, columns: undefined }
    out.write(`${waiting(answer)}${readableAnswer(rows, answer.total, columns)}`)
  }
  if (answer.searchedTo !== undefined)
    process.stderr.write(
      `searched as far as record ${answer.searchedTo}: --before ${answer.searchedTo} goes on\n`,
    )
}

/** A proposal changes nothing yet, and the first line has to say so. */
function waiting({ status }: ManagementAnswer): string {
  return status === 202 ? 'Proposed. A second person has to approve it:\n' : ''
}

/** Fetches all pages of a list. */
export async function sendForAll(api: ManagementApi, call: Call): Promise<ManagementAnswer> {
  const found: unknown[] = []
  let tally: Tally | undefined
  for (;;) {
    const url = new URL(call.url, 'http://any')
    url.searchParams.set('offset', String(found.length))
    url.searchParams.set('limit', String(PAGE))
    const answer = await api.send({ ...call, url: url.pathname + url.search })
    const page = JSON.parse(answer.bytes.toString('utf8')) as unknown[]
    found.push(...page)
    tally ??= tallyOf({ what: 'reading', unit: 'entries', total: answer.total })
    tally.at(found.length)
    if (page.length < PAGE) {
      tally.end()
      return { ...answer, total: found.length, bytes: Buffer.from(JSON.stringify(found)) }
    }
  }
}
