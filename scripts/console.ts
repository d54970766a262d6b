/** `concordat console`: builds the web pages if their sources have changed since the last build. */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { buildConsoles } from '#console/build.ts'
import { offerPage } from './verify/page/offer-page.ts'

const USAGE = `Usage: concordat console

Builds the web pages into console/dist, from where the servers give them under /console/, unless that is done already.
`

/** Exit code 0 when the pages are built, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  const built = await buildConsoles()
  const agency = path.join(import.meta.dirname, '../console/dist/agency')
  if (await offerPage(agency)) built.push('page that verifies')
  process.stdout.write(
    built.length === 0 ? 'The pages are built already.\n' : `Built the pages of the ${built.join(', ')}.\n`,
  )
  return 0
}
