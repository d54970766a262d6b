/** The HTTP adapter as a process: concordat adapter http --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runAdapter } from '#adapters/kit/serve-adapter.ts'
import { httpAdapter } from './adapter.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runAdapter(httpAdapter, values.configuration ?? '', process.env)
