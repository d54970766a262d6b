/**
 * Life events as a process: concordat life-events --configuration file.yaml; and concordat life-events
 * letters, which writes print files.
 */
import { parseArgs } from 'node:util'
import { runAdapter } from '#adapters/kit/serve-adapter.ts'
import { lifeEvents } from './adapter.ts'
import { runLetters } from './letters.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { configuration: { type: 'string' }, output: { type: 'string' } },
})
const file = values.configuration ?? ''

if (positionals[0] === 'letters')
  process.exitCode = await runLetters({ file, folder: values.output, environment: process.env })
else await runAdapter(lifeEvents, file, process.env)
