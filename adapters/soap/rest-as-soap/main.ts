/** The adapter as a process: concordat adapter rest-as-soap --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runAdapter } from '#adapters/kit/serve-adapter.ts'
import { restAsSoapAdapter } from './adapter.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runAdapter(restAsSoapAdapter, values.configuration ?? '', process.env)
