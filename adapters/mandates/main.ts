/** The register of mandates as a process: concordat mandates --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runAdapter } from '#adapters/kit/serve-adapter.ts'
import { mandatesAdapter } from './adapter.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runAdapter(mandatesAdapter, values.configuration ?? '', process.env)
