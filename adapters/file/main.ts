/** The file adapter as a process: concordat adapter file --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runAdapter } from '#adapters/kit/serve-adapter.ts'
import { fileAdapter } from './adapter.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runAdapter(fileAdapter, values.configuration ?? '', process.env)
