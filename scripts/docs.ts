/**
 * `concordat docs`: writes the documents of this repository as pages with a table of contents and a search,
 * for a browser without a network.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { buildDocs } from './docs/build-docs.ts'

const ROOT = path.join(import.meta.dirname, '..')
const USAGE = `Usage: concordat docs [--output folder]

Writes every document of this repository as a page, with its table of contents and a search over all of them.
No page asks another host for anything.

  --output   where the pages go, made when it is missing; .work/docs when absent
`

/** Exit code 0 when the pages are written, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const options = { output: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
  const { values } = parseArgs({ args, options })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  const output = path.resolve(values.output ?? path.join(ROOT, '.work/docs'))
  const pages = await buildDocs(ROOT, output)
  process.stdout.write(`${pages} pages: open ${path.join(output, 'docs/README.html')}\n`)
  return 0
}
