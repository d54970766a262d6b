/** The SQL adapter as a process: concordat adapter sql --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runAdapter } from '#adapters/kit/serve-adapter.ts'
import { sqlAdapter } from './adapter.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runAdapter(sqlAdapter, values.configuration ?? '', process.env)
